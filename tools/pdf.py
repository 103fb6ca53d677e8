"""Prints the built book as one PDF, _build/peft-course.pdf, with Chromium. Called by `make pdf`.

It is printed twice: a browser knows on which sheet a heading has come to stand only when the sheets are there.
"""

import json
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from html import escape
from pathlib import Path
from typing import Any

import yaml
from browser import browser, find_chromium
from lxml import html
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from paper import Page, of_class, pictures, read, relink, words  # noqa: E402

BUILT, PDF = ROOT / "_build" / "html", ROOT / "_build" / "peft-course.pdf"
SHORT = 30  # lines; a cell of fewer is not divided between two sheets
WIDTH = 90  # letters of a line of code on a sheet
NO_SECTIONS = ("back/", "bibliography")  # of these the contents show the title alone
COMMON = 3  # sections called the same in more pages ("Summary") are not in the contents
# What would be missing on paper.
PROBLEMS = """() => [
  ...[...document.images].filter(i => !i.naturalWidth).map(i => `no picture: ${i.getAttribute('src')}`),
  ...[...document.querySelectorAll('.math')].filter(m => !m.querySelector('math')).map(m => `no formula: ${m.id}`),
]"""


def anchor(name: str, fragment: str = "") -> str:
    return "--".join(filter(None, (name.replace("/", "-"), fragment)))


def merge(pages: list[Page], settings: dict[str, Any], sheets: dict[str, int]) -> str:
    """All pages as one; sheets has the number of each heading's sheet, or nothing as long as nobody knows."""
    heads = "\n".join(
        f"@page p{i} {{ @top-right {{ content: {json.dumps(page.title, ensure_ascii=False)}; "
        f'font: 9pt "Liberation Sans", sans-serif; color: #59636e; }} }} .p{i} {{ page: p{i}; }}'
        for i, page in enumerate(pages)
    )
    styles = "\n".join((ROOT / "tools" / name).read_text(encoding="utf8") for name in ("paper.css", "print.css"))
    title, author = escape(settings["title"]), escape(settings["author"])
    return f"""<!doctype html>
<html lang="en" data-theme="light">
<head><meta charset="utf-8"><title>{title}</title><meta name="author" content="{author}">
<link rel="stylesheet" href="_static/pygments.css"><link rel="stylesheet" href="_static/formulas/formulas.css">
<style>{styles}\n{heads}</style></head>
<body><div class="cover"><h1>{title}</h1>
<p>{author}, {settings["copyright"]}</p><p>{settings["html"]["extra_footer"]}</p></div>
<nav class="contents"><h2>Contents</h2><ol>{"".join(contents(pages, sheets))}</ol></nav>
{"".join(sheet(i, page) for i, page in enumerate(pages))}
</body></html>"""


def contents(pages: list[Page], sheets: dict[str, int]) -> Iterator[str]:
    part = ""
    everywhere = Counter(unnumbered(heading) for page in pages for heading in page.body.iter("h2"))
    for page in pages:
        if page.part != part:
            part = page.part
            yield f'<li class="of-part">{escape(part)}</li>'
        yield entry("chapter", anchor(page.name), page.title, sheets)
        if not page.name.startswith(NO_SECTIONS):
            for section in page.body.findall("./section/section[@id]"):
                heading = section.find("h2")
                if everywhere[unnumbered(heading)] <= COMMON:
                    yield entry("section", section.get("id"), words(heading), sheets)


def unnumbered(heading: html.HtmlElement) -> str:
    return words(heading).lstrip("0123456789. ")


def entry(kind: str, target: str, title: str, sheets: dict[str, int]) -> str:
    number = f'<span class="leader"></span><span>{sheets.get(target, "")}</span>'
    return f'<li class="{kind}"><a href="#{target}"><span>{escape(title)}</span>{number}</a></li>'


def sheet(number: int, page: Page) -> str:
    part = f'<p class="part">{escape(page.part)}</p>' if page.part else ""
    inside = html.tostring(page.body, encoding="unicode")
    return f'<div class="page p{number}" id="{anchor(page.name)}">{part}{inside}</div>'


def prepare(pages: list[Page]) -> None:
    """Names are made the book's own, links lead within the document, pictures come from the folder of the pages."""
    for page in pages:
        relink(page, pages, lambda name, fragment: f"#{anchor(name, fragment)}")
        for image, path in pictures(page):
            image.set("src", path)
    for page in pages:
        for element in page.body.xpath(".//*[@id]"):
            element.set("id", anchor(page.name, element.get("id")))
        for cell in of_class(page.body, "cell"):
            if cell.text_content().count("\n") < SHORT:
                cell.set("class", f"{cell.get('class')} short")
        for code in page.body.iter("pre"):
            if max(map(len, code.text_content().splitlines()), default=0) > WIDTH:
                code.set("class", "wide")


def make(built: Path = BUILT, pdf: Path = PDF, names: Collection[str] | None = None) -> None:
    """Writes the PDF of the pages in `built`, all of them or those called `names`.

    Raises RuntimeError where a picture or a formula is missing.
    """
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    pages = [page for page in read(built) if names is None or page.name in names]
    prepare(pages)
    source = built / "_print.html"  # beside the pages, whose pictures it shows
    with browser() as chromium:
        try:
            for sheets in ({}, None):
                source.write_text(merge(pages, settings, numbers(pdf) if sheets is None else sheets), encoding="utf8")
                print_page(chromium, source, pdf)
        finally:
            source.unlink(missing_ok=True)


def print_page(chromium: Any, source: Path, pdf: Path) -> None:
    page = chromium.new_page()
    page.set_default_timeout(300_000)
    page.goto(source.as_uri(), wait_until="load")
    page.evaluate("() => document.fonts.ready")
    if problems := page.evaluate(PROBLEMS):
        raise RuntimeError(f"the PDF would be incomplete: {'; '.join(problems[:5])}")
    page.pdf(path=str(pdf), prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    page.close()


def numbers(pdf: Path) -> dict[str, int]:
    """The sheet of each place that a link leads to."""
    reader = PdfReader(pdf)
    places = reader.named_destinations
    return {name.lstrip("/"): (reader.get_destination_page_number(place) or 0) + 1 for name, place in places.items()}


if __name__ == "__main__":
    if find_chromium() is None:
        sys.exit("error: no Chromium was found, and the PDF is printed by it. Install it, or set CHROMIUM to its path.")
    make()
    print(f"The PDF is made: {PDF}")
