"""The three places where something can stand in front of a text: as words, as vectors, as keys and values."""

from draw import BLUE, INK, ORANGE, PURPLE, Drawing

WORDS = ["The", "dog", "sees"]
FRONT, BLOCKS = 3, 4  # positions in front of the text, blocks of the model
COLUMN, CELL, ROW = 46, 40, 42  # from column to column, a cell's width, from block to block
LEFT, TEXT = 80, 250  # where the first column in front and the first column of the text begin
NOTES = 394
BLOCK, VECTOR, WORD, HIGH = 12, 204, 276, 34  # tops of the rows, and a cell's height


def three_places() -> Drawing:
    drawing = Drawing(
        "Three places to intervene",
        f"A grid of {FRONT} positions in front of a text of {len(WORDS)} words. Every column has a word at the bottom, "
        f"an input vector above it, and above that a key and a value in each of {BLOCKS} blocks. The columns of the "
        "text are grey: computed with frozen weights. In the columns in front the words are blue (place 1), the "
        "vectors orange (place 2), the keys and values purple (place 3). Only in the rows of the blocks do arrows "
        "lead from the columns in front to those of the text.",
        height=372,
    )
    for place in range(FRONT):
        column(drawing, LEFT + place * COLUMN, "?", (BLUE, ORANGE, PURPLE), 0.3)
    for place, word in enumerate(WORDS):
        column(drawing, TEXT + place * COLUMN, word, (INK, INK, INK), 0.12)
    for block in range(BLOCKS):
        y = BLOCK + block * ROW + HIGH / 2
        drawing.text(LEFT - 8, y, f"block {BLOCKS - block}", align="right", size=16)
        drawing.arrow((LEFT + FRONT * COLUMN - 2, y), (TEXT - 4, y), colour=PURPLE)
    drawing.text(LEFT - 8, VECTOR + HIGH / 2, "vectors", align="right", size=16)
    drawing.text(LEFT - 8, WORD + HIGH / 2, "words", align="right", size=16)
    note(drawing, BLOCK + 56, "3  keys, values", PURPLE, "2·L·H·d numbers\nfor each position,\nin all the blocks")
    note(drawing, VECTOR + 6, "2  input vectors", ORANGE, "D numbers each")
    note(drawing, WORD + 6, "1  words", BLUE, "one of V each")
    bracket(drawing, LEFT, FRONT, "in front")
    bracket(drawing, TEXT, len(WORDS), "the text")
    return drawing


def column(drawing: Drawing, x: float, word: str, colours: tuple[str, str, str], fill: float) -> None:
    """A position from its word upwards: its vector, and its key and value in every block."""
    words, vectors, pairs = colours
    middle = x + CELL / 2
    drawing.box(x, WORD, CELL, HIGH, words, fill)
    drawing.text(middle, WORD + HIGH / 2, word, size=16)
    drawing.arrow((middle, WORD - 5), (middle, VECTOR + HIGH + 5))
    for part in range(3):
        drawing.box(x, VECTOR + part * HIGH / 3, CELL, HIGH / 3, vectors, fill * (0.6 if part % 2 else 1))
    drawing.arrow((middle, VECTOR - 5), (middle, BLOCK + (BLOCKS - 1) * ROW + HIGH + 5))
    for block in range(BLOCKS):
        y = BLOCK + block * ROW
        drawing.box(x, y, CELL, HIGH, pairs, fill)
        drawing.text(middle, y + HIGH / 2, "k  v", size=16, italic=True)


def note(drawing: Drawing, y: float, name: str, colour: str, words: str) -> None:
    """A place's name in its colour, and below it how much can be put there."""
    drawing.text(NOTES, y, name, colour, align="left", bold=True)
    lines = words.count("\n") + 1
    drawing.text(NOTES, y + 12 + 10.4 * lines, words, align="left", size=16)


def bracket(drawing: Drawing, x: float, columns: int, name: str) -> None:
    right, y = x + columns * COLUMN - 6, WORD + HIGH + 14
    drawing.line((x, y - 5), (x, y + 4), (right, y + 4), (right, y - 5))
    drawing.text((x + right) / 2, y + 22, name, bold=True)


if __name__ == "__main__":
    three_places().save(__file__)
