"""Canvas: an exported gradebook is filled, and feedback files are zipped for its upload.

Documented in the Canvas Instructor Guide, "How do I import grades in the Gradebook?", "How do I export grades in the
Gradebook?" and "How do I upload all student submissions for an assignment?" (names of files stay as they were
downloaded), and in Canvas's sources of 2026, ``lib/gradebook_importer.rb``, ``lib/gradebook_exporter.rb`` and
``Assignment#infer_comment_context_from_filename``.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from ..classroom.gradebook import Mark
from ..classroom.handed_in import CANVAS
from .filled import Filled, by_number, number, scaled, zipped
from .table import Table

FIRST = "Student", "LastName"
OURS_NOT = re.compile(
    r"student|lastname|firstname|id|sis user id|sis login id|integration id|root account|section|"
    r".*((current|final) (score|points|grade)|override (score|grade|status)).*",
    re.IGNORECASE,
)


def fill(gradebook: Path, marks: Sequence[Mark], assignment: str, replace: bool = False) -> Filled:
    """The gradebook with grades in the column of `assignment`, on its scale; every other byte as it was.

    `assignment` is the column's name, or the name without the number in brackets, or that number. A score that is there
    already stays, unless `replace`. Raises ValueError where `gradebook` is none, or the column is not there.
    """
    table = Table.read(gradebook)
    who = table.column("ID")
    if who is None or table.value(0, 0) not in FIRST:
        raise ValueError(
            f'{gradebook} is no gradebook of Canvas: it begins with "Student" (or "LastName"), and has a column "ID"; '
            "export it again, in English"
        )
    column = _column(table, assignment)
    possible = [row for row in range(1, len(table.rows)) if "Points Possible" in table.value(row, 0)]
    most = table.value(possible[0], column) if possible else ""
    if "read only" in most:
        raise ValueError(f"Canvas reads nothing from the column {table.value(0, column)!r}: it is marked (read only)")
    ours, notes = by_number(marks)
    done = 0
    for row in range(1, len(table.rows)):
        mark = ours.pop(table.value(row, who), None)
        if mark is None or row in possible:
            continue
        if mark.refused is not None:
            notes.append(f"{mark.learner}: not graded ({mark.refused})")
        elif column >= len(table.rows[row]):
            notes.append(f"{mark.learner}: the row has fewer cells than the header; left as it is")
        else:
            done += _put(table, row, column, scaled(mark, most), mark, notes, replace)
    notes += [f"{mark.learner}: no row in the gradebook has this number" for mark in ours.values()]
    return Filled(table.content(), done, tuple(notes))


def _column(table: Table, assignment: str) -> int:
    titles = [cell.value.strip() for cell in table.rows[0]]
    able = {i: title for i, title in enumerate(titles) if title and not OURS_NOT.fullmatch(title)}
    for wanted in (
        lambda title: title == assignment,
        lambda title: re.sub(r"\s*\(\d+\)$", "", title) == assignment,
        lambda title: title.endswith(f"({assignment})") and assignment.isdigit(),
    ):
        found = [i for i, title in able.items() if wanted(title)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"{table.name} has {len(found)} columns {assignment!r}; give the number in brackets too")
    raise ValueError(f"{table.name} has no column {assignment!r}; it has {', '.join(map(repr, able.values()))}")


def _put(table: Table, row: int, column: int, new: str, mark: Mark, notes: list[str], replace: bool) -> bool:
    old = table.value(row, column)
    if old.upper() in ("EX", "N/A"):
        notes.append(f"{mark.learner}: {'excused' if old.upper() == 'EX' else 'not assigned'} in Canvas; left as it is")
        return False
    if number(old) is not None and number(old) == number(new):
        return True
    if old not in ("", "-") and not replace:
        notes.append(f"{mark.learner}: has {old} already, and keeps it (--replace takes our {new})")
        return False
    table.put(row, column, new)
    return True


def feedback(marks: Sequence[Mark]) -> tuple[bytes, list[str]]:
    """The zip for "Upload Submissions", and notes: for each file a notebook of feedback with the very name it had.

    Canvas goes by the two numbers in the name, and shows the file under the name that the learner gave theirs. So what
    comes back has to be a notebook too; to a learner's zip comes back a zip with one.
    """
    files, notes = {}, []
    for mark in marks:
        name = next((part for part in mark.file.split("/") if CANVAS.match(part)), None)
        if name is None:
            notes.append(f"{mark.learner}: {mark.file} has no name of a Canvas download, so Canvas could not match it")
            continue
        content = _notebook(mark)
        files[name] = zipped({"feedback.ipynb": content}) if name.lower().endswith(".zip") else content
    return zipped(files), notes


def _notebook(mark: Mark) -> bytes:
    """Feedback as a notebook of text. What a learner wrote stands between fences that it cannot close."""
    if mark.refused is not None:
        parts = [f"# Not graded\n\n{_fenced(mark.refused)}"]
    else:
        late = f"\n\n{mark.deducted}" if mark.deducted else ""
        parts = [f"# {mark.exercise}: {mark.points:g} of {mark.out_of} points{late}"]
        parts += [
            f"## {task['number']} {task['title']}: {task['points']}/{task['out_of']}\n\n{_fenced(task['feedback'])}"
            for task in mark.tasks
        ]
    cells = [
        {"cell_type": "markdown", "id": f"feedback-{i}", "metadata": {}, "source": part} for i, part in enumerate(parts)
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
