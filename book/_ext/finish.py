"""The last hand on each page, when the theme has made it: what the theme gets wrong for readers without eyes or mouse.

Each mend is a pattern and what takes its place. `tests/browser` looks at the result with axe-core.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pictures import with_sizes
from slim import drop_tags
from sphinx.application import Sphinx


def letters_list(table: re.Match[str]) -> str:
    """The index's table only lays out: its lists stand beside each other by the style sheet, where there is room."""
    return '<div class="indextable">' + re.sub(r"</?t[dr][^>]*>", "", table[1]) + "</div>"


def signature_lines(signature: re.Match[str]) -> str:
    """A list of descriptions inside of a term is none: an argument a line is a matter of style."""
    return re.sub(r"<dd>(.*?)</dd>", r'<span class="sig-line">\1</span>', signature[1], flags=re.DOTALL)


NOT_PROSE = re.compile(r"(<(pre|code|script|style|textarea)\b.*?</\2>|<[^>]*>)", re.DOTALL)


def set_prose(html: str) -> str:
    """A number and its per cent sign stand in one line; what plain text calls P_θ is set as in formulas."""
    pieces = NOT_PROSE.split(html)  # prose, what is not, the name of its tag, and so on
    for place in range(0, len(pieces), 3):
        prose = re.sub(r"(?<=\d) (?=%)", "\u00a0", pieces[place])
        pieces[place] = prose.replace("P_θ", "<i>P</i><sub>θ</sub>")
    return "".join(piece for number, piece in enumerate(pieces) if number % 3 != 2)


def short_code(found: re.Match[str]) -> str:
    """Code that fits into a line is not broken at its spaces and hyphens."""
    short = len(re.sub(r"<[^>]*>", "", found[2])) <= 20
    return f'<code class="{found[1]} short">{found[2]}</code>' if short else found[0]


def kept_together(formula: re.Match[str]) -> str:
    return f'<span class="kept">{formula[0]}</span>' if formula[1] or formula[3] else formula[0]


# A browser that forbids storage answers every use of it by an error, in the theme's scripts too: it gets one that
# forgets.
FORGETFUL = """<script>
try { localStorage.setItem("course-try", ""); localStorage.removeItem("course-try"); } catch {
  const kept = new Map();
  Object.defineProperty(window, "localStorage", { value: {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => { kept.set(key, String(value)); },
    removeItem: (key) => { kept.delete(key); },
  } });
}
</script>"""

# A page from the disk may not ask for a font in advance.
PRELOAD = r"""<script>
if (location.protocol !== "file:") document.head.append(Object.assign(document.createElement("link"),
  { rel: "preload", as: "font", type: "font/woff2", crossOrigin: "", href: "\1course-math.woff2" }));
</script>"""

MENDS: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"<meta charset=", FORGETFUL.replace("\\", r"\\") + r"\g<0>"),
    # three times the same, and one that forbids nothing
    (r'<meta name="viewport" content="width=device-width, initial-scale=1"\s*/>', ""),
    # what is read aloud must contain what is seen
    (r'(<button class="btn[^"]*search-button[^>]*?) aria-label="Search"', r"\1"),
    # each part of the page lies in a landmark, and landmarks of one kind have names
    (
        r'<div id="pst-primary-sidebar" class="',
        r'<div id="pst-primary-sidebar" role="region" aria-label="Book" class="',
    ),
    (
        r'<div class="bd-header-article d-print-none">',
        r'<div class="bd-header-article d-print-none" role="group" aria-label="This page">',
    ),
    (r'<div id="ethical-ad-placement".*?</div>', ""),
    (
        r'<a class="navbar-brand logo" href="([^"]*)">\s*<p class="title logo__title">(.*?)</p>\s*</a>',
        r'<a class="navbar-brand logo" href="\1"><span class="title logo__title">\2</span></a>',
    ),
    # buttons that open and close say what they do
    (
        r'<button class="sidebar-toggle primary-toggle btn btn-sm" title="Toggle primary sidebar"',
        r'<button class="sidebar-toggle primary-toggle btn btn-sm"'
        r' title="Contents of the book" aria-label="Contents of the book"',
    ),
    (
        r'<button class="sidebar-toggle secondary-toggle btn btn-sm"\s*title="Toggle secondary sidebar"',
        r'<button class="sidebar-toggle secondary-toggle btn btn-sm"'
        r' title="Contents of the page" aria-label="Contents of the page"',
    ),
    (r'<summary>(?=<span class="toctree-toggle")', r'<summary aria-label="Pages of this part">'),
    (r'(<summary) aria-label="Toggle hidden content"', r"\1"),
    # the notebooks are not copied beside the pages: no link to them
    (r'<li><a href="[^"]*_sources/[^"]*"[^>]*>(?:(?!</li>).)*</li>', ""),
    # a file may not read others, so there the search shows titles alone
    (
        r"DOCUMENTATION_OPTIONS\.pagename = 'search';",
        r"\g<0> if (location.protocol === 'file:') DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;",
    ),
    # the index, the bibliography and the reference keep to the roles that lists have
    (r'<table style="width: 100%" class="indextable genindextable">(.*?)</table>', letters_list),
    (r'(<div class="citation" id="[^"]*") role="doc-biblioentry"', r'\1 role="listitem"'),
    (r'(?<=<span class="sig-paren">\(</span>)\s*<dl>(.*?)</dl>\s*', signature_lines),
    # a formula keeps the comma behind it, and the bracket in front: a browser would break the line between them
    (
        r"""([(\[“]?)(<span class="math [^"]*"[^>]*>(?:(?!</span>).)*</math></span>)([-–,.;:!?)\]”’']*)""",
        kept_together,
    ),
    # "Solution to Exercise 1.1" has its space in front of the link
    (r'(Solution to)(<a class="[^"]*" href="[^"]*">) ', r"\1 \2"),
    (r'<code class="([^"]*\bliteral\b[^"]*)">(.*?)</code>', short_code),
    # icons are pictures of what the words beside them say
    (r'<(i|span) class="((?:fa|fas|fab|far|theme-switch)\b[^"]*)"', r'<\1 aria-hidden="true" class="\2"'),
]


def finish(html: str, pagename: str, sources: dict[str, Path]) -> str:
    html = drop_tags(html, pagename)
    for pattern, mended in MENDS:
        html = re.sub(pattern, mended, html, flags=re.DOTALL)
    if "<math" in html:  # whose letters shall be there when the first of them is laid out: nothing moves
        html = re.sub(r'(?=<link [^>]*href="([^"]*formulas/)formulas\.css)', PRELOAD, html, count=1)
    return with_sizes(set_prose(html), sources)


def finish_pages(app: Sphinx) -> None:
    """Puts `finish` behind the templates."""
    if app.builder.name != "html":
        return
    templates: Any = app.builder.templates  # type: ignore[attr-defined]
    render = templates.render

    def rendered(template: str, context: dict[str, Any]) -> str:
        html = render(template, context)
        if "pagename" not in context:
            return html
        sources = {target: Path(app.srcdir) / source for source, target in app.builder.images.items()}
        return finish(html, context["pagename"], sources)

    templates.render = rendered


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("builder-inited", finish_pages, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
