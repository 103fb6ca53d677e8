"""What there is to know of a model before it carries a prompt: found by looking and trying, not by lists of names."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.activations import NewGELUActivation
from transformers.modeling_layers import GradientCheckpointingLayer

from .attention import NAME, Seen


class Stack(NamedTuple):
    """The attention blocks of one stack, in order, and the shape of their keys."""

    blocks: tuple[nn.Module, ...]
    heads: int
    head_size: int


def by_layer(record: Sequence[Seen], blocks: Sequence[nn.Module]) -> Tensor:
    """What the blocks' queries could look at, a key and a value for each, ``[L, 2, B, H, P, d]``."""
    seen = {call.module: call for call in record}
    return torch.stack([torch.stack([seen[block].keys, seen[block].values]) for block in blocks])


def stacks_of(record: Sequence[Seen], is_encoder_decoder: bool, name: str) -> dict[str, Stack]:
    """Attention blocks by stack, from what they saw of an input of 3 tokens and a decoder's of 2.

    Raises ValueError where no attention was seen, or blocks of unequal shape: a prefix has no place there.
    """
    found: dict[str, list[Seen]] = {}
    for seen in record:
        lengths = seen.queries.shape[2], seen.keys.shape[2]
        if not is_encoder_decoder or lengths == (2, 2):
            stack = "decoder"
        else:
            stack = "encoder" if lengths == (3, 3) else "cross"
        found.setdefault(stack, []).append(seen)
    shapes = {name: {tuple(seen.keys.shape[1::2]) for seen in calls} for name, calls in found.items()}
    if not found or any(len(shape) != 1 for shape in shapes.values()):
        raise ValueError(
            f"{name}: a prefix needs attention blocks of equal shape that use transformers' AttentionInterface, "
            f"found {shapes or 'none'}; use a soft prompt, or another model"
        )
    return {name: Stack(tuple(seen.module for seen in calls), *shapes[name].pop()) for name, calls in found.items()}


@torch.no_grad()
def attend_as_we_do(model: PreTrainedModel, name: str) -> None:
    """Put our attention in the place of the model's own, which computes the same in its own way.

    Raises ValueError for a model whose attention computes something else, caps its scores say, and leaves it as it was.
    """

    def logits() -> Tensor:
        ids = torch.arange(8, device=model.device).view(2, 4) % len(model.get_input_embeddings().weight)
        both = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
        return model(ids, attention_mask=torch.ones_like(ids), **both).logits.float()

    own, expected = model.config._attn_implementation, logits()
    model.set_attn_implementation(NAME)
    try:
        found = logits()
    except ValueError as error:
        lack = str(error).split("Try")[0].strip(" .")
    else:
        if _alike(found, expected):
            return
        lack = f"logits would differ by {float((found - expected).abs().max()):.2g}"
    model.set_attn_implementation(own)
    raise ValueError(f"{name} has an attention that cannot carry a prompt here ({lack}); load another model")


@torch.no_grad()
def refuse_looking_ahead(model: PreTrainedModel, name: str) -> None:
    """ValueError for a model whose first token sees the second: what it says of a text is no continuation."""
    ids = torch.tensor([[0, 1], [0, 2]], device=model.device) % model.get_input_embeddings().weight.shape[0]
    first, second = model(ids, attention_mask=torch.ones_like(ids)).logits[:, 0].float()
    if not _alike(first, second):
        raise ValueError(
            f"{name} sees what comes after a token, so it cannot continue a text; "
            f"load a decoder-only model such as 'gpt2' or an encoder–decoder such as 't5-small'"
        )


def _alike(first: Tensor, second: Tensor) -> bool:
    """Whether logits are the same, but for what half precision makes of another order of computation."""
    return torch.allclose(first, second, rtol=1e-2, atol=1e-2 * float(first.std()))


def takes(model: PreTrainedModel, argument: str) -> bool:
    """Whether the model's forward pass has such an argument."""
    return argument in inspect.signature(model.forward).parameters


def max_positions(model: PreTrainedModel) -> int | None:
    """How many positions the model has, virtual tokens included; None where it sets no limit, as T5."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return None if limit is None else int(limit)


def attention_window(model: PreTrainedModel) -> float:
    """How many tokens back attention reaches in every layer."""
    config = model.config.get_text_config()
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return min([window for window in windows if window is not None], default=float("inf"))


def in_layers(blocks: Sequence[nn.Module], model: PreTrainedModel) -> bool:
    """Whether the blocks are one in each layer, in order: then their cache is all that the model keeps of a text."""
    layers = [getattr(block, "layer_idx", None) for block in blocks]
    return layers == list(range(model.config.get_text_config().num_hidden_layers))


def fuse_gelu(model: PreTrainedModel) -> None:
    """GPT-2's activation, which transformers spells out in eight steps, as the one that computes the same at once."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, nn.GELU(approximate="tanh"))


def read_evenly(model: PreTrainedModel) -> None:
    """Let the vocabulary projection read hidden states from one piece of memory.

    Given a slice of them, the last positions say, PyTorch would multiply text by text and read the matrix for each.
    """
    model.get_output_embeddings().register_forward_pre_hook(lambda _, states: (states[0].contiguous(),))


def is_compiled(model: PreTrainedModel) -> bool:
    """Whether `torch.compile` has been at the model."""
    return getattr(model, "_compiled_call_impl", None) is not None or hasattr(model, "_orig_mod")


def activations_from_inputs() -> AbstractContextManager[None]:
    """Do not keep an activation function's output for the way back: compute it again from its input, which is kept.

    In a gated block, ``silu(gate) · up``, that is a third of what would be kept, for one cheap step more.
    """

    def pack(saved: Tensor) -> Tensor | Callable[[], Tensor]:
        made_by: Any = saved.grad_fn
        match made_by and made_by.name():
            case "SiluBackward0":
                return partial(F.silu, made_by._saved_self)
            case "GeluBackward0":
                return partial(F.gelu, made_by._saved_self, approximate=made_by._saved_approximate)
        return saved

    return saved_tensors_hooks(pack, lambda packed: packed if isinstance(packed, Tensor) else packed())


def compute_twice(model: PreTrainedModel, on: bool) -> bool:
    """Let every block forget its activations and compute them again when going back; False where there are none.

    transformers' own switch works in training mode alone, which would turn dropout on.
    """
    blocks = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    for block in blocks:
        block.__dict__.pop("forward", None)
        if on:
            block.__dict__["forward"] = partial(checkpoint, block.forward, use_reentrant=False)
    return bool(blocks)
