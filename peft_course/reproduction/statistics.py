"""Means over seeds with their intervals, and differences of two methods seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean, and the bounds of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.1f} ({self.low:.1f} to {self.high:.1f})".replace("-", "−")

    def above(self, bound: float) -> bool:
        """Whether all of the interval lies above `bound`."""
        return self.low > bound

    def below(self, bound: float) -> bool:
        """Whether all of the interval lies below `bound`."""
        return self.high < bound


def interval(values: Sequence[float]) -> Interval:
    """The mean of `values`, one a seed, and its 95 % percentile bootstrap interval (Efron and Tibshirani 1993, ch. 13).

    With n seeds there are few resamples, (2n − 1)! / n! (n − 1)! different ones, 126 with five: all of them are taken,
    with their probabilities, so nothing is drawn. Raises ValueError where there are no values.
    """
    if not len(values):
        raise ValueError("an interval needs the result of at least one seed, got none")
    means, chances = [], []
    for chosen in combinations_with_replacement(range(len(values)), len(values)):
        counts = [chosen.count(index) for index in range(len(values))]
        means.append(np.mean([values[index] for index in chosen]))
        chances.append(factorial(len(values)) / prod(map(factorial, counts)))
    order = np.argsort(means)
    shares = np.cumsum(np.array(chances)[order]) / sum(chances)
    low, high = (np.array(means)[order][np.searchsorted(shares, bound)] for bound in (0.025, 0.975 - 1e-12))
    return Interval(float(np.mean(values)), float(low), float(high))


def difference(first: Sequence[float], second: Sequence[float]) -> Interval:
    """`first` − `second`, seed by seed: what both owe to the seed cancels. Raises ValueError for unequal lengths."""
    if len(first) != len(second):
        raise ValueError(f"a comparison in pairs needs as many results of either, got {len(first)} and {len(second)}")
    return interval([a - b for a, b in zip(first, second, strict=True)])
