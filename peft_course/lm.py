"""A frozen language model: it reads, scores and continues text, with or without a prompt, and never changes.

Letters for shapes, everywhere in this package: B batch, T tokens, P virtual tokens, L layers, H heads (key and value
heads where they differ), d head size, D model width, V vocabulary.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput

from . import attention
from .architecture import (
    Stack,
    attention_window,
    compute_twice,
    fuse_gelu,
    in_layers,
    max_positions,
    read_evenly,
    refuse_looking_ahead,
    stacks_of,
    takes,
)
from .attention import KeysValues
from .conditions import Condition, per_text
from .generation import greedy
from .reading import IGNORE, Around, Batch, Packing, Reader, one_each


class Prompts(Around, Protocol):
    """All that a model knows of a prompt."""

    def condition(self, lm: "LM") -> Condition:
        """What goes in besides what is read."""


Given = Prompts | Sequence[Prompts | None] | None  # one prompt for all texts, one for each, or none


class LM(Reader):
    """A frozen language model of `transformers` with its tokenizer; made by :func:`peft_course.load_lm`."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
        super().__init__(tokenizer, model.config.is_encoder_decoder)
        self.name = name
        if hasattr(model, "get_base_model"):  # peft's wrapper: its LoRA lives in the model's own layers
            model = model.get_base_model()
        model.set_attn_implementation(attention.NAME)
        fuse_gelu(model)
        read_evenly(model)
        self.model = model.requires_grad_(False).eval()
        if not self.is_encoder_decoder:
            refuse_looking_ahead(self.model, name)

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
        return stacks_of(record, self.is_encoder_decoder, self.name)

    @cached_property
    def packs(self) -> bool:
        """Whether texts may lie end to end in one row: whether one text then has no influence on the next.

        Found by trying; a layer that mixes neighbours by another way than attention would show.
        """
        if self.is_encoder_decoder or not (takes(self.model, "position_ids") and takes(self.model, "logits_to_keep")):
            return False
        ids = torch.arange(6, device=self.device).view(2, 3) % len(self.embedding_matrix)
        logits = []
        for first in (ids[0], ids[0].flip(0)):
            batch = Batch(torch.stack([first, ids[1]]), torch.ones_like(ids), torch.full_like(ids, IGNORE))
            with torch.no_grad():
                logits.append(self._run(batch, Condition(), packing=Packing.of(batch))[0])
        return torch.equal(logits[0][3:], logits[1][3:]) and not torch.equal(logits[0][:3], logits[1][:3])

    def checkpoint_activations(self, on: bool = True) -> None:
        """Keep no activations inside the blocks in training and compute them again when going back: less memory.

        The model stays in evaluation mode, so dropout stays off. Raises ValueError where there are no such blocks.
        """
        if not compute_twice(self.model, on):
            raise ValueError(f"{self.name} has no blocks that can be computed twice; train in smaller batches instead")

    @torch.no_grad()
    def record(
        self, input_ids: Tensor, decoder_input_ids: Tensor | None = None, prompt: Prompts | None = None
    ) -> list[attention.Seen]:
        """What every attention block saw on `input_ids` ``[B, T]`` under `prompt`, in the order of computation."""
        record: list[attention.Seen] = []
        prompts = [prompt] * len(input_ids)
        batch = self.behind(prompts, input_ids, torch.ones_like(input_ids))
        self._run(batch, self._condition(prompts), decoder_input_ids, record=record)
        return record

    # -- running the model ------------------------------------------------------------------------------------------
    def _condition(self, prompts: Sequence[Prompts | None]) -> Condition:
        """The conditions of the batch's prompts, each prompt's computed once."""
        distinct = list({id(prompt): prompt for prompt in prompts}.values())
        conditions = [Condition() if prompt is None else prompt.condition(self) for prompt in distinct]
        if len(conditions) == 1:
            return conditions[0]
        numbers = {id(prompt): number for number, prompt in enumerate(distinct)}
        return per_text(conditions, [numbers[id(prompt)] for prompt in prompts])

    def _run(
        self,
        batch: Batch,
        condition: Condition,
        decoder_input_ids: Tensor | None = None,
        packing: Packing | None = None,
        new_tokens: int = 0,
        **options: Any,
    ) -> Tensor:
        """Logits of the frozen model under `condition`, at every position that it reads."""
        self._refuse_too_long(batch, condition, new_tokens)
        inputs = self._inputs(batch, condition, packing)
        if decoder_input_ids is not None and self.is_encoder_decoder:
            inputs["decoder_input_ids"] = decoder_input_ids.to(self.device)
        model = condition.model or self.model
        return model(**inputs, prefixes=self._blocks(condition), packing=packing, use_cache=False, **options).logits

    def _inputs(self, batch: Batch, condition: Condition, packing: Packing | None = None) -> dict[str, Tensor]:
        """What the model reads, as embeddings; the mask; and the positions, which padding leaves alone."""
        embeddings = (condition.model or self.model).get_input_embeddings()(batch.input_ids)  # [B, T, D]
        if batch.vectors is not None and batch.places is not None:
            virtual = batch.places >= 0
            vectors = batch.vectors.to(embeddings.dtype)
            embeddings = embeddings.index_put((virtual,), vectors.index_select(0, batch.places[virtual]))
        inputs = {"inputs_embeds": embeddings, "attention_mask": batch.attention_mask}
        if takes(self.model, "position_ids") and not self.is_encoder_decoder:
            inputs["position_ids"] = batch.positions + condition.lengths("decoder")  # the text follows the prefix
        if packing is not None:
            real = batch.attention_mask.bool()
            inputs = {"inputs_embeds": embeddings[real][None], "position_ids": inputs["position_ids"][real][None]}
            inputs["attention_mask"] = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=self.device)  # see `attend`
        return inputs

    def _blocks(self, condition: Condition) -> dict[nn.Module, KeysValues]:
        """The prefixes, each with the attention block that it belongs to."""
        dtype = self.model.dtype
        return {
            block: KeysValues(keys.to(dtype), values.to(dtype), condition.present.get(stack))
            for stack, prefix in condition.prefixes.items()
            for block, (keys, values) in zip(self.stacks[stack].blocks, prefix, strict=True)
        }

    def _refuse_too_long(self, batch: Batch, condition: Condition, new_tokens: int = 0) -> None:
        """ValueError where a text, with all that belongs to it, needs more positions than the model has."""
        limit = max_positions(self.model)
        if limit is None:
            return
        read, prefix = batch.attention_mask.sum(dim=1, keepdim=True), condition.lengths("decoder")
        if self.is_encoder_decoder:  # each side counts its own positions, and prefixes take none
            needed, sides = max(int(read.max()), new_tokens), " on either side"
        else:
            needed, sides = int((read + prefix).max()) + new_tokens, ""
        if needed > limit:
            vectors = 0 if batch.places is None else int((batch.places >= 0).sum(dim=1).max())
            raise ValueError(
                f"{self.name} has {limit:,} positions{sides}, and this needs {needed:,}: at most "
                f"{int(read.max()):,} read ({vectors:,} of them vectors of a soft prompt), "
                f"{int(torch.as_tensor(prefix).max()):,} of a prefix and {new_tokens:,} new; "
                f"shorten the input or the prompt, or ask for fewer new tokens"
            )

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
        batch, condition = self.behind(prompts, input_ids, mask), self._condition(prompts)
        if not self.is_encoder_decoder:
            return self._run(batch, condition)[:, -input_ids.shape[1] :]
        if decoder_input_ids is None:
            decoder_input_ids = torch.full((len(input_ids), 1), self.model.config.decoder_start_token_id)
        return self._run(batch, condition, decoder_input_ids)

    def answer_losses(
        self, texts: Sequence[str], answers: Sequence[str], prompt: Given = None
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy of every token of the answers ``[B, U]``, in nats, and the tokens ``[B, U]``.

        Where a row has no token the loss is 0 and the token is `IGNORE`, so that the mean loss of a batch is
        ``losses.sum() / (tokens != IGNORE).sum()``. Logits are computed for the answers' positions alone.
        """
        prompts = one_each(prompt, len(texts))
        batch, condition = self.batch(texts, answers, prompts), self._condition(prompts)
        answered = batch.labels != IGNORE
        width = int(answered.any(dim=0).sum())  # answers fill the last columns
        tokens, answered = batch.labels[:, -width:], answered[:, -width:]
        if self.is_encoder_decoder:
            shifted = self.model.prepare_decoder_input_ids_from_labels(tokens)
            logits = self._run(batch, condition, shifted, new_tokens=width)[answered]  # [N, V]
        elif self.packs and batch.attention_mask.shape[1] <= attention_window(self.model):
            places = batch.labels[batch.attention_mask.bool()] != IGNORE
            before = places.nonzero()[:, 0] - 1  # what stands before a token predicts it
            logits = self._run(batch, condition, packing=Packing.of(batch), logits_to_keep=before)[0]
        else:
            keep: dict[str, Any] = {"logits_to_keep": width + 1} if takes(self.model, "logits_to_keep") else {}
            logits = self._run(batch, condition, **keep)[:, -width - 1 : -1][answered]
        losses = F.cross_entropy(logits.float(), tokens[answered], reduction="none")
        return torch.zeros_like(tokens, dtype=losses.dtype).masked_scatter(answered, losses), tokens

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
        batch, condition = self.batch(texts, prompt=prompts), self._condition(prompts)
        self._refuse_too_long(batch, condition, max_new_tokens)
        inputs: dict[str, Any] = self._inputs(batch, condition)
        model, prefixes = condition.model or self.model, self._blocks(condition)
        if self.is_encoder_decoder:  # the encoder runs once, with its own prefix
            encoded = model.get_encoder()(**inputs, prefixes=prefixes).last_hidden_state
            inputs = {"encoder_outputs": BaseModelOutput(encoded), "attention_mask": inputs["attention_mask"]}
        elif num_beams == 1 and not sample and self._decodes(batch.input_ids.shape[1] + max_new_tokens):
            blocks = self.stacks["decoder"].blocks
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
        try:
            blocks = self.stacks["decoder"].blocks
        except ValueError:  # no attention to reach
            return False
        return (
            in_layers(blocks, self.model)
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
