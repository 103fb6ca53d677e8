"""Checks that run the model: gradients, padding, and the scale of what the prompt puts in."""

import copy
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

import torch
from torch import Tensor

from ...conditions import Condition
from ...lm import LM
from ...prompts import Prompt
from ...reading import Piece
from .case import Case, Finding, NotChecked

BEYOND = 2  # how far outside the model's own range a norm has to be
STEPS = 3  # away from where the parameters are, before one counts as dead
LEARNT = 0.8  # a loss below this share of the loss without the vectors, and with them scrambled: they have learnt


# -- gradients --------------------------------------------------------------------------------------------------------
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
    unreached = {name: gradient == 0 for name, gradient in case.gradients.items()}
    moved = copy.deepcopy(case.prompt)
    for _ in range(STEPS):
        if not any(_part(name, mask, case.matrices) for name, mask in unreached.items()):
            return
        for parameter in moved.parameters():
            size = parameter.square().mean().sqrt().clamp(min=0.1)
            parameter.data = parameter + size * torch.randn_like(parameter)
        after = case.gradients_of(moved)
        unreached = {name: mask & (after[name] == 0) for name, mask in unreached.items()}
    for name, mask in unreached.items():
        if part := _part(name, mask, case.matrices):
            what = f"No gradient from this batch reaches {part}, so training cannot change it."
            mend = "See that the prompt gives it to the model, without a detach() or no_grad() on the way."
            yield Finding("dead", what, mend)


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


# -- what the model computes ------------------------------------------------------------------------------------------
class _InFront(Prompt):
    """A prompt without what it puts behind x: token ids, which the doctor pads, leave no place for that."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__()
        self.prompt = prompt

    def around(self) -> tuple[Sequence[Piece], Sequence[Piece]]:
        return self.prompt.around()[0], ()

    def condition(self, lm: LM) -> Condition:
        return self.prompt.condition(lm)


def padding(case: Case) -> Iterator[Finding]:
    """Pads that change what the model says: a short text alone, and beside a longer one."""
    lm, prompt = case.lm, _InFront(case.prompt)
    rows = sorted((lm.encode(x) or [lm.eos] for x in case.texts), key=len)
    short, long = rows[0], rows[-1] if len(rows[-1]) > len(rows[0]) else rows[0] + rows[0][:3]
    alone = lm.logits(torch.tensor([short]), prompt)[0]
    spread, pads = float(alone.max() - alone.min()), len(long) - len(short)
    for side in ("right",) if lm.is_encoder_decoder else ("left", "right"):  # an encoder's input is padded on the right
        at = slice(pads, None) if side == "left" else slice(0, len(short))
        ids = torch.tensor([[lm.pad] * len(long), long])
        mask = torch.tensor([[0] * len(long), [1] * len(long)])
        ids[0, at], mask[0, at] = torch.tensor(short), 1
        together = lm.logits(ids, prompt, mask)[0]
        change = float((together if lm.is_encoder_decoder else together[at]).sub(alone).abs().max())
        if not change <= torch.finfo(lm.model.dtype).eps ** 0.5 * spread:
            yield Finding(
                "padding",
                f"{pads} pads on a text's {side} change its logits by up to {change:.2g} (they span {spread:.2g}).",
                "See that the model reads attention_mask, and position_ids that leave pads out; until then, put texts "
                "of one length together.",
            )


def scale(case: Case) -> Iterator[Finding]:
    """Initial values far larger or smaller than what the model itself computes with."""
    if not case.lengths:
        raise NotChecked("there are no vectors")
    found = [*_scale_of_vectors(case), *_scale_of_prefixes(case)]
    if found and _has_learnt(case):
        raise NotChecked("the prompt is trained, and may have grown")
    yield from found


def _has_learnt(case: Case) -> bool:
    """Whether the loss tells the prompt from none, and from other numbers of the same size."""
    others = [case.loss(_Scrambled(case.prompt)) for _ in range(3)]
    return bool(case.loss(case.prompt) < LEARNT * min(case.loss_of_words_alone(), *others))


class _Scrambled(Prompt):
    """A prompt with the numbers of each vector in another order."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__()
        self.prompt = prompt

    def around(self) -> tuple[Sequence[Piece], Sequence[Piece]]:
        front, behind = self.prompt.around()
        return [self._other(piece) for piece in front], [self._other(piece) for piece in behind]

    def condition(self, lm: LM) -> Condition:
        return Condition({name: _in_another_order(each) for name, each in self.prompt.condition(lm).prefixes.items()})

    def _other(self, piece: Piece) -> Piece:
        return _in_another_order(piece) if isinstance(piece, Tensor) else piece


def _in_another_order(numbers: Tensor) -> Tensor:
    return numbers[..., torch.randperm(numbers.shape[-1], device=numbers.device)]


def _scale_of_vectors(case: Case) -> Iterator[Finding]:
    norms = case.lm.embedding_matrix.float().norm(dim=1).cpu()
    low, high = norms.quantile(0.01).item(), norms.quantile(0.99).item()
    for rows in case.vectors:
        own = rows.float().norm(dim=1).median().item()
        if not low / (2 * BEYOND) <= own <= BEYOND * high:  # a mean of words is shorter than each of them
            yield Finding(
                "scale",
                f"The vectors have a norm of {own:.3g} (median), the model's embeddings {low:.3g} to {high:.3g}.",
                "Start from initial.vocabulary, initial.text or initial.random, which keep the model's scale.",
            )


def _scale_of_prefixes(case: Case) -> Iterator[Finding]:
    """Against the keys and values that the model computes for the batch's own texts."""
    if not case.condition.prefixes:
        return
    ids = torch.tensor([case.lm.encode(" ".join(case.texts))[:64] or [case.lm.eos]])
    seen = {call.module: call for call in case.lm.record(ids, ids if case.lm.is_encoder_decoder else None)}
    off, places = [], 0
    for name, prefix in case.condition.prefixes.items():
        for layer, (block, pair) in enumerate(zip(case.lm.stacks[name].blocks, prefix, strict=True)):
            for what, own, rows in zip(("keys", "values"), (seen[block].keys, seen[block].values), pair, strict=True):
                norms, norm = _norms(own), _norms(rows).median()
                low, high, places = norms.min(), norms.max(), places + 1
                if not low / (2 * BEYOND) <= norm <= BEYOND * high:
                    off.append(f"the {what} of {name} layer {layer} have {norm:.3g}, its own {low:.3g} to {high:.3g}")
    if off:
        yield Finding(
            "scale",
            f"The prefix has norms unlike the model's in {len(off)} of {places} places: {off[0]}.",
            "Start from Prefix.from_text, or leave `values` out: keys and values that the model computes itself.",
        )


def _norms(tensor: Tensor) -> Tensor:
    """One norm for each token of ``[b, H, T, d]``, over its heads."""
    return tensor.float().norm(dim=(1, 3)).flatten()


def _some(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
