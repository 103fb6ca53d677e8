"""The verdict on an answer, and what the learner reads.

An answer is right when it gives what the task's reference gives, in every case. Where it does not, the mistake that
gives the same as the answer is the likely misunderstanding, and its sentence is part of the feedback.
"""

import copy
import inspect
import random
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch

from .comparing import described, difference, same
from .exercises import find
from .failures import failed
from .task import Mark, Probe, Task, call, value
from .values import NOTHING, Failure, blank, decode, encode
from .varied import NAME

ANOTHER_S = "the right answer for other numbers. Each notebook has its own; yours are in the text of your task."


class Answer(Protocol):
    """An answer somewhere: in this process, or in one of its own."""

    def __call__(self, *arguments: Any) -> Any:
        """What the task's probe gives for the answer and the arguments, as plain values, or a `Failure`."""


class Here:
    """An answer in this process: the reference, a mistake, or what a learner's own notebook has."""

    def __init__(self, thing: Any, probe: Probe) -> None:
        self.thing, self.probe = thing, probe

    def __call__(self, *arguments: Any) -> Any:
        given = [copy.deepcopy(a) if isinstance(a, torch.Tensor | list | dict) else a for a in arguments]
        try:
            return decode(encode(self.probe(self.thing, *given)))
        except (Exception, SystemExit) as error:
            return failed(error)


def known(task: Task, thing: Any) -> Here:
    """A task's reference or mistake as an answer; that of a prediction may be a function that computes it."""
    return Here(thing() if task.probe is value and callable(thing) else thing, task.probe)


def verdict(number: str, names: dict[str, Any], seed: int | None = None) -> Mark:
    """The mark for what `names`, a learner's own, has under the name that task `number` asks for."""
    variant = names.get(NAME)
    task = find(number).of(variant if isinstance(variant, str) else "")
    if task.name not in names or blank(names[task.name]):
        return Mark(task, False, NOTHING)
    seed = random.randrange(10**6) if seed is None else seed
    return judge(task, Here(names[task.name], task.probe), seed)


def judge(task: Task, answer: Answer, seed: int, others: Sequence[str] = ()) -> Mark:
    """Compare `answer` with the reference on the cases of `seed`.

    A wrong one that no mistake explains is compared with what is right in the variants `others`, and in the book.
    """
    reference = known(task, task.reference)
    seen: list[tuple[tuple[Any, ...], Any]] = []  # arguments and what the answer gave
    first: tuple[tuple[Any, ...], Any, Any] | None = None
    for arguments in task.arguments(seed):
        expected, got = reference(*arguments), answer(*arguments)
        if isinstance(expected, Failure):
            raise RuntimeError(f"the reference of task {task.number} fails: {expected}")
        if isinstance(got, Failure) and got.final:
            return Mark(task, False, str(got))
        seen.append((arguments, got))
        if first is None and not same(got, expected, task.tolerance):
            first = arguments, expected, got
    if first is None:
        cases = "" if task.probe is value else f" ({len(seen)} of {len(seen)} cases)"
        return Mark(task, True, f"passed{cases}")
    hint = _hint(task, seen) or _hint_on_parts(task, *first[1:])
    fits = () if hint or not task.variant else tuple(_fits(task, first[2], others))
    hint = ANOTHER_S if fits else hint
    return Mark(task, False, _feedback(task, *first, hint), hint, fits=fits)


def _fits(task: Task, got: Any, others: Sequence[str]) -> Iterator[str]:
    """The variants of a prediction for which it is right."""
    for other in ("", *others):
        elsewhere = find(task.number).of(other)
        if other != task.variant and same(got, known(elsewhere, elsewhere.reference)(), task.tolerance):
            yield other


def _hint(task: Task, seen: list[tuple[tuple[Any, ...], Any]]) -> str | None:
    """That of the mistake which gives what the answer gave, in every case."""
    for mistake in task.mistakes:
        wrong = known(task, mistake.wrong)
        if all(same(got, wrong(*arguments), task.tolerance) for arguments, got in seen):
            return mistake.hint
    return None


def _hint_on_parts(task: Task, expected: Any, got: Any) -> str | None:
    """For a prediction of several entries: the hints of the mistakes whose wrong entries are all in the answer."""
    if not (task.probe is value and isinstance(expected, dict) and isinstance(got, dict)):
        return None
    if got.keys() != expected.keys():
        return None
    wrong = {key for key in expected if not same(got[key], expected[key], task.tolerance)}
    hints = []
    for mistake in task.mistakes:
        other = known(task, mistake.wrong)()
        if not isinstance(other, dict) or other.keys() != expected.keys():
            continue
        parts = {key for key in expected if not same(other[key], expected[key], task.tolerance)}
        if parts <= wrong and all(same(got[key], other[key], task.tolerance) for key in parts):
            wrong -= parts  # explained
            hints.append(mistake.hint)
    return " ".join(hints) or None


def _feedback(task: Task, arguments: tuple[Any, ...], expected: Any, got: Any, hint: str | None) -> str:
    lines = [f"wrong: {difference(got, expected, task.tolerance)}"]
    if task.probe is value:  # the right value would end the thinking
        lines = [f"wrong: {_without_the_answer(got, expected, task.tolerance)}"]
    if isinstance(got, Failure):
        lines = [str(got)]
    if arguments:
        lines.append("given: " + ", ".join(_given(task, arguments)))
    if hint:
        lines.append(f"this looks like: {hint}")
    return "\n    ".join(lines)


def _without_the_answer(got: Any, expected: Any, tolerance: float) -> str:
    if isinstance(got, dict) and isinstance(expected, dict):
        if got.keys() != expected.keys():
            return f"its keys are {described(list(got))}, expected {described(list(expected))}"
        wrong = sum(not same(got[key], expected[key], tolerance) for key in expected)
        return f"{wrong} of {len(expected)} entries are not right"
    if isinstance(got, list) and isinstance(expected, list) and len(got) != len(expected):
        return f"gave {len(got)} entries, expected {len(expected)}"
    return f"{described(got)} is not right"


def _given(task: Task, arguments: tuple[Any, ...]) -> Iterator[str]:
    try:
        source = task.reference if task.probe is call else task.probe
        names = list(inspect.signature(source).parameters)[0 if task.probe is call else 1 :]
    except (TypeError, ValueError):
        names = []
    for i, argument in enumerate(arguments):
        yield f"{names[i]} = {described(argument)}" if i < len(names) else described(argument)
