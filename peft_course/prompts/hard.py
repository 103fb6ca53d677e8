"""Hard prompts: words around the input, chosen by a person, and examples of the task in front of it.

A template is text with named slots, ``"English: {x}\\nGerman:"``. Nothing here is learnt: a word is one of V, and
between two words there is nothing to take a gradient to.
"""

from collections.abc import Mapping, Sequence

from ..reading import Piece
from .prompt import INPUT, Prompt, said


class HardPrompt(Prompt):
    """The words of `template` around x, after `examples` (x, y) written in the same words (few-shot prompting).

    `slots` fills the template's other slots: ``HardPrompt("{language}: {x}", slots={"language": "English"})``.
    Raises ValueError if the template has no slot ``{x}``.
    """

    def __init__(
        self,
        template: str,
        examples: Sequence[tuple[str, str]] = (),
        slots: Mapping[str, str] | None = None,
        separator: str = "\n",
    ) -> None:
        for name, words in (slots or {}).items():
            if "{" + name + "}" not in template:
                raise ValueError(f"the template {template!r} has no slot {{{name}}} for {words!r}")
            template = template.replace("{" + name + "}", words)
        super().__init__(template)
        self.examples, self.separator = tuple(examples), separator

    def filled_template(self) -> str:
        """The whole text with its one open slot ``{x}``: the examples and then the template."""
        shots = [f"{super(HardPrompt, self).text(x)} {y}{self.separator}" for x, y in self.examples]
        return "".join(shots) + self.template

    def text(self, x: str) -> str:
        front, _, behind = self.filled_template().rpartition(INPUT)
        return front + x + behind

    def around(self) -> tuple[Sequence[Piece], Sequence[Piece]]:
        front, _, behind = self.filled_template().rpartition(INPUT)
        return said(front), said(behind)

    def __repr__(self) -> str:
        shots = f", {len(self.examples)} examples" if self.examples else ""
        return f"HardPrompt({self.template!r}{shots})"
