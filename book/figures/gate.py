"""Attention with a prefix, taken apart: the text's attention, the prefix's, and the gate that mixes them."""

from draw import BLUE, GREEN, INK, PURPLE, Drawing

TOP, GATE, BOTTOM = 76, 190, 306  # the middle heights of the three ways
LEFT, RIGHT = 84, 352  # of their boxes


def gate() -> Drawing:
    drawing = Drawing(
        "A prefix is a gated adapter",
        "A query q goes three ways. Above, through the frozen attention to the text, softmax of q K transposed, times "
        "V. Below, through the learnt rows: q times P k transposed gives P numbers, softmax makes shares of them, and "
        "these mix the P rows of P v. Between them the gate lambda, the sigmoid of log Z prefix minus log Z text, is "
        "computed from the scores of both. The upper result is multiplied by 1 minus lambda, the lower by lambda, and "
        "the sum goes out.",
        height=372,
    )
    drawing.box(4, GATE - 22, 44, 44, BLUE, 0.2)
    drawing.text(26, GATE, "q", BLUE, bold=True)
    for height, colour in ((TOP, BLUE), (BOTTOM, PURPLE)):
        drawing.arrow((48, GATE), (64, GATE), (64, height), (LEFT, height), colour=colour)

    drawing.text(LEFT, 20, "the text, as without a prefix", BLUE, align="left", size=17)
    drawing.box(LEFT, TOP - 36, RIGHT - LEFT, 72, BLUE, 0.1)
    drawing.text((LEFT + RIGHT) / 2, TOP, "softmax(qKᵀ / √d) · V")

    drawing.box(LEFT + 34, GATE - 24, RIGHT - LEFT - 68, 48, GREEN, 0.1, dashed=True)
    drawing.text((LEFT + RIGHT) / 2, GATE, "λ = σ(log Zp − log Zt)", GREEN)
    drawing.arrow(((LEFT + RIGHT) / 2, TOP + 36), ((LEFT + RIGHT) / 2, GATE - 24), colour=GREEN, dashed=True)
    drawing.arrow(((LEFT + RIGHT) / 2, BOTTOM - 36), ((LEFT + RIGHT) / 2, GATE + 24), colour=GREEN, dashed=True)

    adapter(drawing)
    drawing.text(LEFT, 361, "the prefix: down to P numbers, and up", PURPLE, align="left", size=17)
    mix(drawing)
    return drawing


def adapter(drawing: Drawing) -> None:
    """The prefix's way: down to P numbers by its keys, and up again by its values."""
    drawing.box(LEFT, BOTTOM - 36, RIGHT - LEFT, 72, PURPLE, 0.1)
    drawing.text(LEFT + 42, BOTTOM, "· Pkᵀ", PURPLE, bold=True)
    for number in range(3):
        drawing.box(LEFT + 96, BOTTOM - 27 + 19 * number, 36, 15, PURPLE, 0.5)
    drawing.arrow((LEFT + 74, BOTTOM), (LEFT + 92, BOTTOM), colour=PURPLE)
    drawing.text(LEFT + 172, BOTTOM, "softmax", size=16)
    drawing.arrow((LEFT + 208, BOTTOM), (LEFT + 224, BOTTOM), colour=PURPLE)
    drawing.text(LEFT + 246, BOTTOM, "· Pv", PURPLE, bold=True)


def mix(drawing: Drawing) -> None:
    """The two results, weighted by the gate and added."""
    x, out = 414, 486
    for height, words, colour in ((TOP, "(1 − λ)", BLUE), (BOTTOM, "λ", PURPLE)):
        drawing.arrow((RIGHT, height), (x - 42, height), colour=colour)
        drawing.box(x - 42, height - 20, 84, 40, INK, 0.08)
        drawing.text(x, height, f"× {words}", size=17)
        drawing.line((x + 42, height), (out, height), colour=colour)
    drawing.line((RIGHT - 34, GATE), (x, GATE), colour=GREEN, dashed=True)
    drawing.arrow((x, GATE), (x, TOP + 20), colour=GREEN, dashed=True)
    drawing.arrow((x, GATE), (x, BOTTOM - 20), colour=GREEN, dashed=True)
    drawing.arrow((out, TOP), (out, GATE - 16), colour=BLUE)
    drawing.arrow((out, BOTTOM), (out, GATE + 16), colour=PURPLE)
    drawing.box(out - 16, GATE - 16, 32, 32, INK, 0.08)
    drawing.text(out, GATE, "+", bold=True)
    drawing.arrow((out + 16, GATE), (522, GATE))
    drawing.text(540, GATE, "out", size=17)


if __name__ == "__main__":
    gate().save(__file__)
