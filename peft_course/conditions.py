"""What goes into a run of the frozen model besides what it reads: prefixes in its blocks, or other weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Condition:
    """prefixes: for each stack ("encoder", "decoder", "cross") a key and a value per layer, ``[L, 2, b, H, P, d]``
    with b = 1 (shared by the batch) or B. present: for stacks where texts have prefixes of unequal length, which of
    the P virtual tokens a text has, ``[B, P]``. layers: for stacks where only some of the blocks have a prefix, their
    numbers, and L counts those. model: other weights to run with, as full fine-tuning has them.
    """

    prefixes: Mapping[str, Tensor] = field(default_factory=dict)
    present: Mapping[str, Tensor] = field(default_factory=dict)
    layers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    model: PreTrainedModel | None = None

    def lengths(self, stack: str) -> Tensor | int:
        """How many virtual tokens stand in front in `stack`: a number, or one per text ``[B, 1]``."""
        if stack in self.present:
            return self.present[stack].sum(dim=1, keepdim=True)
        return self.prefixes[stack].shape[-2] if stack in self.prefixes else 0


def per_text(conditions: Sequence[Condition], chosen: Sequence[int]) -> Condition:
    """One condition for a batch: its text i runs under ``conditions[chosen[i]]``, as if it ran alone.

    Raises ValueError where they have different weights: one run of the model has one set of them.
    """
    if any(condition.model is not conditions[0].model for condition in conditions):
        raise ValueError(
            "full fine-tuning has a model of its own, so it cannot share a batch with other prompts; "
            "run its texts in a call of their own"
        )
    prefixes, present, layers = {}, {}, _same_layers(conditions)
    for stack in dict.fromkeys(name for condition in conditions for name in condition.prefixes):
        given = [condition.prefixes.get(stack) for condition in conditions]
        some = next(prefix for prefix in given if prefix is not None)
        lengths = torch.tensor([0 if prefix is None else prefix.shape[-2] for prefix in given], device=some.device)
        width = int(lengths.max())
        filled = [  # [L, 2, 1, H, P, d] each, filled up with virtual tokens that nobody sees
            F.pad(some[..., :0, :] if prefix is None else prefix, (0, 0, 0, width - int(length)))
            for prefix, length in zip(given, lengths, strict=True)
        ]
        rows = torch.tensor(chosen, device=some.device)
        prefixes[stack] = torch.cat(filled, dim=2).index_select(2, rows)
        present[stack] = torch.arange(width, device=some.device) < lengths[rows, None]
    return Condition(prefixes, present, layers, conditions[0].model)


def in_sequence(conditions: Sequence[Condition]) -> Condition:
    """All of them at once for one text: the first one's prefix stands in front of the second one's.

    Raises ValueError where more than one brings weights.
    """
    models = [condition.model for condition in conditions if condition.model is not None]
    if len(models) > 1:
        raise ValueError("two fully fine-tuned models cannot be composed; take one of them")
    stacks = dict.fromkeys(name for condition in conditions for name in condition.prefixes)
    prefixes = {
        stack: torch.cat([each.prefixes[stack] for each in conditions if stack in each.prefixes], dim=-2)
        for stack in stacks
    }
    return Condition(prefixes, layers=_same_layers(conditions), model=models[0] if models else None)


def _same_layers(conditions: Sequence[Condition]) -> Mapping[str, tuple[int, ...]]:
    """The layers that have a prefix: the same in all of the conditions that have one. Raises ValueError if not."""
    layers: dict[str, tuple[int, ...] | None] = {}
    for condition in conditions:
        for stack in condition.prefixes:
            own = condition.layers.get(stack)
            if layers.setdefault(stack, own) != own:
                raise ValueError(
                    f"prefixes in the layers {_listed(layers[stack])} and {_listed(own)} of the {stack} cannot share "
                    f"a run; give them the same layers, or a call of their own"
                )
    return {stack: numbers for stack, numbers in layers.items() if numbers is not None}


def _listed(layers: tuple[int, ...] | None) -> str:
    return "(all)" if layers is None else str(list(layers))
