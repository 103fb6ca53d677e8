"""A deck of slides in a room: nothing runs over an edge, keys turn it, and it asks nobody for anything."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import browser, find_chromium, load
from looking import contrasts, faults, watch
from slides import make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here (or set CHROMIUM to its path)"),
]
ROOM, TELEPHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
OVERFULL = """() => [...document.querySelectorAll(".slide")].filter((slide) => {
  const parts = [slide, slide.querySelector(".shown"), ...slide.querySelectorAll("div.math, pre, table")];
  return parts.some((e) => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1);
}).map((slide) => slide.id)"""
SMALL = """() => [...document.querySelectorAll(".shown img")].map((i) => i.getBoundingClientRect().height)
  .filter((height) => height < 250)"""
PLACE = "() => document.querySelector('.place').textContent.split(' / ').map(Number)"


@pytest.fixture(scope="module")
def decks(book: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make(book, tmp_path_factory.mktemp("slides"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Any, decks: list[Path]) -> Iterator[Any]:
    context = chromium.new_context(viewport=ROOM)
    page = context.new_page()
    page.goto(deck(decks).as_uri())
    yield page
    context.close()


def deck(decks: list[Path]) -> Path:
    return next(path for path in decks if path.stem == "soft-prompts")


def test_no_slide_of_any_deck_is_overfull_and_no_figure_is_small(page: Any, decks: list[Path]) -> None:
    assert len(decks) == 13
    for path in decks:
        load(page, path.as_uri())
        assert (path.stem, page.evaluate(OVERFULL), page.evaluate(SMALL)) == (path.stem, [], [])


def test_a_deck_asks_nobody_and_complains_of_nothing(page: Any, decks: list[Path]) -> None:
    heard = watch(page, deck(decks).as_uri())
    page.goto(deck(decks).as_uri())
    page.keyboard.press("End")
    assert heard == {"messages": [], "outside": []}


def test_keys_turn_the_slides_and_unfold_the_notes(page: Any) -> None:
    last = page.evaluate(PLACE)[1]
    for key, place in (("ArrowRight", 2), (" ", 3), ("PageUp", 2), ("End", last), ("ArrowRight", last), ("Home", 1)):
        page.keyboard.press(key)
        page.wait_for_function(f"({PLACE})()[0] === {place}")
    assert page.url.endswith("#1")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"({PLACE})()[0] === 2")
    page.keyboard.press("n")
    assert page.locator("[id='2'] .notes > div").is_visible()


def test_an_address_leads_to_its_slide(page: Any) -> None:
    page.goto(page.url.replace("#1", "#8"))
    page.reload()
    assert page.evaluate(PLACE)[0] == 8 and page.url.endswith("#8")


def test_the_speakers_window_shows_the_notes_and_turns_with_the_room(page: Any) -> None:
    for place in (2, 3, 4):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"({PLACE})()[0] === {place}")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    speaker.wait_for_function(f"({PLACE})()[0] === 4")
    assert speaker.locator("[id='4'] .notes > div").is_visible()
    page.keyboard.press("ArrowRight")
    speaker.wait_for_function(f"({PLACE})()[0] === 5")
    speaker.keyboard.press("ArrowRight")
    page.wait_for_function(f"({PLACE})()[0] === 6")


def test_on_a_telephone_a_deck_is_a_page_of_readable_size(page: Any) -> None:
    page.set_viewport_size(TELEPHONE)
    cut_off = "() => [...document.querySelectorAll('.shown')].filter((e) => e.scrollHeight > e.clientHeight + 1).length"
    assert page.evaluate(cut_off) == 0
    assert page.evaluate("document.documentElement.scrollWidth") == TELEPHONE["width"]
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.shown p')).fontSize)") >= 16


def test_each_slide_is_printed_on_a_sheet(page: Any, tmp_path: Path) -> None:
    from pypdf import PdfReader

    page.pdf(path=tmp_path / "deck.pdf", prefer_css_page_size=True)
    assert len(PdfReader(tmp_path / "deck.pdf").pages) == page.evaluate(PLACE)[1]


@pytest.mark.parametrize("size", [ROOM, TELEPHONE], ids=["room", "telephone"])
def test_axe_finds_nothing_on_a_deck(page: Any, size: dict[str, int]) -> None:
    page.set_viewport_size(size)
    assert faults(page) + contrasts(page) == []
