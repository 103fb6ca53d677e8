"""The Colab edition: each chapter's and each exercise's notebook, to be opened alone, and the button that opens it.

It is written beside the book's pages, into `colab/`; `.github/workflows/book.yml` pushes that folder as the branch
`colab`, from which Colab opens a notebook. Text that a notebook cannot show fails the build.
"""

import hashlib
import json
import shutil
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
from colab_known import Book
from colab_notebook import Source, edition
from colab_text import Text, UnknownMarkupError
from execution import ROOT, fingerprint
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

BRANCH = "colab"
PROFIT = {"chapters/real-models-real-data"}  # take a larger model where there is a graphics card
README = """\
# The course's notebooks for Colab

Made from the branch `main` each time the book is published: what is changed here is lost.
"""


def notebook_of(app: Sphinx, page: str) -> Path | None:
    """The notebook that belongs to a page: the page itself, or the exercise of which it is the page."""
    if page not in app.env.found_docs:  # search and index
        return None
    own, exercise = Path(app.env.doc2path(page)), ROOT / f"{page}.ipynb"
    return own if own.suffix == ".ipynb" else exercise if exercise.is_file() else None


def launch(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Puts our button in the place of the theme's, which leads to the notebook on `main`."""
    buttons = [each for each in context.get("header_buttons", []) if each.get("label") != "launch-buttons"]
    if notebook_of(app, pagename):
        theme = app.config.html_theme_options
        repository = urlsplit(theme["repository_url"]).path.strip("/")
        path = quote(f"{repository}/blob/{BRANCH}/{pagename}.ipynb")
        button = {
            "type": "link",
            "text": "Colab",
            "tooltip": "Open in Colab",
            "icon": "_static/images/logo_colab.png",
            "url": f"{theme['launch_buttons']['colab_url'].strip('/')}/github/{path}",
        }
        group = {"type": "group", "tooltip": "Run this page's notebook", "icon": "fas fa-rocket", "buttons": [button]}
        buttons.insert(0, {**group, "label": "launch-buttons"})
    context["header_buttons"] = buttons


def write_edition(app: Sphinx, exception: Exception | None) -> None:
    """Makes anew what is not there, or was made of something else."""
    if exception or app.builder.name != "html":
        return
    folder, kept = Path(app.outdir) / "colab", Path(app.doctreedir) / "colab.json"
    before = json.loads(kept.read_text(encoding="utf8")) if kept.is_file() else {}
    kept.unlink(missing_ok=True)
    notebooks = {page: path for page in sorted(app.env.found_docs) if (path := notebook_of(app, page))}
    now, around, problems = {}, surroundings(app), []
    for page, path in notebooks.items():
        target = folder / f"{page}.ipynb"
        now[page] = f"{around} {fingerprint([path])}"
        if before.get(page) == now[page] and target.is_file():
            continue
        book = Book(app, page)
        source = Source(nbformat.read(path, as_version=4), book, ROOT / "exercises" in path.parents, page in PROFIT)
        try:
            made = edition(source, Text(book, app.config.myst_enable_extensions))
        except (UnknownMarkupError, OSError) as error:
            problems.append(f"{path.relative_to(ROOT)}, {error}")
            continue
        target.parent.mkdir(exist_ok=True, parents=True)
        nbformat.write(made, target)
    if problems:
        shutil.rmtree(folder, ignore_errors=True)
        raise ExtensionError("the Colab edition was not written:\n" + "\n".join(problems))
    for left in {*folder.rglob("*.ipynb")} - {folder / f"{page}.ipynb" for page in notebooks}:
        left.unlink()
    (folder / "README.md").write_text(README, encoding="utf8")
    kept.write_text(json.dumps(now), encoding="utf8")


def surroundings(app: Sphinx) -> str:
    """A fingerprint of what a notebook shows beside its own text: other pages' names and numbers, figures, sources."""
    env = app.env
    std, math = env.get_domain("std"), env.get_domain("math")
    names = [std.labels, std.anonlabels, std.objects, std._terms, math.equations, env.toc_fignumbers]  # type: ignore[attr-defined]
    names += [{page: title.astext() for page, title in env.titles.items()}]
    said = hashlib.sha256(repr([sorted(each.items()) for each in names]).encode()).hexdigest()[:16]
    files = [ROOT / "_config.yml", ROOT / "constraints.txt", *sorted((ROOT / "book").rglob("*"))]
    files += sorted((ROOT / "peft_course").rglob("*.py"))
    return f"{said} {fingerprint(file for file in files if file.suffix not in ('.md', '.ipynb'))}"


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", launch, priority=502)  # behind the theme's
    app.connect("build-finished", write_edition)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
