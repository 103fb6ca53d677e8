"""A block's attention without and with a prefix: K and V get P rows in front, and nothing else changes."""

from draw import BLUE, INK, PURPLE, Drawing

TOKENS, VIRTUAL = 4, 2
ROW, STACK = 15, 84  # height of a row, width of a stack of rows


def block() -> Drawing:
    drawing = Drawing(
        "Attention without and with a prefix",
        f"Above, {TOKENS} rows X pass through the frozen weights to {TOKENS} rows each of Q, K and V; attention gives "
        f"{TOKENS} rows. Below, the same with a prefix: {VIRTUAL} learnt rows stand in front of K and of V. X, the "
        "weights, Q and the output have the same shapes as before.",
        height=606,
    )
    drawing.text(4, 16, "a block's attention", align="left", bold=True)
    attention(drawing, 36, 0)
    drawing.line((0, 262), (560, 262), dashed=True)
    drawing.text(4, 286, "the same, with a prefix", align="left", bold=True)
    attention(drawing, 306, VIRTUAL)
    return drawing


def attention(drawing: Drawing, top: float, virtual: int) -> None:
    heights = [TOKENS * ROW, (TOKENS + virtual) * ROW, (TOKENS + virtual) * ROW]
    y, places = top, []
    for height in heights:
        places.append(y)
        y += height + 14
    middle = (top + y - 14) / 2
    rows(drawing, 22, middle - TOKENS * ROW / 2, 46, TOKENS)
    drawing.text(45, middle - TOKENS * ROW / 2 - 16, "X")
    for name, place, height in zip("QKV", places, heights, strict=True):
        learnt = virtual if name != "Q" else 0
        own = place + learnt * ROW + TOKENS * ROW / 2  # the middle of the rows that come from X
        drawing.arrow((72, middle), (100, own))
        drawing.box(104, own - 18, 52, 36, INK, 0.12)
        drawing.text(130, own, "W" + {"Q": "q", "K": "k", "V": "v"}[name])
        drawing.arrow((160, own), (188, own))
        rows(drawing, 192, place, STACK, TOKENS + learnt, learnt)
        if learnt:
            drawing.text(130, place + learnt * ROW / 2 - 1, "Pθ", PURPLE, bold=True)
            drawing.arrow((150, place + learnt * ROW / 2 - 1), (188, place + learnt * ROW / 2 - 1), colour=PURPLE)
        drawing.text(192 + STACK + 16, place + height / 2, name, bold=True)
        drawing.arrow((312, place + height / 2), (346, middle + (place + height / 2 - middle) / 4))
    drawing.box(350, middle - 44, 124, 88, BLUE, 0.08)
    drawing.text(412, middle, "softmax\n(q·k / √d) · v", size=17)
    drawing.arrow((478, middle), (500, middle))
    drawing.text(527, middle - TOKENS * ROW / 2 - 16, "out")
    rows(drawing, 504, middle - TOKENS * ROW / 2, 46, TOKENS)


def rows(drawing: Drawing, x: float, y: float, width: float, count: int, learnt: int = 0) -> None:
    """`count` rows on top of each other, the first `learnt` of them in the prefix's colour."""
    for row in range(count):
        own = row >= learnt
        drawing.box(x, y + row * ROW, width, ROW - 3, BLUE if own else PURPLE, 0.2 if own else 0.6)


if __name__ == "__main__":
    block().save(__file__)
