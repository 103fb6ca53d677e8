"""The last step of a language model, from hidden states to losses, without the table of logits that lies between.

A row of logits is as long as the vocabulary, and training usually keeps several: the logits, their logarithms, and a
gradient for each. But a token's loss depends on its own hidden state alone, so the gradient of the one by the other,
``softmax(logits) E - E[token]``, can be had as soon as the logits are there, and then they can be forgotten.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import PreTrainedModel

AT_ONCE = 2**23  # logits; fewer rows at a time make the products slow, more take memory


def projected_losses(states: Tensor, head: nn.Linear, tokens: Tensor) -> Tensor:
    """Cross-entropy ``[N]``, in nats and float32, of `tokens` ``[N]`` after hidden states ``[N, D]``.

    `head` is the frozen projection to the vocabulary, of a weight E ``[V, D]`` and perhaps a bias ``[V]``.
    """
    losses: Tensor = _Losses.apply(states, head.weight, head.bias, tokens)
    return losses


@torch.no_grad()
def projects_plainly(model: PreTrainedModel) -> bool:
    """Whether `model`'s logits are what a plain linear head says of its base model's last hidden states, untouched.

    Some models scale or bend their logits, and a LoRA adds to them. Found by trying, and by looking who made them.
    """
    head, base, said = model.get_output_embeddings(), model.base_model, []
    if type(head) is not nn.Linear or base is model or hasattr(head, "_hf_hook"):  # Accelerate moves such a weight
        return False
    hook = head.register_forward_hook(lambda _, states, logits: said.append((states[0], logits.clone())))
    try:
        ids = torch.zeros(1, 2, dtype=torch.long, device=model.device)
        mask = torch.ones_like(ids)
        logits, states = model(ids, attention_mask=mask).logits, base(ids, attention_mask=mask).last_hidden_state
    finally:
        hook.remove()
    if len(said) != 1:
        return False
    read, made = said[0]
    return logits.dtype == made.dtype and torch.equal(logits, made) and torch.equal(states, read)


class _Losses(torch.autograd.Function):
    """Computes the gradient on the way forward, ``[N, D]``, and keeps nothing else."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, tokens: Tensor) -> Tensor:
        losses, gradients = [], []
        rows = max(1, AT_ONCE // len(weight))
        for some, labels in zip(states.split(rows), tokens.split(rows), strict=True):
            logits = F.linear(some, weight, bias).float()  # the one table, changed in place from here on
            logits -= logits.amax(dim=1, keepdim=True)
            chosen = logits.gather(1, labels[:, None])
            sums = logits.exp_().sum(dim=1, keepdim=True)
            losses.append((sums.log() - chosen)[:, 0])
            if ctx.needs_input_grad[0]:
                probabilities = logits.div_(sums).to(weight.dtype)
                gradients.append((probabilities @ weight - weight[labels]).to(states.dtype))
        ctx.save_for_backward(*([torch.cat(gradients)] if gradients else []))
        return torch.cat(losses)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (by_states,) = ctx.saved_tensors
        return (gradient[:, None] * by_states).to(by_states.dtype), None, None, None
