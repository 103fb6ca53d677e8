"""Reads a learner's notebook: which exercise it is, and which code makes the answer to a task.

The file is never run. For each task the cell that defines the answer is taken, and with it the cells that define what
it uses, wherever they stand; everything else in the notebook (outputs, tags, metadata, other cells) is not looked at.
So an answer is found by what it defines, whatever an editor did to ids and metadata.
"""

import ast
import builtins
import json
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .needs import needs
from .varied import NAME

if TYPE_CHECKING:
    from .task import Task

EXERCISES = Path(__file__).parent / "exercises"
NAMES = tuple(path.stem.removeprefix("ch").replace("_", "-") for path in sorted(EXERCISES.glob("ch*.py")))
SIZE = 250 * 2**20  # bytes of a file that is read
MARK = re.compile(r"<!-- exercises ([\w-]+), edition (\d+) -->")
VARIANT = re.compile(rf"^{NAME} = [\"'](\w{{1,64}})[\"']", re.MULTILINE)
ANSWER = re.compile(r"^\s*# Task (\d+\.\d+)\b", re.MULTILINE)
BLANK = "NotImplementedError"
RUNS_ITS_CELL = ("%%time", "%%timeit", "%%capture", "%%prun")


class NotAnExerciseError(ValueError):
    """The file is no notebook, or none of this course's exercises, or of another edition."""


@dataclass(frozen=True)
class Cell:
    """A code cell: its source, the names it binds at its top level, the names it uses, and what it imports."""

    source: str
    binds: frozenset[str]
    uses: frozenset[str]
    answers: str | None = None  # the number of the task in its first line
    blank: bool = False
    imports: frozenset[str] = frozenset()

    @classmethod
    def of(cls, source: str) -> "Cell":
        mark = ANSWER.search(source)
        number = mark[1] if mark else None
        try:
            code = plain(source)
            tree = ast.parse(code)
            binds, uses = _names(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # for the learner to see, if it is the answer
            found = re.findall(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=", source, re.MULTILINE)
            return cls(source, frozenset(name for pair in found for name in pair if name), frozenset(), number)
        if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body):
            binds.add("*")
        uses |= {*_of_magics(tree)}
        return cls(source, frozenset(binds), frozenset(uses), number, _is_blank(tree), frozenset(_imports(tree)))


@dataclass(frozen=True)
class Submission:
    """The code cells of a notebook, and what it says about itself."""

    path: Path
    cells: list[Cell]
    exercise: str | None = None
    edition: int | None = None
    numbers: frozenset[str] = field(default_factory=frozenset)  # of the tasks that are marked in it
    needs: list[str] = field(default_factory=list)  # what has to be loaded for its cells to run quickly

    @property
    def may_be_one(self) -> bool:
        """Whether anything in it, or its name, speaks of an exercise."""
        return self.exercise is not None or bool(self.numbers) or self.path.name.startswith(NAMES)

    @property
    def variant(self) -> str:
        """Whose numbers the notebook says that it has; ``""``: the book's."""
        found = [mark[1] for cell in self.cells if NAME in cell.binds and (mark := VARIANT.search(cell.source))]
        return found[-1] if found else ""

    def code(self, task: "Task") -> list[str] | None:
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
        for name in sorted(cell.uses):
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
    cells, sources = [], [*_sources(content["cells"])]
    for kind, source in sources:
        if kind == "code":
            cells.append(Cell.of(source))
        elif kind == "markdown" and exercise is None and (mark := MARK.search(source)):
            exercise, edition = mark[1], int(mark[2])
    numbers = frozenset(cell.answers for cell in cells if cell.answers)
    needed = needs((name for cell in cells for name in cell.imports), (source for _, source in sources))
    return Submission(path, cells, exercise, edition, numbers, needed)


def _sources(cells: list[Any]) -> Iterator[tuple[str, str]]:
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        lines = source if isinstance(source, list) else [source]
        yield str(cell.get("cell_type")), "".join(line for line in lines if isinstance(line, str))


# -- names ------------------------------------------------------------------------------------------------------------
def plain(source: str) -> str:
    """The cell as Python: magics and commands become calls, and a cell magic that runs its cell is taken off."""
    from IPython.core.inputtransformer2 import TransformerManager

    first, _, rest = source.lstrip().partition("\n")
    if first.split(" ")[0] in RUNS_ITS_CELL:
        source = rest
    return str(TransformerManager().transform_cell(source))


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell gives a meaning at its top level, and those that it takes from elsewhere.

    Python's own tables decide: parameters, local names and the variables of comprehensions are neither.
    """
    top = symtable.symtable(source, "cell", "exec")
    binds = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    uses = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        tables += table.get_children()
        uses |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        binds |= {s.get_name() for s in table.get_symbols() if s.is_declared_global() and s.is_assigned()}
    return binds, {name for name in uses if not hasattr(builtins, name)}


def _of_magics(tree: ast.Module) -> Iterator[str]:
    """A line magic has its code in a string: ``%timeit helper(x)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run_line_magic":
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield from (name for text in texts[1:] for name in re.findall(r"[A-Za-z_]\w*", text))


def _imports(tree: ast.Module) -> Iterator[str]:
    """``torch.nn``, ``peft_course.load_lm``; what is imported relative to another module is nobody's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_blank(tree: ast.Module) -> bool:
    """Whether this is an answer cell as it was handed out: a function that raises, or a name set to ellipses."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for part in ast.walk(node):
                if isinstance(part, ast.Raise) and part.exc is not None and BLANK in ast.dump(part.exc):
                    return True
        elif isinstance(node, ast.Assign) and _is_ellipsis(node.value):
            return True
    return False


def _is_ellipsis(node: ast.expr) -> bool:
    """As `values.blank`, in the source."""
    parts = node.values if isinstance(node, ast.Dict) else node.elts if isinstance(node, ast.List) else []
    return (isinstance(node, ast.Constant) and node.value is ...) or (bool(parts) and all(map(_is_ellipsis, parts)))
