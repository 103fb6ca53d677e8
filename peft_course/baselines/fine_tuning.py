"""Full fine-tuning: every weight learns. The quality to reach, at the price of a whole model for each task."""

import copy
from typing import Self

import torch
from torch import Tensor

from .. import checkpoints
from ..conditions import Condition
from ..lm import LM
from ..prompts import Prompt
from ..prompts.prompt import INPUT


class FineTuning(Prompt):
    """A trainable copy of the model, under the calls of a prompt; the frozen one stays as it is."""

    learning_rate = 1e-3

    def __init__(self, lm: LM, template: str = INPUT) -> None:
        super().__init__(template)
        self.facts, self.made_for = checkpoints.facts(lm), checkpoints.fingerprint(lm)
        self.model = copy.deepcopy(lm.model).float().requires_grad_(True)

    def condition(self, lm: LM) -> Condition:
        return Condition(model=self.model)

    def tensors(self) -> dict[str, Tensor]:
        return dict(self.model.named_parameters())  # tied weights once

    def files(self) -> dict[str, bytes]:
        """All the weights, in our own files."""
        config = self.facts | {"peft_type": "FINE_TUNING"}
        return checkpoints.our_files(config, self.tensors(), self.template, self.made_for)

    @classmethod
    def from_checkpoint(cls, saved: checkpoints.Checkpoint, lm: LM) -> Self:
        saved.check_type("FINE_TUNING")
        tuned = cls(lm, template=saved.template)
        tuned.made_for = saved.made_for
        own, stored = tuned.tensors(), saved.tensors
        if {name: tensor.shape for name, tensor in own.items()} != {name: t.shape for name, t in stored.items()}:
            raise ValueError(
                f"the weights in {str(saved.folder)!r} do not fit {lm.name}; load the model that they came from"
            )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(stored[name])
        return tuned
