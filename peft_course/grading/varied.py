"""Tasks whose numbers differ from learner to learner, so that a copied number is another task's right answer.

A learner's *variant* is a word that the teacher's secret and the learner's name give (`classroom.roster`). It decides
the numbers of each varied task: those in its text, and with them what is right and which mistakes give what. Without a
variant a task has the numbers of the book.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .task import Task

NAME = "VARIANT"  # what a learner's notebook calls it
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Numbers:
    """How a task is made of its numbers, and which values each of them may have."""

    make: "Callable[..., Task]"
    choices: Mapping[str, Sequence[Any]]

    def of(self, variant: str, number: str) -> dict[str, Any]:
        """The numbers that task `number` has in this variant."""
        drawn = hashlib.blake2b(f"{variant} {number}".encode(), digest_size=16).digest()
        rank, numbers = int.from_bytes(drawn), {}
        for name, values in self.choices.items():
            rank, place = divmod(rank, len(values))
            numbers[name] = values[place]
        return numbers


def varied(make: "Callable[..., Task]", **choices: Sequence[Any]) -> "Task":
    """The task that `make` gives with the book's numbers, its defaults, and that has others in other variants.

    What `make` gives says in `phrases` which words of the notebook have the numbers in them.
    """
    return replace(make(), numbers=Numbers(make, choices))


def without(values: Sequence[Any], book: Any) -> list[Any]:
    """The values without that of the book: so no learner's numbers are those that everybody can look up."""
    return [value for value in values if value != book]


def in_words(n: int) -> str:
    return WORDS[n] if n < len(WORDS) else str(n)
