"""Full fine-tuning: every weight learns. The quality to reach, at the price of a whole model for each task."""

import copy
from pathlib import Path
from typing import Self

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..checkpoints import contiguous
from ..conditions import Condition
from ..lm import LM
from ..prompts import Prompt
from ..prompts.prompt import INPUT

WEIGHTS = "fine_tuning.safetensors"


class FineTuning(Prompt):
    """A trainable copy of the model, under the calls of a prompt; the frozen one stays as it is."""

    learning_rate = 1e-3

    def __init__(self, lm: LM, template: str = INPUT) -> None:
        super().__init__(template)
        self.model = copy.deepcopy(lm.model).float().requires_grad_(True)

    def condition(self, lm: LM) -> Condition:
        return Condition(model=self.model)

    def tensors(self) -> dict[str, Tensor]:
        return dict(self.model.named_parameters())  # tied weights once

    def save_pretrained(self, folder: str | Path) -> None:
        """Write all the weights to one file in `folder`."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        save_file(contiguous(self.tensors()), Path(folder) / WEIGHTS, {"template": self.template})

    @classmethod
    def from_pretrained(cls, folder: str | Path, lm: LM) -> Self:
        """The weights in `folder`. Raises ValueError if there are none, or those of a model of another shape."""
        path = Path(folder) / WEIGHTS
        if not path.is_file():
            raise ValueError(f"no fine-tuned weights in {str(folder)!r}: expected {WEIGHTS}; name a folder that has it")
        with safetensors.safe_open(path, "pt") as file:
            tuned = cls(lm, template=(file.metadata() or {}).get("template", INPUT))
        own, stored = tuned.tensors(), load_file(path)
        if {name: tensor.shape for name, tensor in own.items()} != {name: t.shape for name, t in stored.items()}:
            raise ValueError(f"the weights in {str(folder)!r} do not fit {lm.name}; load the model that they came from")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(stored[name])
        return tuned
