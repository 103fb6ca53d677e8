"""Answers that are alike: a disguise does not hide a copy, independent answers are let alone, and nothing is proved.

`tests/answers/` has two right answers a task in other styles than the solution's. They are the independent ones.
"""

import ast
import importlib
import itertools
import json
import random
from typing import Any

import pytest

from peft_course.grading.classroom import similar
from peft_course.grading.classroom.similar import ALIKE, WORDS, alike, as_html, as_json, in_the_book, lines
from peft_course.grading.exercises import EXERCISES
from peft_course.grading.task import Task, value

pytest.importorskip("rapidfuzz")

TASKS = [task for exercise in EXERCISES for task in exercise.tasks if task.probe is not value]
ONE = """
def nearest(vectors, matrix):
    found = []
    for v in vectors:
        scores = [float(v @ row / row.norm()) for row in matrix]
        found.append(scores.index(max(scores)))
    return torch.tensor(found)
"""
DISGUISED = '''
from math import *

def nearest(tokens: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """My own work."""
    result = []                         # empty at first
    for token in tokens:
        print("looking at", token)
        values = [
            float(token @ w / w.norm())
            for w in table
        ]
        result.append(
            values.index(max(values)))
    return (torch.tensor(result))
'''
OTHER = """
def nearest(vectors, matrix):
    lengths = matrix.norm(dim=1, keepdim=True)
    products = torch.einsum("pd,vd->pv", vectors, matrix / lengths)
    return products.topk(k=1, dim=1).indices.squeeze(1)
"""


def answers_to(task: Task) -> list[str]:
    _, solution = in_the_book(task)
    return [solution, *importlib.import_module(f"answers.ch{int(task.number.split('.')[0]):02}").ANSWERS[task.number]]


def score(one: str, other: str, given: str = "") -> float:
    return float(similar.similarity([lines(one, given), lines(other, given)])[0][1])


def words(source: str, given: str = "") -> int:
    return len(similar._words(lines(source, given)))


def class_of(**sources: str) -> Any:
    found = alike({learner: {"4.6": source} for learner, source in sources.items()})
    return found[0]


# -- copies -----------------------------------------------------------------------------------------------------------
def test_other_names_comments_layout_annotations_and_prints_do_not_hide_a_copy() -> None:
    (pair,) = class_of(Ada=ONE, Bob=DISGUISED, Eve=OTHER).pairs
    assert (pair.one, pair.other, pair.score) == ("Ada", "Bob", 1.0)
    assert pair.one_s == ONE and pair.other_s == DISGUISED


class Returned(ast.NodeTransformer):
    """Gives each result a name before it is returned."""

    def visit_Return(self, node: ast.Return) -> Any:
        if node.value is None:
            return node
        return [ast.Assign([ast.Name("named", ast.Store())], node.value), ast.Return(ast.Name("named", ast.Load()))]


class Padded(ast.NodeTransformer):
    """Puts a statement in front that does nothing, and exchanges the first two."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        first, *rest = node.body
        if rest and not isinstance(rest[0], ast.Return):
            node.body = [rest[0], first, *rest[1:]]
        node.body = [*ast.parse("count = 0").body, *node.body]
        return node


@pytest.mark.parametrize("disguise", [Returned, Padded])
def test_small_changes_do_not_hide_a_copy(disguise: type[ast.NodeTransformer]) -> None:
    long = [
        (task, source) for task in TASKS for source in answers_to(task) if words(source, in_the_book(task)[0]) >= WORDS
    ]
    assert len(long) > 100
    found = 0
    for task, source in long:
        given, _ = in_the_book(task)
        changed = ast.unparse(ast.fix_missing_locations(disguise().visit(ast.parse(source))))
        found += score(source, changed, given) >= ALIKE
    assert found / len(long) >= 0.95


# -- independent answers ----------------------------------------------------------------------------------------------
def test_independent_right_answers_are_not_taken_for_copies() -> None:
    compared = wrong = 0
    for task in TASKS:
        given, _ = in_the_book(task)
        for one, other in itertools.combinations(answers_to(task), 2):
            if min(words(one, given), words(other, given)) >= WORDS:
                compared += 1
                wrong += score(one, other, given) >= ALIKE
    assert compared > 120 and wrong == 0, f"{wrong} of {compared}"


def test_what_the_exercise_hands_out_does_not_count() -> None:
    task = next(task for task in TASKS if task.number == "13.3")
    given, _ = in_the_book(task)
    assert given and lines(given, given) == ()
    assert words(given) > WORDS > words(given.replace("* from_rows", "/ from_rows"), given)


def test_short_answers_say_nothing() -> None:
    short = "def nearest(vectors, matrix):\n    return (vectors @ matrix.T).argmax(1)"
    found = class_of(Ada=short, Bob=short)
    assert found.pairs == () and (found.compared, found.short) == (0, 2)


def test_predictions_are_left_to_the_variants() -> None:
    assert alike({"Ada": {"4.1": "numbers = 15360"}, "Bob": {"4.1": "numbers = 15360"}}) == []


def test_what_many_have_written_is_the_usual_answer_and_no_pair() -> None:
    many = {f"learner {i}": ONE for i in range(6)}
    found = class_of(**many, Eve=OTHER)
    assert found.pairs == () and set(found.usual) == set(many)


def test_the_book_s_answer_is_told_as_the_book_s() -> None:
    task = next(task for task in TASKS if task.number == "13.2")
    _, solution = in_the_book(task)
    (found,) = alike({"Ada": {"13.2": solution}, "Bob": {"13.2": solution}})
    assert found.pairs == () and found.book == ("Ada", "Bob")


@pytest.mark.parametrize("source", ["def nearest(:\n" + " x" * 40, "(" * 5000, "\0", "class", "x = '\\ud800'" * 30])
def test_an_answer_that_cannot_be_read_stops_nothing(source: str) -> None:
    found = class_of(Ada=source, Bob=ONE, Eve=DISGUISED)
    assert [(pair.one, pair.other) for pair in found.pairs] == [("Bob", "Eve")]


# -- what the teacher reads -------------------------------------------------------------------------------------------
def test_the_report_escapes_what_learners_wrote_and_says_that_it_proves_nothing() -> None:
    evil = ONE + '\nmarkup = "</pre><script>alert(1)</script>"'
    found = [class_of(**{"<b>Ada</b>": evil, "Bob": evil})]
    page, data = as_html(found), json.loads(as_json(found))
    assert "<script>" not in page and "&lt;script&gt;" in page and "<b>Ada" not in page
    assert "no proof" in page and data["note"].endswith("no proof")
    (pair,) = data["tasks"][0]["pairs"]
    assert pair["one_s"] == evil and pair["score"] == 1.0 and data["tasks"][0]["task"].startswith("4.6 ")


def test_without_rapidfuzz_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(importlib.import_module("sys").modules, "rapidfuzz.distance", None)
    with pytest.raises(ValueError, match=r'pip install "peft-course\[class\]"'):
        score(ONE, OTHER)


@pytest.mark.slow
def test_in_a_class_of_three_hundred_the_usual_answers_make_no_thousands_of_pairs() -> None:
    tasks, draw = [task for task in TASKS if task.number.startswith("13.")], random.Random(0)
    answers = {
        f"learner {i}": {task.number: draw.choice(answers_to(task)) + f"\nx{i} = {i}" for task in tasks}
        for i in range(300)
    }
    for found in alike(answers):
        assert found.pairs == () and len(found.usual) + len(found.book) == found.compared > 90
