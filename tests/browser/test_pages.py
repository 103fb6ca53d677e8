"""The built pages in a real browser: no error in the console, nothing wider than a telephone, texts for pictures."""

from pathlib import Path
from typing import Any

import pytest
from browser import browser, find_chromium, open_page, pages, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here (or set CHROMIUM to its path)"),
]
NOT_OURS = ("Got invalid theme mode",)
# A plot without a text of its own gets its file's name as one.
PICTURES_WITHOUT_TEXT = """
[...document.querySelectorAll('.bd-article img')].filter(i => !i.alt || i.alt.includes('_images/')).map(i => i.src)
"""


@pytest.fixture(scope="module")
def opened(book: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What the browser found on each page, by name and mode, at a telephone's width."""
    found = {}
    with served(book) as address, browser() as chromium:
        for name in pages(book):
            for mode in ("light", "dark"):
                found[name, mode] = examine(chromium, f"{address}/{name}", mode)
    return found


def examine(chromium: Any, address: str, mode: str) -> dict[str, Any]:
    messages: list[str] = []
    page = open_page(chromium, address, width=390, mode=mode, on_message=messages.append)
    result = {
        "messages": [m for m in messages if not any(known in m for known in NOT_OURS)],
        "mode": page.evaluate("document.documentElement.dataset.theme"),
        "overflow": page.evaluate("document.documentElement.scrollWidth - window.innerWidth"),
        "without text": page.evaluate(PICTURES_WITHOUT_TEXT),
        "bad formulas": page.evaluate("document.querySelectorAll('mjx-merror').length"),
    }
    page.context.close()
    return result


def test_no_page_writes_an_error_to_the_console(opened: dict) -> None:
    assert {key: r["messages"] for key, r in opened.items() if r["messages"]} == {}


def test_no_page_is_wider_than_a_telephone(opened: dict) -> None:
    assert {key: r["overflow"] for key, r in opened.items() if r["overflow"] > 0} == {}


def test_every_picture_has_a_text(opened: dict) -> None:
    assert {key: r["without text"] for key, r in opened.items() if r["without text"]} == {}


def test_every_formula_is_understood(opened: dict) -> None:
    assert {key: r["bad formulas"] for key, r in opened.items() if r["bad formulas"]} == {}


def test_both_modes_are_shown(opened: dict) -> None:
    assert all(result["mode"] == mode for (_, mode), result in opened.items())
