"""The reader's page: quizzes that answer, progress that is kept in the reader's browser, previews of what is linked.

The scripts in `book/_assets/reader/` better a page that is whole without them. What they must know of the other pages
(how many questions and tasks each has) is written to one small script, so that it can be read from a file as well.
"""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SCRIPTS = ("progress", "quiz", "marks", "previews", "scroll")
TASK = re.compile(r"exercise-\d+-\d+")
COUNTS = "reader/counts.js"


def count(app: Sphinx, doctree: nodes.document) -> None:
    """Keeps with each page how many questions and tasks it has."""
    right = [node for node in doctree.findall(nodes.container) if "quiz-right" in node.get("container_classes", [])]
    tasks = {name for node in doctree.findall(nodes.section) for name in node["ids"] if TASK.fullmatch(name)}
    app.env.metadata[app.env.docname]["course"] = {"questions": len(right), "tasks": len(tasks)}


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    app.add_css_file("reader/reader.css")
    for name in SCRIPTS:
        app.add_js_file(f"reader/{name}.js", loading_method="defer")
    if pagename == "progress":
        app.add_js_file(COUNTS, loading_method="defer")
        app.add_js_file("reader/overview.js", loading_method="defer")


def write_counts(app: Sphinx, exception: Exception | None) -> None:
    """The chapters and the exercises, in the order of the contents."""
    if exception or app.builder.name != "html":
        return
    pages = []
    for name in in_order(app):
        found = app.env.metadata[name].get("course", {})
        if name.startswith("chapters/") or found.get("tasks"):
            pages.append({"page": name, "title": title(app, name), **found})
    text = f"'use strict';\nwindow.coursePages = {json.dumps(pages, ensure_ascii=False)};\n"
    (Path(app.outdir) / "_static" / COUNTS).write_text(text, encoding="utf8")


def in_order(app: Sphinx) -> list[str]:
    """The pages as the contents have them."""
    order: list[str] = []

    def visit(name: str) -> None:
        order.append(name)
        for child in app.env.toctree_includes.get(name, []):
            if child not in order:
                visit(child)

    visit(app.config.root_doc)
    return order


def title(app: Sphinx, name: str) -> str:
    number = app.env.toc_secnumbers.get(name, {}).get("", ())
    return ".".join(map(str, number)) + ". " * bool(number) + app.env.titles[name].astext()


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("doctree-read", count)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_counts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
