"""A soft prompt: learnt rows in front of looked-up rows, a frozen model, and a gradient for the first alone."""

from draw import BLUE, GREEN, INK, ORANGE, RED, Drawing

COLUMN, TOP = 52, 210  # the width of a token's column, and where the rows of vectors begin
WORDS = ["The", "old", "dog", "sees"]


def soft_prompt() -> Drawing:
    drawing = Drawing(
        "A soft prompt in front of an input",
        "From bottom to top: the words The, old, dog, sees are looked up in the frozen embedding matrix, which gives "
        "blue columns. Three orange columns stand in front of them; they come from no word. A frozen model reads all "
        "seven and answers in German. A dashed arrow, the gradient of the loss, runs back through the model and ends "
        "at the orange columns.",
        height=370,
    )
    drawing.box(4, 84, 448, 64, INK, fill=0.2)
    drawing.text(228, 116, "frozen model", bold=True)
    for place in range(7):
        colour = ORANGE if place < 3 else BLUE
        x = 36 + 60 * place
        for row in range(3):
            drawing.box(x, TOP + 24 * row, 36, 24, colour, fill=0.25 if (place + row) % 2 else 0.5)
        drawing.arrow((x + 18, TOP - 6), (x + 18, 152))
        if place >= 3:
            drawing.arrow((x + 18, 330), (x + 18, TOP + 78))
            drawing.text(x + 18, 346, WORDS[place - 3])
    drawing.text(108, 318, "P learnt rows\nfrom no word", ORANGE, bold=True)
    drawing.text(504, 246, "rows of the\nembedding\nmatrix", BLUE, size=16)
    drawing.arrow((330, 80), (330, 52))
    drawing.text(330, 30, "Der alte Hund sieht …", GREEN, bold=True)
    drawing.line((436, 46), (436, 180), colour=RED, dashed=True)  # back through the model
    drawing.line((436, 180), (14, 180), colour=RED, dashed=True)
    drawing.arrow((14, 180), (14, 246), (32, 246), colour=RED, dashed=True)
    drawing.text(480, 116, "gradient of the loss", RED, size=16, turn=-90)
    return drawing


if __name__ == "__main__":
    soft_prompt().save(__file__)
