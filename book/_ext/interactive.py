"""The interactive figures' scripts, on the pages that have such figures and on no other.

A figure comes from a cell of a notebook (`peft_course.widgets`): its output is a picture, with the data beside it for
the scripts in `book/_assets/interactive/`. They are plain scripts, put off until the page is there, so they work from a
file as well.
"""

import re

from sphinx.application import Sphinx
from sphinx.util import logging

FIGURE = re.compile(r'<figure class="interactive" id="([^"]+)" data-interactive="([^"]+)"')
NEEDS = {"attention": ("attention",), "calculator": ("counts", "calculator"), "curves": ("curves",)}


def scripts(kinds: set[str]) -> list[str]:
    """What the figures of these kinds need, in the order in which it must run."""
    drawing = [name for kind in sorted(kinds) for name in NEEDS[kind]]
    return [f"interactive/{name}.js" for name in ("chart", "controls", *drawing, "figure")]


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    found = FIGURE.findall(context.get("body", ""))
    for name, kind in found:
        if kind not in NEEDS:
            logging.getLogger(__name__).warning(
                f"the figure {name!r} is of the kind {kind!r}, expected {', '.join(NEEDS)}; "
                f"write its script and name it in book/_ext/interactive.py",
                location=pagename,
            )
    kinds = {kind for _, kind in found if kind in NEEDS}
    if kinds:
        app.add_css_file("interactive/interactive.css")
        for script in scripts(kinds):
            app.add_js_file(script, loading_method="defer")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
