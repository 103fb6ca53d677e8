"""The playground in a real browser: over HTTP and from the disk, by keyboard, on a telephone, with torch's numbers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import playground
import pytest
import torch
from browser import browser, find_chromium, served
from playground_experiments import DOG, EXPERIMENTS, GERMAN, SHIP

from peft_course import Prefix, load_lm, load_prompt

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here (or set CHROMIUM to its path)"),
]
EMBEDDED = ("chapters/hard-prompts", "chapters/soft-prompts", "chapters/prefix-tuning")
WITHOUT_WORKER = {
    "there are none": "delete window.Worker",
    "they fail to start": """window.Worker = class {
        constructor() { setTimeout(() => this.onerror(new Event('error'))) }
        postMessage() {}
    }""",
}
LOGITS = """async ([tokens, name]) => {
    const content = await new Promise((done) => {
        playground.receive = done;
        const script = document.createElement('script');
        script.src = new URL('course-gpt.js', document.querySelector('script[src*="playground/engine.js"]').src);
        document.head.append(script);
    });
    return new playground.Engine(content).logits(tokens, name).map((row) => Array.from(row));
}"""


@pytest.fixture(scope="module")
def lm() -> Any:
    return load_lm("course-gpt")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module", params=["http", "file"])
def address(request: pytest.FixtureRequest, book: Path) -> Iterator[str]:
    """Where the book's pages are, served and on the disk."""
    if request.param == "file":
        yield book.as_uri()
        return
    with served(book) as found:
        yield found


@pytest.fixture
def opened(chromium: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens a page; in the end, nothing may have come from elsewhere and nothing may have gone wrong."""
    requests: list[str] = []
    messages: list[str] = []
    contexts = []

    def open_page(name: str = "playground", script: str = "", width: int = 1280, **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('mode', 'light'); {script}")  # or the theme complains
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda each: requests.append(each.url))
        page.on("console", lambda each: messages.append(each.text) if each.type == "error" else None)
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(f"{address}/{name}.html")
        return page

    open_page.requests = requests  # type: ignore[attr-defined]
    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith((address, "blob:", "data:"))] == []
    assert messages == []


def written(page: Any, place: str = "A", number: int = 0) -> str:
    """Presses Write and waits; gives the answer."""
    form = page.locator(".playground").nth(number)
    form.locator("button").click()
    page.wait_for_function(
        "(form) => form.ariaBusy !== 'true' && form.querySelector('[role=status]').textContent.includes('second')",
        arg=form.element_handle(),
    )
    return form.locator(f".pg-result[data-place={place}] .pg-answer").text_content()


def logits_in(page: Any, tokens: list[int], name: str) -> np.ndarray:
    return np.array(page.evaluate(LOGITS, [tokens, name]))


@pytest.mark.parametrize("name", ["", "translate-soft", "house-style"])
def test_logits_in_the_browser_are_those_of_torch(name: str, lm: Any, opened: Callable) -> None:
    tokens = lm.encode(SHIP)
    prompt = load_prompt(playground.FOLDER / name, lm) if name else None
    with torch.no_grad():
        expected = lm.logits(torch.tensor([tokens]), prompt=prompt)[0].numpy()
    np.testing.assert_allclose(logits_in(opened(), tokens, name), expected, atol=2e-3, rtol=0)


def test_the_page_shows_the_probabilities_of_torch(lm: Any, opened: Callable) -> None:
    page = opened()
    written(page)
    with torch.no_grad():
        logits = lm.logits(torch.tensor([lm.encode(GERMAN.replace("{x}", DOG))]))[0, -1]
    top = logits.softmax(dim=-1).topk(5)
    rows = page.locator("[data-place=A] .pg-likeliest tr")
    shown = [rows.nth(i).locator(".pg-name").text_content() for i in range(5)]
    assert shown == [f"‘{lm.decode([token])}’" for token in top.indices]
    assert float(rows.nth(0).locator(".pg-number").text_content().split()[0]) == pytest.approx(
        100 * top.values[0].item(), abs=0.1
    )


def test_it_is_operated_by_the_keyboard_alone(opened: Callable) -> None:
    page = opened()
    keys = page.keyboard

    def tab_to(name: str, place: str = "") -> None:
        for _ in range(80):
            keys.press("Tab")
            at = page.evaluate(
                "[document.activeElement.name, document.activeElement.closest('[data-place]')?.dataset.place ?? '']"
            )
            if at == [name, place]:
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
        raise AssertionError(f"no Tab leads to {name!r} {place}")

    tab_to("example")
    tab_to("input")
    tab_to("wording", "A")
    tab_to("words", "A")
    keys.press("Control+A")
    keys.type("Today: {x}")
    keys.press("Enter")
    keys.type("Yesterday:")
    tab_to("trained", "B")
    keys.type("prefix, 10 rows: tr")
    tab_to("on", "B")
    keys.press("Control+Enter")
    answers = page.locator(".pg-answer")
    page.wait_for_function("document.querySelector('.playground [role=status]').textContent.includes('B: ')")
    assert answers.all_text_contents() == ["The old dog saw a cat.", "Der alte Hund sieht eine Katze."]
    keys.press("Space")  # off; the answer follows without another key
    page.wait_for_function(
        "document.querySelectorAll('.pg-answer')[1].textContent.startsWith('-> German: Der alte Hund')"
    )
    tab_to("step", "A")
    before = page.locator("[data-place=A] .pg-likeliest .pg-name").all_text_contents()
    keys.press("ArrowRight")
    assert page.locator("[data-place=A] .pg-step").text_content().startswith("2 of ")
    assert page.locator("[data-place=A] .pg-likeliest .pg-name").all_text_contents() != before


def test_the_experiments_come_out_as_the_page_says(opened: Callable) -> None:
    page = opened()
    for experiment in EXPERIMENTS:
        page.locator("[name=trained]").first.select_option(experiment.trained)
        page.locator("[name=words]").first.fill(experiment.words)
        page.locator("[name=input]").fill(experiment.input)
        assert written(page) == experiment.answer, experiment


def test_nothing_is_fetched_before_somebody_asks(opened: Callable) -> None:
    page = opened()
    page.wait_for_load_state("networkidle")
    assert not [url for url in opened.requests if "course-gpt.js" in url]
    written(page)
    assert len([url for url in opened.requests if "course-gpt.js" in url]) == 1
    assert len(page.workers) == 1


@pytest.mark.parametrize("case", WITHOUT_WORKER)
def test_it_runs_in_the_page_where_workers(case: str, opened: Callable) -> None:
    page = opened(script=WITHOUT_WORKER[case])
    assert written(page) == "Der alte Hund sieht eine Katze."
    assert not page.workers


@pytest.mark.parametrize("width", [390, 1280])
def test_an_answer_moves_nothing_and_overflows_nothing(width: int, opened: Callable) -> None:
    page = opened(width=width)
    box = "['offsetWidth', 'offsetHeight'].map((side) => document.querySelector('.playground')[side])"
    before = page.evaluate(box)
    written(page)
    assert page.evaluate(box) == before
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_a_refusal_is_shown_and_the_next_question_answered(opened: Callable) -> None:
    page = opened()
    page.locator("[name=words]").first.fill("no place for the input")
    page.locator(".playground button").click()
    page.wait_for_function("document.querySelector('.pg-answer').textContent.includes('the slot {x} 0 times')")
    page.locator("[name=words]").first.fill(GERMAN)
    assert written(page) == "Der alte Hund sieht eine Katze."


def test_ones_own_prompt_runs(lm: Any, opened: Callable, tmp_path: Path) -> None:
    prefix = Prefix.from_text(lm, "English: I see the dog. German: Ich sehe den Hund. English:")
    prefix.save_pretrained(tmp_path)
    page = opened()
    page.locator("[name=file]").set_input_files(tmp_path / "adapter_model.safetensors")
    page.locator("[name=trained]").first.select_option("own")
    assert written(page) == lm.generate([DOG], prompt=prefix)[0]
    page.locator("[name=file]").set_input_files(playground.MODEL / "model.safetensors")
    page.wait_for_function("document.querySelector('.playground [role=status]').textContent.includes('no prompt')")


def test_every_control_has_a_label_and_answers_are_announced(opened: Callable) -> None:
    page = opened()
    names = page.locator(".playground :is(input, select, textarea)").evaluate_all(
        "(controls) => controls.filter((each) => !each.labels.length).map((each) => each.name)"
    )
    assert names == []
    written(page)
    assert "Der alte Hund sieht eine Katze." in page.get_by_role("status").text_content()


def test_bars_stand_still_for_readers_who_want_no_motion(opened: Callable) -> None:
    page = opened(reduced_motion="reduce")
    lasts = page.evaluate("getComputedStyle(document.querySelector('.pg-bar span')).transitionDuration")
    assert float(lasts.removesuffix("s")) < 0.001


def test_without_javascript_a_sentence_stands_there(opened: Callable) -> None:
    page = opened(java_script_enabled=False)
    assert "needs JavaScript" in page.locator(".playground noscript").inner_text()
    assert not page.locator(".playground form").is_visible()


@pytest.mark.parametrize("chapter", EMBEDDED)
def test_the_chapter_has_a_small_one(chapter: str, opened: Callable) -> None:
    page = opened(chapter, width=390)
    assert written(page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
