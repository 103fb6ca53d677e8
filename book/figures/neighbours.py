"""A frozen block, read upwards, and the places at which each neighbour changes it."""

from draw import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY, Drawing

MIDDLE = 216  # of the block's main path
COLUMNS = {"q": 108, "k": 216, "v": 324}
NAMES = 404  # to the right of the block's frame


def neighbours() -> Drawing:
    drawing = Drawing(
        "What each neighbour changes in a block",
        "A frozen block, read upwards. The text's rows go through W q, W k and W v to Q, K and V, through attention "
        "and W o, and are added to the path; then through the feed-forward layer, and are added again. LoRA adds a "
        "low-rank product beside W q and W v. A prefix puts rows in front of K and V. LLaMA-Adapter adds a second "
        "attention, over its own rows, times a gate that begins at zero. Adapters stand behind W o and behind the "
        "feed-forward layer. At the bottom, before the first block, a soft prompt's rows stand in front of the "
        "embeddings; P-tuning makes them by a network that is dropped after training.",
        height=752,
    )
    drawing.box(8, 34, 384, 546, INK, 0, dashed=True)
    drawing.text(12, 16, "a frozen block, × L", align="left", size=16)
    path(drawing)
    projections(drawing)
    attention(drawing)
    adapters(drawing)
    inputs(drawing)
    return drawing


def path(drawing: Drawing) -> None:
    """What is frozen: the main path upwards, and the two ways past each half of the block."""
    for start, end in ((644, 552), (326, 302), (264, 248), (218, 204), (187, 174), (138, 124), (94, 80), (63, 4)):
        drawing.arrow((MIDDLE, start), (MIDDLE, end), colour=BLUE)
    drawing.arrow((MIDDLE, 564), (26, 564), (26, 194), (MIDDLE - 9, 194), colour=BLUE)
    drawing.arrow((MIDDLE, 181), (64, 181), (64, 70), (MIDDLE - 9, 70), colour=BLUE)
    plus(drawing, MIDDLE, 194, BLUE)
    plus(drawing, MIDDLE, 70, BLUE)
    drawing.box(MIDDLE - 132, 330, 264, 36, BLUE, 0.12)
    drawing.text(MIDDLE, 348, "softmax(QKᵀ / √d) V", size=17)
    drawing.box(MIDDLE - 32, 266, 64, 34, BLUE, 0.12)
    drawing.text(MIDDLE, 283, "Wo")
    drawing.box(MIDDLE - 76, 140, 152, 34, BLUE, 0.12)
    drawing.text(MIDDLE, 157, "feed-forward", size=17)


def projections(drawing: Drawing) -> None:
    """W q, W k and W v, with LoRA beside two of them, and what they give, with the prefix in front of two."""
    drawing.line((COLUMNS["q"], 552), (COLUMNS["v"], 552), colour=BLUE)
    for name, x in COLUMNS.items():
        drawing.arrow((x, 552), (x, 534), colour=BLUE)
        drawing.box(x - 26, 498, 52, 36, BLUE, 0.12)
        drawing.text(x, 516, f"W{name}")
        drawing.arrow((x, 498), (x, 452), colour=BLUE)
        rows(drawing, x - 26, 414, 52, 3, BLUE)
        drawing.text(x - 8, 470, name.upper(), bold=True, align="right", size=16)
        if name != "q":
            rows(drawing, x - 26, 390, 52, 2, PURPLE)
        drawing.arrow((x, 410 if name == "q" else 387), (x, 369), colour=BLUE)
        if name != "k":
            side = 48
            drawing.line((x, 546), (x + side, 546), (x + side, 536), colour=GREEN)
            drawing.box(x + side - 14, 500, 28, 32, GREEN, 0.25)
            drawing.text(x + side, 516, "BA", size=15)
            drawing.arrow((x + side, 500), (x + side, 482), (x + 6, 482), colour=GREEN)
    label(drawing, 516, "LoRA", "W x + (α/r) B A x", GREEN)
    label(drawing, 400, "prefix", "rows in front of K, V", PURPLE)


def attention(drawing: Drawing) -> None:
    """The second attention of LLaMA-Adapter, with its gate."""
    plus(drawing, MIDDLE, 312, SKY)
    drawing.box(MIDDLE + 46, 300, 92, 24, SKY, 0.25)
    drawing.text(MIDDLE + 92, 312, "× tanh(g)", size=16)
    drawing.arrow((MIDDLE + 46, 312), (MIDDLE + 9, 312), colour=SKY)
    drawing.line((NAMES - 4, 312), (MIDDLE + 139, 312), colour=SKY)
    label(drawing, 315, "LLaMA-Adapter", "own rows,\nown softmax", SKY)


def adapters(drawing: Drawing) -> None:
    """One behind each half of the block, before the half's result is added to the path."""
    for y in (233, 109):
        drawing.box(MIDDLE - 50, y - 15, 100, 30, RED, 0.25)
        drawing.text(MIDDLE, y, "adapter", size=16)
        drawing.line((NAMES - 4, y), (MIDDLE + 52, y), colour=RED)
    label(drawing, 233, "adapter", "h + f(hW↓)W↑", RED)
    label(drawing, 109, "adapter", "once more", RED)


def inputs(drawing: Drawing) -> None:
    """The embeddings, with the vectors of a soft prompt in front, and P-tuning's network below them."""
    for column in range(3):
        drawing.box(60 + 44 * column, 650, 36, 28, ORANGE, 0.5)
        drawing.arrow((78 + 44 * column, 712), (78 + 44 * column, 684), colour=ORANGE, dashed=True)
    for column in range(4):
        drawing.box(200 + 44 * column, 650, 36, 28, BLUE, 0.2)
    drawing.box(60, 714, 124, 32, ORANGE, 0.1, dashed=True)
    drawing.text(122, 730, "a network", size=16)
    label(drawing, 664, "soft prompt", "rows, once", ORANGE)
    label(drawing, 729, "P-tuning", "makes those rows", ORANGE)


def rows(drawing: Drawing, x: float, y: float, width: float, count: int, colour: str) -> None:
    for row in range(count):
        drawing.box(x, y + 12 * row, width, 9, colour, 0.5 if colour == PURPLE else 0.2)


def plus(drawing: Drawing, x: float, y: float, colour: str) -> None:
    """Where two paths are added."""
    drawing.line((x - 8, y), (x + 8, y), colour=colour)
    drawing.line((x, y - 8), (x, y + 8), colour=colour)


def label(drawing: Drawing, y: float, name: str, what: str, colour: str) -> None:
    """A neighbour's name in its colour, and below it what it adds."""
    drawing.text(NAMES, y - 11, name, colour, align="left", bold=True)
    drawing.text(NAMES, y + 11 + 10 * what.count("\n"), what, align="left", size=16)


if __name__ == "__main__":
    neighbours().save(__file__)
