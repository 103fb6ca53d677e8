"""A frozen model of `transformers`, and how it runs: what it reads, what stands in its blocks, and where.

:class:`peft_course.lm.LM` is one that speaks. What there is to know of a model is found by trying it.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from . import attention
from .architecture import (
    Stack,
    activations_from_inputs,
    attend_as_we_do,
    attention_window,
    by_layer,
    compute_twice,
    fuse_gelu,
    is_compiled,
    max_positions,
    read_evenly,
    refuse_looking_ahead,
    stacks_of,
    takes,
)
from .attention import KeysValues
from .conditions import Condition, per_text
from .projection import projects_plainly
from .reading import IGNORE, Around, Batch, Packing, Reader

WORTH_A_RUN = 64  # tokens that reading a common beginning once must save: a run of the model of its own costs as much


class Prompts(Around, Protocol):
    """All that a model knows of a prompt."""

    def condition(self, lm: Any) -> Condition:
        """What goes in besides what is read."""


class Frozen(Reader):
    """A model whose weights stay as they are, with its tokenizer. Its dropout is off, and it has no gradients."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
        super().__init__(tokenizer, model.config.is_encoder_decoder)
        self.name = name
        if hasattr(model, "get_base_model"):  # peft's wrapper: its LoRA lives in the model's own layers
            model = model.get_base_model()
        fuse_gelu(model)
        read_evenly(model)
        self.model = model.requires_grad_(False).eval()
        attend_as_we_do(self.model, name)
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
    def reachable(self) -> bool:
        """Whether a prefix has a place in the model."""
        try:
            return bool(self.stacks)
        except ValueError:
            return False

    @property
    def projects(self) -> bool:
        """Whether its losses may be had from hidden states: what its head says is left as it is, and by its own weight.

        A compiled model is called as a whole, or its compiled code would not run.
        """
        return self._projects and not is_compiled(self.model)

    @cached_property
    def _projects(self) -> bool:
        return projects_plainly(self.model)

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
                logits.append(self.run(batch, Condition(), packing=Packing.of(batch))[0])
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
        batch, condition = self.behind(prompts, input_ids, torch.ones_like(input_ids)), self.condition_of(prompts)
        self.refuse_too_long(batch, condition)
        self.run(batch, condition, decoder_input_ids, record=record)
        return record

    # -- running the model ------------------------------------------------------------------------------------------
    def condition_of(self, prompts: Sequence[Prompts | None]) -> Condition:
        """The conditions of the batch's prompts, each prompt's computed once."""
        distinct = list({id(prompt): prompt for prompt in prompts}.values())
        conditions = [Condition() if prompt is None else prompt.condition(self) for prompt in distinct]
        if len(conditions) == 1:
            return conditions[0]
        numbers = {id(prompt): number for number, prompt in enumerate(distinct)}
        return per_text(conditions, [numbers[id(prompt)] for prompt in prompts])

    def run(
        self,
        batch: Batch,
        condition: Condition,
        decoder_input_ids: Tensor | None = None,
        packing: Packing | None = None,
        states: bool = False,
        **options: Any,
    ) -> Tensor:
        """Logits of the frozen model under `condition` at every position that it reads, or its last hidden `states`."""
        inputs = self.inputs(batch, condition, packing)
        if decoder_input_ids is not None and self.is_encoder_decoder:
            inputs["decoder_input_ids"] = decoder_input_ids.to(self.device)
        model = condition.model or self.model
        options |= {"prefixes": self.prefixed_blocks(condition), "packing": packing, "use_cache": False}
        with activations_from_inputs():
            if states:
                return model.base_model(**inputs, **options).last_hidden_state
            return model(**inputs, **options).logits

    def read_once(self, batch: Batch, condition: Condition, new_tokens: int = 0) -> tuple[Batch, Condition]:
        """What all texts of a decoder begin with, read once: its keys and values then stand in front, like a prefix's.

        A soft prompt is such a beginning, and so are a hard prompt's examples. Where little is common nothing changes.
        """
        self.refuse_too_long(batch, condition, new_tokens)
        others, length = len(batch.input_ids) - 1, batch.input_ids.shape[1]
        if length * others < WORTH_A_RUN or length + new_tokens > attention_window(self.model):
            return batch, condition
        if condition.present or condition.layers:  # what it would become, a prefix as long in every layer, is not so
            return batch, condition
        count = batch.common if self.packs and self.reachable else 0
        if count * others < WORTH_A_RUN:
            return batch, condition
        front, rest = batch.cut(count)
        record: list[attention.Seen] = []
        self.run(front, condition, record=record, logits_to_keep=1)
        prefix = by_layer(record, self.blocks("decoder", condition))
        return rest, replace(condition, prefixes={"decoder": prefix})

    def inputs(self, batch: Batch, condition: Condition, packing: Packing | None = None) -> dict[str, Tensor]:
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

    def blocks(self, stack: str, condition: Condition) -> Sequence[nn.Module]:
        """A stack's attention blocks: the model's own, or those of the one that `condition` brings, at their places."""
        own = self.stacks[stack].blocks
        if condition.model is None:
            return own
        names = {module: name for name, module in self.model.named_modules()}
        return [condition.model.get_submodule(names[block]) for block in own]

    def _prefixed(self, stack: str, condition: Condition) -> Sequence[nn.Module]:
        blocks = self.blocks(stack, condition)
        return [blocks[layer] for layer in condition.layers[stack]] if stack in condition.layers else blocks

    def prefixed_blocks(self, condition: Condition) -> dict[nn.Module, KeysValues]:
        """The prefixes, each with the attention block that it belongs to."""
        dtype = self.model.dtype
        return {
            block: KeysValues(keys.to(dtype), values.to(dtype), condition.present.get(stack))
            for stack, prefix in condition.prefixes.items()
            for block, (keys, values) in zip(self._prefixed(stack, condition), prefix, strict=True)
        }

    def refuse_too_long(self, batch: Batch, condition: Condition, new_tokens: int = 0) -> None:
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
