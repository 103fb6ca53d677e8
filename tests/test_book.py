"""The book as a whole: notebooks are canonical, pages build without a warning, formulas need no internet."""

from pathlib import Path

import notebooks
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def chapters() -> list[str]:
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


@pytest.mark.parametrize("name", chapters())
def test_every_page_of_the_contents_exists(name: str) -> None:
    assert any((ROOT / "book" / name).with_suffix(suffix).exists() for suffix in (".md", ".ipynb"))


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.name)
def test_the_notebook_is_canonical(path: Path) -> None:
    assert notebooks.problems(path) == []


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.name)
def test_the_notebook_stays_canonical_when_written_again(path: Path) -> None:
    once = notebooks.canonical(notebooks.read(path))
    assert notebooks.canonical(once) == once


@pytest.mark.slow
def test_the_book_builds_without_a_warning_and_loads_nothing_from_elsewhere(book: Path) -> None:
    import re

    for name in chapters():
        page = (book / name).with_suffix(".html").read_text(encoding="utf8")
        loaded = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(https?://[^"]+)"', page)
        own = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["repository"]["url"]
        assert [address for address in loaded if not address.startswith(own)] == []
