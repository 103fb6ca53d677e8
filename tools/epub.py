"""Makes the built book an EPUB, _build/peft-course.epub. Called by `make epub`.

Formulas are MathML, as on the pages. The file is the same, bit for bit, whenever the pages are.
"""

import mimetypes
import sys
import uuid
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from archive import write_zip
from lxml import etree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from paper import Page, pictures, read, relink  # noqa: E402

BUILT, EPUB = ROOT / "_build" / "html", ROOT / "_build" / "peft-course.epub"
XHTML = "http://www.w3.org/1999/xhtml"
CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
  lang="en" xml:lang="en" data-theme="light">
<head><meta charset="utf-8"/><title>{title}</title>
<link rel="stylesheet" href="{root}paper.css"/><link rel="stylesheet" href="{root}pygments.css"/>
<link rel="stylesheet" href="{root}formulas.css"/></head>
<body>{body}</body></html>
"""


def make(built: Path = BUILT, epub: Path = EPUB) -> None:
    """Writes the EPUB of the pages in `built`."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    pages = read(built)
    files = {path: (built / path).read_bytes() for page in pages for _, path in pictures(page)}
    files["paper.css"] = (ROOT / "tools" / "paper.css").read_bytes()
    files["pygments.css"] = (built / "_static" / "pygments.css").read_bytes()
    files |= {path.name: path.read_bytes() for path in (built / "_static" / "formulas").iterdir()}
    for page in pages:
        files[f"{page.name}.xhtml"] = as_xhtml(page, pages).encode()
    files["nav.xhtml"] = navigation(pages).encode()
    files["package.opf"] = package(settings, pages, files).encode()
    inside = {"META-INF/container.xml": CONTAINER.encode(), **{f"EPUB/{path}": data for path, data in files.items()}}
    write_zip(epub, inside, first={"mimetype": b"application/epub+zip"})


def as_xhtml(page: Page, pages: list[Page]) -> str:
    up = "../" * page.name.count("/")
    relink(page, pages, lambda name, fragment: f"{up}{name}.xhtml" + f"#{fragment}" * bool(fragment))
    for image, path in pictures(page):
        image.set("src", up + path)
    body = "".join(etree.tostring(child, encoding="unicode") for child in page.body)
    return PAGE.format(title=escape(page.title), root=up, body=body)


def navigation(pages: list[Page]) -> str:
    entries = []
    for part, chapters in groupby(pages, key=lambda page: page.part):
        items = "".join(f'<li><a href="{page.name}.xhtml">{escape(page.title)}</a></li>' for page in chapters)
        entries.append(f"<li><span>{escape(part)}</span><ol>{items}</ol></li>" if part else items)
    body = f'<nav epub:type="toc" id="toc"><h1>Contents</h1><ol>{"".join(entries)}</ol></nav>'
    return PAGE.format(title="Contents", root="", body=body)


def package(settings: dict[str, Any], pages: list[Page], files: dict[str, bytes]) -> str:
    """The list of all files, and the order in which they are read."""
    address = settings["repository"]["url"]
    identifier = uuid.uuid5(uuid.NAMESPACE_URL, address)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="book" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="book">urn:uuid:{identifier}</dc:identifier>
<dc:title>{escape(settings["title"])}</dc:title><dc:creator>{escape(settings["author"])}</dc:creator>
<dc:language>en</dc:language><dc:source>{escape(address)}</dc:source>
<dc:rights>Text and figures: CC BY 4.0. Code: MIT.</dc:rights>
<meta property="dcterms:modified">{settings["copyright"]}-01-01T00:00:00Z</meta>
<meta property="schema:accessMode">textual</meta><meta property="schema:accessMode">visual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityHazard">none</meta>
</metadata>
<manifest>{"".join(manifest(files))}</manifest>
<spine>{"".join(f'<itemref idref="{item_id(page.name + ".xhtml")}"/>' for page in pages)}</spine>
</package>
"""


def manifest(files: dict[str, bytes]) -> Iterator[str]:
    for path, data in files.items():
        kind = "application/xhtml+xml" if path.endswith(".xhtml") else mimetypes.guess_type(path)[0]
        properties = ["nav"] * (path == "nav.xhtml") + ["mathml"] * (path.endswith(".xhtml") and b"<math" in data)
        extra = f' properties="{" ".join(properties)}"' if properties else ""
        yield f'<item id="{item_id(path)}" href="{path}" media-type="{kind}"{extra}/>'


def item_id(path: str) -> str:
    return "file-" + path.replace("/", "-")


if __name__ == "__main__":
    if not (BUILT / "index.html").is_file():
        sys.exit(f"error: there is no book in {BUILT}: make book")
    make()
    print(f"The EPUB is made: {EPUB}")
