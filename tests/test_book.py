"""The book as a whole: notebooks are canonical, pages build without a warning, formulas need no internet."""

import re
from pathlib import Path

import notebooks
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def chapters() -> list[str]:
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


@pytest.mark.parametrize("name", chapters())
def test_every_page_of_the_contents_exists(name: str) -> None:
    assert any((ROOT / "book" / name).with_suffix(suffix).exists() for suffix in (".md", ".ipynb"))


def prose(name: str) -> str:
    cells = notebooks.read(ROOT / "book" / f"{name}.ipynb").cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


CHAPTERS = [name for name in chapters() if name.startswith("chapters/")]


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_chapter_says_what_it_is_for_and_what_it_costs(name: str) -> None:
    opening = prose(name).split("\n## ")[0]
    assert re.search(r"^# \S", opening)
    assert "**Afterwards you can**" in opening and "**Time to read** about" in opening
    assert f"{{cost}}`{Path(name).name}`" in opening


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_chapter_ends_as_every_chapter_does(name: str) -> None:
    headings = re.findall(r"^## (.+)$", prose(name), re.MULTILINE)
    assert "What can go wrong" in headings
    summary = headings.index("Summary")
    assert headings[summary : summary + 4] == ["Summary", "Quiz", "Exercises", "Further reading"]


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_question_of_the_quiz_has_one_right_answer_and_a_word_on_every_answer(name: str) -> None:
    quiz = re.search(r"^## Quiz$(.+?)^## ", prose(name), re.MULTILINE | re.DOTALL)
    assert quiz is not None
    questions = re.split(r"^\*\*\d\. ", quiz[1], flags=re.MULTILINE)[1:]
    assert 3 <= len(questions) <= 5
    for question in questions:
        answers = re.findall(
            r":::+\{dropdown\} (.+?)\n:class-container: (quiz-\w+)\n(.+?)^:::+$", question, re.M | re.S
        )
        kinds = [kind for _, kind, _ in answers]
        assert len(answers) == question.count("{dropdown}") >= 3, question
        assert kinds.count("quiz-right") == 1 and kinds.count("quiz-wrong") == len(kinds) - 1, question
        assert all(len(feedback.split()) >= 4 for _, _, feedback in answers), question


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.name)
def test_the_notebook_is_canonical(path: Path) -> None:
    assert notebooks.problems(path) == []


@pytest.mark.parametrize("path", notebooks.all_notebooks(), ids=lambda path: path.name)
def test_the_notebook_stays_canonical_when_written_again(path: Path) -> None:
    once = notebooks.canonical(notebooks.read(path))
    assert notebooks.canonical(once) == once


@pytest.mark.slow
def test_the_book_builds_without_a_warning_and_loads_nothing_from_elsewhere(book: Path) -> None:
    for name in chapters():
        page = (book / name).with_suffix(".html").read_text(encoding="utf8")
        loaded = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="https?://[^>]+>', page)
        assert [tag for tag in loaded if 'rel="canonical"' not in tag] == []  # which says where the page is, no more
