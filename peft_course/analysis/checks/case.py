"""What the doctor examines, and what it says when it finds something."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from ...conditions import Condition
from ...lm import LM
from ...prompts import Prompt
from ...reading import IGNORE


@dataclass(frozen=True)
class Finding:
    """A fault: its short `name`, `what` was measured, and how to `mend` it, a sentence each."""

    name: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}\n  {self.mend}"


class NotChecked(Exception):  # noqa: N818 - it is no error
    """There is nothing that a check could look at; the message says why."""


class Collated(NamedTuple):
    """A batch as a collator gives it: ``[B, T]`` each; an encoder–decoder's labels are ``[B, U]``."""

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Case:
    """A prompt on a model, and examples x → y; `collated` if they came as tensors."""

    prompt: Prompt
    lm: LM
    texts: Sequence[str]
    answers: Sequence[str]
    collated: Collated | None = None
    learning_rate: float | None = None

    # -- what the prompt is, for the model ----------------------------------------------------------------------------
    @cached_property
    def vectors(self) -> list[Tensor]:
        """What the prompt puts among the embeddings, ``[P, D]`` each."""
        return [piece for side in self.prompt.around() for piece in side if isinstance(piece, Tensor)]

    @cached_property
    def condition(self) -> Condition:
        return self.prompt.condition(self.lm)

    @property
    def lengths(self) -> list[int]:
        """The numbers of virtual tokens: of its vectors, and of its prefixes."""
        prefixes = {prefix.shape[-2] for prefix in self.condition.prefixes.values()}
        return [len(rows) for rows in self.vectors] + sorted(prefixes)

    @cached_property
    def whole(self) -> set[int]:
        """The identities of a whole model's weights, which full fine-tuning has in the place of the frozen ones."""
        return set() if self.condition.model is None else set(map(id, self.condition.model.parameters()))

    @cached_property
    def matrices(self) -> set[str]:
        """The prompt's parameters whose rows each matter; of a whole model's embeddings a batch reads but some."""
        return {name for name, each in self.prompt.named_parameters() if each.ndim == 2 and id(each) not in self.whole}

    # -- what the model makes of it -----------------------------------------------------------------------------------
    def loss(self, prompt: Prompt) -> Tensor:
        """Cross-entropy per answer token, in nats."""
        losses, tokens = self.lm.answer_losses(self.texts, self.answers, prompt)
        return losses.sum() / (tokens != IGNORE).sum()

    def loss_of_words_alone(self) -> Tensor:
        """The same without vectors, prefixes and weights: the model reads the prompt's words, and no more."""
        losses, tokens = self.lm.answer_losses([self.prompt.text(x) for x in self.texts], self.answers)
        return losses.sum() / (tokens != IGNORE).sum()

    @cached_property
    def gradients(self) -> dict[str, Tensor]:
        """The loss's gradient by each trained parameter's name."""
        return self.gradients_of(self.prompt)

    def gradients_of(self, prompt: Prompt) -> dict[str, Tensor]:
        """The same for a `prompt` like this one. The parameters' own `grad` stays as it is."""
        trained = {name: parameter for name, parameter in prompt.named_parameters() if parameter.requires_grad}
        with torch.enable_grad():
            loss = self.loss(prompt)
            if not loss.requires_grad:
                return {name: torch.zeros_like(parameter) for name, parameter in trained.items()}
            found = torch.autograd.grad(loss, list(trained.values()), allow_unused=True, materialize_grads=True)
        return dict(zip(trained, found, strict=True))
