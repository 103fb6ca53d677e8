"""An encoder and a decoder, with a prefix in each and a third place between them."""

from draw import BLUE, GREEN, INK, ORANGE, PURPLE, Drawing

VIRTUAL, TOKENS = 2, 4
CELL, PITCH = 28, 37  # the side of a cell, and from one column to the next
LAYERS = (172, 238, 304)  # the top of the last layer's cells, the middle one's and the first one's
ENCODER, DECODER = 10, 332  # where the columns begin
BAR = 62  # the top of what the encoder hands over
ARROW = 6


def encoder_decoder() -> Drawing:
    drawing = Drawing(
        "A prefix in the encoder and one in the decoder",
        f"Left the encoder: three layers of cells, {VIRTUAL} learnt columns in front of the {TOKENS} words of x. A"
        " cell of the middle layer reads all cells of the layer below, to its left and to its right, the learnt "
        "ones too. Right the decoder, with learnt columns of its own in front of y: a cell reads the learnt ones "
        "and those to its left. Above the encoder is the row of states that it hands over: one for each word of "
        "x, and none for its prefix. An arrow, cross-attention, leads from this row to the decoder. In front of "
        "the row two dashed cells show the third place where learnt rows may stand.",
        height=424,
    )
    side(drawing, ENCODER, BLUE, ("The", "dog", "sees", "it"), target=3, sees=range(VIRTUAL + TOKENS))
    side(drawing, DECODER, GREEN, ("▷", "Der", "Hund", "…"), target=4, sees=range(5))
    handed_over(drawing)
    for x, name, mark, words in ((ENCODER, "encoder", "", "x"), (DECODER, "decoder", "′", "y")):
        drawing.text(x + PITCH - 5, 372, f"Prefix{mark}", PURPLE, bold=True)
        drawing.text(x + PITCH * 4 - 5, 372, words, italic=True, bold=True)
        drawing.text(x + PITCH * 3 - 5, 406, name)
    return drawing


def side(drawing: Drawing, x: float, colour: str, words: tuple[str, ...], target: int, sees: range) -> None:
    """A stack of cells, its words, and what one cell of the middle layer looks at."""
    for top in LAYERS:
        for column in range(VIRTUAL + TOKENS):
            learnt = column < VIRTUAL
            place = (x + column * PITCH, top)
            drawing.box(*place, CELL, CELL, PURPLE if learnt else colour, 0.6 if learnt else 0.2)
    drawing.box(x + target * PITCH, LAYERS[1], CELL, CELL, ORANGE, 0.35)
    end = (x + target * PITCH + CELL / 2, LAYERS[1] + CELL + 1)
    for column in sees:
        drawing.arrow((x + column * PITCH + CELL / 2, LAYERS[2] - 1), end, colour=ORANGE, head=ARROW)
    for column, word in enumerate(words):
        drawing.text(x + (VIRTUAL + column) * PITCH + CELL / 2, LAYERS[2] + CELL + 14, word, size=15)


def handed_over(drawing: Drawing) -> None:
    """The encoder's last states, the third place in front of them, and the way into the decoder."""
    drawing.text(4, 18, "what the decoder reads of x", align="left", size=17)
    for column in range(VIRTUAL + TOKENS):
        learnt = column < VIRTUAL
        x = ENCODER + column * PITCH
        drawing.box(x, BAR, CELL, CELL, PURPLE if learnt else BLUE, 0.1 if learnt else 0.4, dashed=learnt)
        if not learnt:
            drawing.arrow((x + CELL / 2, LAYERS[0] - 4), (x + CELL / 2, BAR + CELL + 4), colour=BLUE)
    drawing.text(ENCODER + PITCH - 5, BAR + CELL + 32, "a third\nplace", PURPLE, size=16)
    middle = DECODER + PITCH * 3 - 5
    drawing.arrow((ENCODER + 6 * PITCH - 2, BAR + CELL / 2), (middle, BAR + CELL / 2), (middle, LAYERS[0] - 6))
    drawing.text(middle - 6, BAR - 16, "cross-attention", INK)


if __name__ == "__main__":
    encoder_decoder().save(__file__)
