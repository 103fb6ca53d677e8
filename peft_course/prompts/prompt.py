"""What every prompt shares: a small thing that belongs to a task, beside a big model that belongs to everyone."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from torch import Tensor, nn

from .. import checkpoints
from ..conditions import Condition
from ..lm import LM
from ..reading import Piece

INPUT = "{x}"  # the slot of a template that the task's input fills


class Prompt(nn.Module):
    """A prompt changes what a frozen model does: through what it reads `around` the input, or through its `condition`.

    `template` is the text that the model reads for an input x, with one slot ``{x}``; bare x by default.
    `made_for` is the fingerprint of the model that it was made for, None where that is not known.
    `learning_rate` is where a search for a good one starts, for AdamW (see the book on why the methods differ).
    """

    learning_rate: ClassVar[float] = 0.0
    made_for: str | None = None

    def __init__(self, template: str = INPUT) -> None:
        super().__init__()
        if template.count(INPUT) != 1:
            raise ValueError(f"a template needs the slot {{x}} exactly once, got {template!r}")
        self.template = template

    def text(self, x: str) -> str:
        """The text that the model reads for the input `x`."""
        return self.template.replace(INPUT, x)

    def around(self) -> tuple[Sequence[Piece], Sequence[Piece]]:
        """What the model reads in front of x and behind it."""
        front, _, behind = self.template.partition(INPUT)
        return said(front), said(behind)

    def condition(self, lm: LM) -> Condition:
        """What goes into the model besides what it reads."""
        return Condition()

    def __add__(self, other: "Prompt") -> "Prompt":
        """Both at once; see :class:`peft_course.prompts.composed.Composed`."""
        from .composed import Composed

        return Composed(self, other)

    @property
    def num_trained(self) -> int:
        """How many numbers training changes."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    @property
    def num_stored(self) -> int:
        """How many numbers a checkpoint keeps."""
        return sum(tensor.numel() for tensor in self.tensors().values())

    def tensors(self) -> dict[str, Tensor]:
        """The numbers that a checkpoint keeps, by name."""
        return {}

    # -- checkpoints ------------------------------------------------------------------------------------------------
    def files(self) -> dict[str, bytes]:
        """The files of a checkpoint, by name. A prompt of text alone has none and raises TypeError."""
        raise TypeError(f"a {type(self).__name__} is text alone; keep its template, {self.template!r}, in your code")

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the prompt to `folder`: all of it or, when killed, nothing."""
        checkpoints.write(folder, self.files())

    def push_to_hub(self, repo_id: str, private: bool = False) -> str:
        """Send the prompt to the repository `repo_id` (user/name) on the Hugging Face Hub, and return its address."""
        return checkpoints.push(repo_id, self.files(), private)

    @classmethod
    def from_pretrained(cls, source: str | Path, lm: LM) -> Self:
        """The prompt in the folder, or else in the Hub's repository, `source`.

        Raises ValueError if there is none, or a damaged one, one of another type, or for a model of another shape;
        warns if it fits `lm` but was made for other weights.
        """
        return cls.from_checkpoint(checkpoints.read(source), lm)

    @classmethod
    def from_checkpoint(cls, saved: checkpoints.Checkpoint, lm: LM) -> Self:
        """The prompt that `saved` holds, for `lm`."""
        raise TypeError(f"a {cls.__name__} is text alone; make it from its template")


def said(words: str) -> list[Piece]:
    """The words as pieces of what is read: none where there are none."""
    return [words] if words else []
