"""The straight road from one word to another: the loss along it, and where its slope at the first word would lead."""

from itertools import pairwise

from draw import BLUE, GREEN, INK, ORANGE, RED, Drawing

LEFT, RIGHT, FLOOR = 96, 468, 296  # where the two words stand, and the line that they stand on
START = 122  # the height of the loss at the first word
SLOPE = 0.36  # of the loss there, downwards
# How far the loss leaves the straight line, as a polynomial in the share of the way: none of value or slope at 0.
BEND = ((2, 250), (3, -650), (4, 236))


def height(share: float) -> float:
    """Of the loss, downwards on the page."""
    return START + SLOPE * (RIGHT - LEFT) * share + sum(factor * share**power for power, factor in BEND)


def swap() -> Drawing:
    drawing = Drawing(
        "The straight road from one word to another",
        "The loss is drawn over the straight line between the vectors of two words. At the old word a dashed "
        "straight line leaves the curve in its own direction and promises a much lower loss at the new word. The "
        "curve itself falls at first, turns half-way, and rises: at the new word the true loss is higher than at the "
        "old one. Between the two words there are vectors, but no words.",
        height=372,
    )
    drawing.arrow((40, FLOOR), (40, 24))
    drawing.text(56, 22, "loss", align="left")
    drawing.line((40, FLOOR), (548, FLOOR))
    curve = [(LEFT + (RIGHT - LEFT) * step / 60, height(step / 60)) for step in range(61)]
    promised = (RIGHT, START + SLOPE * (RIGHT - LEFT))
    drawing.line(curve[0], promised, colour=ORANGE, dashed=True)
    for first, second in pairwise(curve):
        drawing.line(first, second, colour=BLUE)
    for x, y, colour in ((*curve[0], BLUE), (*curve[-1], BLUE), (*promised, ORANGE)):
        drawing.box(x - 5, y - 5, 10, 10, colour, fill=1)
    drawing.arrow((RIGHT, promised[1] - 10), (RIGHT, curve[-1][1] + 10), colour=RED)
    drawing.text(RIGHT + 12, (promised[1] + curve[-1][1]) / 2, "error", RED, align="left", bold=True)
    drawing.text(RIGHT - 10, curve[-1][1] - 20, "measured", BLUE)
    drawing.text(RIGHT - 10, promised[1] + 22, "promised", ORANGE)
    drawing.text(LEFT + 6, START - 24, "G: the slope here", ORANGE, align="left")
    for x, name in ((LEFT, "old word"), (RIGHT, "new word")):
        drawing.line((x, FLOOR - 6), (x, FLOOR + 6), colour=GREEN)
        drawing.text(x, FLOOR + 24, name, GREEN, bold=True)
    drawing.text((LEFT + RIGHT) / 2, FLOOR + 24, "vectors, no words", INK, size=16, italic=True)
    drawing.text(280, FLOOR + 56, "one backward pass knows the slopes of all P · V roads", size=16)
    return drawing


if __name__ == "__main__":
    swap().save(__file__)
