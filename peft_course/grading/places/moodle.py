"""Moodle: the grading worksheet is filled, and feedback files are zipped for its upload.

Documented in Moodle Docs, "Assignment settings" and "Using Assignment" (offline grading worksheet; upload multiple
feedback files in a zip), and in the sources of Moodle 4: ``mod/assign/feedback/offline/importgradeslib.php`` says which
columns are read back (Identifier, Grade, Last modified (grade), and the comments, which are HTML), and
``mod/assign/feedback/file/importziplib.php`` how folders are called (``name_number_assignsubmission_file_``).
"""

import html
import re
from collections.abc import Sequence
from pathlib import Path

from ..classroom.gradebook import Mark, harmless, pages
from .filled import NUMBER, Filled, by_number, number, scaled, zipped
from .table import Table

COMMENTS = 20_000  # characters of one learner's comments


def fill(worksheet: Path, marks: Sequence[Mark], replace: bool = False) -> Filled:
    """The worksheet with grades on its own scale, and comments; every other byte as it was.

    A grade or a comment that is there already stays, unless `replace`. Raises ValueError where `worksheet` is none.
    """
    table = Table.read(worksheet)
    who, grade, comments = table.column("Identifier"), table.column("Grade"), table.column("Feedback comments")
    if who is None or grade is None:
        raise ValueError(
            f'{worksheet} is no grading worksheet: it needs the columns "Identifier" and "Grade", and has '
            f"{', '.join(cell.value for cell in table.rows[0])[:200]}; download it with Moodle in English"
        )
    most, locked = table.column("Maximum grade"), table.column("Grade can be changed")
    ours, notes = by_number(marks)
    done = 0
    for row in range(1, len(table.rows)):
        identifier = re.search(r"(\d+)$", table.value(row, who))
        mark = ours.pop(identifier[1], None) if identifier else None
        if mark is None:
            continue
        if len(table.rows[row]) < len(table.rows[0]):
            notes.append(f"{mark.learner}: the row has fewer cells than the header; left as it is")
            continue
        if table.value(row, locked).casefold() == "no":
            notes.append(f"{mark.learner}: the grade cannot be changed, says the worksheet; left as it is")
            continue
        if mark.refused is None:
            kept = not _put(table, row, grade, scaled(mark, table.value(row, most)), mark, notes, replace)
            done += not kept
        else:
            kept = False
            notes.append(f"{mark.learner}: not graded ({mark.refused})")
        if comments is not None and not kept:  # a comment beside another grade than ours would contradict it
            _put(table, row, comments, comment(mark), mark, notes, replace)
    notes += [f"{mark.learner}: no row in the worksheet has this number" for mark in ours.values()]
    return Filled(table.content(), done, tuple(notes))


def _put(table: Table, row: int, column: int, new: str, mark: Mark, notes: list[str], replace: bool) -> bool:
    old = table.value(row, column)
    if old == new or (number(old) is not None and number(old) == number(new)):
        return True
    if old and not replace:
        what = table.value(0, column)
        notes.append(f"{mark.learner}: {what} is {old[:40]!r} already, and stays (--replace takes ours)")
        return False
    table.put(row, column, new)
    return True


def comment(mark: Mark) -> str:
    """A learner's feedback as one line of HTML, without anybody else's data."""
    if mark.refused is not None:
        return harmless(f"<p>Not graded: {html.escape(mark.refused)}</p>")
    late = f" {html.escape(mark.deducted)}" if mark.deducted else ""
    tasks = "".join(
        f"<li>{html.escape(task['number'] + ' ' + task['title'])}: {task['points']}/{task['out_of']}. "
        f"{'<br>'.join(html.escape(task['feedback']).splitlines())}</li>"
        for task in mark.tasks
    )
    text = f"<p>{mark.points:g} of {mark.out_of} points.{late}</p><ul>{tasks}</ul>"
    if len(text) > COMMENTS:
        text = f"<p>{mark.points:g} of {mark.out_of} points.{late} The feedback is too long for this place.</p>"
    return harmless(text)


def feedback(marks: Sequence[Mark]) -> tuple[bytes, list[str]]:
    """The zip for "Upload multiple feedback files in a zip": a folder a learner with their page in it; and notes."""
    ours, notes = by_number(marks)
    files = {}
    for identifier, mark in ours.items():
        (page,) = pages([mark]).values()
        name = re.sub(r"[^\w .'-]|_", " ", NUMBER.sub("", mark.learner)).strip(" .") or "learner"
        folder = f"{name[:80]}_{identifier}_assignsubmission_file_"
        files[f"{folder}/feedback-{mark.exercise or 'file'}.html"] = page.encode()
    return zipped(files), notes
