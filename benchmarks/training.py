"""Training: real tokens a second (x, y and virtual ones, no pads) of whole steps, tokenising and padding included."""

import sys
from collections.abc import Sequence
from functools import partial

import torch

from .rows import Row, alternately, show
from .setting import EXACT, GPT2, LARGE, LONG_PREFIX, PREFIX, SOFT, TINY, Example, Method, batches
from .sides import Ours, Theirs, both

LEARNING_RATE = 1e-3
TOLERANCE = 1e-5  # of the losses in float32
TARGET = 1.7
VARIANTS = [(SOFT, False), (PREFIX, False), (LONG_PREFIX, False), (SOFT, True), (PREFIX, True)]


def measure(quick: bool = False) -> list[Row]:
    """Rows for both models and all methods; once more with examples of similar length in a batch."""
    rows = []
    for model, pairs in ((TINY, 3),) if quick else ((GPT2, 6), (LARGE, 30)):
        for method, by_length in VARIANTS:
            rows.append(training(model, method, by_length, pairs))
            show(rows[-1:])
    return rows


def training(model_name: str, method: Method, by_length: bool, pairs: int) -> Row:
    """`pairs` steps of each side, in turn, on the same batches. Raises AssertionError if the losses differ."""
    ours, theirs = both(model_name, method)
    descents = [optimizer(ours), optimizer(theirs)]
    speeds: tuple[list[float], list[float]] = ([], [])
    difference = 0.0
    for turn, batch in enumerate(batches(ours.model, pairs + 1, by_length=by_length)):
        timed = alternately(partial(step, ours, descents[0], batch), partial(step, theirs, descents[1], batch), turn)
        (our_time, our_loss), (their_time, their_loss) = timed
        difference = max(difference, abs(our_loss - their_loss))
        assert difference <= TOLERANCE or not EXACT, f"the losses differ: {our_loss:.7f} and PEFT's {their_loss:.7f}"
        if turn:  # the first step of each is for warming up
            speeds[0].append(tokens(batch, method) / our_time)
            speeds[1].append(tokens(batch, method) / their_time)
    grouping = ", batches by length" if by_length else ""
    target = None if by_length else TARGET
    facts = {"largest difference of losses": difference}
    return Row(f"training, {method}{grouping}", model_name, "tokens/s", *speeds, at_least=target, facts=facts)


def optimizer(side: Ours | Theirs) -> torch.optim.Optimizer:
    return torch.optim.AdamW(side.trained, lr=LEARNING_RATE, weight_decay=0.0)


def step(side: Ours | Theirs, descent: torch.optim.Optimizer, batch: Sequence[Example]) -> float:
    """One training step; the loss before it."""
    loss = side.loss(batch)
    loss.backward()
    descent.step()
    descent.zero_grad()
    return loss.item()


def tokens(batch: Sequence[Example], method: Method) -> int:
    """Real tokens of a batch."""
    return sum(len(x) + len(y) + method.num_virtual_tokens for x, y in batch)


if __name__ == "__main__":
    measure("--quick" in sys.argv)
