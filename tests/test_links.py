"""Every link inside the built book leads somewhere: to a file that is there, and to a place in it."""

import functools
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import yaml
from lxml import html

ROOT = Path(__file__).resolve().parents[1]
OWN = "http://book/"
pytestmark = pytest.mark.slow


@functools.cache
def places(page: Path) -> frozenset[str]:
    tree = html.fromstring(page.read_bytes())
    return frozenset(tree.xpath("//@id | //a/@name"))


def links(book: Path, page: Path) -> set[str]:
    base = OWN + page.relative_to(book).as_posix()
    tree = html.fromstring(page.read_bytes())
    found = tree.xpath("//a/@href | //img/@src | //script/@src | //link[not(@rel='canonical')]/@href")
    return {urljoin(base, address) for address in found if not address.startswith(("mailto:", "data:"))}


def is_dead(book: Path, address: str) -> bool:
    parts = urlsplit(address)
    target = book / unquote(parts.path).lstrip("/")
    if not target.is_file():
        return True
    return bool(parts.fragment) and target.suffix == ".html" and unquote(parts.fragment) not in places(target)


def test_every_link_inside_the_book_leads_somewhere(book: Path) -> None:
    dead = {}
    for page in sorted(book.rglob("*.html")):
        if "_static" not in page.parts:
            inside = {address for address in links(book, page) if address.startswith(OWN)}
            if found := sorted(address for address in inside if is_dead(book, address)):
                dead[page.relative_to(book).as_posix()] = found
    assert dead == {}


def test_the_sitemap_names_every_page_at_the_address_of_the_configuration(book: Path) -> None:
    repository = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["repository"]["url"]
    owner, name = urlsplit(repository).path.strip("/").split("/")
    base = f"https://{owner}.github.io/{name}/"
    listed = {element.text or "" for element in ET.parse(book / "sitemap.xml").iter() if element.tag.endswith("loc")}
    assert f"{base}chapters/soft-prompts.html" in listed
    assert {address for address in listed if not (book / address.removeprefix(base)).is_file()} == set()


def test_a_page_shows_other_sites_its_title_and_a_picture_that_is_there(book: Path) -> None:
    tree = html.fromstring((book / "chapters" / "soft-prompts.html").read_bytes())
    said = {meta.get("property"): meta.get("content") for meta in tree.xpath("//meta[@property]")}
    assert "Soft prompts" in said["og:title"]
    assert said["og:url"].endswith("/chapters/soft-prompts.html")
    base = said["og:url"].removesuffix("chapters/soft-prompts.html")
    assert (book / said["og:image"].removeprefix(base)).is_file()
    assert tree.xpath("string(//link[@rel='canonical']/@href)") == said["og:url"]
