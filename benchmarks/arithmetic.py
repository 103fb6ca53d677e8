"""How close our training step comes to what this machine's matrix products allow.

Without gradients of the weights a step needs 4·N operations a token (N: parameters of the blocks' matrices; 2 forward,
2 for the gradient of the input) and the same of the vocabulary's matrix at label positions alone. The machine's rate is
that of the same products, of the same shapes, without anything between them.
"""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from .rows import Row, seconds, show
from .setting import DEVICE, DTYPE, GPT2, LARGE, PREFIX, SOFT, TINY, Example, Method, batches
from .sides import Ours
from .training import optimizer, step

TARGET = 0.8
Shape = tuple[int, int]  # of a matrix: from this width, to that one


def measure(quick: bool = False) -> list[Row]:
    """Rows for both models and methods."""
    rows = []
    for model, repeats in ((TINY, 2),) if quick else ((GPT2, 6), (LARGE, 20)):
        for method in (SOFT, PREFIX):
            rows.append(share(model, method, repeats))
            show(rows[-1:])
    return rows


def share(model_name: str, method: Method, repeats: int) -> Row:
    """The step's rate of useful operations, as a share of the machine's."""
    ours = Ours(model_name, method)
    blocks, head = matrices(ours.model)
    descent = optimizer(ours)
    rates, best = list[float](), dict[tuple[int, Shape], float]()
    for turn, batch in enumerate(batches(ours.model, repeats + 1)):
        time, _ = seconds(partial(step, ours, descent, batch))
        tokens, labels = positions(batch, method)
        if not turn:  # the first step is for warming up
            shapes = [(tokens, shape) for shape in blocks] + [(labels, head)]
            continue
        rates.append((operations(tokens, blocks) + operations(labels, Counter([head]))) / time)
        # the best of several, measured in between the steps: both have the same quiet moments
        best = {key: min(best.get(key, math.inf), product(*key)) for key in shapes}
    counts = {key: blocks.get(key[1], 1) for key in best}
    work = sum(counts[rows, shape] * operations(rows, Counter([shape])) for rows, shape in best)
    rate = work / sum(counts[key] * time for key, time in best.items())
    return Row(
        f"matrix work of a step / this machine's rate, {method}",
        model_name,
        "",
        [one / rate for one in rates],
        at_least=TARGET,
        facts={"GFLOP/s of a step": sum(rates) / len(rates) / 1e9, "GFLOP/s of the products": rate / 1e9},
    )


def positions(batch: Sequence[Example], method: Method) -> tuple[int, int]:
    """How many positions the blocks must compute, and how many carry a label.

    An answer's end is only predicted, and a soft prompt in front is the same for all texts: once is enough.
    """
    virtual = 0 if method.is_prefix else method.num_virtual_tokens
    return virtual + sum(len(x) + len(y) - 1 for x, y in batch), sum(len(y) for _, y in batch)


def matrices(model: PreTrainedModel) -> tuple[Counter[Shape], Shape]:
    """The shapes of the blocks' matrices, each with its count, and that of the projection on the vocabulary."""
    head = model.get_output_embeddings()
    blocks = Counter[Shape]()
    for module in model.modules():
        if isinstance(module, Conv1D):  # GPT-2's linear layer, stored the other way round
            blocks[tuple(module.weight.shape)] += 1
        elif isinstance(module, nn.Linear) and module is not head:
            blocks[module.in_features, module.out_features] += 1
    return blocks, (head.in_features, head.out_features)


def operations(rows: int, shapes: Counter[Shape]) -> float:
    """Floating-point operations of the products forward and of the gradients of their inputs."""
    return 4.0 * rows * sum(count * width * height for (width, height), count in shapes.items())


def product(rows: int, shape: Shape) -> float:
    """Seconds of a product with a matrix of this shape, and of the one that takes the gradient back."""
    matrix, there = _random(*shape), _random(rows, shape[0])
    back = _random(rows, shape[1])
    forward = min(seconds(lambda: there @ matrix)[0] for _ in range(3))
    return forward + min(seconds(lambda: back @ matrix.T)[0] for _ in range(3))


def _random(rows: int, columns: int) -> Tensor:
    return torch.randn(rows, columns, device=DEVICE, dtype=DTYPE)


if __name__ == "__main__":
    measure("--quick" in sys.argv)
