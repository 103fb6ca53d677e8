"""Checks of what the model computes under the prompt: whether pads change it, and at which scale the prompt starts."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ...conditions import Condition
from ...lm import LM
from ...prompts import Prompt
from ...reading import Piece
from .case import Case, Finding, NotChecked

BEYOND = 2  # how far outside the model's own range a norm has to be
LEARNT = 0.8  # a loss below this share of the loss without the vectors, and with them scrambled: they have learnt


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
