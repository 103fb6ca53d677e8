"""The role {shape}: a file beside the pages, such as the book as a PDF, is a link where it exists, and else a name.

The book does not wait for its other shapes: they are made of its pages (`make downloads`), and linked afterwards.
"""

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

WRITTEN = re.compile(r"(?P<text>.+?)\s*<(?P<file>[^>]+)>")
ON_PAGE = re.compile(r'<(a|span) class="shape"[^>]* data-file="([^"]+)">(.*?)</\1>')


def shape(role: str, rawtext: str, text: str, line: int, inliner: Any, **_: Any) -> tuple[list[Any], list[Any]]:
    """{shape}`the PDF <downloads/peft-course.pdf>`, on the first page; the file is seen from there."""
    found = WRITTEN.fullmatch(text)
    if found is None:
        return [], [inliner.reporter.warning(f"{{shape}}`{text}`: expected {{shape}}`words <file>`", line=line)]
    mark = f'<span class="shape" data-file="{escape(found["file"])}">{escape(found["text"])}</span>'
    return [nodes.raw("", mark, format="html")], []


def linked(page: str, files: set[str]) -> str:
    """The first page with links to those of its shapes that are among the files."""

    def mark(found: re.Match[str]) -> str:
        _, file, text = found.groups()
        if file in files:
            return f'<a class="shape" href="{file}" data-file="{file}">{text}</a>'
        return f'<span class="shape" data-file="{file}">{text}</span>'

    return ON_PAGE.sub(mark, page)


def link(built: Path, first: str = "index") -> None:
    """Links, on the first page of a built book, what there is by now."""
    index = built / f"{first}.html"
    page = index.read_text(encoding="utf8")
    there = {file for _, file, _ in ON_PAGE.findall(page) if (built / file).is_file()}
    if (now := linked(page, there)) != page:
        index.write_text(now, encoding="utf8")


def link_at_the_end(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        link(Path(app.outdir), app.config.root_doc)


def setup(app: Sphinx) -> dict[str, object]:
    app.add_role("shape", shape)
    app.connect("build-finished", link_at_the_end, priority=900)  # when the others have written their files
    return {"parallel_read_safe": True, "parallel_write_safe": True}
