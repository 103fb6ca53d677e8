"""A line of the table: what was measured on both sides, the ratio with its interval, and whether the target is met."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from .setting import GPU

RESAMPLES = 2000


@dataclass(frozen=True)
class Row:
    """`ours[i]` and `theirs[i]` were measured one after the other on the same input; PEFT may have no such measure.

    The target is on the ratio ours / theirs, or on ours where theirs is empty. `facts` are further numbers to keep.
    """

    measure: str
    model: str
    unit: str
    ours: list[float]
    theirs: list[float] = field(default_factory=list)
    at_least: float | None = None
    at_most: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> np.ndarray:
        """What the target is on, one number a measurement."""
        ours = np.array(self.ours)
        return ours / np.array(self.theirs) if self.theirs else ours

    @property
    def value(self) -> float:
        """The median."""
        return float(np.median(self.values))

    @property
    def interval(self) -> tuple[float, float]:
        """The bootstrap's 95 % interval of the median."""
        draw = np.random.default_rng(0)
        samples = draw.choice(self.values, size=(RESAMPLES, len(self.values)))
        low, high = np.percentile(np.median(samples, axis=1), [2.5, 97.5])
        return float(low), float(high)

    @property
    def bound(self) -> float | None:
        """The target's number, if there is a target."""
        return self.at_most if self.at_least is None else self.at_least

    @property
    def target(self) -> str:
        return "" if self.bound is None else f"{'≤' if self.at_least is None else '≥'} {self.bound:g}"

    @property
    def verdict(self) -> str:
        """pass or fail by the median, empty where there is no target."""
        if self.bound is None:
            return ""
        met = self.value <= self.bound if self.at_least is None else self.value >= self.bound
        return "pass" if met else "fail"

    def as_json(self) -> dict[str, Any]:
        low, high = self.interval
        return asdict(self) | {"value": self.value, "low": low, "high": high, "verdict": self.verdict}


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    """How long `action` takes, the GPU's work included, and what it returns."""
    _wait()
    started = time.perf_counter()
    result = action()
    _wait()
    return time.perf_counter() - started, result


def alternately(first: Callable[[], Any], second: Callable[[], Any], turn: int) -> list[tuple[float, Any]]:
    """Both actions timed, the second one first on odd turns, in the order in which they are given."""
    if turn % 2 == 0:
        return [seconds(first), seconds(second)]
    return [seconds(second), seconds(first)][::-1]


def show(rows: Sequence[Row]) -> None:
    """Print a line each, as soon as it is known."""
    for row in rows:
        low, high = row.interval
        theirs = f", PEFT {np.median(row.theirs):,.4g}" if row.theirs else ""
        print(
            f"{row.model:20} {row.measure:52} {np.median(row.ours):,.4g}{theirs} {row.unit}: {row.value:.3f} "
            f"({low:.3f}–{high:.3f}) {row.target} {row.verdict} {row.facts or ''}",
            flush=True,
        )


def _wait() -> None:
    if GPU:
        torch.cuda.synchronize()
