"""Each page as Markdown beside the site's pages, for assistants: html/markdown/NAME.md, listed in html/llms.txt.

A page is converted when its HTML is written: what has not changed costs nothing. References are names, what is folded
is open, pictures are their texts, formulas stay TeX.
"""

import re
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path
from posixpath import normpath, relpath

from docutils import nodes
from lxml.html import HtmlElement
from paper import clean, contents, of_class, parse, words
from sphinx.application import Sphinx

BLOCKS = {"address", "article", "blockquote", "div", "dl", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p"}
BLOCKS |= {"pre", "section", "table", "ul"}
MARKS = {"em": "*", "i": "*", "cite": "*", "strong": "**", "b": "**"}
SENTENCE = re.compile(r".{40,}?[.?!](?=\s)|.+")  # with what is shorter before it


def markdown(body: HtmlElement, page: str) -> str:
    """A cleaned page, called `page`, as Markdown."""
    return "\n\n".join(blocks(body, page)) + "\n"


def blocks(element: HtmlElement, page: str) -> Iterator[str]:
    """The blocks that an element holds; text between them is a paragraph of its own."""
    loose = escape(element.text)
    for child in element:
        if child.tag in BLOCKS or any(inner.tag in BLOCKS for inner in child.iterdescendants()):
            yield from paragraph(loose)
            yield from block(child, page)
            loose = escape(child.tail)
        else:
            loose += inline(child, page) + escape(child.tail)
    yield from paragraph(loose)


def paragraph(text: str) -> Iterator[str]:
    if text.strip():
        yield re.sub(r"\s*\n\s*", "\n", text.strip())


def block(element: HtmlElement, page: str) -> Iterator[str]:
    classes = element.get("class", "").split()
    if re.fullmatch(r"h[1-6]", str(element.tag)):
        yield "#" * int(element.tag[1]) + " " + " ".join(inside(element, page).split())
    elif element.tag == "pre":
        yield fence(element)
    elif element.tag in ("ul", "ol"):
        yield "\n".join(items(element, page))
    elif element.tag == "table":
        yield table(element, page)
    elif element.tag == "dt":
        yield f"`{words(element)}`" if "sig" in classes else f"**{inside(element, page).strip()}**"
    elif element.tag == "dd":
        yield indented("\n\n".join(blocks(element, page)), ": ")
    elif "math" in classes:
        yield formula(element)
    elif element.tag == "blockquote" or {"admonition", "sd-card", "exercise", "solution"} & set(classes):
        yield quoted("\n\n".join(blocks(element, page)))
    elif "admonition-title" in classes or "sd-card-title" in classes:
        yield f"**{' '.join(inside(element, page).split())}**"
    else:
        yield from blocks(element, page)


def inside(element: HtmlElement, page: str) -> str:
    return escape(element.text) + "".join(inline(child, page) + escape(child.tail) for child in element)


def inline(element: HtmlElement, page: str) -> str:
    classes = element.get("class", "").split()
    if "math" in classes:
        return f"${element.text_content().strip()}$"
    if element.tag == "code":
        text = element.text_content()
        ticks = "``" if "`" in text else "`"
        return f"{ticks}{text}{ticks}"
    if element.tag == "img":
        return f"![{escape(element.get('alt', ''))}]({picture(element.get('src', ''), page)})"
    if element.tag == "br":
        return "\n"
    text = inside(element, page)
    if element.tag in MARKS and text.strip():
        return MARKS[element.tag] + text.strip() + MARKS[element.tag]
    return link(element, text, page) if element.tag == "a" else text


def link(element: HtmlElement, text: str, page: str) -> str:
    """Links to other sites and to whole pages stay; the others are names."""
    href = element.get("href", "")
    if re.match(r"[a-z]+:", href):
        return f"[{text}]({href})"
    if element.find_class("doc") and ".html" in href:
        return f"[{' '.join(text.split())}]({href.partition('#')[0].removesuffix('.html')}.md)"
    return text


def picture(source: str, page: str) -> str:
    """Where a page's picture lies, seen from its Markdown, which is a folder deeper."""
    if source.startswith("data:"):
        return ""
    folder = str(Path(page).parent)
    return relpath(normpath(f"{folder}/{source}"), f"markdown/{folder}")


def fence(element: HtmlElement) -> str:
    kinds = [re.search(r"\bhighlight-(\S+)", above.get("class", "")) for above in element.iterancestors("div")]
    language = next((kind[1] for kind in kinds if kind), "text")
    text = element.text_content().strip("\n")
    ticks = "````" if "```" in text else "```"
    return f"{ticks}{'text' if language in ('myst-ansi', 'default', 'none') else language}\n{text}\n{ticks}"


def items(element: HtmlElement, page: str) -> Iterator[str]:
    for number, item in enumerate(element.findall("li"), int(element.get("start", 1))):
        mark = "-" if element.tag == "ul" else f"{chr(64 + number) if element.get('type') == 'A' else number}."
        yield indented("\n\n".join(blocks(item, page)), f"{mark} ")


def indented(text: str, mark: str) -> str:
    return mark + text.replace("\n", "\n" + " " * len(mark)).replace("\n" + " " * len(mark) + "\n", "\n\n")


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def table(element: HtmlElement, page: str) -> str:
    def cells(row: HtmlElement) -> list[str]:
        return [" ".join(inside(c, page).split()).replace("|", r"\|") for c in row if c.tag in ("td", "th")]

    head, *rows = [cells(row) for row in element.iter("tr")]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def formula(element: HtmlElement) -> str:
    numbers = "".join(f"\n\\tag{{{words(eqno).strip('()#')}}}" for eqno in element.find_class("eqno"))
    return f"$$\n{(element.text or '').strip()}{numbers}\n$$"


def escape(text: str | None) -> str:
    return re.sub(r"([\\`*$<])", r"\\\1", text or "")


def write_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document) -> None:
    if app.builder.name == "html" and pagename in app.env.found_docs:
        target = Path(app.outdir, "markdown", f"{pagename}.md")
        target.parent.mkdir(parents=True, exist_ok=True)
        body = parse(f"<div>{context['body']}</div>").find("body/div")
        restore_tex(body, doctree)
        target.write_text(markdown(clean(body), pagename), encoding="utf8")


def restore_tex(body: HtmlElement, doctree: nodes.document) -> None:
    """Puts the source of each formula, which the document knows, in the place of what the page shows."""
    shown = [element for element in of_class(body, "math") if element.tag in ("span", "div")]
    sources = [node.astext() for node in doctree.findall(lambda node: isinstance(node, nodes.math | nodes.math_block))]
    for element, source in zip(shown, sources, strict=True):
        number = element.find_class("eqno")
        element.clear(keep_tail=True)
        element.set("class", "math")
        element.text = source
        element.extend(number)


def write_list(app: Sphinx, exception: Exception | None) -> None:
    """llms.txt, by the convention of that name: title, summary, a line for each page. Forgets pages that are gone."""
    if exception or app.builder.name != "html":
        return
    folder, names = Path(app.outdir, "markdown"), []
    lines, last = [], ""
    for name, part, title in contents(Path(app.outdir), app.config.root_doc):
        if not lines:
            lines = [f"# {title}", "", f"> {metadata('peft-course')['Summary']}", ""]
        elif part != last:
            lines += ["", f"## {part}", ""]
        last = part
        names.append(folder / f"{name}.md")
        first = opening(names[-1].read_text(encoding="utf8"))
        lines.append(f"- [{title}](markdown/{name}.md)" + f": {first}" * bool(first))
    Path(app.outdir, "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf8")
    for old in set(folder.rglob("*.md")) - set(names):
        old.unlink()


def opening(text: str) -> str:
    """A page's first sentence, without links; a page that begins with none (the bibliography) has an empty one."""
    _, _, rest = text.partition("\n\n")
    first = " ".join(rest.split("\n\n")[0].split())
    found = SENTENCE.match(re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", first))
    return found[0] if found and " " in found[0] else ""


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", write_page)
    app.connect("build-finished", write_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
