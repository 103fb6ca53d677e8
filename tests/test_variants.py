"""Variants: everybody has numbers of their own, the grader goes by the roster, and the teacher learns what was copied.

The notebooks' numbers are drawn by a secret and a name, so nothing that a learner writes into a notebook decides them.
"""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_grading import pytest_nbval

from peft_course.cli import main
from peft_course.grading import check
from peft_course.grading.classroom import variants
from peft_course.grading.classroom.handed_in import HandedIn, learner_of
from peft_course.grading.classroom.roster import Roster, make_secret, read_roster, read_secret
from peft_course.grading.exercises import EXERCISES, find, named
from peft_course.grading.judge import judge, known
from peft_course.grading.submission import read
from peft_course.grading.task import Task, value
from peft_course.grading.varied import NAME

ROOT = Path(__file__).resolve().parents[1]
PREDICTIONS = [task for exercise in EXERCISES for task in exercise.tasks if task.probe is value]
SECRET = b"known to the teacher alone"
SOME = [f"variant {i}" for i in range(12)]


def roster(*names: str) -> Roster:
    return Roster([(name, "") for name in names], SECRET)


def right(number: str, variant: str = "") -> Any:
    task = find(number).of(variant)
    return known(task, task.reference)()


# -- the tasks --------------------------------------------------------------------------------------------------------
def test_every_prediction_varies_and_code_is_checked_on_inputs_that_do() -> None:
    assert [task.number for task in PREDICTIONS if task.numbers is None] == []
    others = [task for exercise in EXERCISES for task in exercise.tasks if task.probe is not value]
    drawn = {task.number: {repr(next(iter(task.arguments(seed)))) for seed in range(20)} for task in others}
    assert [number for number, inputs in drawn.items() if len(inputs) == 1] == ["5.5"]  # the page for teachers names it


@pytest.mark.parametrize("task", PREDICTIONS, ids=lambda task: task.number)
def test_each_variant_has_its_right_answer_and_its_mistakes(task: Task) -> None:
    for variant in SOME:
        own = task.of(variant)
        assert judge(own, known(own, own.reference), 0).passed
        assert not judge(own, known(task, task.reference), 0).passed, "the book's answer is right for a learner"
        for mistake in own.mistakes:
            mark = judge(own, known(own, mistake.wrong), 0)
            assert not mark.passed and mark.hint == mistake.hint, task.numbers and task.numbers.of(variant, task.number)


@pytest.mark.parametrize("task", PREDICTIONS, ids=lambda task: task.number)
def test_variants_differ_and_stay_what_they_are(task: Task) -> None:
    assert task.numbers is not None
    drawn = [task.numbers.of(f"{i}", task.number) for i in range(40)]
    assert drawn == [task.numbers.of(f"{i}", task.number) for i in range(40)]
    assert len({repr(numbers) for numbers in drawn}) > 15
    assert task.of("") is task


def test_the_drawing_is_the_same_in_every_version_of_python() -> None:
    """A class's numbers must not change under its feet: written down once, compared for ever."""
    assert (right("4.1", "3fa29c81d0e4b756"), right("6.1", "3fa29c81d0e4b756")) == (
        53 * 768,
        {"GPT-2 medium": 86 * 49_152, "grouped": 86 * 57_344},
    )


# -- the notebooks ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_a_notebook_says_the_learner_s_numbers_and_else_what_the_book_says(exercise: Any) -> None:
    (learner,) = roster("Ada").learners
    book = variants.handed_out(exercise.name)
    own = variants.notebook_of(learner, exercise, json.loads(json.dumps(book)))
    added = [cell for cell in own["cells"] if NAME in "".join(cell["source"])]
    assert len(added) == 1 and len(own["cells"]) == len(book["cells"]) + 1
    text = "\n\n".join("".join(cell["source"]) for cell in own["cells"] if cell not in added)
    for task in variants.varies(exercise):
        for said, before in zip(task.of(learner.variant).phrases, task.phrases, strict=True):
            assert said in text
            text = text.replace(said, before)
    assert text == "\n\n".join("".join(cell["source"]) for cell in book["cells"])


def test_a_notebook_of_another_version_is_refused_and_names_what_it_does_not_say() -> None:
    book = variants.handed_out("04-soft-prompts")
    book["cells"] = [cell for cell in book["cells"] if "20 virtual tokens" not in "".join(cell["source"])]
    with pytest.raises(ValueError, match=r"does not say 'a soft prompt of 20 virtual tokens'"):
        variants.notebook_of(roster("Ada").learners[0], named("04-soft-prompts"), book)


def test_a_check_in_a_notebook_goes_by_its_variant(capsys: pytest.CaptureFixture[str]) -> None:
    variant, ours = SOME[0], globals()
    for numbers, passes in ((right("4.1", variant), True), (right("4.1"), False)):
        ours["numbers"], ours[NAME] = numbers, variant
        try:
            check("4.1")
        finally:
            del ours["numbers"], ours[NAME]
        said = capsys.readouterr().out
        assert ("✓" in said) == passes and ("other numbers" in said) != passes


def test_without_a_variant_a_check_has_the_book_s_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    globals()["numbers"] = 20 * 768
    try:
        check("4.1")
    finally:
        del globals()["numbers"]
    assert "passed" in capsys.readouterr().out


@pytest.mark.parametrize("line", ['VARIANT = "abc"', "VARIANT = 'abc'", 'x = 1\nVARIANT = "abc"  # mine'])
def test_a_notebook_says_its_variant(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": line}]}))
    assert read(path).variant == "abc"


# -- the roster -------------------------------------------------------------------------------------------------------
def test_a_learner_is_found_by_the_names_that_downloads_give() -> None:
    class_ = Roster([("Ada Lovelace", "77"), ("Émile du Châtelet", ""), ("Bob", "9")], SECRET)
    ada, emile, bob = class_.learners
    assert class_.find(learner_of("Ada Lovelace_77_assignsubmission_file_/x.ipynb")) == ada
    assert class_.find(learner_of("lovelaceada_LATE_77_912_04-soft-prompts.ipynb")) == ada
    assert class_.find("ada  LOVELACE") == ada and class_.find(ada.folder) == ada
    assert class_.find("E\u0301mile du Cha\u0302telet (5)") == emile
    assert class_.find("bob (9)") == bob and class_.find("nobody") is None


def test_two_of_one_name_are_told_apart_by_their_ids_or_not_at_all() -> None:
    class_ = Roster([("Li Wei", "1"), ("Li Wei", "2")], SECRET)
    assert class_.find("Li Wei (2)") == class_.learners[1] and class_.find("Li Wei") is None
    with pytest.raises(ValueError, match=r"'li wei' twice; give each of them an id"):
        roster("Li Wei", "li wei")


@given(st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=2, max_size=5, unique_by=str.casefold))
def test_another_secret_gives_other_variants(names: list[str]) -> None:
    rows = [(f"{name} {i}", "") for i, name in enumerate(names)]
    one, other = Roster(rows, SECRET), Roster(rows, SECRET + b"!")
    assert len(set(one.variants)) == len(names) and not set(one.variants) & set(other.variants)


def test_a_secret_is_made_once_for_its_owner_alone_and_a_weak_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    assert make_secret(path) and not make_secret(path)
    assert path.stat().st_mode & 0o077 == 0 and len(read_secret(path)) == 64
    path.write_text("1234")
    with pytest.raises(ValueError, match=r"has 4 bytes; 16 or more"):
        read_secret(path)
    with pytest.raises(ValueError, match=r"there is no secret in"):
        read_secret(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "says"), [("name\nAda\n", "has no column 'learner'"), ("learner\n\n", "names no learner"), ("", "column")]
)
def test_a_roster_that_cannot_be_used_says_why(text: str, says: str, tmp_path: Path) -> None:
    make_secret(tmp_path / "secret")
    (tmp_path / "roster.csv").write_text(text)
    with pytest.raises(ValueError, match=says):
        read_roster(tmp_path / "roster.csv", tmp_path / "secret")


def test_a_roster_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    make_secret(tmp_path / "secret")
    (tmp_path / "roster.csv").write_bytes("\ufefflearner;id\r\nÉmile;7\r\n".encode())
    assert [one.name for one in read_roster(tmp_path / "roster.csv", tmp_path / "secret").learners] == ["Émile"]


def test_equal_files_of_two_learners_are_graded_for_each_of_them() -> None:
    class_ = roster("Ada", "Bob")
    files = [HandedIn(name, f"{name}/a.ipynb", Path("a"), "k") for name in ("Ada", "Bob", "Eve")]
    known_, strangers = class_.assign(files)
    assert [each.variant for each in known_] == [one.variant for one in class_.learners]
    assert len({each.key for each in known_}) == 2 and strangers == files[2:]
    assert [each.learner for each in known_] == ["Ada", "Bob"]
    folder = class_.learners[0].folder
    assert class_.assign([HandedIn(folder, f"{folder}/a.ipynb", Path("a"), "k")])[0][0].learner == "Ada"
    assert roster("Ada", "Bob", "Eve").assign(files)[0][0].key != known_[0].key  # others, to whom a number may belong


def test_pytest_goes_by_the_variant_of_the_notebook_from_any_folder(tmp_path: Path) -> None:
    class_ = roster("Ada", "Bob")
    ada = right("4.1", class_.learners[0].variant)
    place = handed_in(tmp_path / "in", class_, {"Ada": ada, "Bob": ada}, {})
    (tmp_path / "empty").mkdir()
    found = pytest_nbval(tmp_path / "empty", *(str(place / name / "x.ipynb") for name in ("Ada", "Bob")))
    failed = [line.split(" - ")[0] for line in found.stdout.splitlines() if line.startswith("FAILED")]
    assert "1 passed" in found.stdout and not [line for line in failed if "Ada/x.ipynb::4.1" in line], found.stdout
    assert [line for line in failed if "Bob/x.ipynb::4.1" in line], found.stdout
    assert "4.1 how many numbers: wrong" in found.stdout, found.stdout


# -- what is copied ---------------------------------------------------------------------------------------------------
def test_an_answer_that_is_right_for_others_is_found_and_the_learner_reads_no_name() -> None:
    ada, bob = SOME[:2]
    task = find("4.1").of(bob)
    mark = judge(task, known(task, right("4.1", ada)), 0, (ada, bob))
    assert not mark.passed and mark.fits == (ada,)
    assert "other numbers" in mark.feedback and ada not in mark.feedback and "Ada" not in mark.feedback
    assert judge(task, known(task, right("4.1")), 0, (ada, bob)).fits == ("",)
    assert judge(task, known(task, 7), 0, (ada, bob)).fits == ()


def test_a_known_mistake_with_one_s_own_numbers_is_nobody_else_s_answer() -> None:
    ada, bob = SOME[:2]
    task = find("4.1").of(bob)
    mistake = task.mistakes[0]
    mark = judge(task, known(task, mistake.wrong), 0, (ada, bob))
    assert mark.hint == mistake.hint and mark.fits == ()


def handed_in(place: Path, class_: Roster, answers: dict[str, Any], changed: dict[str, str]) -> Path:
    """A notebook a learner, with the answer to 4.1, and where it says so another variant than the learner's."""
    variants.write_notebooks(class_, named("04-soft-prompts"), place / "made")
    for learner in class_.learners:
        path = place / "made" / learner.folder / "04-soft-prompts.ipynb"
        text = re.sub("numbers = [.]{3}", f"numbers = {answers[learner.name]}", path.read_text(encoding="utf8"))
        text = text.replace(learner.variant, changed.get(learner.name, learner.variant))
        (place / learner.name).mkdir()
        (place / learner.name / "x.ipynb").write_text(text, encoding="utf8")
    shutil.rmtree(place / "made")
    return place


@pytest.mark.slow
def test_a_class_with_variants_from_the_roster_to_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)  # no sandbox, on every machine
    list_, secret = tmp_path / "roster.csv", tmp_path / "secret"
    list_.write_text("learner\nAda\nBob\nEve\nMallory\n")
    secret.write_bytes(SECRET)  # by which no two of them have the same numbers
    command = ["variants", str(list_), "--exercise", "04-soft-prompts", "--secret", str(secret)]
    assert main([*command, "--out", str(tmp_path / "notebooks")]) == 0
    assert "4 notebooks" in capsys.readouterr().out and len(list((tmp_path / "notebooks").rglob("*.ipynb"))) == 4
    class_ = read_roster(list_, secret)
    ada = class_.learners[0].variant
    answers = {"Ada": right("4.1", ada), "Bob": right("4.1", ada), "Eve": right("4.1"), "Mallory": right("4.1", ada)}
    place = handed_in(tmp_path / "in", class_, answers, {"Mallory": ada})  # says that it is Ada's
    shutil.copytree(place / "Ada", place / "Trudy")  # who is not on the roster
    out = tmp_path / "out"
    arguments = ["class", str(place), "--out", str(out), "--trust", "--jobs", "1", "--variants", str(list_)]
    assert main(arguments) == 1 and "belong together" in capsys.readouterr().err
    assert main([*arguments, "--secret", str(secret), "--similar"]) == 0
    rows = {row["learner"]: row for row in csv.DictReader((out / "marks.csv").read_text().splitlines())}
    assert {name: row["points"] for name, row in rows.items()} == {
        "Ada": "1", "Bob": "0", "Eve": "0", "Mallory": "0", "Trudy": "0"
    }  # fmt: skip
    assert rows["Trudy"]["not graded because"] == "Trudy/x.ipynb: nobody on the roster is called 'Trudy'"
    told = [
        (row["learner"], row["right for"]) for row in csv.DictReader((out / "variants.csv").read_text().splitlines())
    ]
    assert told == [("Bob", "Ada"), ("Eve", "the book"), ("Mallory", "Ada")]
    for page in (out / "feedback").iterdir():
        text = page.read_text(encoding="utf8")
        assert ("other numbers" in text) == page.name.startswith(("Bob", "Eve", "Mallory"))
        assert page.name.startswith("Ada") or "Ada" not in text
        assert not any(variant in text for variant in class_.variants)
    assert "no proof" in (out / "similar.html").read_text() and (out / "similar.json").is_file()
