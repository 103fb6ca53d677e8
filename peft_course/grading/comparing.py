"""Whether two values are the same, and what distinguishes them, in a few words."""

import math
import re
from typing import Any

import torch
from torch import Tensor

from .values import Failure, Opaque


def same(got: Any, expected: Any, tolerance: float) -> bool:
    """Equal up to rounding; numbers, arrays and tensors of any kind are numbers, lists and tuples are sequences."""
    return difference(got, expected, tolerance) is None


def difference(got: Any, expected: Any, tolerance: float) -> str | None:
    """What distinguishes the two, in a few words; None if nothing does."""
    if isinstance(got, Failure) or isinstance(expected, Failure):
        alike = isinstance(got, Failure) and isinstance(expected, Failure) and _error(got) == _error(expected)
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


def _error(failure: Failure) -> tuple[str, list[str]]:
    """An error's name and the words of its message; where it happened, and the sizes in it, differ by the answer."""
    said = failure.message.rpartition(f"{failure.kind}: ")[2]
    return failure.kind, re.findall(r"[^\W\d]+", said)


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
