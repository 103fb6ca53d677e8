"""Three wordings of one request to one frozen model, and its three answers."""

from draw import BLUE, GREEN, INK, ORANGE, RED, Drawing

SENTENCE = "The old dog sees a cat."
# The template, in the picture's lines; what course-gpt answers; what that is.
ROWS = [
    ("English: {x}\nGerman:", "Der alte Hund\nsieht eine Katze.", "German"),
    ("Translate: {x}", "Does the old dog\nsee a cat?", "a question"),
    ("Please tell me what\nthis is in German: {x}\nAnswer:", "The old dog\nwas old.", "another sentence"),
]


def wordings() -> Drawing:
    drawing = Drawing(
        "Three wordings of one request",
        f"The sentence {SENTENCE!r} is put into three templates, each is read by the same frozen model, and three "
        "different answers come out: " + "; ".join(repr(answer.replace("\n", " ")) for _, answer, _ in ROWS) + ".",
        height=444,
    )
    drawing.text(10, 28, "x =", align="left", bold=True)
    drawing.box(48, 8, 222, 40, ORANGE)
    drawing.text(159, 28, SENTENCE)
    drawing.text(125, 76, "what is asked", size=16, italic=True)
    drawing.text(445, 76, "what is answered", size=16, italic=True)
    for row, (template, answer, kind) in enumerate(ROWS):
        middle = 146 + 120 * row
        colour = GREEN if kind == "German" else RED
        drawing.box(4, middle - 50, 242, 100, BLUE, fill=0.1)
        template_text(drawing, middle, template)
        drawing.arrow((250, middle), (276, middle))
        drawing.arrow((330, middle), (356, middle))
        drawing.box(360, middle - 50, 196, 100, colour, fill=0.1)
        drawing.text(458, middle - 14, answer)
        drawing.text(458, middle + 32, kind, colour, size=16, bold=True)
    drawing.box(280, 96, 50, 340, INK, fill=0.2)
    drawing.text(305, 266, "one frozen model", turn=-90, bold=True)
    return drawing


def template_text(drawing: Drawing, middle: float, template: str) -> None:
    """The template's words, with a small box for its slot {x}."""
    lines = template.split("\n")
    for row, line in enumerate(lines):
        y = middle + (row - (len(lines) - 1) / 2) * 28
        words, slot, _ = line.partition("{x}")
        drawing.text(16, y, words, align="left")
        if slot:
            x = 18 + 8.1 * len(words)
            drawing.box(x, y - 12, 26, 24, ORANGE)
            drawing.text(x + 13, y - 1, "x", bold=True)


if __name__ == "__main__":
    wordings().save(__file__)
