"""The interactive figures in a real browser: by the keyboard alone, from a server and from a file, without a script."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import browser, find_chromium, open_page, served

from peft_course.widgets import InteractiveFigure, low_data, parameters_calculator, stability

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here (or set CHROMIUM to its path)"),
]
NOT_OURS = ("Got invalid theme mode",)
PAGES = {
    "chapters/prefix-tuning.html": ("attention-budget",),
    "chapters/the-perceptron.html": ("stability",),
    "chapters/few-parameters-few-examples.html": ("low-data", "parameters-calculator"),
}
FIGURES = [(page, figure) for page, figures in PAGES.items() for figure in figures]
KEYS = {"select-one": "ArrowDown", "radio": "ArrowRight", "range": "ArrowRight", "number": "ArrowUp"}
SPILT = """name => Math.max(...[...document.querySelectorAll(`#${name}, #${name} .interactive-stage > *`)]
  .map(part => part.getBoundingClientRect().right)) - window.innerWidth"""
FOCUSED = """name => {
  const focus = document.activeElement;
  if (!focus.closest(`#${name}`)) return null;
  return {type: focus.matches('summary') ? 'summary' : focus.type ?? 'values', id: focus.id || focus.name || ''};
}"""
SHOWN = """name => ['.interactive-picture', '.interactive-sentence', '.interactive-values']
  .map(part => document.querySelector(`#${name} ${part}`).innerHTML).join('')"""
CONTROLS = """name => JSON.parse(document.querySelector(`#${name} script`).textContent).controls
  .map(control => `${name}-${control.name}`)"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def places(book: Path) -> Iterator[dict[str, str]]:
    """Where the book is: on a server, and in a folder."""
    with served(book) as address:
        yield {"server": address, "folder": book.as_uri()}


@pytest.mark.parametrize("place", ["server", "folder"])
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(("page_name", "name"), FIGURES)
def test_a_figure_is_operated_by_the_keyboard_alone(
    chromium: Any, places: dict[str, str], page_name: str, name: str, width: int, mode: str, place: str
) -> None:
    messages: list[str] = []
    page = open_page(chromium, f"{places[place]}/{page_name}", width, mode, on_message=messages.append)
    page.wait_for_selector(f"#{name}[data-started]")
    page.evaluate("name => { const f = document.getElementById(name); f.tabIndex = -1; f.focus(); }", name)
    reached, shown = [], page.evaluate(SHOWN, name)
    for _ in range(40):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUSED, name)
        if focus is None:
            break
        reached.append(focus["id"])
        if focus["type"] == "summary":
            page.keyboard.press("Enter")
        elif focus["type"] in KEYS:
            page.keyboard.press(KEYS[focus["type"]])
            now = page.evaluate(SHOWN, name)
            assert now != shown, f"{focus} changes nothing"
            shown = now
            if focus["type"] == "select-one":  # other choices may leave nothing to choose further down
                page.keyboard.press("ArrowUp")
                shown = page.evaluate(SHOWN, name)
    assert [control for control in page.evaluate(CONTROLS, name) if control not in reached] == []
    assert page.locator(f"#{name} table").is_visible()
    assert page.evaluate(SPILT, name) <= 0
    assert page.evaluate("name => document.getElementById(name).getAnimations({subtree: true}).length", name) == 0
    assert [m for m in messages if not any(known in m for known in NOT_OURS)] == []
    page.context.close()


@pytest.mark.parametrize(("page_name", "name"), FIGURES)
def test_everything_in_a_figure_has_a_name_and_room_for_a_finger(
    chromium: Any, places: dict[str, str], page_name: str, name: str
) -> None:
    page = open_page(chromium, f"{places['server']}/{page_name}", 390)
    page.wait_for_selector(f"#{name}[data-started]")
    page.evaluate("name => document.querySelectorAll(`#${name} details`).forEach(d => { d.open = true; })", name)
    controls = page.evaluate(
        """name => [...document.querySelectorAll(`#${name} :is(select, input)`)].map(each => {
          const target = each.type === 'radio' ? each.closest('label') : each;
          return [each.id || each.name, each.labels.length, target.getBoundingClientRect().height];
        })""",
        name,
    )
    assert controls and [control for control in controls if control[1] < 1 or control[2] < 24] == []
    unnamed = "name => [...document.querySelectorAll(`#${name} svg[role=img]:not([aria-label], [aria-hidden])`)].length"
    assert page.evaluate(unnamed, name) == 0
    page.context.close()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(("page_name", "name"), FIGURES)
def test_without_javascript_the_picture_is_there(
    chromium: Any, places: dict[str, str], page_name: str, name: str, width: int
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{places['folder']}/{page_name}")
    image = page.locator(f"#{name} img")
    assert image.is_visible() and len(image.get_attribute("alt")) > 60
    box, stage = image.bounding_box(), page.locator(f"#{name} .interactive-stage").bounding_box()
    assert 300 < box["width"] <= width and box["height"] > 0.4 * box["width"]
    assert stage["height"] < box["height"] + 20, "room is kept for controls that never come"
    assert page.locator(f"#{name} :is(select, input)").count() == 0
    context.close()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(("page_name", "name"), FIGURES)
def test_nothing_moves_when_the_script_has_run(
    chromium: Any, places: dict[str, str], page_name: str, name: str, width: int
) -> None:
    heights = []
    for blocked in (True, False):
        context = chromium.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        if blocked:
            page.route("**/interactive/*.js*", lambda route: route.abort())
        page.goto(f"{places['server']}/{page_name}", wait_until="load")
        if not blocked:
            page.wait_for_selector(f"#{name}[data-started]")
        heights.append(page.locator(f"#{name}").bounding_box()["height"])
        context.close()
    assert heights[0] == pytest.approx(heights[1], abs=1)


TABLE = (
    """name => [...document.querySelectorAll(`#${name} tr`)].map(row => [...row.cells].map(cell => cell.textContent))"""
)


@pytest.mark.parametrize("made", [stability, low_data, parameters_calculator])
def test_the_page_says_what_the_notebook_says(chromium: Any, places: dict[str, str], made: Any) -> None:
    figure: InteractiveFigure = made()
    page_name = next(page for page, name in FIGURES if name == figure.name)
    page = open_page(chromium, f"{places['server']}/{page_name}", 1440)
    page.wait_for_selector(f"#{figure.name}[data-started]")
    chooser = next(control for control in figure.controls if control.name in ("view", "model"))
    state = figure.start
    for choice in chooser.choices({}):
        page.locator(f"#{figure.name}-{chooser.name}").select_option(choice)
        state = figure.settled(state | {chooser.name: choice})
        shown = figure.show(state)
        assert page.locator(f"#{figure.name} .interactive-sentence").text_content() == shown.sentence
        assert page.evaluate(TABLE, figure.name) == shown.table
    page.context.close()


def test_figures_add_little_to_a_page(book: Path) -> None:
    scripts = sum(path.stat().st_size for path in (book / "_static" / "interactive").iterdir())
    assert scripts < 60_000
    for page in PAGES:
        assert (book / page).stat().st_size + scripts < 700_000, page
