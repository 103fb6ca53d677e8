"""A notebook of the course as Colab opens it: alone, from an empty folder, with the released package."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import nbformat
from colab_known import Book
from colab_text import Text, UnknownMarkupError
from nbformat import NotebookNode

# What Colab's kernel has loaded before the first cell runs, and what is built for its card: pip leaves them alone.
KEPT = ("torch", "numpy", "matplotlib", "traitlets")
INSTALL = """\
# Installs the course. What Colab has loaded already, or has built for its card, stays: no restart is needed.
from importlib.metadata import distributions

KEPT = ("torch", "numpy", "matplotlib", "traitlets")
kept = " ".join(f"{{each.name}}=={{each.version}}" for each in distributions() if each.name in KEPT)
%pip install --quiet peft-course=={version} {{kept}}"""
ON_A_PROCESSOR = """\
# The course's models are small and quick on a processor, and the numbers in the text were measured on one.
import os

os.environ["ACCELERATE_USE_CPU"] = "1"

"""
VERSIONS = """\
import platform

import torch
import transformers

import peft_course
from peft_course.devices import default_device

print("Python", platform.python_version(), "· torch", torch.__version__, "· transformers", transformers.__version__)
print("peft-course", peft_course.__version__, "·", default_device())"""
FOREWORD = "*The notebook of {title}. Run the cells from top to bottom; the first one installs the course.*"
HAND_IN = """\
## All marks at once

*File ▸ Download ▸ Download .ipynb* saves this notebook with your answers. `peft-course grade` judges all of them anew,
on your own machine or here: upload the file (the folder at the left), then run this cell."""
GRADE = "!peft-course grade *.ipynb"
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
FOLDED = {"hide-input", "remove-input", "hide-cell", "remove-cell"}


@dataclass(frozen=True)
class Source:
    """Where a notebook of the edition comes from, and what is special about it."""

    notebook: NotebookNode
    book: Book  # the page that it belongs to
    exercise: bool  # handed out to be answered and graded
    gpu: bool  # uses a graphics card where there is one


def edition(source: Source, text: Text) -> NotebookNode:
    """Raises UnknownMarkupError, which names the cell, for text that cannot be shown in a notebook."""
    cells = [new for cell in source.notebook.cells for new in _cells(cell, source.book, text)]
    start = next((i for i, cell in enumerate(cells) if cell.cell_type == "code"), len(cells))
    if start < len(cells) and "remove-cell" in cells[start].metadata.get("tags", []):
        del cells[start]  # the course's own first cell, in whose place these come
    install = INSTALL.format(version=version("peft-course"), kept=KEPT)
    cells[start:start] = [
        _markdown("colab-page", FOREWORD.format(title=source.book.title)),
        _code("colab-install", install),
        _code("colab-versions", VERSIONS if source.gpu else ON_A_PROCESSOR + VERSIONS),
    ]
    if source.exercise:
        cells += [_markdown("colab-hand-in", HAND_IN), _code("colab-grade", GRADE)]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "colab": {"name": f"{source.book.page.rpartition('/')[2]}.ipynb", "provenance": [], "toc_visible": True},
    }
    if source.gpu:
        metadata |= {"accelerator": "GPU"}
        metadata["colab"]["gpuType"] = "T4"
    nb = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nb.nbformat_minor = 5
    return nb


def _cells(cell: NotebookNode, book: Book, text: Text) -> Iterator[NotebookNode]:
    tags = cell.metadata.get("tags", [])
    try:
        if cell.cell_type == "markdown":
            source = text.markdown(cell.source)
            if source.strip():
                yield _markdown(cell.id, source, tags)
            return
        shown = cell.metadata.get("mystnb", {})
        new = _code(cell.id, cell.source, tags)
        new.execution_count = cell.execution_count
        new.outputs = [*_outputs(cell.outputs, shown.get("image", {}).get("alt", ""))]
        yield new
        if caption := shown.get("figure", {}).get("caption"):
            number = f"**{book.figure(shown['figure']['name'])}.** " if "name" in shown["figure"] else ""
            yield _markdown(f"{cell.id}-caption", number + text.markdown(caption))
    except UnknownMarkupError as error:
        raise UnknownMarkupError(f"cell {cell.id!r}: {error}") from error


def _outputs(outputs: list[NotebookNode], alt: str) -> Iterator[NotebookNode]:
    """The stored outputs, to be read before the cells run; of a plot that is not stored its type alone is left."""
    for output in outputs:
        data = output.get("data", {})
        picture = next((kind for kind in PICTURES if kind in data), None)
        if picture is None and data.get("text/plain", "").startswith("<Figure size"):
            continue
        if picture and alt:
            output = nbformat.from_dict({**output, "metadata": {picture: {"alt": alt}}})
        yield output


def _markdown(name: str, source: str, tags: list[str] | None = None) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source, id=name, metadata={"tags": tags} if tags else {})


def _code(name: str, source: str, tags: list[str] | None = None) -> NotebookNode:
    metadata: dict = {"tags": tags} if tags else {}
    if FOLDED & {*(tags or [])}:
        metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}  # Colab's way, and Jupyter's
    return nbformat.v4.new_code_cell(source, id=name, metadata=metadata)
