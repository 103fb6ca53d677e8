"""nbgrader, on a JupyterHub or without: pages where ``release_feedback`` looks for them, and a table of grades.

Documented in nbgrader's "The philosophy and the approach" (a course's folders, ``step/student/assignment/notebook``)
and in the sources of nbgrader 0.9: ``exchange/default/release_feedback.py`` reads ``timestamp.txt`` and
``submission_secret.txt`` beside each page and calls the page, in the exchange, by a hash of the secret; and
``plugins/export.py`` has the columns of ``nbgrader export``.
"""

import csv
import io
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from ..classroom.gradebook import Mark, harmless, pages
from .filled import Filled

SUBMITTED, FEEDBACK, DATABASE = "submitted", "feedback", "gradebook.db"  # nbgrader's defaults
STAMPS = ("timestamp.txt", "submission_secret.txt")
COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
)  # fmt: skip


class Place(NamedTuple):
    """A notebook's place in each of a course's folders."""

    student: str
    assignment: str
    notebook: str

    @property
    def folder(self) -> Path:
        return Path(self.student, self.assignment)


def place(file: str) -> Place | None:
    """None where nbgrader looks for no notebook.

    >>> place("ada/week-4/04-soft-prompts.ipynb")
    Place(student='ada', assignment='week-4', notebook='04-soft-prompts')
    """
    parts = file.split("/")
    if len(parts) != 3 or not all(part.strip(".") for part in parts):
        return None
    return Place(parts[0], parts[1], Path(parts[2]).stem)


def fill(course: Path, marks: Sequence[Mark]) -> Filled:
    """The table of grades, as ``nbgrader export`` writes it; and the pages of feedback, in the course's folder.

    An assignment's points are those of its exercises together. Who is in the course's database and handed nothing in
    has none. Raises ValueError where no mark is of a file in the course's ``submitted`` folder.
    """
    ours = [mark for mark in marks if (course / SUBMITTED / mark.file).is_file()]
    if not ours:
        raise ValueError(
            f"no mark is of a file in {course / SUBMITTED}; grade that folder: "
            f"peft-course class {course / SUBMITTED} --out MARKS"
        )
    notes = [f"{mark.file}: not in {course / SUBMITTED}" for mark in marks if mark not in ours]
    notes += [f"{mark.file}: not graded: {mark.refused}" for mark in ours if mark.refused]
    for mark in ours:
        notes += _feedback(course, mark)
    rows = list(_rows(course, ours))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return Filled(text.getvalue().encode(), len(rows), tuple(notes))


# -- feedback ---------------------------------------------------------------------------------------------------------
def _feedback(course: Path, mark: Mark) -> Iterator[str]:
    """Writes the mark's page for each file that was handed in for it; gives a sentence where none can be fetched."""
    (page,) = pages([mark]).values()
    for file in (mark.file, *mark.others):
        where = place(file)
        if where is None:
            yield f"{file}: no page, because nbgrader looks for notebooks as student/assignment/notebook.ipynb"
            continue
        source, target = course / SUBMITTED / where.folder, course / FEEDBACK / where.folder
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{where.notebook}.html").write_text(page, encoding="utf8")
        for name in STAMPS:
            if (source / name).is_file():
                shutil.copyfile(source / name, target / name)
            else:
                yield f"{file}: {name} is missing, so release_feedback cannot take the page; nbgrader collect writes it"


# -- grades -----------------------------------------------------------------------------------------------------------
def _rows(course: Path, marks: Sequence[Mark]) -> Iterator[list[str | float]]:
    """A row for each assignment and learner, in the order of COLUMNS."""
    students, due = _database(course / DATABASE)
    most: dict[str, dict[str, int]] = defaultdict(dict)  # of an assignment: its exercises and their points
    theirs: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in marks:
        if (where := place(mark.file)) is not None:
            most[where.assignment][mark.exercise] = mark.out_of
            theirs[where.assignment, where.student].append(mark)
    for assignment in sorted(most):
        for student in sorted({*students, *(who for what, who in theirs if what == assignment)}):
            found = theirs.get((assignment, student), [])
            yield [
                assignment,
                due.get(assignment, ""),
                _timestamp(course / SUBMITTED / student / assignment / STAMPS[0]),
                student,
                *students.get(student, ("", "", "")),
                float(sum(mark.earned for mark in found)),
                float(sum(mark.deduction for mark in found)),
                float(sum(mark.points for mark in found)),
                float(sum(most[assignment].values())),
            ]


def _timestamp(path: Path) -> str:
    """Without the zone, which is UTC, as nbgrader's table has it."""
    return path.read_text(encoding="utf8").strip().removesuffix(" UTC") if path.is_file() else ""


def _database(path: Path) -> tuple[dict[str, tuple[str, str, str]], dict[str, str]]:
    """The students' last names, first names and addresses, and the assignments' due dates, as far as nbgrader knows.

    Raises ValueError where the file is not nbgrader's database.
    """
    if not path.is_file():
        return {}, {}
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as database:
            students = database.execute("select id, last_name, first_name, email from student").fetchall()
            assignments = database.execute("select name, duedate from assignment where duedate is not null").fetchall()
    except sqlite3.Error as error:
        raise ValueError(f"{path} is not what nbgrader writes: {error}") from None
    names = {student: (last or "", first or "", email or "") for student, last, first, email in students}
    return names, {name: str(datetime.fromisoformat(when)) for name, when in assignments}
