"""Where "level", "a little" and "much" end, and how several results are listed."""

from collections.abc import Mapping
from typing import Any

LEVEL = 2.0  # points: two methods so close are level
LITTLE = 5.0  # points: "a little worse"
MUCH = 30.0  # points: a spread that nobody would overlook


def listed(values: Mapping[Any, object]) -> str:
    return "; ".join(f"{name} {value}" for name, value in values.items())
