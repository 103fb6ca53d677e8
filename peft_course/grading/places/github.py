"""GitHub Actions: annotations, a step's summary and outputs, and the workflow that grades a learner's notebook.

Documented in GitHub Docs, "Workflow commands for GitHub Actions" (annotations, escaping, ``stop-commands``, the files
of ``GITHUB_STEP_SUMMARY`` and ``GITHUB_OUTPUT``), "Workflow syntax for GitHub Actions" and "Securely using
pull_request_target"; the points in the README and the sources of the action autograding-grading-reporter, version 1.

What a learner wrote may stand in feedback. A line of it that looks like a workflow command must not become one: the
table is printed while commands are stopped, and everything else is escaped.
"""

import base64
import html
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ... import __version__
from ..exercises import named
from ..grade import Report
from ..report import as_data, table
from ..task import Mark

SUMMARY = 2**20  # bytes that GitHub takes of a step's summary
LONGEST = 4000  # characters of one feedback in an annotation or the summary
FOR = {
    "pull-requests": "on:\n  pull_request_target: # the base branch's workflow, whatever the pull request changes\n",
    "classroom": "on:\n  push:\n    branches: [main]\n",
}
POINTS = """
  run-autograding-tests: # hands the points to GitHub Classroom, which looks for a job of this name
    needs: grade
    if: always() && needs.grade.outputs.result != ''
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      actions: read
      checks: write
    steps:
      - uses: classroom-resources/autograding-grading-reporter@v1
        env:
          GRADE_RESULTS: ${{ needs.grade.outputs.result }}
        with:
          runners: grade
"""


# -- what a step says -------------------------------------------------------------------------------------------------
def show(reports: Sequence[Report], environment: Mapping[str, str] = os.environ) -> str:
    """What ``peft-course grade --github`` prints; the summary and the output ``result`` go to the files of the step."""
    for name, text in (("GITHUB_STEP_SUMMARY", summary(reports)), ("GITHUB_OUTPUT", f"result={result(reports)}\n")):
        if path := environment.get(name):
            with Path(path).open("a", encoding="utf8") as file:
                file.write(text)
    token = secrets.token_hex(16)
    tables = "\n".join(table(report) for report in reports)
    return "\n".join([f"::stop-commands::{token}", tables, f"::{token}::", *annotations(reports)])


def annotations(reports: Sequence[Report]) -> Iterator[str]:
    """A notice for each task that passed, an error for each that did not, at the task's line in the file."""
    for report in reports:
        if report.refused is not None:
            yield command("error", report.refused, file=report.path.as_posix(), title="Not graded")
        lines = _lines(report)
        for mark in report.marks:
            title = f"{mark.task.number} {mark.task.title}: {mark.points} of {mark.task.points}"
            where = {"file": report.path.as_posix(), "line": lines.get(mark.task.number), "title": title}
            yield command("notice" if mark.passed else "error", _shortened(mark.feedback), **where)


def command(name: str, message: str, **properties: Any) -> str:
    """A workflow command on one line.

    >>> command("error", "a: 50 %\\nb", file="x,y.ipynb", line=3, title="4.1: sums")
    '::error file=x%2Cy.ipynb,line=3,title=4.1%3A sums::a: 50 %25%0Ab'
    """
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value is not None)
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _lines(report: Report) -> dict[str, int]:
    """The line of the file at which each task's cell begins, as its first line says; the first one counts."""
    found: dict[str, int] = {}
    try:
        text = report.path.read_text(encoding="utf8")
    except (OSError, ValueError):
        return found
    for number, line in enumerate(text.split("\n"), start=1):
        if match := re.search(r"# Task (\d+\.\d+)\b", line):
            found.setdefault(match[1], number)
    return found


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def summary(reports: Sequence[Report]) -> str:
    """Markdown with a table in HTML, in which nothing of a learner's is Markdown."""
    parts = []
    for report in reports:
        if report.refused is not None:
            parts.append(f"<p><b>Not graded.</b> {_harmless(report.refused)}</p>\n")
            continue
        name = report.exercise.name if report.exercise else ""
        rows = "\n".join(_row(mark) for mark in report.marks)
        head = "<tr><th>Task</th><th>Points</th><th>What to know</th></tr>"
        parts.append(f"## {name}: {report.points} of {report.out_of} points\n\n<table>\n{head}\n{rows}\n</table>\n")
    whole = "\n".join(parts) + "\n"
    return whole if len(whole.encode()) < SUMMARY else "The summary is too long to show; the step's log has it.\n"


def _row(mark: Mark) -> str:
    sign = "✅" if mark.passed else "❌"
    task = f"{sign} {mark.task.number} {_harmless(mark.task.title)}"
    return f"<tr><td>{task}</td><td>{mark.points}/{mark.task.points}</td><td>{_harmless(mark.feedback)}</td></tr>"


def _harmless(text: str) -> str:
    """A line of HTML: a blank line would end the table, and Markdown would begin."""
    return "<br>".join(html.escape(_shortened(text)).splitlines())


def result(reports: Sequence[Report]) -> str:
    """The results as the action autograding-grading-reporter reads them: JSON in base64."""
    tests = [
        {
            "name": f"{task['number']} {task['title']}",
            "status": "pass" if task["points"] == task["out_of"] else "fail",
            "score": task["points"],
            "message": None if task["points"] else _shortened(task["feedback"]),
        }
        for report in reports
        for task in as_data(report)["tasks"]
    ]
    tests += [
        {"name": report.path.name, "status": "error", "score": 0, "message": report.refused}
        for report in reports
        if report.refused is not None
    ]
    status = "pass" if all(report.full_marks for report in reports) else "fail"
    content = {"version": 1, "status": status, "max_score": sum(report.out_of for report in reports), "tests": tests}
    return base64.b64encode(json.dumps(content).encode()).decode()


# -- the workflow -----------------------------------------------------------------------------------------------------
def workflow(
    exercise: str, use: str, notebook: str | None = None, install: str | None = None, points: bool = False
) -> str:
    """The workflow file. `use` is a key of FOR; `notebook` the file's path in the repository; `install` what pip
    installs; `points` hands them to GitHub Classroom as well.

    Raises ValueError for an exercise that there is not, and for a path or a requirement that a shell could misread.
    """
    named(exercise)
    notebook, install = notebook or f"{exercise}.ipynb", install or f"peft-course=={__version__}"
    if not re.fullmatch(r"(?!-)(?:[\w-][\w.-]*/)*[\w-][\w.-]*\.ipynb", notebook, re.ASCII):
        raise ValueError(f"{notebook!r} is no path of a notebook in a repository: letters, digits, _ - . and /")
    if not re.fullmatch(r"(?!-)[\w.:/+=@%#\[\],-]+", install, re.ASCII):
        raise ValueError(f"{install!r} is not what pip installs: give a requirement or an address without spaces")
    if points and use != "classroom":
        raise ValueError("points are handed to GitHub Classroom, so they go with --for classroom alone")
    text = (files(__package__) / "grade.yml").read_text(encoding="utf8")
    for mark, value in (
        ("on: {} # replaced\n", FOR[use]), ("EXERCISE", exercise), ("USE", use), ("PATH.ipynb", notebook),
        ("REQUIREMENT", install),
    ):  # fmt: skip
        text = text.replace(mark, value)
    return text + (POINTS if points else "")
