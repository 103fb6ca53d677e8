"""The Colab edition: notebooks that are read, run, and graded alone, with nothing but the released package."""

import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import colab
import nbformat
import pytest
import yaml
from colab_known import published
from colab_text import Text, UnknownMarkupError
from drawing import png
from markdown_it import MarkdownIt
from markdown_it.token import Token
from nbformat import NotebookNode
from PIL import Image

from peft_course.grading.grade import grade
from peft_course.grading.process import Workshop

ROOT = Path(__file__).resolve().parents[1]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
REPOSITORY = CONFIG["repository"]["url"]
CHEAP = ["chapters/hard-prompts", "exercises/04-soft-prompts"]
BOX = ":::{tip}\nLook:\n\n$$\nx\n= 1\n$$\n:::"
FIGURE = "```{figure} a.svg\n:name: fig-a\n:alt: A [box]\n\nOne.\n```"


class Answers:
    """A book that knows everything."""

    def role(self, name: str, content: str) -> str:
        return f"[{content}](https://a.org/{name})"

    def equation(self, label: str) -> str:
        return "(3.1)"

    def figure(self, label: str) -> str:
        return "Fig. 3.1"

    def picture(self, path: str) -> str:
        return "data:image/png;base64,AAAA"

    def source(self, path: str, options: dict[str, str]) -> tuple[str, str]:
        return "python", 'def f():\n    """Says ```."""\n'

    def elsewhere(self, directive: str, argument: str) -> str:
        return f"*The page has the {directive} {argument}.*"


def markdown(myst: str) -> str:
    return Text(Answers(), CONFIG["parse"]["myst_enable_extensions"]).markdown(myst)


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        ("A {term}`row`, two: {term}`row`.", "A [row](https://a.org/term), two: [row](https://a.org/term)."),
        ("- see {doc}`the frozen\n  model`, then\n- go", "- see [the frozen model](https://a.org/doc), then\n- go"),
        ("| a | b |\n|---|---|\n| {term}`x` | 1 |", "| a | b |\n|---|---|\n| [x](https://a.org/term) | 1 |"),
        ("Code stays: `` {term}`x` ``, `{x}`.", "Code stays: `` {term}`x` ``, `{x}`."),
        ("$$\nx = 1\n$$ (eq-one)", "$$\nx = 1 \\tag{3.1}\n$$"),
        ("$$\nx = 1\n$$", "$$\nx = 1\n$$"),
        (BOX, "> **Tip**\n>\n> Look:\n>\n> $$x = 1$$"),
        (":::{admonition} *Mind*\n:class: tip\nthe gap\n:::", "> ***Mind***\n>\n> the gap"),
        ("% a note of the authors\n(here)=\n# Title", "# Title"),
        (FIGURE, "![A \\[box\\]](data:image/png;base64,AAAA)\n\n**Fig. 3.1.** One."),
        ("```{literalinclude} a.py\n:pyobject: f\n```", '````python\ndef f():\n    """Says ```."""\n````'),
        (":::{playground}\n:task: sentiment\nTry.\n:::", "Try.\n\n*The page has the playground .*"),
    ],
)  # fmt: skip
def test_markup_becomes_what_a_notebook_shows(myst: str, expected: str) -> None:
    assert markdown(myst) == expected


def test_a_dropdown_becomes_details_whose_summary_is_html() -> None:
    text = markdown(
        ":::{dropdown} If `a` is $<b$\n:class-container: quiz-right\nRight.\n:::\n:::{dropdown} No\nNo.\n:::"
    )
    assert (
        text.count("</details>") == 2
        and "<summary>If <code>a</code> is $\\lt b$</summary>\n\n✓ Right.\n\n</details>" in text
    )


def test_a_directive_in_a_list_stays_in_it() -> None:
    text = markdown("1. one\n\n   ```{dropdown} Why\n   Because.\n   ```\n2. two")
    kinds = [token.type for token in MarkdownIt().parse(text)]
    assert kinds.count("list_item_open") == 2 and kinds.index("html_block") > kinds.index("list_item_open")


def test_an_exercise_keeps_its_title_and_its_solution_names_it() -> None:
    text = markdown(
        "```{exercise} Count\n:label: ex-a\nHow many?\n```\n\n```{solution} ex-a\n:class: dropdown\nTwo.\n```"
    )
    assert text.startswith("**Exercise: Count**\n\nHow many?") and "<summary>Solution: Count</summary>\n\nTwo." in text


@pytest.mark.parametrize(
    ("myst", "named"),
    [
        ("```{video} a.mp4\n```", "{video}"),
        (":::{tip}\n:::{video} a.mp4\n:::\n:::", "{video}"),
        (":::{dropdown} A\n:colour: red\nx\n:::", ":colour:"),
        ("```{figure} a.svg\nNo words.\n```", ":alt:"),
        ("[there](other.md)", "'other.md'"),
        ("Term\n: what it is", "dl"),
    ],
)
def test_what_a_notebook_cannot_show_is_refused_by_name(myst: str, named: str) -> None:
    with pytest.raises(UnknownMarkupError, match=re.escape(named)):
        markdown(myst)


def test_the_pages_address_follows_from_the_repository_s() -> None:
    assert published("https://github.com/someone/course") == "https://someone.github.io/course/"


@pytest.mark.parametrize("svg", sorted((ROOT / "book" / "figures").glob("*.svg")), ids=lambda path: path.stem)
def test_a_drawing_is_a_picture_on_no_background(svg: Path) -> None:
    content = png(svg)
    picture = Image.open(io.BytesIO(content))
    alpha = picture.getchannel("A")
    assert picture.width == 840 and alpha.getpixel((0, picture.height - 1)) == 0
    assert alpha.getextrema() == (0, 255) and len(content) < 100_000


def test_a_shape_that_no_drawing_has_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle/></svg>')
    with pytest.raises(ValueError, match=r"a\.svg has a <circle>"):
        png(tmp_path / "a.svg")


# The edition of the built book.


@pytest.fixture(scope="module")
def edition(book: Path) -> dict[str, NotebookNode]:
    """The notebooks by their pages, in the version that is in the file."""
    found = sorted((book / "colab").rglob("*.ipynb"))
    assert found
    return {
        path.relative_to(book / "colab").with_suffix("").as_posix(): nbformat.read(path, as_version=nbformat.NO_CONVERT)
        for path in found
    }


def tokens(nb: NotebookNode) -> Iterator[tuple[str, list[Token]]]:
    """Each cell's text as plain Markdown reads it, block by block, what stands in a block behind it."""
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            for token in MarkdownIt("commonmark").enable("table").parse(cell.source):
                yield cell.id, [token, *(token.children or [])]


@pytest.mark.slow
def test_every_chapter_and_every_exercise_has_a_valid_notebook(edition: dict[str, NotebookNode]) -> None:
    pages = {path.relative_to(ROOT / "book").with_suffix("").as_posix() for path in (ROOT / "book").rglob("*.ipynb")}
    pages |= {f"exercises/{path.stem}" for path in (ROOT / "exercises").glob("*.ipynb")}
    assert edition.keys() == pages
    for page, nb in edition.items():
        nbformat.validate(nb)
        assert (nb.nbformat, nb.nbformat_minor) == (4, 5), page
        assert len({cell.id for cell in nb.cells}) == len(nb.cells), page
        assert nb.metadata.colab.name == f"{Path(page).name}.ipynb"
        assert ("accelerator" in nb.metadata) == (page == "chapters/real-models-real-data")
        assert len(nbformat.writes(nb)) < 800_000, page


@pytest.mark.slow
def test_the_first_cell_installs_the_release_and_the_next_says_the_versions(edition: dict[str, NotebookNode]) -> None:
    import peft_course

    for page, nb in edition.items():
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        assert f"%pip install --quiet peft-course=={peft_course.__version__}" in code[0].source, page
        assert "platform.python_version()" in code[1].source
        assert sum("%pip" in cell.source for cell in code) == 1, page
        assert [cell.id for cell in code if cell.outputs] == [] or not page.startswith("exercises/")


@pytest.mark.slow
def test_no_directive_and_no_role_is_left(edition: dict[str, NotebookNode]) -> None:
    left = []
    for page, nb in edition.items():
        for name, (block, *inside) in tokens(nb):
            if block.type == "fence" and block.info.startswith("{"):
                left.append((page, name, block.info))
            for before, behind in pairwise(inside):
                if behind.type == "code_inline" and re.search(r"\{[\w:]+\}$", before.content):
                    left.append((page, name, before.content[-20:]))
            left += [
                (page, name, t.content) for t in inside if t.type == "text" and re.match(r":::|\(.*\)=$", t.content)
            ]
    assert left == []


@pytest.mark.slow
def test_every_link_into_the_book_finds_its_page_and_its_place(edition: dict[str, NotebookNode], book: Path) -> None:
    places: dict[str, set[str]] = {}
    lost, count = [], 0
    for page, nb in edition.items():
        for _, (_, *inside) in tokens(nb):
            for address in (str(token.attrs["href"]) for token in inside if token.type == "link_open"):
                if not address.startswith(published(REPOSITORY)):
                    continue
                count += 1
                name, _, place = address.removeprefix(published(REPOSITORY)).partition("#")
                if name not in places:
                    file = book / name
                    html = file.read_text(encoding="utf8") if file.is_file() else ""
                    places[name] = {"", *re.findall(r'\bid="([^"]+)"', html)} if html else set()
                if unquote(place) not in places[name]:
                    lost.append((page, address))
    assert lost == [] and count > 500


@pytest.mark.slow
def test_the_button_of_a_page_opens_its_notebook_and_other_pages_have_none(
    edition: dict[str, NotebookNode], book: Path
) -> None:
    toc = (ROOT / "book" / "_toc.yml").read_text(encoding="utf8")
    for page in ["index", *re.findall(r"file: (\S+)", toc)]:
        html = (book / f"{page}.html").read_text(encoding="utf8")
        links = {*re.findall(r'href="(https://colab\.research\.google\.com[^"]*)"', html)}
        path = f"{REPOSITORY.removeprefix('https://')}/blob/colab/{page}.ipynb".replace("github.com", "github", 1)
        assert links == ({f"https://colab.research.google.com/{path}"} if page in edition else set()), page


@pytest.mark.slow
def test_figures_are_in_the_notebook_and_have_words(edition: dict[str, NotebookNode]) -> None:
    images = [t for nb in edition.values() for _, (_, *inside) in tokens(nb) for t in inside if t.type == "image"]
    assert len(images) >= 10
    assert all(str(image.attrs["src"]).startswith("data:image/png;base64,") for image in images)
    assert all(len(image.content) > 30 for image in images)


@pytest.mark.slow
@pytest.mark.parametrize("page", CHEAP)
def test_a_notebook_runs_alone_in_an_empty_folder_with_the_wheel(
    page: str, book: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wheel = colab.build_wheel(tmp_path_factory.mktemp("wheel"))
    assert colab.run(page, book / "colab", wheel) == []


def as_colab_saves_it(nb: NotebookNode) -> str:
    """Other ids, in the metadata; no tags; lines instead of texts; and what Colab notes about a run."""
    cells = []
    for i, cell in enumerate(nb.cells):
        saved = {"cell_type": cell.cell_type, "source": cell.source.splitlines(keepends=True)}
        saved["metadata"] = {"id": f"x{i:011d}", "executionInfo": {"status": "ok", "user_tz": 0}}
        cells.append(saved | ({"execution_count": None, "outputs": []} if cell.cell_type == "code" else {}))
    metadata = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 0, "metadata": metadata, "cells": cells})


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with Workshop() as workshop:
        yield workshop


@pytest.mark.slow
@pytest.mark.parametrize("page", [f"exercises/{path.stem}" for path in sorted((ROOT / "exercises").glob("*.ipynb"))])
def test_what_colab_saves_is_graded(
    page: str, edition: dict[str, NotebookNode], workshop: Workshop, tmp_path: Path
) -> None:
    answered = colab.with_answers(nbformat.from_dict(edition[page]), Path(page).name)
    for name, nb, everything in (("Copy of answers", answered, True), ("Copy of blank", edition[page], False)):
        path = tmp_path / f"{name}.ipynb"
        path.write_text(as_colab_saves_it(nb), encoding="utf8")
        report = grade(path, workshop)
        assert report.refused is None and report.full_marks is everything
        assert (report.points > 0) is everything
