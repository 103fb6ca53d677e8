"""Documents as tensors; each batch is a pure function of (seed, step), so that an interrupted run goes on with the same ones."""

import random

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from peft_course.pretraining.corpus import Document, document
from peft_course.pretraining.recipes import Recipe

BATCHES_PER_CHUNK = 32
DOCUMENTS_PER_CHUNK = 1_000_000  # room in the numbering; a chunk uses some hundred
IGNORE = -100


class Batches:
    """`batches(step)` gives a model's keyword arguments: input_ids [B, T], labels and, for an encoder–decoder, attention_mask."""

    def __init__(self, recipe: Recipe, tokenizer: PreTrainedTokenizerFast, references: tuple[str, ...] = ()) -> None:
        self.recipe, self.tokenizer, self.references = recipe, tokenizer, references
        self.chunk_index, self.chunk = -1, list[dict[str, Tensor]]()

    def __call__(self, step: int) -> dict[str, Tensor]:
        index, place = divmod(step, BATCHES_PER_CHUNK)
        if index != self.chunk_index:
            self.chunk_index, self.chunk = index, (self._pairs if self.recipe.encoder_decoder else self._rows)(index)
        return self.chunk[place]

    def _documents(self, chunk: int, start: int, count: int) -> list[Document]:
        first = chunk * DOCUMENTS_PER_CHUNK + start
        return [document(self.recipe.seed, index, self.references) for index in range(first, first + count)]

    def _encode(self, texts: list[str]) -> list[list[int]]:
        return [ids + [self.tokenizer.eos_token_id] for ids in self.tokenizer(texts)["input_ids"]]

    def _rows(self, chunk: int) -> list[dict[str, Tensor]]:
        """Whole documents packed into rows: each goes into the first row with room; a row sees all that stands in it."""
        count, length = BATCHES_PER_CHUNK * self.recipe.rows, self.recipe.length
        rows: list[list[int]] = [[] for _ in range(count)]
        start, misses = 0, 0
        while misses < 20:
            for ids in self._encode([one.text for one in self._documents(chunk, start, 100)]):
                row = next((row for row in rows if len(row) + len(ids) <= length or not row), None)
                if row is None:
                    misses += 1
                else:
                    row += ids[:length]
            start += 100
        full = torch.tensor([row + [self.tokenizer.pad_token_id] * (length - len(row)) for row in rows])
        labels = torch.tensor([row + [IGNORE] * (length - len(row)) for row in rows])
        # Neighbouring rows hold documents of one stretch; every 32nd row makes a mixed batch.
        return [{"input_ids": full[i::BATCHES_PER_CHUNK], "labels": labels[i::BATCHES_PER_CHUNK]} for i in range(BATCHES_PER_CHUNK)]

    def _pairs(self, chunk: int) -> list[dict[str, Tensor]]:
        """Pairs of context and answer, of similar length in a batch; a text without a context is cut in two at a random word."""
        rng = random.Random(f"{self.recipe.seed}/{chunk}/cuts")
        documents = [_cut(rng, one) for one in self._documents(chunk, 0, BATCHES_PER_CHUNK * self.recipe.rows)]
        documents.sort(key=lambda one: len(one.text))
        groups = [documents[i:i + self.recipe.rows] for i in range(0, len(documents), self.recipe.rows)]
        rng.shuffle(groups)
        batches = []
        for group in groups:
            inputs = _padded(self._encode([one.context for one in group]), self.tokenizer.pad_token_id, self.recipe.length)
            labels = _padded(self._encode([one.answer for one in group]), IGNORE, self.recipe.length)
            batches.append({"input_ids": inputs, "attention_mask": (inputs != self.tokenizer.pad_token_id).long(), "labels": labels})
        return batches


def _cut(rng: random.Random, one: Document) -> Document:
    if one.context:
        return one
    words = one.answer.split(" ")
    place = rng.randint(1, max(1, len(words) - 1))
    return Document(" ".join(words[:place]), " ".join(words[place:]))


def _padded(rows: list[list[int]], pad: int, limit: int) -> Tensor:
    length = min(limit, max(len(row) for row in rows))
    return torch.tensor([row[:length] + [pad] * (length - len(row)) for row in rows])
