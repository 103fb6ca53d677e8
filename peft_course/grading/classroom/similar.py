"""Answers that are alike between learners, for the teacher: a reason to ask, and no proof.

Compared are the answers to tasks that ask for code, not notebooks. An answer is taken down to its words: without
comments, layout, imports, annotations and prints; without the names that its writer chose, and without the lines that
the exercise hands out. Two of them are as alike as the longest common subsequence of their words says (RapidFuzz's
indel similarity), or that of their sorted lines, if that is more. Short answers say nothing. What many have written, or
what the book has, is the usual answer, and is told as such.
"""

import ast
import inspect
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..exercises import EXERCISES
from ..submission import plain
from ..task import Task, value
from ..worker import PROJECT
from .gradebook import templates

ALIKE = 0.9  # from here on a pair is shown; book/teaching/variants.md says how often that is chance
WORDS = 30  # an answer of fewer words, without what is handed out, is not compared
USUAL = 0.05  # of a class, and more than three others: with so many answers like it, an answer is the usual one


@dataclass(frozen=True)
class Answer:
    learner: str
    source: str
    lines: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        return _words(self.lines)


@dataclass(frozen=True)
class Pair:
    task: str
    score: float
    one: str
    other: str
    one_s: str
    other_s: str


@dataclass(frozen=True)
class Alike:
    """What is alike in one task's answers. `usual`: who has one that many have; `book`: who has the book's."""

    task: str
    compared: int
    short: int
    pairs: tuple[Pair, ...]
    usual: tuple[str, ...]
    book: tuple[str, ...]


# -- what an answer says ----------------------------------------------------------------------------------------------
def lines(source: str, given: str = "") -> tuple[str, ...]:
    """The plain lines of an answer, without those of `given`, which is handed out with the task."""
    known, kept = Counter(_lines(given)), []
    for line in _lines(source):
        if known[line]:
            known[line] -= 1
        else:
            kept.append(line)
    return tuple(kept)


def _words(lines: Iterable[str]) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", "\n".join(lines))


def _lines(source: str) -> list[str]:
    """A line a statement, as Python itself would write it, with one name for all that the writer has named."""
    try:
        tree = ast.parse(plain(textwrap.dedent(source)))
        own = {name for node in ast.walk(tree) for name in _bound(node)}
        return ast.unparse(_Plain(own).visit(tree)).replace("    ", "").split("\n")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it does not run either
        return [line.split("#")[0].strip() for line in source.split("\n")]


def _bound(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        yield "." + node.attr
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name


class _Plain(ast.NodeTransformer):
    def __init__(self, own: set[str]) -> None:
        self.own = own

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        printed = isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") in (
            "print",
            "display",
            "check",
        )
        return None if printed or isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name, node.returns, node.decorator_list = "v", None, []
        return self.filled(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = "v"
        return self.filled(node)

    def filled(self, node: Any) -> ast.AST:
        """A body that has lost all its statements is still a body."""
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    visit_For = visit_If = visit_While = visit_With = visit_Try = filled  # noqa: N815

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg, node.annotation = "v", None
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = "v" if node.id in self.own else node.id
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = "v" if "." + node.attr in self.own else node.attr
        return self.generic_visit(node)


# -- what is alike ----------------------------------------------------------------------------------------------------
def alike(answers: Mapping[str, Mapping[str, str]]) -> list[Alike]:
    """What is alike in `answers`: by learner, and by the task's number, the code that answers it."""
    tasks = [task for exercise in EXERCISES for task in exercise.tasks if task.probe is not value]
    return [
        _alike(task, {learner: theirs[task.number] for learner, theirs in answers.items() if task.number in theirs})
        for task in tasks
        if sum(task.number in theirs for theirs in answers.values()) > 1
    ]


def _alike(task: Task, sources: Mapping[str, str]) -> Alike:
    given, solution = in_the_book(task)
    all_ = [Answer(learner, source, lines(source, given)) for learner, source in sorted(sources.items())]
    long = [answer for answer in all_ if len(answer.words) >= WORDS]
    scores = similarity([*(answer.lines for answer in long), lines(solution, given)])
    book = {i for i in range(len(long)) if scores[i][-1] >= ALIKE}
    found = [
        (i, j) for i in range(len(long)) for j in range(i) if scores[i][j] >= ALIKE and not (i in book and j in book)
    ]
    neighbours = Counter(place for pair in found for place in pair)
    usual = {i for i, times in neighbours.items() if times > max(3, USUAL * len(long))}
    name = f"{task.number} {task.title}"
    pairs = [
        Pair(name, float(scores[i][j]), long[j].learner, long[i].learner, long[j].source, long[i].source)
        for i, j in found
        if not (i in usual and j in usual)
    ]
    pairs.sort(key=lambda pair: (-pair.score, pair.one, pair.other))
    return Alike(
        name, len(long), len(all_) - len(long), tuple(pairs),
        tuple(long[i].learner for i in sorted(usual)), tuple(long[i].learner for i in sorted(book)),
    )  # fmt: skip


def similarity(answers: Sequence[Sequence[str]]) -> Any:
    """How alike each two answers, given by their lines, are: 0 to 1, and 0 for all below ALIKE. An array ``[N, N]``.

    Raises ValueError where RapidFuzz is not installed.
    """
    try:
        from rapidfuzz.distance import Indel
        from rapidfuzz.process import cdist
    except ImportError as error:
        raise ValueError(
            'answers are compared with RapidFuzz, which is not installed: pip install "peft-course[class]"'
        ) from error
    letters: dict[str, str] = {}  # a letter a word: so an answer is a text

    def compared(answers: Sequence[Sequence[str]]) -> Any:
        spelt = [
            "".join(letters.setdefault(word, chr(0x10000 + len(letters))) for word in _words(lines))
            for lines in answers
        ]
        return cdist(spelt, spelt, scorer=Indel.normalized_similarity, score_cutoff=ALIKE)

    return np.maximum(compared(answers), compared([sorted(lines) for lines in answers]))


def in_the_book(task: Task) -> tuple[str, str]:
    """What a task hands out and what answers it: of the notebooks, where the course is checked out; else the reference.

    An installed course has no notebooks; then nothing is known to be handed out, and the reference is the answer.
    """
    exercise = next(exercise.name for exercise in EXERCISES if task.number in {each.number for each in exercise.tasks})
    paths = [PROJECT / folder / f"{exercise}.ipynb" for folder in ("exercises", "solutions")]
    if all(path.is_file() for path in paths):
        given, solution = (_cell(path, task.number) for path in paths)
        return given, solution.split("### INSTEAD")[0]
    thing = task.reference
    return "", textwrap.dedent(inspect.getsource(thing)) if inspect.isfunction(thing) or inspect.isclass(thing) else ""


def _cell(path: Any, number: str) -> str:
    cells = json.loads(path.read_text(encoding="utf8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells)
    return next(source for source in sources if source.startswith(f"# Task {number}\n"))


# -- for the teacher --------------------------------------------------------------------------------------------------
def as_html(found: Sequence[Alike]) -> str:
    return templates().get_template("similar.html").render(found=found, alike=ALIKE, words=WORDS)


def as_json(found: Sequence[Alike]) -> str:
    about = {"alike from": ALIKE, "words at least": WORDS, "note": "a reason to ask, and no proof"}
    return json.dumps(about | {"tasks": [asdict(each) for each in found]}, indent=1, ensure_ascii=False)
