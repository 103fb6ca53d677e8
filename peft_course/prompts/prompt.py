"""What every prompt shares: a small thing that belongs to a task, beside a big model that belongs to everyone."""

from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from ..lm import LM, Condition

INPUT = "{x}"  # the slot of a template that the task's input fills


class Prompt(nn.Module):
    """A prompt changes what a frozen model does, through text (`template`), through vectors (`condition`), or both.

    `template` is the text that the model reads for an input x, with one slot ``{x}``; bare x by default.
    `learning_rate` is where a search for a good one starts, for AdamW (see the book on why the methods differ).
    """

    learning_rate: ClassVar[float] = 0.0

    def __init__(self, template: str = INPUT) -> None:
        super().__init__()
        if template.count(INPUT) != 1:
            raise ValueError(f"a template needs the slot {{x}} exactly once, got {template!r}")
        self.template = template

    def text(self, x: str) -> str:
        """The text that the model reads for the input `x`."""
        return self.template.replace(INPUT, x)

    def words_in_front(self) -> str:
        """The template's words in front of x, for inputs that are token ids already.

        Raises ValueError if it has words behind x as well: behind token ids there is no place for them.
        """
        front, _, behind = self.template.partition(INPUT)
        if behind:
            raise ValueError(
                f"the words {behind!r} behind {{x}} have no place beside token ids; "
                f"encode the whole text instead: lm.logits(lm.batch([prompt.text(x)]).input_ids)"
            )
        return front

    def condition(self, lm: LM) -> Condition:
        """What goes into the model besides text."""
        return Condition()

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

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the prompt to `folder`. A prompt of text alone has nothing to write and raises TypeError."""
        raise TypeError(f"a {type(self).__name__} is text alone; keep its template, {self.template!r}, in your code")
