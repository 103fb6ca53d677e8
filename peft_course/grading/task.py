"""What a task asks for, and how an answer to it is judged: by its values on inputs drawn at random.

A task names what the answer must define, knows the right thing under that name (`reference`) and the wrong ones that
learners write (`mistakes`), and draws inputs. An answer is right when it gives what the reference gives. Where it does
not, the mistake that gives the same as the answer is the likely misunderstanding, and its sentence is the feedback.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from .values import Failure, Opaque

Probe = Callable[..., Any]


class Draw:
    """Random inputs for one case, from a seed: another case is another `Draw`."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def integer(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)

    def tokens(self, *shape: int, vocabulary: int) -> Tensor:
        return torch.randint(vocabulary, shape, generator=self.generator)

    def permutation(self, n: int) -> list[int]:
        return [int(i) for i in torch.randperm(n, generator=self.generator)]

    def choice(self, items: Any) -> Any:
        return items[self.integer(0, len(items) - 1)]


def call(answer: Any, *arguments: Any) -> Any:
    """The usual probe: the answer is a function, and is called."""
    return answer(*arguments)


def value(answer: Any) -> Any:
    """The probe of a prediction: the answer is a value, and is looked at."""
    return answer


def no_arguments(draw: Draw) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners write: `wrong` stands where the answer would, `hint` says what it mixes up."""

    hint: str
    wrong: Any


@dataclass(frozen=True)
class Task:
    """One task of an exercise.

    number: ``"4.1"``, the chapter and the place in it. name: what the answer defines. reference: the right thing under
    that name. draw: one case's arguments, of a `Draw`. mistakes: at least three. probe: what is done with the answer
    and the arguments, `call` for a function, `value` for a prediction (where reference and mistakes may be functions
    that compute the value); its source is sent to where the answer lives, so it imports what it needs beyond torch and
    peft_course. seconds: the time limit for the answer's code, all cases
    together. models: the shipped models that the arguments contain.
    """

    number: str
    title: str
    name: str
    reference: Any
    mistakes: tuple[Mistake, ...]
    draw: Callable[[Draw], tuple[Any, ...]] = no_arguments
    probe: Probe = call
    points: int = 1
    cases: int = 6
    seconds: float = 20
    models: tuple[str, ...] = ()
    tolerance: float = 1e-4

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process by its number: what it is made of cannot be."""
        return _found, (self.number,)

    def arguments(self, seed: int) -> Iterator[tuple[Any, ...]]:
        """The arguments of each case; a prediction has one case without any."""
        cases = 1 if self.probe is value else self.cases
        return (self.draw(Draw(seed + case)) for case in range(cases))


def _found(number: str) -> Task:
    from .exercises import find

    return find(number)


class Answer(Protocol):
    """An answer somewhere: in this notebook, or in a process of its own."""

    def __call__(self, *arguments: Any) -> Any:
        """What the task's probe gives for the answer and the arguments, as plain values, or a `Failure`."""


@dataclass(frozen=True)
class Mark:
    """The verdict on one answer, and what the learner reads. `hint` is the likely misunderstanding's sentence."""

    task: Task
    passed: bool
    feedback: str
    hint: str | None = None
    seconds: float = 0.0

    @property
    def points(self) -> int:
        return self.task.points if self.passed else 0

    def __str__(self) -> str:
        return f"{self.task.number} {self.task.title}: {self.feedback}"


def judge(task: Task, answer: Answer, right: Callable[[Any], Answer], seed: int) -> Mark:
    """Compare `answer` with the reference on the cases of `seed`.

    `right` makes an `Answer` of the reference or a mistake, in this process.
    """
    reference = right(_thing(task, task.reference))
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
    wrongs = ((mistake.hint, right(_thing(task, mistake.wrong))) for mistake in task.mistakes)
    hint = next((hint for hint, wrong in wrongs if _alike(wrong, seen, task.tolerance)), None)
    return Mark(task, False, _feedback(task, *first, hint), hint)


def _thing(task: Task, thing: Any) -> Any:
    """What stands under the answer's name: a prediction may be given as a function that computes it."""
    return thing() if task.probe is value and callable(thing) else thing


def _alike(wrong: Answer, seen: list[tuple[tuple[Any, ...], Any]], tolerance: float) -> bool:
    """Whether the mistake gives what the answer gave, in every case."""
    return all(same(got, wrong(*arguments), tolerance) for arguments, got in seen)


# -- equality ------------------------------------------------------------------------------------------------------
def same(got: Any, expected: Any, tolerance: float) -> bool:
    """Equal up to rounding; numbers, arrays and tensors of any kind are numbers, lists and tuples are sequences."""
    return difference(got, expected, tolerance) is None


def difference(got: Any, expected: Any, tolerance: float) -> str | None:
    """What distinguishes the two, in a few words; None if nothing does."""
    if isinstance(got, Failure) or isinstance(expected, Failure):
        alike = isinstance(got, Failure) and isinstance(expected, Failure) and got.kind == expected.kind
        return None if alike else str(got)
    if isinstance(expected, bool | str) or expected is None or isinstance(got, bool | str | Opaque) or got is None:
        equal = _unwrapped(got) == expected and isinstance(_unwrapped(got), bool) == isinstance(expected, bool)
        return None if equal else f"gave {described(got)}, expected {described(expected)}"
    if isinstance(expected, dict):
        return _difference_of_dicts(got, expected, tolerance)
    if isinstance(expected, list) and not isinstance(got, Tensor):
        return _difference_of_lists(got, expected, tolerance)
    try:
        return _difference_of_numbers(_stacked(got), _stacked(expected), tolerance)
    except (TypeError, ValueError, RuntimeError):
        return f"gave {described(got)}, expected {described(expected)}"


def _stacked(numbers: Any) -> Tensor:
    """Numbers in lists, or tensors in lists, as one tensor."""
    if isinstance(numbers, list) and numbers and not all(isinstance(n, int | float) for n in numbers):
        return torch.stack([_stacked(n) for n in numbers])
    return torch.as_tensor(numbers)


def _unwrapped(got: Any) -> Any:
    """A tensor with a single truth value is that truth value."""
    return bool(got) if isinstance(got, Tensor) and got.dtype == torch.bool and got.numel() == 1 else got


def _difference_of_dicts(got: Any, expected: dict[Any, Any], tolerance: float) -> str | None:
    if not isinstance(got, dict) or got.keys() != expected.keys():
        return f"gave {described(got)}, expected {described(expected)}"
    parts = ((key, difference(got[key], expected[key], tolerance)) for key in expected)
    return next((f"at {key!r}: {part}" for key, part in parts if part), None)


def _difference_of_lists(got: Any, expected: list[Any], tolerance: float) -> str | None:
    if not isinstance(got, list) or len(got) != len(expected):
        return f"gave {described(got)}, expected {described(expected)}"
    if all(isinstance(item, int | float | str) for item in expected):
        equal = all(difference(a, b, tolerance) is None for a, b in zip(got, expected, strict=True))
        return None if equal else f"gave {described(got)}, expected {described(expected)}"
    parts = (difference(a, b, tolerance) for a, b in zip(got, expected, strict=True))
    return next((f"part {i + 1}: {part}" for i, part in enumerate(parts) if part), None)


def _difference_of_numbers(got: Tensor, expected: Tensor, tolerance: float) -> str | None:
    if got.shape != expected.shape:
        return f"gave {described(got)}, expected {described(expected)}"
    if got.numel() == 0:
        return None
    a, b = got.double(), expected.double()
    close = torch.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    if bool(close.all()):
        return None
    if got.ndim == 0:
        return f"gave {_number(a)}, expected {_number(b)}"
    place = [int(i) for i in (~close).nonzero()[0]]
    return (
        f"has the right shape {list(got.shape)}, but differs in {int((~close).sum())} of {got.numel()} numbers, "
        f"first at {place}: {_number(a[tuple(place)])} instead of {_number(b[tuple(place)])}"
    )


def _number(number: Tensor) -> str:
    return f"{float(number):.4g}" if math.isfinite(float(number)) else str(float(number))


def described(thing: Any) -> str:
    """A value in a few words: a tensor by its shape, a long text by its beginning."""
    if isinstance(thing, Tensor):
        return f"a tensor {list(thing.shape)}" if thing.ndim else _number(thing.double())
    if isinstance(thing, float):
        return f"{thing:.4g}"
    if isinstance(thing, list) and any(isinstance(item, Tensor | list | dict) for item in thing):
        return (
            f"{len(thing)} parts ({', '.join(described(item) for item in thing[:4])}{', …' if len(thing) > 4 else ''})"
        )
    text = repr(thing)
    return text if len(text) <= 90 else text[:87] + "…"


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
