"""What a claim comes to: computed from its parts, each of them measured, and never typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Verdict(Enum):
    HOLDS = "holds"
    IN_PART = "holds in part"
    NOT_HERE = "does not hold here"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Finding:
    """A claim of the papers beside what we measured.

    `paper` is their number, `source` whose (a key of the bibliography). `parts` are what the claim says, each with
    whether our runs bear it out: the `verdict` follows from them. `why` explains the verdict that it was `written_for`;
    if the data come to another one, the page says that its explanation is out of date, and a test fails.
    """

    study: str
    claim: str
    paper: str
    source: str
    ours: str
    why: str
    written_for: Verdict
    parts: Mapping[str, bool] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        held = list(self.parts.values())
        return Verdict.HOLDS if all(held) else Verdict.IN_PART if any(held) else Verdict.NOT_HERE

    @property
    def is_explained(self) -> bool:
        """Whether `why` speaks of the verdict that the data have now."""
        return self.verdict is self.written_for
