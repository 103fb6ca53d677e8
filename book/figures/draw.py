"""Boxes, arrows and text for the book's own drawings: plain SVG, in the palette of the plots.

A drawing is `WIDTH` units wide and its text 18 of them high, so that it is still read on a telephone, where it is
shown at about two thirds of that. Colours are middle tones: they are seen on white and on black alike.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from peft_course.plots import BLUE, GREEN, INK, ORANGE, PALETTE, PURPLE, RED, SKY

__all__ = ["BLUE", "GREEN", "INK", "ORANGE", "PALETTE", "PURPLE", "RED", "SIZE", "SKY", "WIDTH", "Drawing"]

WIDTH = 560
SIZE = 18  # of text
TEXT = INK
FONT, MONO = "Helvetica, Arial, sans-serif", "Consolas, 'DejaVu Sans Mono', monospace"
ANCHORS = {"left": "start", "middle": "middle", "right": "end"}


class Drawing:
    """A picture with a title and a description for those who do not see it; x to the right, y downwards."""

    def __init__(self, title: str, description: str, height: float, width: float = WIDTH) -> None:
        self.title, self.description, self.height, self.width = title, description, height, width
        self.parts: list[str] = []

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: str = INK,
        fill: float = 0.15,
        dashed: bool = False,
    ) -> None:
        """A rounded box; `fill` is how much of its colour shows inside, 0 to 1."""
        dash = ' stroke-dasharray="6 5"' if dashed else ""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
            f'fill="{colour}" fill-opacity="{fill:g}" stroke="{colour}" stroke-width="2"{dash}/>'
        )

    def line(self, *points: tuple[float, float], colour: str = INK, dashed: bool = False) -> None:
        """A line through the points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dash = ' stroke-dasharray="6 5"' if dashed else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')

    def arrow(self, *points: tuple[float, float], colour: str = INK, dashed: bool = False, head: float = 9) -> None:
        """A line through the points with a head at the last one."""
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        dx, dy = (x1 - x0) / length * head, (y1 - y0) / length * head
        self.line(*points[:-1], (x1 - dx / 2, y1 - dy / 2), colour=colour, dashed=dashed)
        corners = [(x1, y1), (x1 - dx - dy / 2, y1 - dy + dx / 2), (x1 - dx + dy / 2, y1 - dy - dx / 2)]
        path = " ".join(f"{x:.4g},{y:.4g}" for x, y in corners)
        self.parts.append(f'<polygon points="{path}" fill="{colour}"/>')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str = TEXT,
        align: str = "middle",
        size: float = SIZE,
        bold: bool = False,
        mono: bool = False,
        italic: bool = False,
        turn: float = 0,
    ) -> None:
        """Words, in lines if they have newlines, whose middle height is at `y`; `turn` is in degrees."""
        lines = words.split("\n")
        look = ' font-weight="bold"' * bold + ' font-style="italic"' * italic
        look += f' transform="rotate({turn:g} {x:g} {y:g})"' if turn else ""
        for row, line in enumerate(lines):
            height = y + (row - (len(lines) - 1) / 2) * size * 1.3 + size * 0.35
            self.parts.append(
                f'<text x="{x:g}" y="{height:.4g}" fill="{colour}" font-family="{MONO if mono else FONT}" '
                f'font-size="{size:g}" text-anchor="{ANCHORS[align]}" xml:space="preserve"{look}>{escape(line)}</text>'
            )

    def svg(self) -> str:
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
                f'width="{self.width:g}" height="{self.height:g}" role="img" aria-labelledby="title desc">',
                f'<title id="title">{escape(self.title)}</title>',
                f'<desc id="desc">{escape(self.description)}</desc>',
                *self.parts,
                "</svg>\n",
            ]
        )

    def save(self, script: str) -> None:
        """Write the drawing beside the script that draws it: ``drawing.save(__file__)``."""
        Path(script).with_suffix(".svg").write_text(self.svg(), encoding="utf8")
