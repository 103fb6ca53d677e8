"""Which activations the model computes, and which are rows of P_θ: positions to the right, layers upwards."""

from draw import BLUE, INK, PURPLE, Drawing

PREFIX = 3
WORDS = ["The", "dog", "sees", "Der", "Hund"]  # x, then the beginning of y
LAYERS = 3
LEFT, WIDE, HIGH, TOP = 66, 61, 46, 112


def activations() -> Drawing:
    positions = PREFIX + len(WORDS)
    drawing = Drawing(
        "Computed activations and learnt ones",
        f"A grid of {positions} positions and {LAYERS} layers. The columns of the first {PREFIX} positions, the "
        "prefix, are rows of the learnt matrix P θ in every layer, and there is no token below them. The columns of "
        "the words x and y are computed by the frozen model, each from its own token and from everything to its left, "
        "the prefix included.",
        height=400,
    )
    for position in range(positions):
        left = LEFT + position * WIDE
        learnt = position < PREFIX
        look = (PURPLE, 0.55) if learnt else (BLUE, 0.2)
        for layer in range(LAYERS):
            drawing.box(left, TOP + layer * HIGH, WIDE - 8, HIGH - 8, *look)
        drawing.text(left + WIDE / 2 - 4, TOP - 20, f"h{'₁₂₃₄₅₆₇₈'[position]}", bold=position == PREFIX + 2)
        bottom = TOP + LAYERS * HIGH + 26
        if learnt:
            drawing.text(left + WIDE / 2 - 4, bottom + 15, "–")
        else:
            drawing.arrow((left + WIDE / 2 - 4, bottom), (left + WIDE / 2 - 4, bottom - 30), colour=BLUE)
            drawing.text(left + WIDE / 2 - 4, bottom + 15, WORDS[position - PREFIX])
    for layer in range(LAYERS):
        drawing.text(LEFT - 10, TOP + layer * HIGH + HIGH / 2 - 4, f"layer {LAYERS - layer}", align="right", size=16)
    reads(drawing, PREFIX + 2)
    brackets(drawing, TOP + LAYERS * HIGH + 62)
    return drawing


def reads(drawing: Drawing, position: int) -> None:
    """What the activation at `position` is computed from: a line over everything to its left."""
    target, height = LEFT + position * WIDE + WIDE / 2 - 4, 52
    for earlier in range(position):
        x = LEFT + earlier * WIDE + WIDE / 2 - 4
        drawing.line((x, height + 22), (x, height), colour=PURPLE if earlier < PREFIX else BLUE)
    drawing.arrow((LEFT + WIDE / 2 - 4, height), (target, height), (target, height + 24), colour=INK)
    drawing.text(LEFT, 26, "h₆ is computed from everything before it", align="left", italic=True)


def brackets(drawing: Drawing, y: float) -> None:
    """Names below the three parts of z = [Prefix; x; y]."""
    parts = [(0, PREFIX, "Prefix", PURPLE), (PREFIX, PREFIX + 3, "x", BLUE), (PREFIX + 3, PREFIX + 5, "y", BLUE)]
    for first, end, name, colour in parts:
        left, right = LEFT + first * WIDE + 2, LEFT + end * WIDE - 10
        drawing.line((left, y - 4), (left, y + 4), (right, y + 4), (right, y - 4), colour=colour)
        drawing.text((left + right) / 2, y + 20, name, bold=True)
    drawing.box(LEFT, y + 46, 20, 20, PURPLE, 0.55)
    drawing.text(LEFT + 30, y + 56, "a row of Pθ: learnt", align="left")
    drawing.box(LEFT + 240, y + 46, 20, 20, BLUE, 0.2)
    drawing.text(LEFT + 270, y + 56, "computed, frozen weights", align="left")


if __name__ == "__main__":
    activations().save(__file__)
