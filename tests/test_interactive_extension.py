"""The interactive figures of the book: their scripts, the pages that get them, and the data in the notebooks."""

import json
import re
from pathlib import Path
from typing import Any

import interactive
import notebooks
import pytest

from peft_course.widgets import InteractiveFigure, low_data, parameters_calculator, stability

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "book" / "_assets"


class Page:
    """What the extension asks of Sphinx."""

    def __init__(self) -> None:
        self.scripts: list[tuple[str, str]] = []
        self.styles: list[str] = []

    def add_js_file(self, name: str, loading_method: str) -> None:
        self.scripts.append((name, loading_method))

    def add_css_file(self, name: str) -> None:
        self.styles.append(name)


def made_of(body: str) -> Page:
    page = Page()
    interactive.add_scripts(page, "a-page", "page.html", {"body": body}, None)  # type: ignore[arg-type]
    return page


def figure(kind: str) -> str:
    return f'<figure class="interactive" id="a-name" data-interactive="{kind}">'


def test_a_page_without_such_a_figure_gets_no_script() -> None:
    page = made_of("<figure><img src='a.png'></figure>")
    assert page.scripts == page.styles == []


def test_a_page_gets_the_scripts_of_its_figures_and_no_others_put_off_until_it_is_there() -> None:
    page = made_of(figure("curves"))
    names = [name for name, _ in page.scripts]
    assert names == [f"interactive/{name}.js" for name in ("chart", "controls", "curves", "figure")]
    assert {method for _, method in page.scripts} == {"defer"}


def test_a_figure_that_nobody_can_draw_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING"):
        page = made_of(figure("pie"))
    assert page.scripts == [] and "is of the kind 'pie', expected attention, calculator, curves" in caplog.text


@pytest.mark.parametrize("kind", interactive.NEEDS)
def test_every_kind_has_its_scripts_and_each_is_strict_and_calls_for_nothing(kind: str) -> None:
    for name in interactive.scripts({kind}):
        script = (ASSETS / name).read_text(encoding="utf8")
        assert "\n'use strict';\n" in script, name
        assert not re.search(r"https?://(?!www\.w3\.org/)|\bfetch\(|\beval\(|innerHTML", script), name
    assert f"interactive.kinds.{kind} = " in (ASSETS / "interactive" / f"{kind}.js").read_text(encoding="utf8")


CHAPTERS = {
    "attention-budget": "prefix-tuning",
    "stability": "the-perceptron",
    "low-data": "few-parameters-few-examples",
    "parameters-calculator": "few-parameters-few-examples",
}


def stored(name: str) -> dict[str, Any]:
    """The data of a figure in its chapter."""
    cells = notebooks.read(ROOT / "book" / "chapters" / f"{CHAPTERS[name]}.ipynb").cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pages = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    page = next(page for page in pages if f'<figure class="interactive" id="{name}"' in page)
    content = re.search(r'<script type="application/json">(.*)</script>', page, re.DOTALL)
    assert content is not None
    return json.loads(content[1])


@pytest.mark.parametrize("made", [stability, low_data, parameters_calculator])
def test_the_chapter_shows_the_store_s_data(made: Any) -> None:
    now: InteractiveFigure = made()
    assert stored(now.name)["data"] == json.loads(json.dumps(now.data))


def test_the_chapter_s_attention_has_a_share_for_each_token() -> None:
    found = stored("attention-budget")
    positions = next(control["options"] for control in found["controls"] if control["name"] == "position")
    for name, text in found["data"]["texts"].items():
        shares = text["shares"]
        assert all(len(head) == len(positions[name]) - 1 for layer in shares for head in layer)
        assert all(0 <= share <= 1 for layer in shares for head in layer for share in head)
