"""The book's pages without their site: what paper and e-readers show. It starts from the built pages.

On a site a reader unfolds an answer; elsewhere it would stand open beside its question. So a chapter's answers are
gathered in a last section, as books do it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path, PurePosixPath
from posixpath import normpath
from string import ascii_uppercase
from urllib.parse import unquote

from lxml import html
from lxml.html import HtmlElement

# What only a site has: links to a heading itself, marks that turn, whatever needs a script.
FURNITURE = ("headerlink", "sd-summary-state-marker", "site-only")
SITE_ONLY = ("progress",)  # the pages that are nothing without a script
SCRIPTED = ("script", "style", "noscript", "button", "input", "select", "textarea", "canvas")
UNCOLOURED = ("n", "p", "w", "pre")  # names, brackets, spaces: two thirds of a page's elements, and no style needs them
QUIZ = ("quiz-right", "quiz-wrong")
# The arguments of a long signature: a list within a list's term, which the parser would take out of it.
ARGUMENTS = re.compile(r"<dl>\s*((?:<dd>(?:(?!</?d[dlt]>).)*</dd>\s*)+)</dl>(?=\s*<span class=.sig-paren)", re.DOTALL)


@dataclass
class Page:
    name: str  # as in the contents: "chapters/soft-prompts"
    part: str  # the contents' caption above it; empty for the first page
    title: str  # with its number: "4. Soft prompts"
    body: HtmlElement


def parse(text: str) -> HtmlElement:
    def as_spans(found: re.Match[str]) -> str:
        return '<span class="arguments">' + re.sub("<(/?)dd>", r"<\1span>", found[1]) + "</span>"

    return html.document_fromstring(ARGUMENTS.sub(as_spans, text))


def contents(folder: Path, first: str = "index") -> Iterator[tuple[str, str, str]]:
    """Name, part and title of each page of a built book, in order; they stand at the side of each page.

    Without those that only a site has.
    """
    part = ""
    for entry in parse((folder / f"{first}.html").read_text(encoding="utf8")).find_class("bd-links")[0].iter("p", "a"):
        if entry.tag == "p":
            part = words(entry)
        elif (name := entry.get("href").removesuffix(".html").replace("#", first)) not in SITE_ONLY:
            yield name, part, words(entry)


def read(folder: Path) -> list[Page]:
    """The pages of a built book, cleaned."""
    bodies = {name: parse((folder / f"{name}.html").read_text(encoding="utf8")) for name, _, _ in contents(folder)}
    return [Page(*entry, clean(bodies[entry[0]].find_class("bd-article")[0])) for entry in contents(folder)]


def words(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def of_class(element: HtmlElement, *names: str) -> list[HtmlElement]:
    """What stands in an element and has one of the classes, in order."""
    wanted = set(names)
    return [e for e in element.iter("*") if not wanted.isdisjoint(e.get("class", "").split())]


def clean(body: HtmlElement) -> HtmlElement:
    """Drops the furniture, unfolds what is folded, gathers the answers; ids become such as XML allows, each once."""
    for element in [*of_class(body, *FURNITURE), *body.iter(*SCRIPTED)]:
        element.drop_tree()
    for element in body.xpath(".//pre/span[not(node())]") + [
        e for e in body.iter("span") if e.get("class") in UNCOLOURED
    ]:
        element.drop_tag()
    for pages in of_class(body, "toctree-wrapper"):  # one without an entry only orders the site
        if pages.find(".//li") is None:
            pages.drop_tree()
    for code in of_class(body, "hide"):
        code.find("summary").drop_tree()
        code.tag, code.attrib["class"] = "div", "folded"
    for image in body.iter("img"):
        image.attrib.pop("loading", None)  # on paper nobody scrolls to it
        image.attrib.pop("decoding", None)
    gather_answers(body)
    for fold in list(body.iter("details")):
        unfold(fold)
    number_ids(body)
    return body


def unfold(fold: HtmlElement) -> None:
    """A dropdown becomes a box with its summary as the title."""
    fold.attrib.pop("open", None)
    fold.tag, fold.attrib["class"] = "div", "admonition"
    for summary in fold.findall("summary"):
        summary.tag, summary.attrib["class"] = "p", "admonition-title"


def gather_answers(body: HtmlElement) -> None:
    """Leaves a quiz's answers as a list to choose from, and puts the words on them, and the solutions, at the end."""
    answers = html.fromstring('<section class="answers" id="answers"><h2>Answers</h2></section>')
    for number, choice in enumerate(quizzes(body), 1):
        choice[0].addprevious(as_choices(choice))
        answers.append(html.fromstring(f"<h3>Quiz, question {number}</h3>"))
        answers.append(judged(choice))
        for fold in choice:
            fold.drop_tree()
    for fold in [fold for fold in body.iter("details") if words(fold.find("summary")) == "Solution"]:
        title = f"Solution to {words(next(fold.iterancestors('section')).find('h2'))}"
        fold.find("summary").clear()
        fold.find("summary").text = title
        unfold(fold)
        fold.set("class", "admonition solution")
    for solution in of_class(body, "solution"):
        solution.drop_tree()
        solution.tail = None
        answers.append(solution)
    if len(answers) > 1:
        body.find("section").append(answers)


def quizzes(body: HtmlElement) -> list[list[HtmlElement]]:
    """The folded answers of each question: those that follow each other."""

    def first(fold: HtmlElement) -> HtmlElement:
        return [fold, *takewhile(lambda e: e.tag == "details", fold.itersiblings(preceding=True))][-1]

    return [list(group) for _, group in groupby(of_class(body, *QUIZ), key=first)]


def as_choices(folds: list[HtmlElement]) -> HtmlElement:
    choices = html.fromstring('<ol class="choices" type="A"></ol>')
    for fold in folds:
        answer = fold.find("summary")
        answer.tag = "li"
        choices.append(answer)
    return choices


def judged(folds: list[HtmlElement]) -> HtmlElement:
    judgement = html.fromstring('<ul class="judged"></ul>')
    for letter, fold in zip(ascii_uppercase, folds, strict=False):
        right = QUIZ[0] in fold.get("class").split()
        word = fold.find_class("sd-summary-content")[0]
        word.tag, word.attrib["class"] = "li", QUIZ[not right]
        word.insert(0, html.fromstring(f"<strong>{letter} {'✓' if right else '✗'}</strong>"))
        judgement.append(word)
    return judgement


def xml_id(text: str) -> str:
    text = re.sub(r"[^\w.-]", "-", unquote(text))
    return text if re.match(r"[^\W\d]", text) else f"id-{text}"


def number_ids(body: HtmlElement) -> None:
    seen: set[str] = set()
    for element in body.xpath(".//*[@id]"):
        element.set("id", xml_id(element.get("id")))
        if element.get("id") in seen:
            del element.attrib["id"]
        else:
            seen.add(element.get("id"))


def relink(page: Page, pages: list[Page], address: Callable[[str, str], str]) -> None:
    """Points links inside the book to address(page, id), the id empty for a page itself; others lose their link."""
    names = {other.name for other in pages}
    for link in page.body.xpath(".//a[@href]"):
        path, _, fragment = link.get("href").partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        name = normpath(PurePosixPath(page.name).parent / path).removesuffix(".html") if path else page.name
        if name in names:
            link.set("href", address(name, xml_id(fragment) if fragment else ""))
        else:
            link.drop_tag()


def pictures(page: Page) -> Iterator[tuple[HtmlElement, str]]:
    """Each picture with its file, seen from the folder of the pages."""
    for image in page.body.iter("img"):
        if not image.get("src").startswith("data:"):
            yield image, normpath(PurePosixPath(page.name).parent / unquote(image.get("src")).partition("?")[0])
