"""A frozen language model: it reads, scores and continues text, with or without a prompt, and never changes.

Letters for shapes, everywhere in this package: B batch, T tokens, P virtual tokens, L layers, H heads (key and value
heads where they differ), d head size, D model width, V vocabulary.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput

from .architecture import attention_window, in_layers, takes
from .conditions import Condition
from .frozen import Frozen, Prompts
from .generation import greedy
from .projection import projected_losses
from .reading import IGNORE, Batch, Packing, one_each

Given = Prompts | Sequence[Prompts | None] | None  # one prompt for all texts, one for each, or none


class LM(Frozen):
    """A frozen language model of `transformers` with its tokenizer; made by :func:`peft_course.load_lm`."""

    def logits(
        self,
        input_ids: Tensor,
        prompt: Given = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
    ) -> Tensor:
        """Logits ``[B, T, V]``, aligned with `input_ids` ``[B, T]`` whatever the prompt.

        An encoder–decoder's are ``[B, U, V]``, aligned with `decoder_input_ids` ``[B, U]`` (by default, its start).
        Raises ValueError for a prompt that puts something behind its input: token ids leave no place for that.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        prompts = one_each(prompt, len(input_ids))
        batch, condition = self.behind(prompts, input_ids, mask), self.condition_of(prompts)
        self.refuse_too_long(batch, condition)
        if not self.is_encoder_decoder:
            return self.run(batch, condition)[:, -input_ids.shape[1] :]
        if decoder_input_ids is None:
            decoder_input_ids = torch.full((len(input_ids), 1), self.model.config.decoder_start_token_id)
        return self.run(batch, condition, decoder_input_ids)

    def answer_losses(
        self, texts: Sequence[str], answers: Sequence[str], prompt: Given = None
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy of every token of the answers ``[B, U]``, in nats, and the tokens ``[B, U]``.

        Where a row has no token the loss is 0 and the token is `IGNORE`, so that the mean loss of a batch is
        ``losses.sum() / (tokens != IGNORE).sum()``. Logits are computed for the answers' positions alone.
        """
        prompts = one_each(prompt, len(texts))
        batch, condition = self.batch(texts, answers, prompts), self.condition_of(prompts)
        width = int((batch.labels != IGNORE).any(dim=0).sum())  # answers fill the last columns
        batch, condition = self.read_once(batch, condition, new_tokens=width if self.is_encoder_decoder else 0)
        tokens = batch.labels[:, -width:]
        answered = tokens != IGNORE
        losses = self._losses(batch, condition, tokens, answered)
        return torch.zeros_like(tokens, dtype=losses.dtype).masked_scatter(answered, losses), tokens

    def _losses(self, batch: Batch, condition: Condition, tokens: Tensor, answered: Tensor) -> Tensor:
        """Cross-entropy of the N `answered` ones of the `tokens` ``[B, U]``, in nats ``[N]``."""
        labels, width = tokens[answered], tokens.shape[1]
        if self.is_encoder_decoder:
            shifted = self.model.prepare_decoder_input_ids_from_labels(tokens)
            logits = self.run(batch, condition, shifted)[answered]  # [N, V]
        elif self.packs and batch.attention_mask.shape[1] <= attention_window(self.model):
            packing = Packing.of(batch)
            before = (batch.labels[batch.attention_mask.bool()] != IGNORE).nonzero()[:, 0] - 1  # what predicts a token
            if self.projects and condition.model is None:
                states = self.run(batch, condition, packing=packing, states=True)[0, before]
                return projected_losses(states, self.model.get_output_embeddings(), labels)
            logits = self.run(batch, condition, packing=packing, logits_to_keep=before)[0]
        else:
            keep: dict[str, Any] = {"logits_to_keep": width + 1} if takes(self.model, "logits_to_keep") else {}
            logits = self.run(batch, condition, **keep)[:, -width - 1 : -1][answered]
        return F.cross_entropy(logits.float(), labels, reduction="none")

    @torch.no_grad()
    def log_probabilities(
        self, texts: Sequence[str], answers: Sequence[str], prompt: Given = None, end: bool = True
    ) -> Tensor:
        """log p(answer | text, prompt) ``[B]``, summed over the answer's tokens and, with `end`, its end; in nats."""
        losses, tokens = self.answer_losses(texts, answers, prompt)
        if not end:
            losses = losses.masked_fill(tokens == self.eos, 0.0)
        return -losses.sum(dim=1)

    @torch.no_grad()
    def generate(
        self,
        texts: Sequence[str],
        prompt: Given = None,
        max_new_tokens: int = 64,
        num_beams: int = 1,
        sample: bool = False,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[str]:
        """The model's answers: one line each, greedy unless `num_beams` > 1 or `sample` (drawn with `seed`).

        Raises ValueError for a single string instead of a list, which would be read letter by letter.
        """
        if isinstance(texts, str):
            raise ValueError(f"generate expects a list of texts, got the string {texts!r}; write [{texts!r}]")
        if not texts:
            return []
        prompts = one_each(prompt, len(texts))
        batch, condition = self.batch(texts, prompt=prompts), self.condition_of(prompts)
        length = batch.input_ids.shape[1] + max_new_tokens
        batch, condition = self.read_once(batch, condition, max_new_tokens)
        inputs: dict[str, Any] = self.inputs(batch, condition)
        model, prefixes = condition.model or self.model, self.prefixed_blocks(condition)
        if self.is_encoder_decoder:  # the encoder runs once, with its own prefix
            encoded = model.get_encoder()(**inputs, prefixes=prefixes).last_hidden_state
            inputs = {"encoder_outputs": BaseModelOutput(encoded), "attention_mask": inputs["attention_mask"]}
        elif num_beams == 1 and not sample and self._decodes(length):
            blocks = self.blocks("decoder", condition)
            return self._lines(greedy(model, inputs, blocks, prefixes, self._ends, max_new_tokens))
        sampling = {"temperature": temperature, "top_p": top_p, "top_k": 0} if sample else {}
        torch.manual_seed(seed)
        hook = model.register_forward_pre_hook(
            lambda _, args, options: (args, {**options, "prefixes": prefixes}), with_kwargs=True
        )
        try:
            tokens = model.generate(
                **inputs,
                max_new_tokens=max_new_tokens,
                num_beams=num_beams,
                do_sample=sample,
                eos_token_id=self._ends,
                pad_token_id=self.pad,
                **sampling,
            )
        finally:
            hook.remove()
        return self._lines(tokens)

    def _lines(self, answers: Sequence[Sequence[int]] | Tensor) -> list[str]:
        return [self.decode(row).split("\n")[0].strip() for row in answers]

    def _decodes(self, length: int) -> bool:
        """Whether our own greedy decoding serves the model: all that it keeps of `length` tokens is their cache."""
        return (
            self.reachable
            and in_layers(self.stacks["decoder"].blocks, self.model)
            and takes(self.model, "position_ids")
            and length <= attention_window(self.model)
        )

    @cached_property
    def _ends(self) -> list[int]:
        """The tokens that end an answer: that of the end of text, and a line break where it is one token."""
        line_break = self.encode("\n")
        return [self.eos, *(line_break if len(line_break) == 1 else [])]

    def __repr__(self) -> str:
        return f"LM({self.name}, {self.num_parameters:,} frozen parameters, {self.model.dtype}, {self.device})"
