"""The Colab edition: each chapter's and each exercise's notebook, to be opened alone, and the button that opens it.

It is written beside the book's pages, into `colab/`; `.github/workflows/book.yml` pushes that folder as the branch
`colab`, from which Colab opens a notebook. Text that a notebook cannot show fails the build.
"""

import shutil
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
from colab_known import Book
from colab_notebook import Source, edition
from colab_text import Text, UnknownMarkupError
from execution import ROOT
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
    if exception or app.builder.name != "html":
        return
    made, problems = {}, []
    for page in sorted(app.env.found_docs):
        if path := notebook_of(app, page):
            book = Book(app, page)
            source = Source(nbformat.read(path, as_version=4), book, ROOT / "exercises" in path.parents, page in PROFIT)
            try:
                made[page] = edition(source, Text(book, app.config.myst_enable_extensions))
            except (UnknownMarkupError, OSError) as error:
                problems.append(f"{path.relative_to(ROOT)}, {error}")
    folder = Path(app.outdir) / "colab"
    shutil.rmtree(folder, ignore_errors=True)
    if problems:
        raise ExtensionError("the Colab edition was not written:\n" + "\n".join(problems))
    folder.mkdir()
    (folder / "README.md").write_text(README, encoding="utf8")
    for page, nb in made.items():
        (folder / page).parent.mkdir(exist_ok=True, parents=True)
        nbformat.write(nb, folder / f"{page}.ipynb")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", launch, priority=502)  # behind the theme's
    app.connect("build-finished", write_edition)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
