"""The zip of the book, unpacked somewhere, opens from the disk without a server and without the internet."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import archive
import pytest
from browser import browser, find_chromium, open_page
from lxml import html

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here (or set CHROMIUM to its path)"),
]
OPENED = ("index", "chapters/soft-prompts", "chapters/prefix-tuning", "chapters/hard-prompts")
LINKS = "//a/@href | //img/@src | //link/@href | //script/@src"
NOT_OURS = ("Got invalid theme mode",)


@pytest.fixture(scope="module")
def unpacked(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zip")
    archive.make(book, folder / "book.zip")
    target = folder / "Bücher und mehr" / "подсказки"
    with zipfile.ZipFile(folder / "book.zip") as files:
        files.extractall(target)
    return target / archive.FOLDER


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("name", OPENED)
def test_a_page_opens_from_the_disk(chromium: Any, unpacked: Path, name: str) -> None:
    faults: list[str] = []
    page = open_page(chromium, (unpacked / f"{name}.html").as_uri(), 1280, on_message=faults.append)
    loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    formulas = page.evaluate("[...document.querySelectorAll('.math math')].filter(m => m.clientWidth).length")
    page.context.close()
    assert [fault for fault in faults if not any(known in fault for known in NOT_OURS)] == []
    assert [address for address in loaded if not address.startswith(("file:", "data:", "blob:"))] == []
    assert name == "index" or formulas > 10


def test_the_search_works_from_the_disk(chromium: Any, unpacked: Path) -> None:
    page = open_page(chromium, (unpacked / "search.html").as_uri() + "?q=perceptron", 1280)
    page.wait_for_selector("#search-results li a")
    links = page.evaluate("[...document.querySelectorAll('#search-results li a')].map(a => a.getAttribute('href'))")
    page.context.close()
    assert any("the-perceptron.html" in link for link in links)


def test_every_link_inside_the_zip_leads_to_a_file(unpacked: Path) -> None:
    missing = []
    for path in unpacked.rglob("*.html"):
        if "_static" in path.parts:
            continue
        for address in html.fromstring(path.read_bytes()).xpath(
            "//a/@href | //img/@src | //link/@href | //script/@src"
        ):
            file = unquote(re.split(r"[#?]", address)[0])
            if file and not re.match(r"[a-z]+:", address) and not (path.parent / file).exists():
                missing.append(f"{path.name}: {address}")
    assert missing == []
