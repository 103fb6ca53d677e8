"""What the reader does on a page: answer, mark, look up, search. By keyboard, and without losing anything."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import browser, find_chromium, served
from looking import WIDE, watch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here (or set CHROMIUM to its path)"),
]
CHAPTER = "chapters/soft-prompts.html"
TASKS = "exercises/04-soft-prompts.html"
NO_STORAGE = (
    "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied'); }, configurable: true})"
)
FOCUS = """() => {
  const style = getComputedStyle(document.activeElement);
  return {name: document.activeElement.tagName, shown: style.outlineStyle !== "none" || style.boxShadow !== "none"};
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(book: Path) -> Iterator[str]:
    with served(book) as opened:
        yield opened


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    """A window of its own, which remembers nothing."""
    context = chromium.new_context(viewport=WIDE)
    yield context.new_page()
    context.close()


def press(page: Any, locator: Any, key: str) -> None:
    locator.focus()
    page.keyboard.press(key)


def test_an_answer_says_whether_it_is_right_and_is_remembered(page: Any, address: str) -> None:
    page.goto(f"{address}/{CHAPTER}")
    first = page.locator(".quiz").first
    choices, said = first.locator("button"), first.locator("[role=status]")
    press(page, choices.nth(0), "Enter")
    assert said.text_content().startswith("Not this one. No row of")
    assert "Not this one" in choices.nth(0).text_content()
    press(page, choices.nth(1), "Space")
    assert said.text_content().startswith("Right. ")
    page.reload()
    assert page.locator(".quiz").first.locator("[aria-expanded=true]").count() == 2
    assert page.locator(".quiz").nth(1).locator("[aria-expanded=true]").count() == 0
    page.goto(f"{address}/progress.html")
    assert "1 of 4" in page.get_by_role("row", name="Soft prompts").first.text_content()


def test_without_scripts_the_quiz_is_there_and_each_answer_unfolds(chromium: Any, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    answer = page.locator("details.quiz-right").first
    answer.locator("summary").click()
    assert answer.locator(".sd-summary-content").is_visible()
    context.close()


def test_what_is_read_and_done_is_kept_shown_and_forgotten(page: Any, address: str) -> None:
    page.goto(f"{address}/{CHAPTER}")
    press(page, page.get_by_label("I have read this chapter"), "Space")
    assert page.locator(".bd-docs-nav .course-read").count() == 1
    page.goto(f"{address}/{TASKS}")
    assert page.locator(".bd-docs-nav .course-read").count() == 1
    tasks = page.locator(".course-mark input")
    assert tasks.count() == page.locator("[id^=exercise-]").count() > 0
    press(page, tasks.first, "Space")
    page.goto(f"{address}/progress.html")
    rows = page.get_by_role("row")
    assert "✓ read" in rows.filter(has_text="4. Soft prompts").first.text_content()
    assert f"1 of {tasks_on(page)}" in rows.filter(has_text="Exercises 4").text_content()
    press(page, page.get_by_role("button", name="Forget everything"), "Enter")
    assert page.evaluate("localStorage.getItem('course-progress')") is None
    assert page.get_by_text("Everything is forgotten.").is_visible()
    assert page.locator(".course-read").count() == 0 and "✓" not in page.locator("table").text_content()


def tasks_on(page: Any) -> int:
    return page.evaluate("coursePages.find((p) => p.page.startsWith('exercises/04')).tasks")


def test_a_browser_that_forbids_storage_shows_the_book_all_the_same(page: Any, address: str) -> None:
    heard = watch(page, address)
    page.add_init_script(NO_STORAGE)
    page.goto(f"{address}/{CHAPTER}")
    press(page, page.locator(".quiz button").nth(1), "Enter")
    press(page, page.get_by_label("I have read this chapter"), "Space")
    assert page.locator(".quiz [data-kind=right]").count() == 1
    assert page.locator(".course-read").count() == 1
    assert heard == {"messages": [], "outside": []}


def test_a_chapter_read_from_a_disk_is_whole(page: Any, book: Path) -> None:
    heard = watch(page, book.as_uri())
    page.goto(f"{book.as_uri()}/{CHAPTER}")
    press(page, page.locator(".quiz button").nth(1), "Enter")
    page.locator(".bd-article a[href*='#term-']").first.hover()
    page.wait_for_timeout(500)
    page.wait_for_function("localStorage.getItem('course-progress')")
    page.goto(f"{book.as_uri()}/progress.html")
    for _ in range(60):  # what another process has written may be late
        if "1 of 4" in page.locator("table").text_content():
            break
        page.wait_for_timeout(500)
        page.reload()
    assert "1 of 4" in page.locator("table").text_content()
    page.goto(f"{book.as_uri()}/search.html?q=num_virtual_tokens")
    page.locator("#search-results li").first.wait_for()
    assert heard == {"messages": [], "outside": []}


def test_the_first_stop_skips_to_the_text_and_every_stop_is_seen(page: Any, address: str) -> None:
    page.goto(f"{address}/{CHAPTER}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main-content"
    stops = []
    for _ in range(12):
        stops.append(page.evaluate(FOCUS))
        page.keyboard.press("Tab")
    assert [stop for stop in stops if not stop["shown"]] == []


@pytest.mark.parametrize("target", ["#term-", "#equation-", "bibliography.html#", "chapters/searching-for-words.html"])
def test_a_link_shows_what_it_leads_to_until_escape(page: Any, address: str, target: str) -> None:
    page.goto(f"{address}/{CHAPTER}")
    link = page.locator(f".bd-article a.reference.internal[href*='{target.removeprefix('chapters/')}']").first
    page.keyboard.press("Tab")  # from here on the focus is the keyboard's
    link.focus()
    preview = page.get_by_role("tooltip")
    preview.wait_for()
    assert len(preview.text_content().strip()) > 10
    assert link.get_attribute("aria-describedby") == preview.get_attribute("id")
    page.keyboard.press("Escape")
    assert preview.count() == 0 and link.get_attribute("aria-describedby") is None


@pytest.mark.parametrize("asked", ["num_virtual_tokens", "from_soft_prompt", "P_θ"])
def test_the_search_finds_names_of_code_and_of_formulas(page: Any, address: str, asked: str) -> None:
    page.goto(f"{address}/search.html?q={asked}")
    page.locator("#search-results a[href*='chapters/prefix-tuning.html']").first.wait_for()
    assert "chapters/prefix-tuning.html" in page.locator("#search-results").inner_html()


def test_who_wants_no_motion_gets_none(chromium: Any, address: str) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    slow = (
        "[...document.querySelectorAll('*')].filter((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0.001)"
    )
    assert page.evaluate(f"{slow}.length") == 0
    context.close()
