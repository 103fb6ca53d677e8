"""The exercises: right answers in any style pass, typical mistakes are told from each other, blank ones get nothing."""

import importlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import exercise_pages
import pytest

import exercises as generator
from peft_course.grading.exercises import EXERCISES, Exercise
from peft_course.grading.grade import Report, grade
from peft_course.grading.judge import judge, known
from peft_course.grading.process import Workshop
from peft_course.grading.task import Mistake, Task

ROOT = Path(__file__).resolve().parents[1]
TASKS = [task for exercise in EXERCISES for task in exercise.tasks]
MISTAKES = [(task, mistake) for task in TASKS for mistake in task.mistakes]
ALTERNATIVES = 2


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with Workshop() as workshop:
        yield workshop


def reported(report: Report) -> str:
    return "\n".join(str(mark) for mark in report.marks if not mark.passed) or str(report.refused)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.number)
def test_a_task_knows_three_mistakes_and_its_own_answer_is_right(task: Task) -> None:
    assert len(task.mistakes) >= 3
    assert len({mistake.hint for mistake in task.mistakes}) == len(task.mistakes)
    for seed in (0, 1000, 2000):
        mark = judge(task, known(task, task.reference), seed)
        assert mark.passed, mark


@pytest.mark.parametrize(("task", "mistake"), MISTAKES, ids=lambda part: getattr(part, "number", None))
def test_each_mistake_fails_with_its_own_hint(task: Task, mistake: Mistake) -> None:
    for seed in (0, 1000, 2000):
        mark = judge(task, known(task, mistake.wrong), seed)
        assert not mark.passed
        assert mark.hint == mistake.hint, mark


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_solution_gets_full_marks_and_the_exercise_as_handed_out_none(
    exercise: Exercise, workshop: Workshop
) -> None:
    solved = grade(ROOT / "solutions" / f"{exercise.name}.ipynb", workshop)
    assert solved.full_marks, reported(solved)
    assert solved.points == solved.out_of > 0
    blank = grade(ROOT / "exercises" / f"{exercise.name}.ipynb", workshop)
    assert blank.points == 0


@pytest.mark.parametrize("style", range(ALTERNATIVES))
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_right_answers_in_another_style_pass(
    exercise: Exercise, style: int, workshop: Workshop, tmp_path: Path
) -> None:
    answers = importlib.import_module(f"answers.ch{exercise.name[:2]}").ANSWERS
    assert answers.keys() == {task.number for task in exercise.tasks}
    notebook = json.loads((ROOT / "exercises" / f"{exercise.name}.ipynb").read_text(encoding="utf8"))
    for cell in notebook["cells"]:
        first = "".join(cell["source"]).split("\n")[0]
        if first.startswith("# Task "):
            cell["source"] = f"{first}\n{answers[first.split()[2]][style].strip()}"
    path = tmp_path / f"{exercise.name}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf8")
    report = grade(path, workshop)
    assert report.full_marks, reported(report)


def test_every_chapter_has_exercises_of_its_number_and_name_and_four_to_eight_tasks() -> None:
    chapters = re.findall(r"file: chapters/([\w-]+)", (ROOT / "book" / "_toc.yml").read_text(encoding="utf8"))
    assert len(EXERCISES) == len(chapters) == 13
    for exercise in EXERCISES:
        assert exercise.name[3:] == chapters[exercise.chapter - 1]
        assert 4 <= len(exercise.tasks) <= 8
        assert [task.number for task in exercise.tasks] == [
            f"{exercise.chapter}.{i + 1}" for i in range(len(exercise.tasks))
        ]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_each_task_has_a_text_hints_an_answer_cell_a_check_and_a_solution(exercise: Exercise) -> None:
    notebook = generator.read(ROOT / "solutions" / f"{exercise.name}.ipynb")
    assert f"<!-- exercises {exercise.name}, edition {exercise.edition} -->" in notebook.cells[0].source
    for task in exercise.tasks:
        start = next(i for i, c in enumerate(notebook.cells) if c.source.startswith(f"## {task.number} "))
        part = notebook.cells[start + 1 :]
        end = next((i for i, c in enumerate(part) if c.source.startswith("## ")), len(part))
        part = part[:end]
        assert any(c.source.count("<details>") in (2, 3) for c in part), task.number
        kinds = [tag for c in part for tag in c.metadata.get("tags", [])]
        assert kinds.count("answer") == kinds.count("check") == 1, task.number
        assert kinds.index("answer") < kinds.index("check") < kinds.index("solution"), task.number
        answer = next(c.source for c in part if "answer" in c.metadata.get("tags", []))
        assert answer.startswith(f"# Task {task.number}\n") and exercise_pages.BEGIN in answer
        assert any(c.source == f'check("{task.number}")' for c in part)


def test_the_exercises_are_what_the_solutions_give() -> None:
    assert generator.main(["check"]) == 0


def test_a_changed_exercise_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("solutions", "exercises"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    assert generator.main(["check"]) == 0
    changed = next((tmp_path / "exercises").glob("*.ipynb"))
    changed.write_text(changed.read_text(encoding="utf8").replace("# Task", "# task"), encoding="utf8")
    assert generator.main(["check"]) == 1
