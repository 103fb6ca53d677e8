"""The keys and values of what was read so far, in room that is made once.

A cache that grows copies itself at every new token, in every layer: with a small model and a long text that costs as
much as computing. This one knows beforehand how long the answer may be, and has the prefix in front from the start.
"""

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from .attention import KeysValues


class Room(DynamicLayer):
    """One layer's cache: ``[B, H, P + room, d]``, filled from the left; the model counts its own tokens alone."""

    def __init__(self, prefix: KeysValues | None, room: int) -> None:
        super().__init__()
        self.prefix, self.room, self.read = prefix, room, 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        B, H, _, d = key_states.shape
        prefix = self.prefix and self.prefix.for_batch(B)
        self.virtual = prefix.keys.shape[2] if prefix else 0
        self.all_keys, self.all_values = key_states.new_empty(2, B, H, self.virtual + self.room, d)
        if prefix:
            self.all_keys[:, :, : self.virtual], self.all_values[:, :, : self.virtual] = prefix.keys, prefix.values
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Takes in the new tokens' keys and values; returns all, the prefix's in front."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.virtual + self.read
        end = start + key_states.shape[2]
        self.all_keys[:, :, start:end], self.all_values[:, :, start:end] = key_states, value_states
        self.read += key_states.shape[2]
        self.keys, self.values = self.all_keys[:, :, :end], self.all_values[:, :, :end]
        return self.keys, self.values

    def get_seq_length(self) -> int:
        return self.read

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some texts of the batch alone."""
        self.all_keys, self.all_values = self.all_keys[indices], self.all_values[indices]


def roomy_cache(prefixes: list[KeysValues | None], room: int) -> Cache:
    """A cache with `room` for as many tokens, and each layer's prefix in front."""
    return Cache(layers=[Room(prefix, room) for prefix in prefixes])
