"""What both sides are given: the same frozen models, and token ids as long as E2E's records and texts."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, PreTrainedModel, PreTrainedTokenizerFast

from peft_course import LM
from peft_course.loading import PRETRAINED, quietly

GPU = torch.cuda.is_available()
DEVICE, DTYPE = ("cuda", torch.bfloat16) if GPU else ("cpu", torch.float32)
EXACT = not GPU  # in bfloat16 the order of a sum changes its last digits, and with them a close decision
SIZE = 16  # examples of a batch
POOL = 50  # batches among which examples of similar length are put together, as `peft_course.fit` does
LENGTHS = json.loads((Path(__file__).parent / "lengths.json").read_text(encoding="utf8"))["rows"]

GPT2, LARGE, TINY = "GPT-2 small's shape", "course-gpt-large", "tiny"


@dataclass(frozen=True)
class Method:
    """A prompt method and its number of virtual tokens P. A prefix's are keys and values; no block computes them."""

    name: str
    num_virtual_tokens: int

    @property
    def is_prefix(self) -> bool:
        return self.name == "prefix"

    def __str__(self) -> str:
        return f"{self.name}, P = {self.num_virtual_tokens}"


SOFT, PREFIX, LONG_PREFIX = Method("soft prompt", 20), Method("prefix", 10), Method("prefix", 20)


class Example(NamedTuple):
    """Token ids of an input x and of its answer y, which ends with the end-of-text token."""

    x: list[int]
    y: list[int]


def frozen_model(name: str) -> PreTrainedModel:
    """The model `name` in evaluation mode, on the GPU in bfloat16 where there is one, else in float32.

    Without dropout, which would make every run another one. Raises ValueError for a name that is none of the three.
    """
    if name == LARGE:
        with quietly():
            model = AutoModelForCausalLM.from_pretrained(PRETRAINED / LARGE, dtype=torch.float32, local_files_only=True)
    else:
        no_dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        if name == GPT2:
            config = GPT2Config(**no_dropout)
        elif name == TINY:
            ends = {"bos_token_id": 299, "eos_token_id": 299}
            config = GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=4, **no_dropout, **ends)
        else:
            raise ValueError(f"no model {name!r} to measure; choose {GPT2!r}, {LARGE!r} or {TINY!r}")
        torch.manual_seed(0)
        model = GPT2LMHeadModel(config)
        model.get_input_embeddings().weight.data[end_of_text(model)] = 0.0  # its logit is 0, never the highest
    return model.to(DEVICE, DTYPE).requires_grad_(False).eval()


def end_of_text(model: PreTrainedModel) -> int:
    """A token that ends every answer in training and that the model itself never writes, so no answer ends early."""
    config = model.config
    return config.eos_token_id if config.pad_token_id is None else config.pad_token_id


def as_lm(model: PreTrainedModel, name: str) -> LM:
    """The model as an `LM` whose tokens are words: token 7 is "w7", so a text stands for exactly the ids we want."""
    end = "<end>"  # no part of a word: the tokenizer looks for it before it splits a text into words
    vocabulary = {f"w{number}": number for number in range(model.config.vocab_size) if number != end_of_text(model)}
    vocabulary[end] = end_of_text(model)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=end))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return LM(model, PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, pad_token=end), name)


def text(ids: Sequence[int]) -> str:
    """The words that stand for `ids`."""
    return " ".join(f"w{number}" for number in ids)


def ids(words: str) -> list[int]:
    """The ids that the words stand for."""
    return [int(word[1:]) for word in words.split()]


def batches(model: PreTrainedModel, count: int, by_length: bool = False, seed: int = 0) -> list[list[Example]]:
    """`count` batches of 16 examples of random ids: as they are drawn, or those of similar length together."""
    draw = random.Random(seed)
    if not by_length:
        return [[_example(model, draw) for _ in range(SIZE)] for _ in range(count)]
    pool = sorted((_example(model, draw) for _ in range(POOL * SIZE)), key=lambda one: len(one.x) + len(one.y))
    return draw.sample([pool[start : start + SIZE] for start in range(0, len(pool), SIZE)], count)


def _example(model: PreTrainedModel, draw: random.Random) -> Example:
    row, end = draw.choice(LENGTHS), end_of_text(model)
    return Example(_ids(model, row["x"], draw), [*_ids(model, draw.choice(row["y"]), draw), end])


def inputs(model: PreTrainedModel, count: int, seed: int = 0) -> list[list[int]]:
    """`count` inputs x of one length, E2E's median."""
    draw, length = random.Random(seed), LENGTHS[len(LENGTHS) // 2]["x"]
    return [_ids(model, length, draw) for _ in range(count)]


def _ids(model: PreTrainedModel, length: int, draw: random.Random) -> list[int]:
    end = end_of_text(model)
    return [number + (number >= end) for number in (draw.randrange(model.config.vocab_size - 1) for _ in range(length))]
