"""What a model reads, laid out as tensors: words and vectors in, a padded batch out, or a packed one.

A padded batch is a rectangle, and the model computes every cell of it, pads included. A packed one is all its real
tokens in a single row: matrix products see no pad, and attention alone unfolds the row again (:class:`Packing`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerBase

IGNORE = -100  # the label of a position that carries no loss
Piece = str | Tensor  # words, or vectors [P, D] in the place of embeddings


class Around(Protocol):
    """What stands around an input."""

    def around(self) -> tuple[Sequence[Piece], Sequence[Piece]]:
        """What the model reads in front of the input and behind it: words, and vectors ``[P, D]``."""


class Batch(NamedTuple):
    """Texts as tensors ``[B, T]``. A decoder's labels stand under the tokens they name, `IGNORE` under x and pads.

    Where a prompt's vectors stand, `places` ``[B, T]`` has the row of `vectors` ``[M, D]`` to read instead of a token,
    and -1 elsewhere.
    """

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor
    vectors: Tensor | None = None
    places: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        ids, mask, labels, vectors, places = (None if part is None else part.to(device) for part in self)
        return Batch(ids, mask, labels, vectors, places)  # type: ignore[arg-type]

    @property
    def positions(self) -> Tensor:
        """Each token's position in its text ``[B, T]``, which padding leaves alone."""
        return (self.attention_mask.cumsum(dim=1) - 1).clamp(min=0)

    @property
    def common(self) -> int:
        """With how many tokens, or vectors, all the texts begin. Each keeps at least one token of its own to read."""
        codes = self.input_ids if self.places is None else self.input_ids.where(self.places < 0, -1 - self.places)
        real = self.attention_mask.bool()
        rows = Packing.of(self).unpack(codes[real][None, None, :, None])[:, 0, :, 0]  # [B, T], all from the left
        same = int((rows == rows[0]).all(dim=0).cumprod(dim=0).sum())
        read = (real & (self.labels == IGNORE)).sum(dim=1)
        return min(same, int(read.min()) - 1)

    def cut(self, count: int) -> tuple["Batch", "Batch"]:
        """The first `count` tokens of the first text, and every text (padded on the left) without its first ones."""
        real = self.attention_mask.bool()
        own = real & (self.positions >= count)
        places = None if self.places is None else self.places.masked_fill(~own, -1)
        rest = self._replace(attention_mask=self.attention_mask * own, places=places)
        return self._each(lambda part: part[:1, real[0]][:, :count]), rest._each(lambda part: part[:, count:])

    def _each(self, pick: Callable[[Tensor], Tensor]) -> "Batch":
        """What `pick` takes of every tensor ``[B, T]``; the vectors stay."""
        places = None if self.places is None else pick(self.places)
        return Batch(pick(self.input_ids), pick(self.attention_mask), pick(self.labels), self.vectors, places)


class Packing(NamedTuple):
    """Where the N real tokens of a batch stand when its B texts are padded on the right to the longest one, T."""

    places: Tensor  # [N], in B·T
    size: int  # B
    length: int  # T

    @classmethod
    def of(cls, batch: Batch) -> Self:
        size, length = len(batch.input_ids), int(batch.attention_mask.sum(dim=1).max())
        rows = torch.arange(size, device=batch.input_ids.device)[:, None] * length
        return cls((rows + batch.positions)[batch.attention_mask.bool()], size, length)

    def unpack(self, tensor: Tensor) -> Tensor:
        """``[1, H, N, d]`` to ``[B, H, T, d]``, zeros for pads."""
        _, H, _, d = tensor.shape
        padded = tensor.new_zeros(self.size * self.length, H, d).index_put((self.places,), tensor[0].transpose(0, 1))
        return padded.view(self.size, self.length, H, d).transpose(1, 2)

    def pack(self, tensor: Tensor) -> Tensor:
        """``[B, T, H, d]`` to ``[1, N, H, d]``."""
        return tensor.flatten(0, 1).index_select(0, self.places)[None]


class Vectors:
    """The vectors of the prompts in a batch, each prompt's once, and numbers that stand for them in rows of tokens."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.first: dict[int, int] = {}  # by the tensor's identity: the number of its first row

    def numbers(self, tensor: Tensor) -> list[int]:
        """-1 for the first vector of the batch, -2 for the second, and so on: tokens are not negative."""
        if id(tensor) not in self.first:
            self.first[id(tensor)] = sum(map(len, self.tensors))
            self.tensors.append(tensor)
        first = self.first[id(tensor)]
        return [-1 - row for row in range(first, first + len(tensor))]

    def table(self) -> Tensor | None:
        """All of them, ``[M, D]``."""
        return torch.cat(self.tensors) if self.tensors else None


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    """The same pieces, neighbouring words as one text: a word's tokens may depend on its neighbour."""
    whole: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and whole and isinstance(whole[-1], str):
            whole[-1] += piece
        elif isinstance(piece, Tensor) or piece:
            whole.append(piece)
    return whole


def padded(rows: Sequence[Sequence[int]], value: int, left: bool = False) -> Tensor:
    """Rows of unequal length as one tensor ``[B, T]``, filled up with `value`."""
    filled = torch.full((len(rows), max(map(len, rows))), value)
    for line, row in zip(filled, rows, strict=True):
        start = len(line) - len(row) if left else 0
        line[start : start + len(row)] = torch.tensor(row, dtype=torch.long)
    return filled


def laid_out(
    rows: Sequence[Sequence[int]], labels: Sequence[Sequence[int]] | None, vectors: Vectors, pad: int, decoder: bool
) -> Batch:
    """Rows of tokens and :class:`Vectors`' numbers as a batch, with `labels` as answers if there are any.

    A decoder's rows are padded on the left and its answers follow on the right, so that all answers begin in one
    column. An encoder–decoder's rows are padded on the right, and its labels are ``[B, U]``, apart.
    """
    codes, mask = padded(rows, pad, decoder), padded([[1] * len(row) for row in rows], 0, decoder)
    targets = torch.full_like(codes, IGNORE) if labels is None else padded(labels, IGNORE)
    if decoder and labels is not None:
        mask = torch.cat([mask, (targets != IGNORE).long()], dim=1)
        targets, codes = (
            torch.cat([torch.full_like(codes, IGNORE), targets], dim=1),
            torch.cat([codes, targets.masked_fill(targets == IGNORE, pad)], dim=1),
        )
    places = None if not vectors.tensors else (-1 - codes).clamp(min=-1)
    return Batch(codes.masked_fill(codes < 0, pad), mask, targets, vectors.table(), places)


def one_each(given: Any, count: int) -> Sequence[Any]:
    """A prompt, or None, for each of `count` texts; `given` is one for all of them, or a list with one for each."""
    if not isinstance(given, Sequence):
        return [given] * count
    if len(given) != count:
        raise ValueError(f"there are {len(given)} prompts for {count} texts; give one for each, or a single one")
    return given


class Reader:
    """Turns text, and what prompts put around it, into batches for one kind of model."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, is_encoder_decoder: bool) -> None:
        self.tokenizer, self.is_encoder_decoder = tokenizer, is_encoder_decoder
        self.eos: int = tokenizer.eos_token_id
        self.pad: int = self.eos if tokenizer.pad_token_id is None else tokenizer.pad_token_id

    @property
    def device(self) -> torch.device:
        """Where batches go."""
        return torch.device("cpu")

    def encode(self, text: str) -> list[int]:
        """The text's tokens and no special ones."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        text = self.tokenizer.decode(list(map(int, ids)), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)

    def batch(
        self,
        texts: Sequence[str],
        answers: Sequence[str] | None = None,
        prompt: Around | Sequence[Around | None] | None = None,
    ) -> Batch:
        """Texts, their answers if there are any, and what a prompt puts around them, as tensors ``[B, T]``.

        In a decoder an answer follows its text after a space and ends with the end-of-text token. Texts are padded on
        the left and answers on the right, so that all answers begin in the same column. An encoder–decoder gets the
        texts as input (padded on the right) and the answers as labels ``[B, U]``.
        """
        decoder, vectors = not self.is_encoder_decoder, Vectors()
        end = [] if decoder else [self.eos]
        rows = []
        for text, prompt_of_text in zip(texts, one_each(prompt, len(texts)), strict=True):
            front, behind = ((), ()) if prompt_of_text is None else prompt_of_text.around()
            row = self._row([*front, text, *behind], vectors) + end
            rows.append(row or [self.eos])  # a decoder needs something to start from
        space = " " if decoder else ""
        labels = None if answers is None else [[*self.encode(space + answer), self.eos] for answer in answers]
        return laid_out(rows, labels, vectors, self.pad, decoder).to(self.device)

    def _row(self, pieces: Sequence[Piece], vectors: Vectors) -> list[int]:
        """The tokens of words, and `vectors`' numbers, in the order in which they are read."""
        return [
            number
            for piece in joined(pieces)
            for number in (self.encode(piece) if isinstance(piece, str) else vectors.numbers(piece))
        ]

    def behind(self, prompts: Sequence[Around | None], input_ids: Tensor, mask: Tensor) -> Batch:
        """Token ids as a batch, behind what each text's prompt puts in front. Their columns stay the last ones.

        Raises ValueError for a prompt that puts something behind its input: token ids leave no place for that.
        """
        vectors, rows = Vectors(), []
        for prompt in prompts:
            front, behind = ((), ()) if prompt is None else prompt.around()
            if behind:
                raise ValueError(
                    f"what {prompt!r} puts behind {{x}} has no place beside token ids; "
                    f"let the model read the texts instead: lm.batch(texts, prompt=prompt) or lm.log_probabilities"
                )
            rows.append(self._row(front, vectors))
        ids, mask = input_ids.cpu(), mask.cpu()
        if self.is_encoder_decoder:  # its positions are counted from the row's start, so no pad may stand inside
            real = [row[there.bool()].tolist() for row, there in zip(ids, mask, strict=True)]
            rows = [front + tokens for front, tokens in zip(rows, real, strict=True)]
            return laid_out(rows, None, vectors, self.pad, decoder=False).to(self.device)
        ahead = laid_out(rows, None, vectors, self.pad, decoder=True)
        none = torch.full_like(ids, IGNORE)
        places = None if ahead.places is None else F.pad(ahead.places, (0, ids.shape[1]), value=-1)
        ids, mask, none = (torch.cat(pair, dim=1) for pair in zip(ahead[:3], (ids, mask, none), strict=True))
        return Batch(ids, mask, none, ahead.vectors, places).to(self.device)
