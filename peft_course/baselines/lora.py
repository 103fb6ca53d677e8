"""LoRA (Hu et al. 2021, arXiv 2106.09685).

Fine-tuning adds a change ΔW to every matrix W. Here the change of a matrix ``[out, in]`` is a product of two thin
ones, W x + (α / r) B A x with A ``[r, in]`` and B ``[out, r]`` (section 4.1). A begins with random numbers and B with
zeros, so training begins at the frozen model.
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from .. import checkpoints
from ..conditions import Condition
from ..lm import LM
from ..prompts import Prompt
from ..prompts.prompt import INPUT

QUERIES_AND_VALUES = ("q_proj", "v_proj", "q", "v", "query", "value", "c_attn", "query_key_value", "qkv_proj")
FIELDS = {"bias": "none", "lora_dropout": 0.0, "peft_type": "LORA"}
UNKNOWN_TO_US = ("use_dora", "use_rslora", "modules_to_save", "rank_pattern", "alpha_pattern", "layers_to_transform")


class Adapted(nn.Module):
    """A frozen linear layer and the low-rank change beside it."""

    def __init__(self, frozen: nn.Module, a: Tensor, b: Tensor, scaling: float) -> None:
        super().__init__()
        self.frozen, self.scaling = frozen, scaling
        self.change = (a, b)  # in a tuple, so that they belong to the prompt and not to the model

    def forward(self, x: Tensor) -> Tensor:  # [..., in] → [..., out]
        a, b = self.change
        return self.frozen(x) + self.scaling * F.linear(F.linear(x, a.to(x.dtype)), b.to(x.dtype))


class LoRA(Prompt):
    """A change of rank `rank` to each of the linear layers whose names end in one of `targets`.

    By default these are the projections to queries and values (section 7.1), or the one that makes both. Raises
    ValueError for a model without them, and for a target that it does not have.
    """

    learning_rate = 5e-3

    def __init__(
        self,
        lm: LM,
        rank: int = 8,
        alpha: float = 16.0,
        targets: Sequence[str] | None = None,
        seed: int = 0,
        template: str = INPUT,
    ) -> None:
        super().__init__(template)
        if rank < 1:
            raise ValueError(f"a low-rank change has a rank of at least 1, got {rank}")
        self.facts, self.made_for = checkpoints.facts(lm), checkpoints.fingerprint(lm)
        self.rank, self.alpha = rank, alpha
        layers = _layers(lm, targets)
        self.targets = tuple(sorted({name.rpartition(".")[2] for name in layers}))
        self.fan_in_fan_out = any(isinstance(layer, Conv1D) for layer in layers.values())
        self.names = list(layers)
        self.a, self.b = nn.ParameterList(), nn.ParameterList()
        draw = torch.Generator().manual_seed(seed)
        for layer in layers.values():
            weight: Any = layer.weight
            width, out = weight.shape if isinstance(layer, Conv1D) else weight.shape[::-1]
            bound = width**-0.5  # Kaiming's uniform numbers, as in the paper's code
            a = torch.empty(rank, width).uniform_(-bound, bound, generator=draw)
            self.a.append(nn.Parameter(a.to(lm.device)))
            self.b.append(nn.Parameter(torch.zeros(out, rank, device=lm.device)))
        self._model = (self._adapted(lm),)  # in a tuple: the frozen model is no part of the prompt

    def _adapted(self, lm: LM) -> nn.Module:
        """The frozen model once more, with the same weights in the same memory, and the changes beside them."""
        shared = {id(tensor): tensor for tensor in (*lm.model.parameters(), *lm.model.buffers())}
        model = copy.deepcopy(lm.model, shared)
        for name, a, b in zip(self.names, self.a, self.b, strict=True):
            parent = model.get_submodule(name.rpartition(".")[0])
            adapted = Adapted(model.get_submodule(name), a, b, self.alpha / self.rank)
            setattr(parent, name.rpartition(".")[2], adapted)
        return model

    def condition(self, lm: LM) -> Condition:
        return Condition(model=self._model[0])

    # -- checkpoints ------------------------------------------------------------------------------------------------
    def tensors(self) -> dict[str, Tensor]:
        """A and B of every layer, by PEFT's names."""
        pairs = zip(self.names, self.a, self.b, strict=True)
        return {_key(name, letter): tensor for name, *both in pairs for letter, tensor in zip("AB", both, strict=True)}

    def files(self) -> dict[str, bytes]:
        """PEFT's files for LoRA."""
        config = self.facts | FIELDS | {"r": self.rank, "lora_alpha": self.alpha, "target_modules": list(self.targets)}
        config["fan_in_fan_out"] = self.fan_in_fan_out
        for own in ("num_attention_heads", "num_layers", "num_transformer_submodules", "token_dim"):
            config.pop(own, None)  # a prompt's
        return checkpoints.peft_files(config, self.tensors(), self.template, self.made_for)

    @classmethod
    def from_checkpoint(cls, saved: checkpoints.Checkpoint, lm: LM) -> Self:
        """Raises ValueError for a kind of LoRA that is more than W x + (α / r) B A x, and for another model."""
        saved.check_type("LORA")
        config: dict[str, Any] = dict(saved.config)
        more = [name for name in UNKNOWN_TO_US if config.get(name)]
        if more or config.get("bias", "none") != "none":
            raise saved.refusal("a LoRA with", "plain matrices A and B", more or ["bias"])
        rank, alpha, targets = config.get("r"), config.get("lora_alpha"), config.get("target_modules")
        if type(rank) is not int or rank < 1:
            raise saved.refusal("the rank r", "a positive number", rank)
        if not isinstance(alpha, (int, float)) or isinstance(alpha, bool):
            raise saved.refusal("lora_alpha", "a number", alpha)
        if not isinstance(targets, list) or not targets or not all(isinstance(each, str) for each in targets):
            raise saved.refusal("target_modules", "a list of names of layers", targets)
        lora = cls(lm, rank, float(alpha), targets, template=saved.template)
        own = lora.tensors()
        saved.check(
            "tensors of the shapes",
            {name: list(tensor.shape) for name, tensor in own.items()},
            {name: list(tensor.shape) for name, tensor in saved.tensors.items()},
        )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(saved.tensors[name])
        lora.made_for = saved.made_for
        saved.warn_of_another_model(lm)
        return lora


def _layers(lm: LM, targets: Sequence[str] | None) -> dict[str, nn.Module]:
    """The linear layers to change, by their names in the model."""
    linear = {name: module for name, module in lm.model.named_modules() if isinstance(module, nn.Linear | Conv1D)}
    names = sorted({name.rpartition(".")[2] for name in linear})
    if targets is not None and (wrong := [target for target in targets if target not in names]):
        raise ValueError(f"{lm.name} has no linear layer {', '.join(wrong)!r}; its layers are {', '.join(names)}")
    if targets is None:
        blocks = {module for stack in lm.stacks.values() for block in stack.blocks for module in block.modules()}
        linear = {name: module for name, module in linear.items() if module in blocks}
    wanted = {name: linear[name] for name in linear if name.rpartition(".")[2] in (targets or QUERIES_AND_VALUES)}
    if not wanted:
        raise ValueError(
            f"{lm.name} has no layers known to make queries and values; name targets among {', '.join(names)}"
        )
    return wanted


def _key(name: str, letter: str) -> str:
    return f"base_model.model.{name}.lora_{letter}.weight"
