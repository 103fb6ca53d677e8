"""Cuts a chapter's built page into slides: what a room is shown, and as notes beside it the prose that is left out.

A section gives its first sentences, its first formula, every figure, one piece of code with what it printed, and what
its cells claim. A slide of 1280 × 720 pixels is shared out by
estimates (`height`); the browser test says whether they are right.
"""

import copy
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from lxml import html
from lxml.html import HtmlElement
from paper import of_class, words

ROOM = 560  # pixels below a slide's title
LETTERS, LINE = 80, 39  # of text: letters in a line, and its height
CODE_LETTERS, CODE_LINE, LARGE = 95, 26, 1.25  # of code; where there is much room, it is larger
FIGURE = 400  # it takes the room that is left, and needs so much
SENTENCE = re.compile(r"[.?!:](?=\s|$)")
ENOUGH = 140  # letters, after which a first sentence needs no second one
CLAIM = "✓"
LEFT_TO_THE_PAGE = ("quiz", "answers", "exercises", "further-reading")


@dataclass
class Slide:
    title: str
    shown: list[HtmlElement] = field(default_factory=list)
    notes: list[HtmlElement] = field(default_factory=list)
    kind: str = ""

    @property
    def height(self) -> float:
        return sum(map(height, self.shown))

    @property
    def size(self) -> str:
        """A word for the style sheet: whether code has room to be larger, or a table must be smaller."""
        if self.height > ROOM:
            return "dense"
        longest = max((len(line) for e in self.shown for line in code_lines(e)), default=0)
        return "large" if self.height * LARGE <= ROOM and 0 < longest * LARGE <= CODE_LETTERS else ""


def cut(body: HtmlElement) -> list[Slide]:
    """The slides of a chapter's page, as `paper.clean` gives it."""
    whole = body.find("section")
    sections = {section.get("id"): section for section in whole.findall("section")}
    slides = [*opening(whole)]
    for name, section in sections.items():
        if name == "summary":
            slides += lists("Summary", section.iter("ul", "ol"))
        elif name not in LEFT_TO_THE_PAGE:
            slides += of_section(section)
    return slides + [*quiz(sections), *exercises(sections)]


def opening(whole: HtmlElement) -> Iterator[Slide]:
    prose = [e for e in whole if e.tag == "p"]
    yield Slide(words(whole.find("h1")), [first_sentences(prose[0])], prose, "first")
    promises = of_class(whole, "tip")[0]
    yield from lists("Afterwards you can", promises.iter("ul"), [e for e in promises if e.tag == "p"][2:])


def of_section(section: HtmlElement) -> list[Slide]:
    """The section's slides in the page's order. Prose goes to the notes of what it leads to."""
    title, code, claims = words(section.find("h2")), chosen_code(section), []
    slides: list[Slide] = []
    left: list[HtmlElement] = []
    formulas = 0
    for block in blocks(section):
        new: list[HtmlElement] = []
        if not slides and block.tag == "p":
            slides.append(Slide(title, [first_sentences(block)], [block], "lead"))
        elif block.tag in ("p", "ul", "ol", "dl"):
            left.append(block)
        elif "math" in block.get("class", "").split():
            new = [] if formulas else [*left[-1:], block]
            formulas += 1
        elif block is code:
            new = [*left[-1:], *code_and_output(block)]
        elif "cell" in block.get("class", "").split():
            claims += [line for line in printed(block) if line.startswith(CLAIM)]
        for shown in filter(None, [new, *([picture] for picture in pictures_of(block))]):
            slides = [*slides, *fitting(title, shown, left)] if left or not slides else joined(slides, shown)
            left = []
    slides += measured(title, claims)
    if slides:
        slides[-1].notes += left
    return slides


def joined(slides: list[Slide], shown: list[HtmlElement]) -> list[Slide]:
    """What follows a section's first sentences at once stands below them, if there is room."""
    if len(slides) == 1 and slides[0].kind == "lead":
        both = Slide(slides[0].title, slides[0].shown + shown, slides[0].notes)
        if both.height <= ROOM:
            return [both]
    return [*slides, *fitting(slides[-1].title, shown, [])]


def blocks(section: HtmlElement) -> Iterator[HtmlElement]:
    """What a section consists of, its parts' headings left out."""
    for element in section:
        if element.tag == "section":
            yield from blocks(element)
        elif isinstance(element.tag, str) and element.tag not in ("h2", "h3", "h4"):
            yield element


def fitting(title: str, shown: list[HtmlElement], notes: list[HtmlElement]) -> Iterator[Slide]:
    """One slide; where there is no room for one, without the sentence in front, or two of them."""
    if sum(map(height, shown)) > ROOM and shown[0].tag == "p":
        shown = shown[1:]
    if sum(map(height, shown)) <= ROOM or len(shown) == 1:
        yield Slide(title, shown, notes)
    else:
        for number, each in enumerate(shown):
            yield Slide(title, [each], [] if number else notes)


def measured(title: str, claims: list[str]) -> Iterator[Slide]:
    """What the section's cells assert: each line is a claim that would have failed otherwise."""
    if claims:
        items = "".join(f"<li>{escape(line.removeprefix(CLAIM).strip())}</li>" for line in claims)
        yield from lists(f"{title} · measured", [html.fromstring(f'<ul class="claims">{items}</ul>')])


def lists(title: str, found: Iterable[HtmlElement], notes: Iterable[HtmlElement] = ()) -> Iterator[Slide]:
    """The lists' items, on as many slides as they need, and on each about as much."""
    left = [*notes]
    for whole in found:
        room = height(whole) / math.ceil(height(whole) / ROOM)
        parts = [emptied(whole)]
        for item in whole.findall("li"):
            if len(parts[-1]) and height(parts[-1]) + height(item) / 2 > room:
                parts.append(emptied(whole))
            parts[-1].append(copy.deepcopy(item))
        for part in parts:
            yield Slide(title, [part], left)
            left = []


def emptied(whole: HtmlElement) -> HtmlElement:
    return html.Element(whole.tag, {"class": whole.get("class", "")})


def quiz(sections: dict[str, HtmlElement]) -> Iterator[Slide]:
    """Each question with its answers to choose from, and on the next slide what is right, and why."""
    if "quiz" not in sections:
        return
    answers = sections["answers"].find_class("judged")
    question: list[HtmlElement] = []
    for block in blocks(sections["quiz"]):
        question.append(block)
        if block.get("class") == "choices":
            judged = answers.pop(0)
            yield Slide("Quiz", question)
            yield from lists("Quiz · the answer", [judged], [question[0]])
            question = []


def exercises(sections: dict[str, HtmlElement]) -> Iterator[Slide]:
    if "exercises" in sections:
        more = [e for e in sections.get("further-reading", ()) if e.tag == "p"]
        yield from lists("Exercises", sections["exercises"].findall("ul")[:1], more)


# -- pieces of a page -------------------------------------------------------------------------------------------------
def first_sentences(paragraph: HtmlElement) -> HtmlElement:
    """A copy that ends with the first sentence behind ENOUGH letters. A sentence that ends inside a link is not seen."""
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
    """The text as far as the first end of a sentence that stands behind ENOUGH letters, and how many letters there are."""
    for end in SENTENCE.finditer(text):
        if letters + end.end() >= ENOUGH:
            return text[: end.end()], letters + end.end()
    return text, letters + len(text)


def chosen_code(section: HtmlElement) -> HtmlElement | None:
    """The cell to show: the shortest of those that define something, else the shortest of all that has three lines."""
    cells = [cell for cell in of_class(section, "cell") if not of_class(cell, "folded") and len(source(cell)) > 2]
    fit = [cell for cell in cells if CODE_LINE * len(source(cell)) <= ROOM]

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
    for table in block.iter("table"):
        yield table


def code_lines(element: HtmlElement) -> list[str]:
    return [line for pre in element.iter("pre") for line in pre.text_content().strip("\n").split("\n")]


def height(element: HtmlElement) -> float:
    """An estimate of what an element takes on a slide, in pixels."""
    if element.tag in ("ul", "ol"):
        return sum(map(height, element))
    if element.tag == "table":
        return sum(20 + 0.7 * LINE * math.ceil(len(words(row)) / LETTERS) for row in element.iter("tr"))
    if element.tag == "figure":
        return FIGURE
    if element.tag == "div" and (lines := code_lines(element)):
        return 30 + CODE_LINE * sum(max(1, math.ceil(len(line) / CODE_LETTERS)) for line in lines)
    if "math" in element.get("class", "").split():
        return 70 + 60 * len(element.xpath(".//*[local-name()='mtr']"))
    return 14 + LINE * max(1, math.ceil(len(words(element)) / LETTERS))
