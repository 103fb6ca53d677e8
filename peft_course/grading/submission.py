"""Reads a learner's notebook: which exercise it is, and which code makes the answer to a task.

The file is never run. For each task the cell that defines the answer is taken, and with it the cells that define what
it uses, wherever they stand; everything else in the notebook (outputs, tags, metadata, other cells) is not looked at.
So an answer is found by what it defines, whatever an editor did to ids and metadata.
"""

import ast
import builtins
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .task import Task

SIZE = 250 * 2**20  # bytes of a file that is read
MARK = re.compile(r"<!-- exercises ([\w-]+), edition (\d+) -->")
ANSWER = re.compile(r"^\s*# Task (\d+\.\d+)\b")
BLANK = "NotImplementedError"


class NotAnExerciseError(ValueError):
    """The file is no notebook, or none of this course's exercises, or of another edition."""


@dataclass(frozen=True)
class Cell:
    """A code cell: its source, the names it binds at its top level, the names it uses."""

    source: str
    binds: frozenset[str]
    uses: frozenset[str]
    answers: str | None = None  # the number of the task in its first line
    blank: bool = False

    @classmethod
    def of(cls, source: str) -> "Cell":
        mark = ANSWER.match(source)
        tree = _parsed(source)
        if tree is None:  # a syntax error is for the learner to see, if this is the answer
            binds = frozenset(re.findall(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=", source, re.MULTILINE) or [])
            binds = frozenset(name for pair in binds for name in pair if name)
            return cls(source, binds, frozenset(), mark[1] if mark else None)
        binds, uses = frozenset(_binds(tree.body)), frozenset(_uses(tree))
        return cls(source, binds, uses, mark[1] if mark else None, _is_blank(tree))


@dataclass(frozen=True)
class Submission:
    """The code cells of a notebook, and what it says about itself."""

    path: Path
    cells: list[Cell]
    exercise: str | None = None
    edition: int | None = None
    numbers: frozenset[str] = field(default_factory=frozenset)  # of the tasks that are marked in it

    def code(self, task: Task) -> list[str] | None:
        """The cells that make the answer to `task`, in an order that runs; None if nothing defines it."""
        places = [i for i, cell in enumerate(self.cells) if task.name in cell.binds]
        if not places:
            return None
        wanted = [i for i in places if self.cells[i].answers == task.number and not self.cells[i].blank]
        wanted = wanted or [i for i in places if not self.cells[i].blank] or places
        answer = wanted[-1]
        chosen: list[int] = []
        self._collect(answer, chosen, set())
        stars = [i for i, cell in enumerate(self.cells) if "*" in cell.binds and i not in chosen]
        return [self.cells[i].source for i in [*stars, *chosen]]

    def _collect(self, place: int, chosen: list[int], on_the_way: set[int]) -> None:
        """Before the cell at `place`, the cells that define what it uses."""
        on_the_way.add(place)
        cell = self.cells[place]
        for name in sorted(cell.uses - cell.binds | cell.uses & cell.binds):
            source = self._definition(name, place)
            if source is not None and source not in on_the_way and source not in chosen:
                self._collect(source, chosen, on_the_way)
        if place not in chosen:
            chosen.append(place)

    def _definition(self, name: str, place: int) -> int | None:
        """The cell whose `name` the cell at `place` sees: the last one above that binds it, else the first below."""
        if name in self.cells[place].binds:
            return None
        above = [i for i in range(place) if name in self.cells[i].binds]
        below = [i for i in range(place + 1, len(self.cells)) if name in self.cells[i].binds]
        if above:
            done = [i for i in above if not self.cells[i].blank]
            return (done or above)[-1]
        return below[0] if below else None


def read(path: Path) -> Submission:
    """Raises NotAnExerciseError with one sentence when the file is not a notebook of format 4."""
    try:
        if path.stat().st_size > SIZE:
            raise NotAnExerciseError(f"{path.name} is larger than {SIZE >> 20} MB; clear its outputs and save it again")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise NotAnExerciseError(f"{path.name} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise NotAnExerciseError(
            f"{path.name} is not a notebook: {' '.join(str(error).split())[:120]}; save it again, or download it anew"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise NotAnExerciseError(f"{path.name} is not a notebook of format 4: it has no list of cells")
    exercise = edition = None
    cells = []
    for kind, source in _sources(content["cells"]):
        if kind == "code":
            cells.append(Cell.of(source))
        elif kind == "markdown" and exercise is None and (mark := MARK.search(source)):
            exercise, edition = mark[1], int(mark[2])
    return Submission(path, cells, exercise, edition, frozenset(c.answers for c in cells if c.answers))


def _sources(cells: list[Any]) -> Iterator[tuple[str, str]]:
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        lines = source if isinstance(source, list) else [source]
        yield str(cell.get("cell_type")), "".join(line for line in lines if isinstance(line, str))


# -- names ------------------------------------------------------------------------------------------------------------
def _parsed(source: str) -> ast.Module | None:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _binds(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements at the top level give a meaning, in `if`, `for`, `with` and `try` too."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id
            elif isinstance(part, ast.FunctionDef | ast.ClassDef):
                yield part.name
            elif isinstance(part, ast.Import | ast.ImportFrom):
                yield from (alias.asname or alias.name.split(".")[0] for alias in part.names)


def _uses(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not hasattr(builtins, node.id):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 10_000:
            yield from re.findall(r"\b[A-Za-z_]\w*\b", node.value) if _is_magic(node.value) else ()


def _is_magic(text: str) -> bool:
    """The argument of a magic is code in a string: ``%timeit helper(x)``."""
    return "(" in text


def _is_blank(tree: ast.Module) -> bool:
    """Whether this is an answer cell as it was handed out: a function that raises, or a name set to an ellipsis."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for part in ast.walk(node):
                if isinstance(part, ast.Raise) and part.exc is not None and BLANK in ast.dump(part.exc):
                    return True
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is ...:
            return True
    return False
