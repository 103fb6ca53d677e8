"""The book's own drawings: made by code, described in words, readable on light and on dark."""

import re
import runpy
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

FIGURES = Path(__file__).resolve().parents[1] / "book" / "figures"
SCRIPTS = sorted(path for path in FIGURES.glob("*.py") if path.name != "draw.py")
SVG = "{http://www.w3.org/2000/svg}"
sys.path.insert(0, str(FIGURES))

from draw import Drawing  # noqa: E402


def parsed(script: Path) -> ET.Element:
    return ET.parse(script.with_suffix(".svg")).getroot()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_drawing_again_gives_the_committed_file(script: Path, tmp_path: Path) -> None:
    copy = tmp_path / script.name
    copy.write_bytes(script.read_bytes())
    runpy.run_path(str(copy), run_name="__main__")
    drawn = copy.with_suffix(".svg").read_text(encoding="utf8")
    assert drawn == script.with_suffix(".svg").read_text(encoding="utf8")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_drawing_tells_its_content_in_words(script: Path) -> None:
    svg = parsed(script)
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert title is not None and title.text
    assert description is not None and description.text
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_drawing_has_no_colour_that_vanishes_on_light_or_dark(script: Path) -> None:
    for element in parsed(script).iter():
        for attribute in ("fill", "stroke"):
            colour = element.get(attribute, "none")
            if colour != "none":
                assert 0.1 < brightness(colour) < 0.75, ET.tostring(element)
        if element.tag == f"{SVG}text":
            assert element.get("fill"), "text without a colour is black"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_drawing_is_read_on_a_telephone(script: Path) -> None:
    svg = parsed(script)
    scale = 358 / float(svg.get("viewBox", "").split()[2])  # a telephone's text column in pixels
    sizes = [float(text.get("font-size", 0)) * scale for text in svg.iter(f"{SVG}text")]
    assert min(sizes) >= 9


def test_what_is_drawn_outside_the_picture_is_not_seen() -> None:
    for script in SCRIPTS:
        svg = parsed(script)
        _, _, width, height = map(float, svg.get("viewBox", "").split())
        for box in svg.iter(f"{SVG}rect"):
            x, y, w, h = (float(box.get(side, 0)) for side in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0 and x + w <= width and y + h <= height, f"{script.stem}: {ET.tostring(box)!r}"


def test_text_with_special_characters_is_escaped() -> None:
    drawing = Drawing("a < b", "p(y | x) & so on", height=50)
    drawing.text(10, 10, "<x> & y")
    svg = ET.fromstring(drawing.svg())
    assert [text.text for text in svg.iter(f"{SVG}text")] == ["<x> & y"]


def test_an_arrow_ends_at_its_last_point() -> None:
    drawing = Drawing("arrow", "an arrow", height=50)
    drawing.arrow((0, 20), (100, 20))
    head = re.search(r'<polygon points="([^ ]+) ', drawing.svg())
    assert head is not None and head[1] == "100,20"


def test_the_three_wordings_are_answered_as_drawn() -> None:
    from wordings import ROWS, SENTENCE

    from peft_course import HardPrompt, load_lm

    lm = load_lm("course-gpt")
    for template, answer, _ in ROWS:
        wording = template.replace("what\nthis", "what this")
        assert lm.generate([SENTENCE], prompt=HardPrompt(wording)) == [answer.replace("\n", " ")]


def brightness(colour: str) -> float:
    """Relative luminance of #rrggbb, 0 (black) to 1 (white)."""
    assert re.fullmatch(r"#[0-9a-fA-F]{6}", colour), colour
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
