"""Several prompts at once: ``prefix + soft`` is a prompt too.

The order is one, whatever the kinds. From the inside out: a LoRA changes the weights of the model that `lm` is, before
any prompt is there. Then the first prompt stands in front of the second: its keys and values in every block, its words
and vectors around the second one's words and vectors, and those around x. A text's positions count them all.
"""

from collections.abc import Sequence

from torch import Tensor

from ..conditions import Condition, in_sequence
from ..lm import LM
from ..reading import Piece
from .prompt import INPUT, Prompt


class Composed(Prompt):
    """`outer` around `inner`. Both learn in :func:`peft_course.fit` where they have something to learn."""

    def __init__(self, outer: Prompt, inner: Prompt) -> None:
        super().__init__(outer.template.replace(INPUT, inner.template))
        self.outer, self.inner = outer, inner

    @property
    def learning_rate(self) -> float:  # type: ignore[override]
        """The smaller of the parts' own rates."""
        return min(part.learning_rate for part in (self.outer, self.inner) if part.num_trained)

    def text(self, x: str) -> str:
        return self.outer.text(self.inner.text(x))

    def around(self) -> tuple[Sequence[Piece], Sequence[Piece]]:
        (front, behind), (inner_front, inner_behind) = self.outer.around(), self.inner.around()
        return [*front, *inner_front], [*inner_behind, *behind]

    def condition(self, lm: LM) -> Condition:
        return in_sequence([self.outer.condition(lm), self.inner.condition(lm)])

    def tensors(self) -> dict[str, Tensor]:
        outer = {f"outer.{name}": tensor for name, tensor in self.outer.tensors().items()}
        return outer | {f"inner.{name}": tensor for name, tensor in self.inner.tensors().items()}

    def files(self) -> dict[str, bytes]:
        raise TypeError("a composition is saved part by part: prompt.outer.save_pretrained(…), prompt.inner. …")
