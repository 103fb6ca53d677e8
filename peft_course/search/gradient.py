"""Searching words by gradient: HotFlip (Ebrahimi et al. 2018), AutoPrompt (Shin et al. 2020), GCG (Zou et al. 2023).

Words cannot be moved a little along a gradient, but a gradient can say which other word would probably lower the loss.
Write the tokens t of a prompt as one-hot rows, so that the model reads ``onehot(t) @ E``, ``[P, V] @ [V, D]``. Then

    loss(t with v at place i) ≈ loss(t) + G[i, v] − G[i, tᵢ],    G = ∂loss / ∂onehot = (∂loss / ∂embeddings) @ Eᵀ

is known for all P·V swaps from one backward pass. It is a straight line drawn through a curve, from one word to
another far off: so the swaps that it likes best are measured, and one is made only if the true loss falls.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from datasets import Dataset
from torch import Tensor

from ..lm import LM
from ..losses import mean_loss, validation_loss
from ..prompts import HardPrompt, SoftPrompt
from ..prompts.prompt import INPUT
from ..prompts.soft import VECTORS

BEHIND = INPUT + VECTORS  # where the words stand: behind the input, next to the answer
PATIENCE = 1000  # draws without a prompt that can be written as text, after which the search gives up


@dataclass(frozen=True)
class Searched:
    """What a search found: the `prompt` with the lowest `validation_loss` of those it went through.

    `losses` are those of the best prompt so far, each on its step's batch, in nats per token; `evaluated` counts the
    prompts whose loss was measured on a batch.
    """

    prompt: HardPrompt
    tokens: tuple[int, ...]
    validation_loss: float
    losses: tuple[float, ...]
    evaluated: int


def token_gradient(
    tokens: Sequence[int], lm: LM, examples: Dataset, rows: Sequence[int], template: str = BEHIND
) -> Tensor:
    """G ``[P, V]``: the gradient of the mean loss of the given `rows` by the one-hot rows of the prompt's tokens."""
    matrix = lm.embedding_matrix.detach()
    prompt = SoftPrompt(lm, value=matrix[list(tokens)], template=template)
    mean_loss(prompt, lm, examples, rows).backward()
    assert prompt.embeddings.grad is not None
    return prompt.embeddings.grad @ matrix.float().T


def linearised(gradient: Tensor, tokens: Sequence[int]) -> Tensor:
    """By how much each swap changes the loss if the loss were a straight line, ``[P, V]``, in nats per token."""
    return gradient - gradient.gather(1, torch.tensor(tokens, device=gradient.device)[:, None])


def search(
    lm: LM,
    train: Dataset,
    validation: Dataset,
    length: int = 5,
    template: str = BEHIND,
    *,
    steps: int = 40,
    swaps: int = 32,
    top: int = 64,
    batch_size: int = 16,
    guided: bool = True,
    seed: int = 0,
) -> Searched:
    """Search `length` tokens for the slot ``{prompt}`` of `template`, starting from random ones.

    Each of the `steps` draws a batch of `train` and `swaps` swaps of one token, measures them on that batch, and makes
    the best of them if it lowers the loss. The new token is one of the `top` that the gradient likes best at its place;
    with `guided` False it is any, and all else is the same: what differs is what the gradient is worth. Prompts that
    do not read back as the same tokens are passed over, since only a text can be given to somebody else.

    Raises ValueError for a template without one slot ``{prompt}`` or one ``{x}``, sizes below 1, and where no prompt
    can be found that reads back.
    """
    for name, size in {"length": length, "steps": steps, "swaps": swaps, "top": top, "batch_size": batch_size}.items():
        if size < 1:
            raise ValueError(f"{name} is at least 1, got {size}")
    allowed = Allowed(lm, template, train["x"][: 2 * batch_size])
    rng = random.Random(seed)
    tokens = allowed.first(lambda: tuple(rng.choices(allowed.tokens, k=length)))
    seen, losses, evaluated = {tokens: 0.0}, [], 0
    for _ in range(steps):
        rows = rng.sample(range(len(train)), min(batch_size, len(train)))

        def loss(prompt: tuple[int, ...], rows: Sequence[int] = rows) -> float:
            with torch.no_grad():
                return float(mean_loss(allowed.prompt(prompt), lm, train, rows))

        options = [allowed.tokens] * length
        if guided:
            options = allowed.best(linearised(token_gradient(tokens, lm, train, rows, template), tokens), top)
        candidates = {tokens: loss(tokens)}
        for _ in range(swaps):
            swapped = allowed.first(partial(swap, tokens, options, rng))
            candidates[swapped] = loss(swapped)
        tokens = min(candidates, key=lambda each: candidates[each])
        evaluated += swaps + 1
        losses.append(candidates[tokens])
        seen[tokens] = 0.0
    for each in seen:
        seen[each] = validation_loss(allowed.prompt(each), lm, validation)
    best = min(seen, key=lambda each: seen[each])
    return Searched(allowed.prompt(best), best, seen[best], tuple(losses), evaluated)


def swap(tokens: tuple[int, ...], options: Sequence[Sequence[int]], rng: random.Random) -> tuple[int, ...]:
    """`tokens` with one of its places' `options` in that place."""
    place = rng.randrange(len(tokens))
    return (*tokens[:place], rng.choice(options[place]), *tokens[place + 1 :])


class Allowed:
    """The prompts that can be written down: as text behind or in front of some `inputs` they are the same tokens."""

    def __init__(self, lm: LM, template: str, inputs: Sequence[str]) -> None:
        if template.count(VECTORS) != 1 or template.count(INPUT) != 1:
            raise ValueError(f"a template to search in has the slots {INPUT} and {VECTORS} once each, got {template!r}")
        self.lm, self.template, self.inputs = lm, template, inputs
        special = set(lm.tokenizer.all_special_ids)
        words = {token: lm.decode([token]) for token in range(len(lm.embedding_matrix)) if token not in special}
        self.tokens = [token for token, word in words.items() if word and not set(word) & set("{}\ufffd")]

    def prompt(self, tokens: Sequence[int]) -> HardPrompt:
        return HardPrompt(self.template.replace(VECTORS, self.lm.decode(tokens)))

    def reads_back(self, tokens: Sequence[int]) -> bool:
        """Whether the text of these tokens, put into the template, is read as them and nothing else."""
        whole, (before, after) = self.prompt(tokens), self.template.split(VECTORS)
        return all(
            self.lm.encode(whole.text(x))
            == [*self.lm.encode(before.replace(INPUT, x)), *tokens, *self.lm.encode(after.replace(INPUT, x))]
            for x in self.inputs
        )

    def first(self, draw: Callable[[], tuple[int, ...]]) -> tuple[int, ...]:
        """The first draw that reads back."""
        for _ in range(PATIENCE):
            if self.reads_back(tokens := draw()):
                return tokens
        raise ValueError(
            f"none of {PATIENCE} prompts in {self.template!r} reads back as the same tokens; "
            "put a space or a line break between the template's words and {prompt}, or search a shorter prompt"
        )

    def best(self, changes: Tensor, top: int) -> list[list[int]]:
        """By place the `top` allowed tokens with the lowest of `changes` ``[P, V]``."""
        own = torch.tensor(self.tokens, device=changes.device)
        chosen = changes[:, own].topk(min(top, len(own)), largest=False).indices
        return [own[row].tolist() for row in chosen]
