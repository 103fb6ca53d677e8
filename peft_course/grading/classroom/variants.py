"""Notebooks with numbers of each learner's own, and the answers that are right for somebody else's."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..exercises import Exercise
from ..task import Task
from ..varied import NAME
from ..worker import PROJECT
from .gradebook import Mark, harmless
from .roster import Learner, Roster

HEAD = re.compile(r"## (\d+\.\d+) ")


def handed_out(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The notebook of an exercise as the book has it, out of `folder`; else out of the course's checkout.

    Raises ValueError where it is not there.
    """
    path = (folder or PROJECT / "exercises") / f"{name}.ipynb"
    if not path.is_file():
        raise ValueError(f"there is no {path}; download {name}.ipynb from the book and name its folder: --notebooks")
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf8"))
    return notebook


def write_notebooks(roster: Roster, exercise: Exercise, out: Path, folder: Path | None = None) -> list[Path]:
    """One notebook a learner, ``out/Ada-Lovelace-1f2e3d/04-soft-prompts.ipynb``; the paths."""
    blank, paths = handed_out(exercise.name, folder), []
    for learner in roster.learners:
        path = out / learner.folder / f"{exercise.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        made = notebook_of(learner, exercise, blank)
        path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
        paths.append(path)
    return paths


def notebook_of(learner: Learner, exercise: Exercise, notebook: dict[str, Any]) -> dict[str, Any]:
    """The exercise's notebook with the learner's numbers in its texts, and a cell that tells `check` whose they are."""
    changes = {
        task.number: list(zip(task.phrases, task.of(learner.variant).phrases, strict=True)) for task in exercise.tasks
    }
    cells, number = [], None
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            if head := HEAD.match(source):
                if number is None:
                    cells.append(_whose(learner))
                number = head[1]
            asked = changes.get(number or "", [])
            for change in [each for each in asked if each[0] in source]:
                source = source.replace(*change)
                asked.remove(change)
        cells.append({**cell, "source": source.splitlines(keepends=True)})
    if left := [book for of_task in changes.values() for book, _ in of_task]:
        raise ValueError(f"the notebook of {exercise.name} does not say {left[0]!r}: it is of another version")
    return {**notebook, "cells": cells}


def _whose(learner: Learner) -> dict[str, Any]:
    source = [f"# The numbers in this notebook are those of {learner.name}; keep this cell.\n"]
    source.append(f'{NAME} = "{learner.variant}"')
    return {
        "cell_type": "code", "id": "variant", "metadata": {}, "execution_count": None, "outputs": [], "source": source
    }  # fmt: skip


def varies(exercise: Exercise) -> list[Task]:
    return [task for task in exercise.tasks if task.numbers is not None]


def foreign(marks: Sequence[Mark], roster: Roster) -> list[dict[str, str]]:
    """The wrong answers that are right for somebody else's numbers, and for whose; for the teacher alone."""
    return [
        {
            "learner": mark.learner,
            "exercise": mark.exercise,
            "task": f"{task['number']} {task['title']}",
            "right for": "; ".join(sorted(roster.named(variant) for variant in task["fits"])),
        }
        for mark in marks
        for task in mark.tasks
        if task.get("fits")
    ]


def as_csv(rows: Iterable[dict[str, str]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, ["learner", "exercise", "task", "right for"])
    table.writeheader()
    table.writerows({name: harmless(cell) for name, cell in row.items()} for row in rows)
    return text.getvalue()
