"""Soft prompts (Lester, Al-Rfou and Constant 2021, arXiv 2104.08691).

A hard prompt puts words in front of the input. Each word is a row of the embedding matrix, and a row is what the model
reads. So leave out the word and learn the row: the model sees ``[P_e; X_e]``, P_e ``[P, D]`` is trained, and the rest
is frozen (section 2).
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from .. import checkpoints
from ..lm import LM
from ..reading import Piece
from . import initial
from .hard import HardPrompt
from .prompt import INPUT, Prompt, said

VECTORS = "{prompt}"  # the slot of a template where the vectors stand


class SoftPrompt(Prompt):
    """`num_virtual_tokens` learnt vectors ``[P, D]`` among the embeddings that the model reads (its encoder, if any).

    They start as sampled vocabulary, or as `value` ``[P, D]``, which the functions of
    :mod:`peft_course.prompts.initial` make. `template` may keep words around x as they are, and its slot ``{prompt}``
    says where the vectors stand: in front of everything by default, ``"{x}{prompt}"`` behind the input (the infix of
    Li and Liang 2021, section 7.3), ``"Say {prompt} of {x}:"`` among words.
    """

    learning_rate = 0.1
    peft_type = "PROMPT_TUNING"  # as which PEFT shall read it; "P_TUNING" says the same of vectors that are learnt

    def __init__(
        self,
        lm: LM,
        num_virtual_tokens: int = 20,
        value: Tensor | None = None,
        seed: int = 0,
        template: str = INPUT,
    ) -> None:
        if template.count(VECTORS) > 1:
            raise ValueError(f"the vectors stand in one place, and {template!r} has the slot {VECTORS} more than once")
        super().__init__(template.removeprefix(VECTORS))
        if num_virtual_tokens < 1:
            raise ValueError(f"a soft prompt needs at least 1 virtual token, got {num_virtual_tokens}")
        if value is None:
            value = initial.vocabulary(lm, num_virtual_tokens, seed)
        width = lm.embedding_matrix.shape[1]
        if value.ndim != 2 or value.shape[1] != width:
            raise ValueError(f"an initial value for {lm.name} is [P, {width}], got {list(value.shape)}")
        self.facts, self.made_for = checkpoints.facts(lm), checkpoints.fingerprint(lm)
        self.embeddings = nn.Parameter(value.float().clone().to(lm.device))

    @property
    def num_virtual_tokens(self) -> int:
        return self.embeddings.shape[0]

    @property
    def in_front(self) -> bool:
        """Whether the vectors stand in front of everything else."""
        return VECTORS not in self.template

    def text(self, x: str) -> str:
        return self.template.replace(VECTORS, "").replace(INPUT, x)

    def around(self) -> tuple[Sequence[Piece], Sequence[Piece]]:
        """The template's words and the vectors ``[P, D]``, in front of x and behind it."""
        template = VECTORS + self.template if self.in_front else self.template
        before, behind = template.split(INPUT)
        return self._pieces(before), self._pieces(behind)

    def _pieces(self, side: str) -> list[Piece]:
        before, slot, after = side.partition(VECTORS)
        return [*said(before), *([self.embeddings] if slot else []), *said(after)]

    # -- other beginnings -------------------------------------------------------------------------------------------
    @classmethod
    def from_text(cls, lm: LM, text: str, num_virtual_tokens: int | None = None) -> Self:
        """Start from the embeddings of `text`, repeated or cut to `num_virtual_tokens`."""
        return cls(lm, value=initial.text(lm, text, num_virtual_tokens))

    @classmethod
    def from_labels(cls, lm: LM, labels: Sequence[str], num_virtual_tokens: int = 20, seed: int = 0) -> Self:
        """Start from the class labels that the answers are made of."""
        return cls(lm, value=initial.labels(lm, labels, num_virtual_tokens, seed))

    @classmethod
    def from_hard_prompt(cls, lm: LM, hard: HardPrompt) -> Self:
        """The same prompt as vectors: its words in front of x become their embeddings, and no logit changes.

        A space in front of x belongs to the token of x in GPT-2's kind of vocabulary, so it stays in the template, and
        so do the words behind x. Raises ValueError if the words in front and x share a token.
        """
        front, _, behind = hard.filled_template().rpartition(INPUT)
        words = front.rstrip(" ")
        template = front[len(words) :] + INPUT + behind
        if not words:
            raise ValueError(f"the hard prompt {hard.template!r} has no words in front of {{x}} to turn into vectors")
        whole = lm.encode(front + "The")
        if whole != lm.encode(words) + lm.encode(template.partition(INPUT)[0] + "The"):
            raise ValueError(
                f"the last word of {words!r} and x share a token; put a space or a line break between them"
            )
        return cls(lm, value=initial.text(lm, words), template=template)

    # -- checkpoints ------------------------------------------------------------------------------------------------
    def tensors(self) -> dict[str, Tensor]:
        return {"prompt_embeddings": self.embeddings}

    def files(self) -> dict[str, bytes]:
        """PEFT's files for prompt tuning, or P-tuning where `peft_type` says so.

        PEFT reads the vectors; the template's words are the caller's to add there. Vectors that stand behind words
        would stand in front of them in PEFT, so they go into our own files, which PEFT does not read.
        """
        if self.peft_type not in checkpoints.SOFT_FIELDS:
            raise ValueError(f"peft_type is one of {', '.join(checkpoints.SOFT_FIELDS)}, got {self.peft_type!r}")
        config = self.facts | checkpoints.SOFT_FIELDS[self.peft_type] | {"num_virtual_tokens": self.num_virtual_tokens}
        if not self.in_front:
            config["num_transformer_submodules"] = 1  # no rows that nobody reads
            return checkpoints.our_files(config, self.tensors(), self.template, self.made_for)
        rows = self.embeddings.detach()
        if config["num_transformer_submodules"] == 2:  # PEFT keeps rows for a decoder too, and never reads them
            rows = torch.cat([rows, torch.zeros_like(rows)])
        return checkpoints.peft_files(config, {checkpoints.ROWS: rows}, self.template, self.made_for)

    @classmethod
    def from_checkpoint(cls, saved: checkpoints.Checkpoint, lm: LM) -> Self:
        kind = saved.check_type(*checkpoints.SOFT_FIELDS)
        saved.check_model(lm, {} if lm.is_encoder_decoder else {"num_transformer_submodules": 1})
        length, rows = saved.rows(submodules=None)
        saved.check("vectors of the width", lm.embedding_matrix.shape[1], rows.shape[1])
        soft = cls(lm, value=rows[:length], template=saved.template)
        soft.peft_type, soft.made_for = kind, saved.made_for
        saved.warn_of_another_model(lm)
        return soft
