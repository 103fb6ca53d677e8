"""What the doctor examines, and what it says when it finds something."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...lm import IGNORE, LM
from ...prompts import Prompt


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
        embeddings = self.prompt.condition(self.lm).embeddings
        return [] if embeddings is None else [embeddings[0].detach()]

    @cached_property
    def prefixes(self) -> Mapping[str, Tensor]:
        """What it puts in front of the keys and values of each stack, ``[L, 2, b, H, P, d]``."""
        return {name: prefix.detach() for name, prefix in self.prompt.condition(self.lm).prefixes.items()}

    @property
    def lengths(self) -> list[int]:
        """The numbers of virtual tokens: of its vectors, and of its prefixes."""
        return [len(rows) for rows in self.vectors] + sorted({prefix.shape[-2] for prefix in self.prefixes.values()})

    @cached_property
    def weights(self) -> nn.Module | None:
        """A whole model that runs in the place of the frozen one, as full fine-tuning has it."""
        return self.prompt.condition(self.lm).model

    # -- what the model makes of it -----------------------------------------------------------------------------------
    def loss(self, prompt: Prompt) -> Tensor:
        """Cross-entropy per answer token, in nats."""
        return self._loss([prompt.text(x) for x in self.texts], prompt)

    def loss_of_words_alone(self) -> Tensor:
        """The same without vectors, prefixes and weights: the model reads the prompt's words, and no more."""
        return self._loss([self.prompt.text(x) for x in self.texts], Prompt())

    def _loss(self, texts: Sequence[str], prompt: Prompt) -> Tensor:
        batch = self.lm.batch(texts, self.answers)
        return self.lm.answer_losses(batch, prompt.condition(self.lm)).sum() / (batch.labels != IGNORE).sum()

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
