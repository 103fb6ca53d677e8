"""Documents as tensors; each batch is a pure function of (seed, step), so an interrupted run goes on with the same."""

import random

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from peft_course.pretraining.corpus import PRACTICE, READING, Document, document
from peft_course.pretraining.recipes import Recipe

BATCHES_PER_CHUNK = 32
DOCUMENTS_PER_CHUNK = 1_000_000  # room in the numbering; a chunk uses some hundred
IGNORE = -100


class Batches:
    """`batches(step)` gives what a model is called with: input_ids ``[B, T]``, labels, an encoder's attention_mask."""

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
        shares = PRACTICE if self._practises(chunk) else READING
        return [document(self.recipe.seed, index, self.references, shares) for index in range(first, first + count)]

    def _practises(self, chunk: int) -> bool:
        return chunk * BATCHES_PER_CHUNK >= self.recipe.practice_from

    def _encode(self, texts: list[str]) -> list[list[int]]:
        return [ids + [self.tokenizer.eos_token_id] for ids in self.tokenizer(texts)["input_ids"]]

    def _encode_parts(self, documents: list[Document]) -> list[tuple[list[int], list[bool]]]:
        """Each document's tokens, and for each whether it belongs to an answer (the end and a newline do)."""
        pieces = [
            (piece, answers)
            for one in documents
            for number, (context, answer) in enumerate(one.parts)
            for piece, answers in (
                ("\n" if number else "", True),
                (context, False),
                (" " * bool(context) + answer, True),
            )
        ]
        encoded = iter(self.tokenizer([piece for piece, _ in pieces])["input_ids"])
        answering = iter(answers for _, answers in pieces)
        rows = []
        for one in documents:
            parts = [(next(encoded), next(answering)) for _ in range(3 * len(one.parts))]
            ids = [token for tokens, _ in parts for token in tokens] + [self.tokenizer.eos_token_id]
            rows.append((ids, [answers for tokens, answers in parts for _ in tokens] + [True]))
        return rows

    def _rows(self, chunk: int) -> list[dict[str, Tensor]]:
        """Whole documents in rows: each goes into the first row with room, and sees all that stands before it."""
        count, length, pad = BATCHES_PER_CHUNK * self.recipe.rows, self.recipe.length, self.tokenizer.pad_token_id
        rows: list[list[int]] = [[] for _ in range(count)]
        labels: list[list[int]] = [[] for _ in range(count)]
        start, misses, practises = 0, 0, self._practises(chunk)
        while misses < 20:
            for index, (ids, answers) in enumerate(self._encode_parts(self._documents(chunk, start, 100))):
                place = next((i for i, row in enumerate(rows) if len(row) + len(ids) <= length or not row), None)
                if place is None:
                    misses += 1
                    continue
                everything = not practises or index % 4 == 0
                rows[place] += ids[:length]
                shown = [token if everything or answer else IGNORE for token, answer in zip(ids, answers, strict=True)]
                labels[place] += shown[:length]
            start += 100
        inputs = torch.tensor([row + [pad] * (length - len(row)) for row in rows])
        targets = torch.tensor([row + [IGNORE] * (length - len(row)) for row in labels])
        # Neighbouring rows hold documents of one stretch; every 32nd row makes a mixed batch.
        return [
            {"input_ids": inputs[i::BATCHES_PER_CHUNK], "labels": targets[i::BATCHES_PER_CHUNK]}
            for i in range(BATCHES_PER_CHUNK)
        ]

    def _pairs(self, chunk: int) -> list[dict[str, Tensor]]:
        """Pairs of context and answer, of similar length in a batch."""
        rng = random.Random(f"{self.recipe.seed}/{chunk}/cuts")
        documents = [_cut(rng, one) for one in self._documents(chunk, 0, BATCHES_PER_CHUNK * self.recipe.rows)]
        documents.sort(key=lambda one: len(one.text))
        groups = [documents[i : i + self.recipe.rows] for i in range(0, len(documents), self.recipe.rows)]
        rng.shuffle(groups)
        batches = []
        for group in groups:
            inputs = _padded(
                self._encode([one.context for one in group]), self.tokenizer.pad_token_id, self.recipe.length
            )
            labels = _padded(self._encode([one.answer for one in group]), IGNORE, self.recipe.length)
            batches.append(
                {
                    "input_ids": inputs,
                    "attention_mask": (inputs != self.tokenizer.pad_token_id).long(),
                    "labels": labels,
                }
            )
        return batches


def _cut(rng: random.Random, one: Document) -> Document:
    """Mostly the last pair alone, as long contexts cost much and teach little; a plain text cut at a random word."""
    if one.context:
        return one if rng.random() < 0.25 else Document(one.parts[-1:])
    words = one.answer.split(" ")
    if len(words) < 2:
        return one
    place = rng.randint(1, len(words) - 1)
    return Document(((" ".join(words[:place]), " ".join(words[place:])),))


def _padded(rows: list[list[int]], pad: int, limit: int) -> Tensor:
    length = min(limit, max(len(row) for row in rows))
    return torch.tensor([row[:length] + [pad] * (length - len(row)) for row in rows])
