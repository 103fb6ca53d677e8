"""The built pages in a real browser: accessible, light, offline, whole."""

from pathlib import Path
from typing import Any

import pytest
from browser import browser, find_chromium, load, open_page, served
from looking import visit, watch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here (or set CHROMIUM to its path)"),
]
MEGABYTE = 1_000_000
Found = dict[str, dict[str, Any]]


def all_pages(book: Path) -> list[str]:
    """Search and index too; not what the theme keeps for itself."""
    found = (path.relative_to(book).as_posix() for path in book.rglob("*.html"))
    return sorted(name for name in found if not name.startswith("_"))


@pytest.fixture(scope="module")
def found(book: Path) -> Found:
    """What the browser found on each page."""
    with served(book) as address, browser() as chromium:
        page = chromium.new_page()
        for first in ("index.html", "back/notation.html"):  # the fonts, of texts and of formulas:
            load(page, f"{address}/{first}")  # else the first page shows how busy this machine is
        heard = watch(page, address)
        return {name: visit(page, heard, f"{address}/{name}") for name in all_pages(book)}


def those(found: Found, what: str) -> dict[str, Any]:
    return {name: result[what] for name, result in found.items() if result[what]}


def test_axe_finds_no_fault_on_any_page(found: Found) -> None:
    assert those(found, "faults") == {}


def test_no_page_writes_an_error_to_the_console(found: Found) -> None:
    assert those(found, "messages") == {}


def test_no_page_asks_another_server_for_anything(found: Found) -> None:
    assert those(found, "outside") == {}


def test_no_page_is_wider_than_a_telephone(found: Found) -> None:
    assert {name: result["overflow"] for name, result in found.items() if result["overflow"] > 0} == {}


def test_nothing_is_cut_off_at_the_left_of_a_telephone(found: Found) -> None:
    assert those(found, "cut") == {}


def test_every_picture_has_a_text(found: Found) -> None:
    assert those(found, "pictures without text") == {}


def test_every_picture_has_a_size(found: Found) -> None:
    assert those(found, "pictures without size") == {}


def test_every_table_has_heads(found: Found) -> None:
    assert those(found, "tables without heads") == {}


def test_every_formula_is_set_in_the_page(found: Found) -> None:
    assert those(found, "unset formulas") == {}


def test_every_page_says_its_language_and_has_a_title_of_its_own(found: Found) -> None:
    assert {result["language"] for result in found.values()} == {"en"}
    assert len({result["title"] for result in found.values()}) == len(found)
    assert {name for name, result in found.items() if result["headings"] != 1} == set()


def test_every_page_of_the_book_leads_to_its_source_and_to_its_issues(found: Found) -> None:
    made = ("search.html", "genindex.html")
    ways = {name: result["ways to the source"] for name, result in found.items() if name not in made}
    assert {name for name, way in ways.items() if way != ["edit", "issues"]} == set()


def test_a_chapter_transfers_less_than_a_megabyte(found: Found) -> None:
    sizes = {name: result["bytes"] for name, result in found.items() if name.startswith("chapters/")}
    assert all(sizes.values())
    assert {name: size for name, size in sizes.items() if size > MEGABYTE} == {}


def test_nothing_moves_while_a_page_loads(found: Found) -> None:
    assert {name: result["shift"] for name, result in found.items() if result["shift"] > 0.05} == {}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_mode_that_the_reader_chose_is_shown(book: Path, mode: str) -> None:
    with served(book) as address, browser() as chromium:
        page = open_page(chromium, f"{address}/index.html", width=390, mode=mode)
        assert page.evaluate("document.documentElement.dataset.theme") == mode
