"""How much of their attention a model's blocks spend on a prefix."""

import copy

import numpy as np
import torch
from torch import Tensor

from ..attention import Seen
from ..lm import LM
from ..prompts import Prefix
from ..prompts.prompt import INPUT


def attention_weights(seen: Seen) -> Tensor:
    """The softmax weights ``[B, H, T, S]`` of one recorded call: softmax(q kᵀ · scaling + bias) under its mask."""
    queries, keys = seen.queries, seen.keys
    keys = keys.repeat_interleave(queries.shape[1] // keys.shape[1], dim=1)  # grouped queries share a key
    scaling = queries.shape[-1] ** -0.5 if seen.scaling is None else seen.scaling
    scores = queries @ keys.transpose(2, 3) * scaling
    if seen.position_bias is not None:
        scores = scores + seen.position_bias
    mask = seen.mask
    if mask is None and queries.shape[2] > 1 and getattr(seen.module, "is_causal", True):
        length, width = scores.shape[2:]
        mask = torch.ones(length, width, dtype=torch.bool, device=scores.device).tril(width - length)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(dim=-1)


def attention_on_prefix(lm: LM, prefix: Prefix, text: str) -> np.ndarray:
    """The share of attention ``[L, H]`` that the decoder's heads spend on the prefix, a mean over the text's tokens."""
    return attention_by_position(lm, prefix, text).mean(axis=2)


def attention_by_position(lm: LM, prefix: Prefix, text: str) -> np.ndarray:
    """The share of attention ``[L, H, T]`` that the decoder's heads spend on the prefix, at each token of the text."""
    ids = torch.tensor([lm.encode(prefix.text(text))])
    bare = copy.copy(prefix)  # its words are in the ids already
    bare.template = INPUT
    record = lm.record(ids, ids if lm.is_encoder_decoder else None, bare)
    calls = {call.module: call for call in record}
    length = prefix.num_virtual_tokens
    shares = [attention_weights(calls[block])[0, :, :, :length].sum(dim=-1) for block in lm.stacks["decoder"].blocks]
    return torch.stack(shares).detach().cpu().numpy()
