"""Attention that can look at more than the text: keys and values put in front of a block's own.

Every model of ``transformers`` reaches its attention through ``AttentionInterface``, and hands extra keyword arguments
of ``model(...)`` through to it. So one registered function serves every block of every architecture, encoder,
decoder and cross-attention alike, and no model is rewritten:

    model(input_ids, prefixes={attention_module: KeysValues(...)})    # put these in front
    model(input_ids, packing=Packing.of(batch))                       # texts end to end, each sees itself alone
    model(input_ids, record=[])                                       # and write down what each block saw
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from .reading import Packing

NAME = "peft_course"


class KeysValues(NamedTuple):
    """What one attention block can look at besides the text.

    keys, values: ``[b, H, P, d]`` with b = 1 (shared by the batch) or B. mask: ``[b, P]``, False where a row of the
    batch has no such virtual token; None when all are there. in_cache: a cache has put them in front already.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor | None = None
    in_cache: bool = False

    def for_batch(self, size: int) -> "KeysValues":
        """The same for `size` rows: shared ones are expanded, one per text is repeated for each of its beams."""

        def rows(tensor: Tensor) -> Tensor:
            if tensor.shape[0] == 1:
                return tensor.expand(size, *tensor.shape[1:])
            return tensor.repeat_interleave(size // tensor.shape[0], dim=0)

        mask = None if self.mask is None else rows(self.mask)
        return KeysValues(rows(self.keys), rows(self.values), mask, self.in_cache)

    def of_texts(self, kept: Tensor) -> "KeysValues":
        """The same for some texts of the batch alone, by their numbers."""
        if self.keys.shape[0] == 1:
            return self
        mask = None if self.mask is None else self.mask[kept]
        return KeysValues(self.keys[kept], self.values[kept], mask, self.in_cache)


class Seen(NamedTuple):
    """What one call of attention saw: its module, tensors ``[B, H, T, d]`` with the prefix in front, and the rest."""

    module: nn.Module
    queries: Tensor
    keys: Tensor
    values: Tensor
    mask: Tensor | None
    position_bias: Tensor | None
    scaling: float | None


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    prefixes: Mapping[nn.Module, KeysValues] | None = None,
    packing: Packing | None = None,
    record: list[Seen] | None = None,
    position_bias: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Softmax attention of `query` ``[B, H, T, d]`` over ``[prefix; key]`` and ``[prefix; value]``.

    With a `packing` the three come as ``[1, H, N, d]`` and causal attention needs no mask: pads are on the right.
    """
    if packing is not None:
        query, key, value = packing.unpack(query), packing.unpack(key), packing.unpack(value)
        attention_mask = None
    if prefixes and module in prefixes:
        prefix = prefixes[module].for_batch(query.shape[0])
        if not prefix.in_cache:
            key = torch.cat([prefix.keys, key], dim=2)  # [B, H, P + S, d]
            value = torch.cat([prefix.values, value], dim=2)
        attention_mask = _mask_in_front(module, prefix, query, key, attention_mask, kwargs.get("is_causal"))
        if position_bias is not None:  # a virtual token stands at no distance from any token
            position_bias = F.pad(position_bias, (prefix.keys.shape[2], 0))
    if record is not None:
        record.append(Seen(module, query, key, value, attention_mask, position_bias, kwargs.get("scaling")))
    output, _ = sdpa_attention_forward(
        module, query, key, value, attention_mask, position_bias=position_bias, **kwargs
    )  # [B, T, H, d]
    return output if packing is None else packing.pack(output), None


def _mask_in_front(
    module: nn.Module, prefix: KeysValues, query: Tensor, key: Tensor, mask: Tensor | None, is_causal: bool | None
) -> Tensor | None:
    """The mask over ``[prefix; key]``: every token sees its whole prefix. None where everything is visible."""
    length, width, virtual = query.shape[2], key.shape[2], prefix.keys.shape[2]
    if mask is None:
        causal = (getattr(module, "is_causal", True) if is_causal is None else is_causal) and length > 1
        if not causal and prefix.mask is None:
            return None
        visible = torch.ones(length, width, dtype=torch.bool, device=query.device)
        mask = (visible.tril(width - length) if causal else visible)[None, None]
    else:
        mask = F.pad(mask, (virtual, 0), value=True if mask.dtype == torch.bool else 0.0)  # an additive 0 lets through
    if prefix.mask is not None:
        absent = F.pad(~prefix.mask, (0, width - virtual), value=False)[:, None, None, :]  # [B, 1, 1, P + S]
        hidden = False if mask.dtype == torch.bool else torch.finfo(mask.dtype).min
        mask = mask.expand(len(absent), -1, -1, -1).masked_fill(absent, hidden)
    return mask


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
