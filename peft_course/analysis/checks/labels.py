"""What is wrong with the labels of a batch: those of a decoder name the tokens that they stand under."""

from collections.abc import Iterator

import torch

from ...lm import LM
from ...reading import IGNORE
from .case import Case, Collated, Finding, NotChecked


def labels(case: Case) -> Iterator[Finding]:
    """Labels that do not say what is to be learnt."""
    if case.collated is None:
        raise NotChecked("the library makes them from x and y")
    yield from label_faults(case.lm, case.collated, sum(case.lengths))


def label_faults(lm: LM, batch: Collated, num_virtual_tokens: int) -> Iterator[Finding]:
    """The first fault of shape or place, if any, and what carries a loss that should not."""
    ids, mask, labels = batch
    named = labels != IGNORE  # [B, T]
    if not named.any():
        yield _labels(
            f"all {labels.numel():,} labels are {IGNORE}, so the loss has nothing to be a mean of.",
            f"Put the answers' tokens into `labels`, and {IGNORE} under x and pads alone.",
        )
    elif lm.is_encoder_decoder:
        yield from _beside_the_decoder(lm, batch)
    elif labels.shape != ids.shape:
        yield _of_another_shape(batch, num_virtual_tokens)
    elif not torch.equal(labels[named], ids[named]):
        yield _in_another_place(batch, num_virtual_tokens)
    else:
        on_pads = int((named & ~mask.bool()).sum())
        if on_pads:
            yield _on_pads(on_pads)
        if named[mask.bool()].all():
            yield _on_x()


def _labels(what: str, mend: str) -> Finding:
    return Finding("labels", f"The labels are off: {what}", mend)


def _of_another_shape(batch: Collated, length: int) -> Finding:
    shapes = f"they are {list(batch.labels.shape)} and input_ids {list(batch.input_ids.shape)}"
    if batch.labels.shape[1] - batch.input_ids.shape[1] == length > 0:
        return _labels(
            f"{shapes}, longer by the prompt's {length} virtual tokens.",
            f"Drop the first {length} columns: the model aligns its logits with input_ids, whatever the prompt.",
        )
    return _labels(f"{shapes}.", "Give every token of input_ids one label, in the same place.")


def _in_another_place(batch: Collated, length: int) -> Finding:
    shift = _shift(batch)
    if shift is None:
        named = batch.labels != IGNORE
        wrong = int((batch.labels != batch.input_ids)[named].sum())
        return _labels(
            f"{wrong:,} of {int(named.sum()):,} name another token than the one in input_ids above them.",
            f"Copy input_ids, and put {IGNORE} under x and pads.",
        )
    if shift == 1:
        return _labels(
            "every label names the next token, and the loss shifts them once more, to the one after it.",
            "Copy input_ids without shifting: the label of a token stands under that token.",
        )
    many = f", as many as the prompt has virtual tokens ({length})" if abs(shift) == length else ""
    return _labels(
        f"they stand {abs(shift)} columns {'left' if shift > 0 else 'right'} of the tokens that they name{many}.",
        "Leave no place for virtual tokens: the label of a token stands under that token.",
    )


def _shift(batch: Collated) -> int | None:
    """How many columns on from its label a token stands; None if it is not one number for all."""
    ids, labels = batch.input_ids, batch.labels
    named, columns = labels != IGNORE, torch.arange(ids.shape[1], device=ids.device)
    for shift in sorted(range(1 - ids.shape[1], ids.shape[1]), key=lambda each: (abs(each), -each)):
        target = columns + shift
        inside = named & ((target >= 0) & (target < len(columns)))
        same = (ids.roll(-shift, dims=1) == labels)[inside]
        if 2 * len(same) > int(named.sum()) and same.all():
            return shift
    return None


def _on_pads(count: int) -> Finding:
    return _labels(
        f"{count:,} of them stand under pads, so the prompt learns to write padding.",
        f"Put {IGNORE} where attention_mask is 0.",
    )


def _on_x() -> Finding:
    return _labels(
        "every token carries a loss, x as well as y, so the prompt learns to write its input too.",
        f"Put {IGNORE} under the tokens of x.",
    )


def _beside_the_decoder(lm: LM, batch: Collated) -> Iterator[Finding]:
    """An encoder–decoder's labels are the answer alone; the model shifts them behind its start token."""
    labels, start = batch.labels, lm.model.config.decoder_start_token_id
    on_pads = int((labels == lm.pad).sum())
    if torch.equal(labels, batch.input_ids):
        yield _labels("they are input_ids, so the prompt learns to repeat x.", "Put the answers' tokens into `labels`.")
    elif (labels[:, 0] == start).all() and (labels[:, 1:] != IGNORE).any():
        yield _labels(
            f"all of them begin with the decoder's start token ({start}), which the model puts there itself.",
            "Give the answers' tokens without shifting them.",
        )
    elif on_pads and lm.pad != lm.eos:
        yield _on_pads(on_pads)
