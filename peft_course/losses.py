"""The loss that training lowers: the mean over the answers' tokens, of a batch in parts and on several processes."""

from collections.abc import Sequence

import torch
from accelerate import PartialState
from datasets import Dataset
from torch import Tensor
from torch.amp import GradScaler

from . import devices
from .lm import LM
from .prompts import Prompt
from .reading import IGNORE

PRECISIONS = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def summed_loss(prompt: Prompt, lm: LM, examples: Dataset, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the answers of the given `rows`, summed over their tokens, in nats; and how many these are."""
    chosen = examples[list(rows)]
    losses, tokens = lm.answer_losses(chosen["x"], chosen["y"], prompt)
    return losses.sum(), (tokens != IGNORE).sum()


def mean_loss(prompt: Prompt, lm: LM, examples: Dataset, rows: Sequence[int]) -> Tensor:
    """Cross-entropy per answer token of the given `rows` of the examples, in nats."""
    loss, tokens = summed_loss(prompt, lm, examples, rows)
    return loss / tokens


@torch.no_grad()
def validation_loss(
    prompt: Prompt, lm: LM, examples: Dataset, batch_size: int = 32, share: slice = slice(None)
) -> float:
    """The mean loss over all of `examples`, batch by batch; for a `share` of the batches, what they add to it."""
    prompt.eval()
    parts = [range(start, min(start + batch_size, len(examples))) for start in range(0, len(examples), batch_size)]
    losses = [mean_loss(prompt, lm, examples, rows).item() * len(rows) for rows in parts[share]]
    prompt.train()
    return sum(losses) / len(examples)


class Gradient:
    """The gradient of a batch's mean loss, computed in `accumulate` parts by each process of `team` for its share.

    A mean of means would weigh a token by the length of the answers beside it, so the parts' sums are added up, and
    divided once by the number of all answer tokens.
    """

    def __init__(self, prompt: Prompt, lm: LM, team: PartialState, accumulate: int, mixed_precision: str) -> None:
        if mixed_precision not in PRECISIONS:
            raise ValueError(f"mixed_precision {mixed_precision!r} is not known; choose 'no', 'bf16' or 'fp16'")
        half = {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(lm.model.dtype, mixed_precision)
        if mixed_precision not in ("no", half):
            raise ValueError(
                f"mixed_precision {mixed_precision!r} does not go with a model in {lm.model.dtype}; choose {half!r}, "
                f"or load the model in {PRECISIONS[mixed_precision]}"
            )
        self.prompt, self.lm, self.team, self.accumulate = prompt, lm, team, accumulate
        self.share = slice(team.process_index, None, team.num_processes)
        enabled = mixed_precision != "no"
        self.autocast = torch.autocast(lm.device.type, PRECISIONS[mixed_precision], enabled=enabled)
        self.scaler = GradScaler(lm.device.type, enabled=mixed_precision == "fp16")

    def backward(self, examples: Dataset, rows: Sequence[int], interrupted: bool) -> tuple[float, bool]:
        """Leave the gradient (times the scaler's factor) in the prompt; the loss, and if any process `interrupted`."""
        total = torch.tensor([0.0, 0.0, interrupted], device=self.lm.device)
        mine = rows[self.share]  # every n-th of rows in the order of their length: all processes compute equally long
        size, unit = max(1, -(-len(mine) // self.accumulate)), None
        for start in range(0, len(mine), size):
            with self.autocast:
                loss, tokens = summed_loss(self.prompt, self.lm, examples, mine[start : start + size])
            unit = tokens if unit is None else unit  # near the mean at once, as float16's narrow range wants it
            self.scaler.scale(loss / unit).backward()
            total[:2] += torch.stack([loss.detach(), tokens])
        total = devices.total(total, self.team)
        total[0] /= total[1]
        mean, all_tokens, interruptions = total.tolist()
        for parameter in self.prompt.parameters():
            if parameter.requires_grad:
                self._share(parameter, 0.0 if unit is None else unit.item() / all_tokens)
        return mean, interruptions > 0

    def _share(self, parameter: Tensor, factor: float) -> None:
        """Make the gradient of `parameter` the sum over the processes of `factor` times their own."""
        if parameter.grad is None and self.team.num_processes > 1:  # nothing was left to this process
            parameter.grad = torch.zeros_like(parameter)
        if parameter.grad is not None:
            parameter.grad = devices.total(parameter.grad.mul_(factor), self.team)

    def validate(self, examples: Dataset) -> float:
        """The validation loss, the same in every process, each of which computes its share of the batches."""
        with self.autocast:
            own = validation_loss(self.prompt, self.lm, examples, share=self.share)
        if self.team.num_processes == 1:
            return own
        return float(devices.total(torch.tensor(own, dtype=torch.float64, device=self.lm.device), self.team))
