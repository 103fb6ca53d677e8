"""Cuts a chapter's built page into slides: what a room is shown, and as notes beside it the prose that is left out.

A section gives its first sentences, its first formula, every figure, one piece of code with what it printed, and what
its cells claim.
"""

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from lxml import html
from lxml.html import HtmlElement
from paper import of_class, words
from slide_pieces import (
    CODE_LETTERS,
    blocks,
    chosen_code,
    code_and_output,
    code_lines,
    emptied,
    first_sentences,
    height,
    pictures_of,
    printed,
)

ROOM = 560  # pixels below a slide's title
LARGE = 1.25  # code is so much larger where there is much room
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
    first = lead(words(whole.find("h1")), prose[0], "first")
    first.notes += prose[1:]
    yield first
    promises = of_class(whole, "tip")[0]
    yield from lists("Afterwards you can", promises.iter("ul"), [e for e in promises if e.tag == "p"][2:])


def lead(title: str, paragraph: HtmlElement, kind: str) -> Slide:
    """The paragraph's first sentences; the notes have it whole where that is more."""
    short = first_sentences(paragraph)
    return Slide(title, [short], [paragraph] if words(short) != words(paragraph) else [], kind)


def of_section(section: HtmlElement) -> list[Slide]:
    """The section's slides in the page's order. Prose goes to the notes of what it leads to."""
    title, code, claims = words(section.find("h2")), chosen_code(section, ROOM), []
    slides: list[Slide] = []
    left: list[HtmlElement] = []
    formulas = 0
    for block in blocks(section):
        new: list[HtmlElement] = []
        if not slides and block.tag == "p":
            slides.append(lead(title, block, "lead"))
        elif block.tag in ("ul", "ol") and not left:
            new = [block]
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
    if slides:
        slides[-1].notes = [*slides[-1].notes, *left]
    return with_claims(title, slides, claims)


def joined(slides: list[Slide], shown: list[HtmlElement]) -> list[Slide]:
    """What follows a section's first sentences at once stands below them, if there is room."""
    if len(slides) == 1 and slides[0].kind == "lead":
        both = Slide(slides[0].title, slides[0].shown + shown, slides[0].notes)
        if both.height <= ROOM:
            return [both]
    return [*slides, *fitting(slides[-1].title, shown, [])]


def fitting(title: str, shown: list[HtmlElement], notes: list[HtmlElement]) -> Iterator[Slide]:
    """One slide; where there is no room for one, without the sentence in front, or two of them."""
    if sum(map(height, shown)) > ROOM and shown[0].tag == "p":
        shown = shown[1:]
    if len(shown) == 1 and shown[0].tag in ("ul", "ol"):
        yield from lists(title, shown, notes)
    elif sum(map(height, shown)) <= ROOM or len(shown) == 1:
        yield Slide(title, shown, notes)
    else:
        for number, each in enumerate(shown):
            yield Slide(title, [each], [] if number else notes)


def with_claims(title: str, slides: list[Slide], claims: list[str]) -> list[Slide]:
    """What the section's cells assert, on the last slide if there is room: each line would have failed otherwise."""
    if not claims:
        return slides
    items = "".join(f"<li>{escape(line.removeprefix(CLAIM).strip())}</li>" for line in claims)
    every = html.fromstring(f'<ul class="claims">{items}</ul>')
    if slides and slides[-1].height + height(every) <= ROOM:
        slides[-1].shown = [*slides[-1].shown, every]
        return slides
    return [*slides, *lists(f"{title} · measured", [every])]


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
