"""A frozen language model: it reads, scores and continues text, with or without a prompt, and never changes.

Letters for shapes, everywhere in this package: B batch, T tokens, P virtual tokens, L layers, H heads (key and value
heads where they differ), d head size, D model width, V vocabulary.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput

from . import attention
from .attention import KeysValues

IGNORE = -100  # the label of a position that carries no loss


@dataclass(frozen=True)
class Condition:
    """What a prompt adds to a run of the frozen model, besides text.

    embeddings: ``[b, P, D]`` in front of the input's own (an encoder's, if there is one).
    prefixes: for each stack ("encoder", "decoder", "cross") a key and a value per layer, ``[L, 2, b, H, P, d]``.
    model: other weights to run with, as full fine-tuning has them. b is 1 or B.
    """

    embeddings: Tensor | None = None
    prefixes: Mapping[str, Tensor] = field(default_factory=dict)
    model: PreTrainedModel | None = None


class Prompts(Protocol):
    """All that a model knows of a prompt."""

    def text(self, x: str) -> str:
        """The text that the model reads for the input `x`."""

    def words_in_front(self) -> str:
        """The part of that text in front of `x`, for inputs that are token ids already."""

    def condition(self, lm: "LM") -> Condition:
        """What goes in besides text."""


class Batch(NamedTuple):
    """Texts as tensors ``[B, T]``. A decoder's labels stand under the tokens they name, `IGNORE` under x and pads."""

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor


class Stack(NamedTuple):
    """The attention blocks of one stack, in order, and the shape of their keys."""

    blocks: tuple[nn.Module, ...]
    heads: int
    head_size: int


class LM:
    """A frozen language model of `transformers` with its tokenizer; made by :func:`peft_course.load_lm`."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
        self.name, self.tokenizer = name, tokenizer
        model.set_attn_implementation(attention.NAME)
        self.model = model.requires_grad_(False).eval()
        self.is_encoder_decoder: bool = model.config.is_encoder_decoder
        self.eos: int = tokenizer.eos_token_id
        self.pad: int = self.eos if tokenizer.pad_token_id is None else tokenizer.pad_token_id

    # -- facts about the model --------------------------------------------------------------------------------------
    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def embedding_matrix(self) -> Tensor:
        """``[V, D]``."""
        return self.model.get_input_embeddings().weight

    @property
    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    @cached_property
    def stacks(self) -> dict[str, Stack]:
        """The model's attention blocks by stack, found by running it once on a few tokens and noting who attended.

        Raises ValueError for a model whose attention cannot be reached: a prefix has no place in it.
        """
        record = self.record(torch.tensor([[self.eos] * 3]), torch.tensor([[self.eos] * 2]))
        found: dict[str, list[attention.Seen]] = {}
        for seen in record:
            lengths = seen.queries.shape[2], seen.keys.shape[2]
            if not self.is_encoder_decoder or lengths == (2, 2):
                stack = "decoder"
            else:
                stack = "encoder" if lengths == (3, 3) else "cross"
            found.setdefault(stack, []).append(seen)
        shapes = {name: {tuple(seen.keys.shape[1::2]) for seen in calls} for name, calls in found.items()}
        if not found or any(len(shape) != 1 for shape in shapes.values()):
            raise ValueError(
                f"{self.name}: a prefix needs attention blocks of equal shape that use transformers' "
                f"AttentionInterface, found {shapes or 'none'}; use a soft prompt, or another model"
            )
        return {name: Stack(tuple(seen.module for seen in calls), *shapes[name].pop()) for name, calls in found.items()}

    @torch.no_grad()
    def record(
        self, input_ids: Tensor, decoder_input_ids: Tensor | None = None, condition: Condition | None = None
    ) -> list[attention.Seen]:
        """What every attention block saw on `input_ids` ``[B, T]``, in the order of computation."""
        record: list[attention.Seen] = []
        input_ids = input_ids.to(self.device)
        self._run(input_ids, torch.ones_like(input_ids), condition or Condition(), decoder_input_ids, record=record)
        return record

    # -- text to tensors --------------------------------------------------------------------------------------------
    def encode(self, text: str) -> list[int]:
        """The text's tokens and no special ones."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        text = self.tokenizer.decode(list(map(int, ids)), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)

    def batch(self, texts: Sequence[str], answers: Sequence[str] | None = None) -> Batch:
        """Texts, and their answers if there are any, as tensors ``[B, T]`` on the model's device.

        In a decoder an answer follows its text after a space and ends with the end-of-text token. Texts are padded on
        the left and answers on the right, so that all answers begin in the same column. An encoder–decoder gets the
        texts as input (padded on the right) and the answers as labels ``[B, U]``.
        """
        end = [self.eos] if self.is_encoder_decoder else []
        inputs = [self.encode(text) + end for text in texts]
        space = "" if self.is_encoder_decoder else " "
        targets = [[*self.encode(space + answer), self.eos] for answer in answers] if answers is not None else None
        if not self.is_encoder_decoder and any(not ids for ids in inputs):
            inputs = [ids or [self.eos] for ids in inputs]  # a decoder needs something to start from
        left = not self.is_encoder_decoder
        input_ids = self._pad(inputs, self.pad, left)
        mask = self._pad([[1] * len(ids) for ids in inputs], 0, left)
        if targets is None:
            return Batch(input_ids, mask, torch.full_like(input_ids, IGNORE))
        labels = self._pad(targets, IGNORE)
        if not self.is_encoder_decoder:
            input_ids = torch.cat([input_ids, labels.masked_fill(labels == IGNORE, self.pad)], dim=1)
            mask = torch.cat([mask, (labels != IGNORE).long()], dim=1)
            labels = F.pad(labels, (input_ids.shape[1] - labels.shape[1], 0), value=IGNORE)
        return Batch(input_ids, mask, labels)

    def _pad(self, rows: Sequence[Sequence[int]], value: int, left: bool = False) -> Tensor:
        padded = torch.full((len(rows), max(map(len, rows))), value)
        for line, row in zip(padded, rows, strict=True):
            start = len(line) - len(row) if left else 0
            line[start : start + len(row)] = torch.tensor(row, dtype=torch.long)
        return padded.to(self.device)

    # -- running the model ------------------------------------------------------------------------------------------
    def _run(
        self,
        input_ids: Tensor,
        mask: Tensor,
        condition: Condition,
        decoder_input_ids: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        """Logits of the frozen model under `condition`, the prompt's own positions included."""
        inputs = self._inputs(input_ids, mask, condition)
        if decoder_input_ids is not None and self.is_encoder_decoder:
            inputs["decoder_input_ids"] = decoder_input_ids
        model = condition.model or self.model
        return model(**inputs, prefixes=self._blocks(condition), use_cache=False, **options).logits

    def _inputs(self, input_ids: Tensor, mask: Tensor, condition: Condition) -> dict[str, Tensor]:
        """Embeddings with the prompt's in front, the mask over both, and the positions that padding leaves alone."""
        embeddings = (condition.model or self.model).get_input_embeddings()(input_ids)
        if condition.embeddings is not None:
            prompt = condition.embeddings.to(embeddings.dtype).expand(len(input_ids), -1, -1)
            embeddings = torch.cat([prompt, embeddings], dim=1)  # [B, P + T, D]
            mask = F.pad(mask, (prompt.shape[1], 0), value=1)
        inputs = {"inputs_embeds": embeddings, "attention_mask": mask}
        if self._takes("position_ids") and not self.is_encoder_decoder:
            prefix = condition.prefixes.get("decoder")
            start = 0 if prefix is None else prefix.shape[-2]  # the text's positions follow the prefix's
            inputs["position_ids"] = start + (mask.cumsum(dim=1) - 1).clamp(min=0)
        return inputs

    def _blocks(self, condition: Condition) -> dict[nn.Module, KeysValues]:
        """The prefixes, each with the attention block that it belongs to."""
        dtype = self.model.dtype
        return {
            block: KeysValues(keys.to(dtype), values.to(dtype))
            for stack, prefix in condition.prefixes.items()
            for block, (keys, values) in zip(self.stacks[stack].blocks, prefix, strict=True)
        }

    def _takes(self, argument: str) -> bool:
        return argument in inspect.signature(self.model.forward).parameters

    def logits(
        self,
        input_ids: Tensor,
        prompt: Prompts | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
    ) -> Tensor:
        """Logits ``[B, T, V]``, aligned with `input_ids` ``[B, T]`` whatever the prompt.

        An encoder–decoder's are ``[B, U, V]``, aligned with `decoder_input_ids` ``[B, U]`` (by default, its start).
        Raises ValueError for a hard prompt with words behind its input: token ids leave no place for them.
        """
        input_ids = input_ids.to(self.device)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.to(self.device)
        condition, length = Condition(), input_ids.shape[1]
        if prompt is not None:
            condition = prompt.condition(self)
            words = torch.tensor([self.encode(prompt.words_in_front())], dtype=torch.long, device=self.device)
            input_ids = torch.cat([words.expand(len(input_ids), -1), input_ids], dim=1)
            mask = F.pad(mask, (words.shape[1], 0), value=1)
        if self.is_encoder_decoder:
            if decoder_input_ids is None:
                start = self.model.config.decoder_start_token_id
                decoder_input_ids = torch.full_like(input_ids[:, :1], start)
            return self._run(input_ids, mask, condition, decoder_input_ids)
        return self._run(input_ids, mask, condition)[:, -length:]

    def answer_losses(self, batch: Batch, condition: Condition) -> Tensor:
        """Cross-entropy ``[B, U]`` of every token of the answers (0 where there is none), in nats."""
        if self.is_encoder_decoder:
            labels = batch.labels
            shifted = self.model.prepare_decoder_input_ids_from_labels(labels)
            logits = self._run(batch.input_ids, batch.attention_mask, condition, shifted)
        else:
            width = int((batch.labels != IGNORE).any(dim=0).sum())  # answers fill the last columns
            labels = batch.labels[:, -width:]
            keep: dict[str, Any] = {"logits_to_keep": width + 1} if self._takes("logits_to_keep") else {}
            logits = self._run(batch.input_ids, batch.attention_mask, condition, **keep)[:, -width - 1 : -1]
        return F.cross_entropy(logits.float().transpose(1, 2), labels, ignore_index=IGNORE, reduction="none")

    @torch.no_grad()
    def log_probabilities(
        self, texts: Sequence[str], answers: Sequence[str], prompt: Prompts | None = None, end: bool = True
    ) -> Tensor:
        """log p(answer | text, prompt) ``[B]``, summed over the answer's tokens and, with `end`, its end; in nats."""
        texts, condition = self._read(texts, prompt)
        batch = self.batch(texts, answers)
        losses = self.answer_losses(batch, condition)
        if not end:
            losses = losses.masked_fill(batch.labels[:, -losses.shape[1] :] == self.eos, 0.0)
        return -losses.sum(dim=1)

    def _read(self, texts: Sequence[str], prompt: Prompts | None) -> tuple[list[str], Condition]:
        if prompt is None:
            return list(texts), Condition()
        return [prompt.text(x) for x in texts], prompt.condition(self)

    @torch.no_grad()
    def generate(
        self,
        texts: Sequence[str],
        prompt: Prompts | None = None,
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
        read, condition = self._read(texts, prompt)
        batch = self.batch(read)
        inputs: dict[str, Any] = self._inputs(batch.input_ids, batch.attention_mask, condition)
        model, prefixes = condition.model or self.model, self._blocks(condition)
        if self.is_encoder_decoder:  # the encoder runs once, with its own prefix
            encoded = model.get_encoder()(**inputs, prefixes=prefixes).last_hidden_state
            inputs = {"encoder_outputs": BaseModelOutput(encoded), "attention_mask": inputs["attention_mask"]}
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
                eos_token_id=[self.eos, *self._newline],
                pad_token_id=self.pad,
                **sampling,
            )
        finally:
            hook.remove()
        return [self.decode(row).split("\n")[0].strip() for row in tokens]

    @cached_property
    def _newline(self) -> list[int]:
        ids = self.encode("\n")
        return ids if len(ids) == 1 else []

    def __repr__(self) -> str:
        return f"LM({self.name}, {self.num_parameters:,} frozen parameters, {self.model.dtype}, {self.device})"
