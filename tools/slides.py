"""Makes a deck of slides of each chapter, _build/slides/NAME.html, out of the built page. Called by `make slides`.

A deck is one file that asks for nothing else: it opens from a disk, without a connection, and any browser prints it.
"""

import base64
import mimetypes
import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

from lxml import html
from lxml.html import HtmlElement

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from paper import Page, clean, contents, parse, pictures, relink  # noqa: E402
from slide_cuts import Slide, cut  # noqa: E402

BUILT, SLIDES = ROOT / "_build" / "html", ROOT / "_build" / "slides"
DECK = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}: slides</title>
<style>{styles}</style></head>
<body>
<main>
{slides}
</main>
<nav class="controls" aria-label="Slides" hidden>
<button type="button" data-go="-1" aria-label="Previous slide">←</button>
<span class="place"></span>
<button type="button" data-go="1" aria-label="Next slide">→</button>
<button type="button" data-speak>Notes in a window</button>
</nav>
<script>{script}</script>
</body></html>
"""


def make(built: Path = BUILT, slides: Path = SLIDES, only: str = "chapters/") -> list[Path]:
    """Writes a deck for each page of the book in `built` whose name begins with `only`, and says where."""
    slides.mkdir(parents=True, exist_ok=True)
    decks = []
    for name, part, title in contents(built):
        if name.startswith(only):
            body = clean(parse((built / f"{name}.html").read_text(encoding="utf8")).find_class("bd-article")[0])
            path = slides / f"{name.rsplit('/', 1)[-1]}.html"
            path.write_text(deck(Page(name, part, title, body), built), encoding="utf8")
            decks.append(path)
    return decks


def deck(page: Page, built: Path) -> str:
    """The page as one HTML file: pictures and the formulas' font inside, links into the book as plain text."""
    relink(page, [], lambda name, fragment: "")
    for image, path in pictures(page):
        image.set("src", data_url(built / path))
    for image in page.body.iter("img"):
        for attribute in ("style", "loading"):
            image.attrib.pop(attribute, None)
    for element in page.body.xpath(".//*[@id]"):
        if element.tag != "section":
            del element.attrib["id"]
    shown = "\n".join(as_html(number, slide, page.part) for number, slide in enumerate(cut(page.body), 1))
    tools = ROOT / "tools"
    styles = (tools / "slides.css").read_text(encoding="utf8")
    scripts = (ROOT / "book" / "_assets" / "reader" / "scroll.js", tools / "slides.js")
    return DECK.format(
        title=escape(page.title),
        styles="\n".join([styles, *code_colours(built), formulas_css(built / "_static" / "formulas")]),
        slides=shown,
        script="\n".join(path.read_text(encoding="utf8") for path in scripts),
    )


def as_html(number: int, slide: Slide, part: str) -> str:
    level, above = ("h1", f'<p class="part">{escape(part)}</p>\n') if number == 1 else ("h2", "")
    inside = "\n".join(map(text, slide.shown))
    notes = ""
    if slide.notes:
        prose = "\n".join(map(text, slide.notes))
        notes = f'\n<details class="notes"><summary>Notes</summary>\n<div>{prose}</div></details>'
    classes = " ".join(filter(None, ("slide", slide.kind, slide.size)))
    return f"""<section class="{classes}" id="{number}">
{above}<{level}>{escape(slide.title)}</{level}>
<div class="shown">{inside}</div>{notes}
</section>"""


def text(element: HtmlElement) -> str:
    return str(html.tostring(element, encoding="unicode", with_tail=False))


def data_url(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or "font/woff2"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def code_colours(built: Path) -> Iterator[str]:
    """The colours of code, which the site switches by a mark on <html>, by what the reader's system prefers."""
    rules = (built / "_static" / "pygments.css").read_text(encoding="utf8").splitlines()
    modes = {mode: f'html[data-theme="{mode}"] ' for mode in ("light", "dark")}
    found = {mode: [rule.replace(mark, "") for rule in rules if mark in rule] for mode, mark in modes.items()}
    yield from found["light"]
    yield "@media screen and (prefers-color-scheme: dark) {" + " ".join(found["dark"]) + "}\n"


def formulas_css(folder: Path) -> str:
    """The style of formulas, the font inside."""
    css = (folder / "formulas.css").read_text(encoding="utf8")
    return re.sub(r'url\("([^"]+)"\)', lambda m: f'url("{data_url(folder / m[1])}")', css)


if __name__ == "__main__":
    if not (BUILT / "index.html").is_file():
        sys.exit(f"error: there is no book in {BUILT}: make book")
    print(f"{len(make())} decks of slides are made: {SLIDES}")
