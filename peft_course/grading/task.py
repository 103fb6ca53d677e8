"""What a task asks for: what the answer must define, the right thing and the typical wrong ones, and random inputs.

How an answer is judged by it stands in `judge`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .varied import Numbers

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
    together. models: the shipped models that the arguments contain. numbers: what differs from learner to learner.
    phrases: what the notebook says of these numbers, word for word. variant: whose numbers they are; "": the book's.
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
    numbers: Numbers | None = None
    phrases: tuple[str, ...] = ()
    variant: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process by its number: what it is made of cannot be."""
        return _found, (self.number, self.variant)

    def of(self, variant: str) -> "Task":
        """This task with the numbers of a variant; itself where nothing varies."""
        if not variant or self.numbers is None:
            return self
        made = self.numbers.make(**self.numbers.of(variant, self.number))
        return replace(made, numbers=self.numbers, variant=variant)

    def arguments(self, seed: int) -> Iterator[tuple[Any, ...]]:
        """The arguments of each case; a prediction has one case without any."""
        cases = 1 if self.probe is value else self.cases
        return (self.draw(Draw(seed + case)) for case in range(cases))


def _found(number: str, variant: str) -> Task:
    from .exercises import find

    return find(number).of(variant)


@dataclass(frozen=True)
class Mark:
    """The verdict on one answer, and what the learner reads. `hint` is the likely misunderstanding's sentence.

    fits: the variants for which a wrong answer would be right; for the teacher alone.
    """

    task: Task
    passed: bool
    feedback: str
    hint: str | None = None
    seconds: float = 0.0
    fits: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        return self.task.points if self.passed else 0

    def __str__(self) -> str:
        return f"{self.task.number} {self.task.title}: {self.feedback}"
