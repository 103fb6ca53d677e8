"""The exercises: right answers in any style pass, typical mistakes are told from each other, blank ones get nothing."""

import importlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import exercise_pages
import pytest
from sphinx.application import Sphinx

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


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_book_shows_each_task_with_its_answer_folded_and_the_chapter_links_it(exercise: Exercise) -> None:
    shown = (ROOT / "book" / "exercises" / f"{exercise.name}.md").read_text(encoding="utf8")
    unfolded = re.sub(r"^::::\{dropdown\} Solution\n.*?^::::$", "", shown, flags=re.MULTILINE | re.DOTALL)
    assert shown.count("::::{dropdown} Solution\n") == len(exercise.tasks)
    for cell in generator.read(ROOT / "solutions" / f"{exercise.name}.ipynb").cells:
        if "answer" in exercise_pages.tags(cell):
            asked, answered = (exercise_pages.python(exercise_pages.answer(cell.source, a)) for a in (True, False))
            assert answered in shown and answered not in unfolded and asked.removesuffix("\n```") in unfolded
    for task in exercise.tasks:
        assert f"(exercise-{task.number.replace('.', '-')})=\n## {task.number} " in unfolded
        assert f'check("{task.number}")' in unfolded
    assert f"{{download}}`{exercise.name}.ipynb <../../exercises/{exercise.name}.ipynb>`" in unfolded
    chapter = generator.read(ROOT / "book" / "chapters" / f"{exercise.name[3:]}.ipynb")
    assert sum(cell.source.count(f"```{{exercises}} {exercise.chapter}\n```") for cell in chapter.cells) == 1
    assert f"file: exercises/{exercise.name}\n" in (ROOT / "book" / "_toc.yml").read_text(encoding="utf8")


def test_the_exercises_are_what_the_solutions_give() -> None:
    assert generator.main(["check"]) == 0


@pytest.mark.parametrize("changed", ["exercises/04-soft-prompts.ipynb", "book/exercises/04-soft-prompts.md"])
def test_a_changed_exercise_is_noticed(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("solutions", "exercises", "book/exercises"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    assert generator.main(["check"]) == 0
    path = tmp_path / changed
    path.write_text(path.read_text(encoding="utf8").replace("# Task", "# task"), encoding="utf8")
    assert generator.main(["check"]) == 1


def test_a_chapter_lists_its_tasks_by_their_titles_and_follows_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "exercises").mkdir()
    task = tmp_path / "exercises" / "04-vectors.md"
    task.write_text("# Exercises 4\n\n(exercise-4-1)=\n## 4.1 In front\n", encoding="utf8")
    (tmp_path / "index.md").write_text(
        "# Vectors\n\n```{exercises} 4\n```\n\n```{toctree}\nexercises/04-vectors\n```\n", encoding="utf8"
    )
    (tmp_path / "other.md").write_text("---\norphan: true\n---\n# Other\n\n```{exercises} 5\n```\n", encoding="utf8")

    def built() -> tuple[str, str, set[str]]:
        said = io.StringIO()
        settings = {"extensions": ["myst_parser", "exercise_links"]}
        app = Sphinx(tmp_path, None, tmp_path / "html", tmp_path / "trees", "html", settings, status=None, warning=said)
        read: set[str] = set()
        app.connect("source-read", lambda app, name, source: read.add(name))
        app.build()
        return (tmp_path / "html" / "index.html").read_text(encoding="utf8"), said.getvalue(), read

    page, said, _ = built()
    assert re.search(r'href="exercises/04-vectors.html#exercise-4-1"><span[^>]*>4.1 In front<', page)
    assert "{exercises} 5: expected one page book/exercises/05-….md, found 0" in said
    assert built()[2] == set()
    task.write_text(task.read_text(encoding="utf8").replace("In front", "Behind"), encoding="utf8")
    page, _, read = built()
    assert "4.1 Behind" in page and read == {"index", "exercises/04-vectors"}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_page_says_which_tasks_count_two_points(exercise: Exercise) -> None:
    opening = json.loads((ROOT / "exercises" / f"{exercise.name}.ipynb").read_text(encoding="utf8"))["cells"][0]
    said = re.search(r"Each task counts one point; (.*) counts? two\.", "".join(opening["source"]))
    assert said, "the opening tells what a task counts"
    assert re.findall(r"\d+\.\d+", said[1]) == [task.number for task in exercise.tasks if task.points == 2]
    assert {task.points for task in exercise.tasks} <= {1, 2}
