"""Pieces of a chapter's page for its slides (slide_cuts.py), and how much room each takes.

Heights are estimates for a slide of 1280 × 720 pixels, by the sizes in slides.css; the browser test says whether they
are right.
"""

import copy
import math
import re
from collections.abc import Iterator

from lxml import html
from lxml.html import HtmlElement
from paper import of_class, words

LETTERS, LINE = 80, 39  # of text: letters in a line, and its height
CODE_LETTERS, CODE_LINE = 95, 26  # the same of code
FIGURE = 400  # it takes the room that is left, and needs so much
SENTENCE = re.compile(r"[.?!](?=\s|$)")
ENOUGH = 140  # letters, after which a first sentence needs no second one


def blocks(section: HtmlElement) -> Iterator[HtmlElement]:
    """What a section consists of, its parts' headings left out."""
    for element in section:
        if element.tag == "section":
            yield from blocks(element)
        elif isinstance(element.tag, str) and element.tag not in ("h2", "h3", "h4"):
            yield element


def emptied(whole: HtmlElement) -> HtmlElement:
    return html.Element(whole.tag, {"class": whole.get("class", "")})


def first_sentences(paragraph: HtmlElement) -> HtmlElement:
    """A copy up to the first end of a sentence behind ENOUGH letters; an end inside a link is not seen."""
    short = html.Element("p")
    short.text, letters = up_to_enough(paragraph.text or "", 0)
    for child in paragraph:
        if letters >= ENOUGH and SENTENCE.search((short[-1].tail if len(short) else short.text)[-1:]):
            break
        inside = copy.deepcopy(child)
        short.append(inside)
        letters += len(words(html.fromstring(html.tostring(inside, with_tail=False))))
        inside.tail, letters = up_to_enough(child.tail or "", letters)
    return short


def up_to_enough(text: str, letters: int) -> tuple[str, int]:
    """The text up to the first end of a sentence behind ENOUGH letters, and how many letters there are then."""
    for end in SENTENCE.finditer(text):
        if letters + end.end() >= ENOUGH:
            return text[: end.end()], letters + end.end()
    return text, letters + len(text)


def chosen_code(section: HtmlElement, room: float) -> HtmlElement | None:
    """The cell to show: the shortest of those that define something, else the shortest of all that has three lines."""
    cells = [cell for cell in of_class(section, "cell") if not of_class(cell, "folded") and len(source(cell)) > 2]
    fit = [cell for cell in cells if CODE_LINE * len(source(cell)) <= room]

    def rank(cell: HtmlElement) -> tuple[bool, int]:
        lines = source(cell)
        return not any(line.startswith(("def ", "class ")) for line in lines), len(lines)

    return min(fit, key=rank, default=None)


def source(cell: HtmlElement) -> list[str]:
    inputs = of_class(cell, "cell_input")
    return inputs[0].text_content().strip().split("\n") if inputs else []


def printed(cell: HtmlElement) -> list[str]:
    return [line for e in of_class(cell, "stream") for line in e.text_content().strip().split("\n")]


def code_and_output(cell: HtmlElement) -> list[HtmlElement]:
    return [pre for kind in ("cell_input", "stream", "text_plain") for pre in of_class(cell, kind)]


def pictures_of(block: HtmlElement) -> Iterator[HtmlElement]:
    """Each figure and table in a block, as a figure with the picture and its caption alone."""
    for image in block.iter("img"):
        figure = html.Element("figure")
        figure.append(copy.deepcopy(image))
        figure[0].tail = None
        for around in image.iterancestors("figure"):
            figure.extend(copy.deepcopy(around.findall("figcaption")))
        yield figure
    yield from block.iter("table")


def code_lines(element: HtmlElement) -> list[str]:
    return [line for pre in element.iter("pre") for line in pre.text_content().strip("\n").split("\n")]


def height(element: HtmlElement) -> float:
    """An estimate of what an element takes on a slide, in pixels."""
    if element.tag in ("ul", "ol"):
        return sum(map(height, element))
    if element.tag == "table":
        return sum(20 + 0.75 * LINE * cell_lines(row) for row in element.iter("tr"))
    if element.tag == "figure":
        return FIGURE
    if element.tag == "div" and (lines := code_lines(element)):
        return 30 + CODE_LINE * sum(max(1, math.ceil(len(line) / CODE_LETTERS)) for line in lines)
    if "math" in element.get("class", "").split():
        return 70 + 60 * len(element.xpath(".//*[local-name()='mtr']"))
    return 14 + LINE * max(1, math.ceil(len(words(element)) / LETTERS))


def cell_lines(row: HtmlElement) -> int:
    return max(math.ceil(len(words(cell)) * len(row) / LETTERS) for cell in row)
