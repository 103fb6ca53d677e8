"""A grading's results for people and for programs: a table, JSON, JUnit's XML, a page of HTML."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment

from .grade import Report

PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Marks</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .4rem; vertical-align: top }
tr { border-top: 1px solid #8886 } pre { white-space: pre-wrap; margin: 0; font: inherit }
</style>
<main><h1>Marks</h1>
{% for report in reports %}<h2>{{ report.path.name }}: {{ report.points }} of {{ report.out_of }} points</h2>
{% if report.refused %}<p>{{ report.refused }}</p>{% else %}
<table><thead><tr><th scope="col">Task</th><th scope="col">Points</th><th scope="col">Time</th>
<th scope="col">Feedback</th></tr></thead><tbody>
{% for mark in report.marks %}<tr><td>{{ mark.task.number }} {{ mark.task.title }}</td>
<td>{{ mark.points }}/{{ mark.task.points }}</td><td>{{ "%.1f" | format(mark.seconds) }} s</td>
<td><pre>{{ mark.feedback }}</pre></td></tr>
{% endfor %}</tbody></table>{% endif %}
{% endfor %}</main></html>
"""


def table(report: Report) -> str:
    """The marks of one notebook, for a terminal: a line a task, and what to mend below it."""
    if report.refused is not None:
        return f"{report.path}: not graded: {report.refused}"
    width = max(len(f"{mark.task.number} {mark.task.title}") for mark in report.marks)
    lines = [f"{report.path}: {report.points} of {report.out_of} points"]
    for mark in report.marks:
        first, *rest = mark.feedback.split("\n")
        name = f"{mark.task.number} {mark.task.title}"
        lines.append(f"  {name:{width}}  {mark.points}/{mark.task.points}  {mark.seconds:4.1f} s  {first}")
        lines += [f"  {line}" for line in rest]
    return "\n".join(lines)


def as_data(report: Report) -> dict[str, Any]:
    return {
        "file": str(report.path),
        "exercise": report.exercise.name if report.exercise else None,
        "points": report.points,
        "out_of": report.out_of,
        "seed": report.seed,
        "refused": report.refused,
        "tasks": [
            {
                "number": mark.task.number,
                "title": mark.task.title,
                "points": mark.points,
                "out_of": mark.task.points,
                "seconds": round(mark.seconds, 2),
                "feedback": mark.feedback,
                "hint": mark.hint,
                "fits": list(mark.fits),
            }
            for mark in report.marks
        ],
    }


def write_json(reports: Sequence[Report], path: str | Path) -> None:
    text = json.dumps([as_data(report) for report in reports], indent=1, ensure_ascii=False)
    Path(path).write_text(text, encoding="utf8")


def write_junit(reports: Sequence[Report], path: str | Path) -> None:
    Path(path).write_bytes(junit((report.path.name, as_data(report)) for report in reports))


def junit(results: Iterable[tuple[str, dict[str, Any]]]) -> bytes:
    """A suite a notebook, a case a task, as JUnit's readers expect them; of names and what `as_data` says."""
    root = ElementTree.Element("testsuites")
    for name, data in results:
        name, tasks, refused = printable(name), data["tasks"], data["refused"]
        failures = sum(not task["points"] for task in tasks) + (refused is not None)
        suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(tasks) or 1), failures=str(failures))
        for task in tasks:
            title, seconds = f"{task['number']} {task['title']}", f"{task['seconds']:.2f}"
            case = ElementTree.SubElement(suite, "testcase", classname=name, name=title, time=seconds)
            if not task["points"]:
                first = printable(task["feedback"].split("\n")[0])
                ElementTree.SubElement(case, "failure", message=first).text = printable(task["feedback"])
        if refused is not None:
            case = ElementTree.SubElement(suite, "testcase", classname=name, name="notebook")
            ElementTree.SubElement(case, "failure", message=printable(refused))
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def printable(text: str) -> str:
    """Without the control characters that XML forbids."""
    return "".join(c for c in text if c in "\n\t" or c.isprintable())


def write_html(reports: Sequence[Report], path: str | Path) -> None:
    page = Environment(autoescape=True).from_string(PAGE).render(reports=reports)
    Path(path).write_text(page, encoding="utf8")
