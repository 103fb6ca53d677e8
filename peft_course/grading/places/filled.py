"""What Moodle's and Canvas's tables of grades have in common: marks come in, and what could not be done is named."""

import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..classroom.gradebook import Mark

NUMBER = re.compile(r"\((\d+)\)$")  # behind a learner's name, where the download had it


@dataclass(frozen=True)
class Filled:
    """The new table, how many grades it has of ours, and a sentence for each thing that was not done."""

    content: bytes
    grades: int
    notes: tuple[str, ...]


def read_marks(folder: Path, exercise: str | None = None) -> list[Mark]:
    """The marks of one exercise, and the files that were refused, that ``peft-course class --out FOLDER`` wrote.

    Raises ValueError where there are none, or several exercises and no word which.
    """
    path, marks = _path(folder), all_marks(folder)
    names = sorted({mark.exercise for mark in marks} - {""})
    if exercise is None and len(names) == 1:
        exercise = names[0]
    if exercise not in names:
        told = f"{exercise} is not among them" if exercise else "say which one with --exercise"
        raise ValueError(f"{path} has marks of {', '.join(names) or 'no exercise'}: {told}")
    return [mark for mark in marks if mark.exercise in (exercise, "")]


def all_marks(folder: Path) -> list[Mark]:
    """The marks of all exercises. Raises ValueError where they are not there."""
    path = _path(folder)
    try:
        return [_mark(each) for each in json.loads(path.read_text(encoding="utf8"))["marks"]]
    except FileNotFoundError:
        raise ValueError(f"{path} is not there; name the folder that peft-course class --out wrote") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not what peft-course class writes: {error}") from None


def _path(folder: Path) -> Path:
    return folder / "marks.json" if folder.is_dir() else folder


def _mark(content: dict[str, Any]) -> Mark:
    fields = {name: value for name, value in content.items() if name in Mark.__dataclass_fields__}
    return Mark(**fields | {"others": tuple(content["others"])})


def by_number(marks: Sequence[Mark]) -> tuple[dict[str, Mark], list[str]]:
    """The best mark of each number, and notes on those that have none or share one.

    A file that was refused gives way to a mark.
    """
    found: dict[str, Mark] = {}
    names: dict[str, set[str]] = defaultdict(set)
    notes: list[str] = []
    for mark in sorted(marks, key=lambda mark: (mark.refused is None, mark.points)):
        if number := NUMBER.search(mark.learner):
            found[number[1]] = mark
            names[number[1]].add(mark.learner)
        else:
            notes.append(f"{mark.learner}: no number behind the name, so no row to match ({mark.file})")
    for several in names.values():
        if len(several) > 1:
            notes.append(f"{' and '.join(sorted(several))} have one number; the better mark is taken")
    return found, notes


def scaled(mark: Mark, most: str) -> str:
    """The points on the place's scale: 7 of 8 are 87.5 where it has 100. Without a scale, the points themselves."""
    top = number(most)
    value = mark.points * top / mark.out_of if top and mark.out_of else mark.points
    return f"{value:.2f}".rstrip("0").rstrip(".")


def number(text: str) -> float | None:
    """Of a cell: ``100.00``, ``100,00``, ``1,000.00``; None where it is none."""
    plain = text.strip().replace(" ", "").replace("\u00a0", "")
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", plain):
        plain = plain.replace(",", "")
    plain = plain.replace(",", ".")
    return float(plain) if re.fullmatch(r"\d+(\.\d+)?", plain) else None


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
