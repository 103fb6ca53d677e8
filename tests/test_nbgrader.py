"""nbgrader: pages lie where release_feedback looks for them, and the table is the one that nbgrader export writes."""

import csv
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from peft_course.cli import main
from peft_course.grading.classroom.gradebook import Mark, as_json
from peft_course.grading.places import nbgrader

# The columns of nbgrader export: nbgrader 0.9, plugins/export.py, CsvExportPlugin.
EXPORT = [
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
]  # fmt: skip
STAMP = "2026-11-29 22:41:03.824069 UTC"  # as nbgrader submit writes it: exchange/default/submit.py
SOFT, PREFIX = "04-soft-prompts", "06-prefix-tuning"


def handed_in(course: Path, *files: str, stamped: bool = True) -> Path:
    """The course's folder, with these files as nbgrader collect leaves them."""
    for file in files:
        path = course / "submitted" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        if stamped:
            (path.parent / "timestamp.txt").write_text(STAMP)
            (path.parent / "submission_secret.txt").write_text(f"secret of {file}")
    return course


def mark(file: str, exercise: str = SOFT, points: float = 7, **fields: Any) -> Mark:
    task = {"number": "4.1", "title": "a task", "points": 1, "out_of": 1, "seconds": 0.2, "feedback": "<b>passed</b>"}
    return Mark(file.split("/")[0], exercise, points, 8, file, tasks=[task | {"hint": None}], **fields)


def rows(content: bytes) -> list[Mapping[str, str]]:
    return list(csv.DictReader(content.decode().splitlines()))


def database(course: Path, students: list[tuple[str, ...]], due: dict[str, str]) -> None:
    """The tables of nbgrader 0.9's gradebook.db that matter here: nbgrader/api.py, Student and Assignment."""
    with closing(sqlite3.connect(course / "gradebook.db")) as made:
        made.execute("create table student (id, first_name, last_name, email, lms_user_id)")
        made.execute("create table assignment (id, name, duedate, course_id)")
        made.executemany("insert into student values (?, ?, ?, ?, null)", students)
        made.executemany("insert into assignment values ('1', ?, ?, 'c')", due.items())
        made.commit()


# -- feedback ---------------------------------------------------------------------------------------------------------
def test_a_page_lies_beside_the_stamps_that_release_feedback_reads(tmp_path: Path) -> None:
    course = handed_in(tmp_path, f"ada/week-4/{SOFT}.ipynb", f"Émile d'A/week-4/{SOFT}.ipynb")
    filled = nbgrader.fill(course, [mark(f"{name}/week-4/{SOFT}.ipynb") for name in ("ada", "Émile d'A")])
    assert filled.notes == () and filled.grades == 2
    for name, other in (("ada", "Émile"), ("Émile d'A", "ada")):
        folder = course / "feedback" / name / "week-4"
        assert {path.name for path in folder.iterdir()} == {f"{SOFT}.html", "timestamp.txt", "submission_secret.txt"}
        assert (folder / "timestamp.txt").read_text() == STAMP
        assert (folder / "submission_secret.txt").read_text() == f"secret of {name}/week-4/{SOFT}.ipynb"
        page = (folder / f"{SOFT}.html").read_text()
        assert "7 of 8 points" in page and other not in page and "&lt;b&gt;passed" in page


def test_a_page_has_its_own_exercise_alone(tmp_path: Path) -> None:
    files = [f"ada/week/{SOFT}.ipynb", f"ada/week/{PREFIX}.ipynb"]
    course = handed_in(tmp_path, *files)
    nbgrader.fill(course, [mark(files[0]), mark(files[1], PREFIX)])
    page = (course / "feedback" / "ada" / "week" / f"{SOFT}.html").read_text()
    assert SOFT in page and PREFIX not in page


def test_a_file_that_does_not_count_gets_the_page_of_the_one_that_does(tmp_path: Path) -> None:
    files = [f"ada/week/{SOFT}.ipynb", "ada/week/Untitled.ipynb"]
    course = handed_in(tmp_path, *files)
    nbgrader.fill(course, [mark(files[0], others=(files[1],))])
    pages = sorted((course / "feedback" / "ada" / "week").glob("*.html"))
    assert len(pages) == 2 and pages[0].read_text() == pages[1].read_text()


def test_a_refused_file_gets_a_page_with_the_reason_and_the_teacher_a_note(tmp_path: Path) -> None:
    file = "ada/week/x.ipynb"
    filled = nbgrader.fill(handed_in(tmp_path, file), [Mark("ada", "", 0, 0, file, refused="it is <none> of ours")])
    assert "Not graded: it is &lt;none&gt; of ours" in (tmp_path / "feedback/ada/week/x.html").read_text()
    assert filled.notes == (f"{file}: not graded: it is <none> of ours",)


def test_what_release_feedback_cannot_take_is_named(tmp_path: Path) -> None:
    handed_in(tmp_path, f"ada/week/{SOFT}.ipynb", stamped=False)
    handed_in(tmp_path, f"bob/week/deeper/{SOFT}.ipynb")
    marks = [mark(f"ada/week/{SOFT}.ipynb"), mark(f"bob/week/deeper/{SOFT}.ipynb"), mark("eve/gone.ipynb")]
    notes = nbgrader.fill(tmp_path, marks).notes
    assert [note for note in notes if note.startswith("ada")] == [
        f"ada/week/{SOFT}.ipynb: {name} is missing, so release_feedback cannot take the page; "
        "nbgrader collect writes it"
        for name in ("timestamp.txt", "submission_secret.txt")
    ]
    assert any("student/assignment/notebook.ipynb" in note for note in notes if note.startswith("bob"))
    assert any(note.startswith("eve/gone.ipynb: not in ") for note in notes)


@pytest.mark.parametrize("file", ["../../x.ipynb", "./a/x.ipynb", "a/../x.ipynb", "a/x.ipynb", "a/b/c/x.ipynb"])
def test_no_name_leads_out_of_the_feedback_folder(file: str) -> None:
    assert nbgrader.place(file) is None


# -- grades -----------------------------------------------------------------------------------------------------------
def test_the_table_has_the_columns_of_nbgrader_export(tmp_path: Path) -> None:
    file = f"ada/week-4/{SOFT}.ipynb"
    content = nbgrader.fill(handed_in(tmp_path, file), [mark(file, points=6.3, deduction=0.7)]).content
    assert content.decode().splitlines()[0].split(",") == EXPORT
    (row,) = rows(content)
    assert (row["assignment"], row["student_id"], row["timestamp"]) == ("week-4", "ada", STAMP.removesuffix(" UTC"))
    scores = [row[name] for name in ("raw_score", "late_submission_penalty", "score", "max_score")]
    assert scores == ["7.0", "0.7", "6.3", "8.0"]


def test_the_exercises_of_an_assignment_are_added_also_for_who_left_one_out(tmp_path: Path) -> None:
    marks = [
        mark(f"ada/week/{SOFT}.ipynb", points=7),
        mark(f"ada/week/{PREFIX}.ipynb", PREFIX, points=5),
        mark(f"bob/week/{SOFT}.ipynb", points=8),
    ]
    table = rows(nbgrader.fill(handed_in(tmp_path, *(one.file for one in marks)), marks).content)
    assert [(row["student_id"], row["score"], row["max_score"]) for row in table] == [
        ("ada", "12.0", "16.0"),
        ("bob", "8.0", "16.0"),
    ]


def test_names_and_dates_come_from_nbgrader_s_database_and_who_handed_nothing_in_has_none(tmp_path: Path) -> None:
    file = f"ada/week/{SOFT}.ipynb"
    course = handed_in(tmp_path, file)
    students = [("ada", "Ada", "Lovelace, Countess", "ada@example.org"), ("carl", "Carl", "=1+1", "c@example.org")]
    database(course, students, {"week": "2026-12-01 23:59:00.000000"})
    ada, carl = rows(nbgrader.fill(course, [mark(file)]).content)
    assert (ada["last_name"], ada["first_name"], ada["email"]) == ("Lovelace, Countess", "Ada", "ada@example.org")
    assert ada["duedate"] == carl["duedate"] == "2026-12-01 23:59:00"
    assert (carl["student_id"], carl["last_name"], carl["timestamp"], carl["score"]) == ("carl", "'=1+1", "", "0.0")
    assert carl["max_score"] == "8.0"


def test_a_database_of_something_else_is_named(tmp_path: Path) -> None:
    file = f"ada/week/{SOFT}.ipynb"
    (handed_in(tmp_path, file) / "gradebook.db").write_text("no database, and longer than a header of one is" * 9)
    with pytest.raises(ValueError, match=r"gradebook.db is not what nbgrader writes"):
        nbgrader.fill(tmp_path, [mark(file)])


# -- the command ------------------------------------------------------------------------------------------------------
def graded(tmp_path: Path, *marks: Mark) -> str:
    (tmp_path / "marks").mkdir()
    (tmp_path / "marks" / "marks.json").write_text(as_json(marks, []))
    assert json.loads((tmp_path / "marks" / "marks.json").read_text())
    return str(tmp_path / "marks")


def test_the_command_writes_pages_and_a_table_of_all_exercises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = [mark(f"ada/week-4/{SOFT}.ipynb"), mark(f"ada/week-6/{PREFIX}.ipynb", PREFIX)]
    course = handed_in(tmp_path / "course", *(one.file for one in ours))
    command = ["marks", graded(tmp_path, *ours), "--nbgrader", str(course), "--out", str(tmp_path / "grades.csv")]
    assert main(command) == 0
    assert capsys.readouterr().out == f"2 grades: {tmp_path / 'grades.csv'}\n"
    assert [row["assignment"] for row in rows((tmp_path / "grades.csv").read_bytes())] == ["week-4", "week-6"]
    assert len(list((course / "feedback").rglob("*.html"))) == 2
    assert main([*command, "--exercise", PREFIX]) == 0
    assert [row["assignment"] for row in rows((tmp_path / "grades.csv").read_bytes())] == ["week-6"]


def test_marks_of_another_folder_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = handed_in(tmp_path / "course", f"ada/week/{SOFT}.ipynb")
    marks = graded(tmp_path, mark(f"submitted/ada/week/{SOFT}.ipynb"))  # the whole course was graded
    assert main(["marks", marks, "--nbgrader", str(course), "--out", str(tmp_path / "x.csv")]) == 1
    assert f"grade that folder: peft-course class {course / 'submitted'}" in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists() and not (course / "feedback").exists()
