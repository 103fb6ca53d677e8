"""Checks of what learns: whether every trained number gets a gradient of its own."""

import copy
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor

from ...prompts import Prompt
from .case import Case, Finding, NotChecked

STEPS = 3  # away from where the parameters are, before one counts as dead


def dead(case: Case) -> Iterator[Finding]:
    """Parameters that no gradient reaches, neither where they are nor after random steps as large as themselves.

    The steps are for a healthy perceptron, whose last layer begins at zero and hides the rest at first, and for heads
    that look at one place alone.
    """
    if not case.gradients:
        raise NotChecked(f"a {type(case.prompt).__name__} has nothing to train")
    broken = [name for name, gradient in case.gradients.items() if not gradient.isfinite().all()]
    if broken:
        what = f"The gradient of {', '.join(broken)} is infinite or not a number."
        yield Finding("not finite", what, "Load the model in bfloat16 or float32, and look for such numbers in it.")
    moved, unreached = case.prompt, {name: gradient == 0 for name, gradient in case.gradients.items()}
    for _ in range(STEPS):
        if not _parts(case, unreached):
            return
        moved = _moved(moved)
        after = case.gradients_of(moved)
        unreached = {name: mask & (after[name] == 0) for name, mask in unreached.items()}
    for part in _parts(case, unreached):
        what = f"No gradient from this batch reaches {part}, so training cannot change it."
        mend = "See that the prompt gives it to the model, without a detach() or no_grad() on the way."
        yield Finding("dead", what, mend)


def _moved(prompt: Prompt) -> Prompt:
    """A copy, a random step away."""
    moved = copy.deepcopy(prompt)
    for parameter in moved.parameters():
        size = parameter.square().mean().sqrt().clamp(min=0.1)
        parameter.data = parameter + size * torch.randn_like(parameter)
    return moved


def _parts(case: Case, unreached: Mapping[str, Tensor]) -> list[str]:
    """The parts of the parameters that no gradient reached, in words."""
    return [part for name, mask in unreached.items() if (part := _part(name, mask, case.matrices))]


def _part(name: str, mask: Tensor, matrices: Collection[str]) -> str:
    """The part of a parameter that `mask` covers, in words: all of it, or of a matrix rows or columns; else none."""
    if mask.all():
        return f"{name} {list(mask.shape)}"
    if name not in matrices:
        return ""
    rows, columns = mask.all(dim=1), mask.all(dim=0)
    if rows.any():
        return f"{int(rows.sum())} of the {len(rows)} rows of {name} ({_some(rows.nonzero()[:, 0].tolist())})"
    if columns.any():
        return f"{int(columns.sum())} of the {len(columns)} columns of {name}"
    return ""


def tied(case: Case) -> Iterator[Finding]:
    """Parameters that are one and the same, or stay so."""
    for (name, first), (other, second) in _in_one_memory(case):
        if {id(first), id(second)} <= case.whole:  # a model may tie its own weights
            continue
        mend = "Clone it: nn.Parameter(value.detach().clone())."
        yield Finding("tied", f"{name} and {other} share memory, so a change of one changes both.", mend)
    for name, parameter in case.prompt.named_parameters():
        if any(stride == 0 and size > 1 for stride, size in zip(parameter.stride(), parameter.shape, strict=True)):
            mend = "Use repeat instead of expand: nn.Parameter(row.repeat(P, 1))."
            yield Finding("tied", f"The {len(parameter)} rows of {name} are one row in memory, expanded.", mend)
            continue
        if name in case.matrices and len(parameter) in case.lengths and name in case.gradients:
            rows = _forever_equal(parameter, case.gradients[name])
            if rows:
                what = f"Rows {_some(rows)} of {name} are equal and get equal gradients, so they stay equal."
                yield Finding("tied", what, "Start the rows from different values, as the default does.")


def _in_one_memory(case: Case) -> Iterator[tuple[tuple[str, Tensor], tuple[str, Tensor]]]:
    """Pairs of parameters, the first one the prompt's, that overlap in memory."""
    frozen = [(f"{case.lm.name}'s {name}", parameter) for name, parameter in case.lm.model.named_parameters()]
    own = list(case.prompt.named_parameters(remove_duplicate=False))
    by_storage = defaultdict(list)
    for pair in own + frozen:
        by_storage[pair[1].untyped_storage().data_ptr()].append(pair)
    names = {name for name, _ in own}
    for first, second in (pair for pairs in by_storage.values() for pair in combinations(pairs, 2)):
        (start, end), (other_start, other_end) = _span(first[1]), _span(second[1])
        if first[0] in names and start < other_end and other_start < end:
            yield first, second


def _span(tensor: Tensor) -> tuple[int, int]:
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (last + 1) * tensor.element_size()


def _forever_equal(rows: Tensor, gradients: Tensor) -> list[int]:
    """The rows of the first group that are equal and whose gradients are, too."""
    _, group = torch.unique(rows, dim=0, return_inverse=True)
    for number in group.unique():
        members = (group == number).nonzero()[:, 0]
        first = gradients[members[0]]
        apart = (gradients[members] - first).norm(dim=1)
        together = members[apart <= 1e-4 * first.norm()]
        if len(together) > 1 and first.norm() > 0:
            return together.tolist()
    return []


def _some(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
