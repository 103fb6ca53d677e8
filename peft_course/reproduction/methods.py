"""The methods that the studies compare, as settings: frozen, comparable, and small enough to be written down.

A method makes a prompt for a model and a task. `rates` are the five learning rates of its sweep: every method gets the
same number of trials, and they span the same factor.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from ..baselines import FineTuning, LoRA
from ..lm import LM
from ..prompts import HardPrompt, Prefix, Prompt, SoftPrompt, Verbalizer, initial
from ..prompts.prefix import random_rows, text_rows
from ..prompts.soft import VECTORS
from ..search import choose, paraphrases, search
from ..tasks import Task


@dataclass(frozen=True)
class Method(ABC):
    """What is trained. Its `name` is that of the field."""

    name: ClassVar[str]
    rates: ClassVar[tuple[float, ...]] = ()

    @abstractmethod
    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        """The prompt before training."""

    def verbalizer(self, task: Task) -> Verbalizer | None:
        """The words that stand for labels, where the model is not to write its answer but to choose it."""
        return None

    @property
    def tuned_as(self) -> "Method":
        """The method whose sweep gives this one its learning rate: itself with its usual settings."""
        return type(self)()

    def settings(self) -> dict[str, Any]:
        """What tells it from other methods, for the key of a run."""
        return {"method": type(self).__name__, **chosen(self)}


def chosen(settings: Any) -> dict[str, Any]:
    """The fields of a data class that are not at their defaults: a field more leaves the keys of old runs alone."""
    values = {each.name: (getattr(settings, each.name), each.default) for each in fields(settings)}
    differing = {name: value for name, (value, usual) in values.items() if value != usual}
    return {name: value.settings() if isinstance(value, Method) else value for name, value in differing.items()}


@dataclass(frozen=True)
class Hard(Method):
    """One of the task's wordings, by name; "bare" is x alone. Nothing is trained."""

    name = "hard prompt"
    wording: str = "bare"

    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        return HardPrompt(task.wordings.get(self.wording, "{x}"))

    def verbalizer(self, task: Task) -> Verbalizer | None:
        """A wording's own words: "Was it good?" is answered with yes or no."""
        if not task.labels:
            return None
        return Verbalizer(task.verbalizers.get(self.wording) or {label: [label] for label in task.labels})


@dataclass(frozen=True)
class Searched(Method):
    """Words found by swapping tokens, as the gradient points (`guided`) or blindly, with as many losses measured."""

    name = "searched words"
    guided: bool = True
    length: int = 5
    steps: int = 60
    swaps: int = 16

    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        return search(
            lm,
            task.train,
            task.validation,
            self.length,
            steps=self.steps,
            swaps=self.swaps,
            guided=self.guided,
            seed=seed,
        ).prompt

    def verbalizer(self, task: Task) -> Verbalizer | None:
        return Hard().verbalizer(task)


@dataclass(frozen=True)
class Paraphrased(Method):
    """Of `count` ways to put the request, drawn from those that people wrote, the one of the lowest validation loss."""

    name = "paraphrases"
    count: int = 25

    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        return choose(paraphrases(task), lm, task.validation, self.count, seed)

    def verbalizer(self, task: Task) -> Verbalizer | None:
        return Hard().verbalizer(task)


@dataclass(frozen=True)
class Soft(Method):
    """A soft prompt. `start`: random, vocabulary, labels or text (the task's baseline wording). `behind`: an infix."""

    name = "soft prompt"
    rates = (0.02, 0.05, 0.1, 0.2, 0.5)
    length: int = 20
    start: str = "vocabulary"
    behind: bool = False

    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        value = {
            "random": lambda: initial.random(lm, self.length, seed),
            "vocabulary": lambda: initial.vocabulary(lm, self.length, seed),
            "labels": lambda: initial.labels(lm, task.labels or (), self.length, seed),
            "text": lambda: initial.text(lm, words(task), self.length),
        }[self.start]()
        return SoftPrompt(lm, value=value, template="{x}" + VECTORS if self.behind else "{x}")


@dataclass(frozen=True)
class PrefixTuning(Method):
    """A prefix: flat, or through the perceptron of width `bottleneck`.

    `start`: the keys and values of random tokens ("tokens") or of the task's baseline wording ("text"), or normal
    numbers of their scale ("random"). `stacks` and `layers` leave some of an encoder–decoder's or of the blocks out.
    """

    name = "prefix"
    length: int = 10
    bottleneck: int | None = 64
    start: str = "tokens"
    stacks: tuple[str, ...] | None = None
    layers: tuple[int, ...] | None = None

    @property
    def rates(self) -> tuple[float, ...]:  # type: ignore[override]
        return (0.002, 0.005, 0.01, 0.02, 0.05) if self.bottleneck else (0.02, 0.05, 0.1, 0.2, 0.5)

    @property
    def tuned_as(self) -> Method:
        return replace(PrefixTuning(), bottleneck=self.bottleneck)

    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        values = {
            "random": lambda: random_rows(lm, self.length, seed),
            "tokens": lambda: None,
            "text": lambda: text_rows(lm, words(task), self.length),
        }[self.start]()
        return Prefix(
            lm,
            self.length,
            self.bottleneck,
            stacks=self.stacks,
            layers=self.layers,
            values=values,
            seed=seed,
        )


@dataclass(frozen=True)
class LowRank(Method):
    """LoRA on queries and values."""

    name = "LoRA"
    rates = (0.001, 0.002, 0.005, 0.01, 0.025)
    rank: int = 8

    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        return LoRA(lm, self.rank, seed=seed)


@dataclass(frozen=True)
class Full(Method):
    """Full fine-tuning."""

    name = "fine-tuning"
    rates = (0.0002, 0.0005, 0.001, 0.002, 0.005)

    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        return FineTuning(lm)


@dataclass(frozen=True)
class Ensemble(Method):
    """The majority of several prompts `of` one kind that differ in their seeds alone."""

    name = "ensemble"
    members: int = 5
    of: Soft = Soft()

    def prompt(self, lm: LM, task: Task, seed: int) -> Prompt:
        """One member, before training: members differ in `seed` alone."""
        return self.of.prompt(lm, task, seed)

    @property
    def rates(self) -> tuple[float, ...]:  # type: ignore[override]
        return self.of.rates

    @property
    def tuned_as(self) -> Method:
        return self.of.tuned_as


def words(task: Task) -> str:
    """The words of the task's baseline wording, without its slot."""
    return task.wording.replace("{x}", "").strip()


TRAINED: Mapping[str, Method] = {
    "soft prompt": Soft(),
    "prefix, flat": PrefixTuning(bottleneck=None),
    "prefix, perceptron": PrefixTuning(),
    "LoRA": LowRank(),
    "fine-tuning": Full(),
}
