"""An encoder–decoder that begins with a decoder's weights (Rothe, Narayan and Severyn 2020, arXiv 1907.12461).

A block of T5 and one of Llama hold the same matrices. So both stacks start as the trained decoder, and what has to be
learnt is what differs: cross-attention, reading both ways, and positions (learnt biases in place of rotations).
"""

import torch
from torch import nn
from transformers import LlamaForCausalLM, PreTrainedModel, T5ForConditionalGeneration


@torch.no_grad()
def warm_start(model: PreTrainedModel, decoder: PreTrainedModel) -> None:
    """Copy the weights of `decoder` (Llama) into both stacks of `model` (T5), of the same widths and depth.

    T5 does not divide q·k by √d, nor does it scale its embeddings, but it divides what goes into the output by √D: the
    copies make up for it. Raises ValueError where the two do not fit.
    """
    if not isinstance(model, T5ForConditionalGeneration) or not isinstance(decoder, LlamaForCausalLM):
        raise ValueError(f"a T5 starts from a Llama, got {type(model).__name__} and {type(decoder).__name__}")
    ours, theirs = model.config, decoder.config
    ours_are = (ours.vocab_size, ours.d_model, ours.d_ff, ours.num_layers, ours.num_heads, ours.d_kv)
    depth = (theirs.num_hidden_layers, theirs.num_attention_heads, theirs.head_dim)
    theirs_are = (theirs.vocab_size, theirs.hidden_size, theirs.intermediate_size, *depth)
    if ours_are != theirs_are:
        names = "vocabulary, width, hidden width, layers, heads and head size"
        raise ValueError(f"{names} are {ours_are}, and the decoder's {theirs_are}; make the T5 of the same shape")
    model.shared.weight.copy_(decoder.model.embed_tokens.weight)
    for stack in (model.encoder, model.decoder):
        for block, layer in zip(stack.block, decoder.model.layers, strict=True):
            attention, feed_forward = block.layer[0], block.layer[-1]
            attention.layer_norm.weight.copy_(layer.input_layernorm.weight)
            for name in "qkvo":
                _copy(getattr(attention.SelfAttention, name), getattr(layer.self_attn, f"{name}_proj"))
            attention.SelfAttention.q.weight.mul_(ours.d_kv**-0.5)
            feed_forward.layer_norm.weight.copy_(layer.post_attention_layernorm.weight)
            _copy(feed_forward.DenseReluDense.wi_0, layer.mlp.gate_proj)
            _copy(feed_forward.DenseReluDense.wi_1, layer.mlp.up_proj)
            _copy(feed_forward.DenseReluDense.wo, layer.mlp.down_proj)
        stack.final_layer_norm.weight.copy_(decoder.model.norm.weight)
    model.decoder.final_layer_norm.weight.mul_(ours.d_model**0.5)


def _copy(ours: nn.Linear, theirs: nn.Linear) -> None:
    ours.weight.copy_(theirs.weight)
