"""A class's results as marks: CSV, JSON and JUnit's XML, a page for each learner, a summary for the teacher."""

import csv
import hashlib
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader

from ..exercises import EXERCISES
from ..report import junit
from .handed_in import HandedIn, LeftOut
from .late import Arrival, Policy
from .run import Result


@dataclass(frozen=True)
class Mark:
    """A learner's mark for one exercise: of the files handed in for it, the one with the most points."""

    learner: str
    exercise: str
    points: float
    out_of: int
    file: str
    refused: str | None = None
    tasks: list[dict[str, Any]] = field(default_factory=list)
    others: tuple[str, ...] = ()  # the files that do not count
    deduction: float = 0.0  # taken off already, because it came late
    handed_in: str = ""  # the time, where a late policy asked for it
    late: str = ""  # what the policy says, in words
    look: bool = False  # at the time: it is not known, or not sure

    @property
    def percent(self) -> float:
        return round(100 * self.points / self.out_of, 1) if self.out_of else 0.0

    @property
    def earned(self) -> float:
        return round(self.points + self.deduction, 2)

    @property
    def deducted(self) -> str:
        """A sentence on what was taken off; empty where nothing was."""
        return f"{self.earned:g} earned, {self.deduction:g} taken off: {self.late}." if self.deduction else ""


def marks(
    handed_in: Sequence[HandedIn],
    results: Mapping[str, Result],
    policy: Policy | None = None,
    arrivals: Mapping[str, Arrival] = MappingProxyType({}),
) -> list[Mark]:
    """One for each learner and exercise, and one for each file that is no exercise; by learner, then by exercise.

    With a late `policy`, points are what it leaves of those earned, by the `arrivals` of files.
    """
    files: dict[tuple[str, str], list[tuple[HandedIn, Result]]] = defaultdict(list)
    for each in handed_in:
        result = results[each.key]
        files[each.learner, result["exercise"] or f"({each.where})"].append((each, result))
    return [
        _best([_after(_mark(learner, file, result), policy, arrivals.get(file.where)) for file, result in found])
        for (learner, _), found in sorted(files.items())
    ]


def _mark(learner: str, file: HandedIn, result: Result) -> Mark:
    name = result["exercise"] or ""
    return Mark(learner, name, result["points"], result["out_of"], file.where, result["refused"], result["tasks"])


def _after(mark: Mark, policy: Policy | None, arrival: Arrival | None) -> Mark:
    if policy is None or arrival is None or not mark.exercise:
        return mark
    lateness = policy.judge(mark.learner, mark.exercise, arrival)
    points = round(mark.points * lateness.share, 2)
    when = arrival.when.astimezone(policy.zone).isoformat(" ", "seconds") if arrival.when else ""
    deduction = round(mark.points - points, 2)
    return replace(mark, points=points, deduction=deduction, handed_in=when, late=lateness.note, look=lateness.look)


def _best(marks: list[Mark]) -> Mark:
    """The one with the most points counts; after deductions, so a late second try takes nothing from the first."""
    best = max(marks, key=lambda mark: (mark.points, mark.file))
    return replace(best, others=tuple(mark.file for mark in marks if mark is not best))


# -- for programs -----------------------------------------------------------------------------------------------------
def as_csv(marks: Sequence[Mark]) -> str:
    """A row a mark. A spreadsheet runs what begins with =, +, - or @: such names get an apostrophe in front."""
    text = io.StringIO()
    rows = csv.writer(text)
    columns = ["learner", "exercise", "points", "out of", "percent", "file", "not graded because"]
    timed = any(mark.late for mark in marks)
    rows.writerow([*columns, *(["points earned", "deduction", "handed in", "late"] if timed else [])])
    for mark in marks:
        row = [mark.learner, mark.exercise, mark.points, mark.out_of, mark.percent, mark.file, mark.refused or ""]
        row += [mark.earned, mark.deduction, mark.handed_in, mark.late] if timed else []
        rows.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def harmless(cell: str) -> str:
    cell = " ".join(cell.split())
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell


def as_json(marks: Sequence[Mark], left_out: Sequence[LeftOut]) -> str:
    content = {"marks": [asdict(mark) | {"percent": mark.percent} for mark in marks]}
    return json.dumps(content | {"left out": [asdict(each) for each in left_out]}, indent=1, ensure_ascii=False)


def as_junit(marks: Sequence[Mark]) -> bytes:
    return junit((f"{mark.learner}: {mark.exercise or mark.file}", asdict(mark)) for mark in marks)


# -- for people -------------------------------------------------------------------------------------------------------
def pages(marks: Sequence[Mark]) -> dict[str, str]:
    """A page for each learner, by its file's name; nothing of another learner is on it."""
    template = templates().get_template("feedback.html")
    of: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        of[mark.learner].append(mark)
    return {file_name(learner): template.render(learner=learner, marks=theirs) for learner, theirs in of.items()}


def file_name(learner: str) -> str:
    """A name that every system takes, and no two learners share."""
    plain = re.sub(r"[^\w]+", "-", learner).strip("-")[:60] or "learner"
    return f"{plain}-{hashlib.sha256(learner.encode(errors='surrogateescape')).hexdigest()[:6]}.html"


def summary(marks: Sequence[Mark], left_out: Sequence[LeftOut]) -> str:
    """For the teacher: which tasks fail, which misunderstandings are common, how long answers took."""
    return templates().get_template("summary.html").render(
        learners=len({mark.learner for mark in marks}),
        exercises=[_about(exercise.name, marks) for exercise in EXERCISES],
        refused=[mark for mark in marks if mark.refused],
        unsure=[mark for mark in marks if mark.look],
        left_out=left_out,
    )  # fmt: skip


def _about(name: str, marks: Sequence[Mark]) -> dict[str, Any]:
    theirs = [mark for mark in marks if mark.exercise == name and not mark.refused]
    tasks: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for mark in theirs:
        for task in mark.tasks:
            tasks[f"{task['number']} {task['title']}"].append(task)
    return {
        "name": name,
        "handed_in": len(theirs),
        "percent": sum(mark.percent for mark in theirs) / len(theirs) if theirs else 0,
        "tasks": [
            {
                "name": task,
                "solved": sum(bool(one["points"]) for one in given),
                "attempted": sum(one["feedback"] != "not attempted" for one in given),
                "seconds": sorted(one["seconds"] for one in given)[len(given) // 2],
                "longest": max(one["seconds"] for one in given),
                "hints": Counter(one["hint"] for one in given if one["hint"]).most_common(3),
            }
            for task, given in tasks.items()
        ],
    }


def templates() -> Environment:
    return Environment(loader=PackageLoader("peft_course.grading.classroom", "pages"), autoescape=True)
