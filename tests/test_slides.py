"""Slides are cut out of a chapter's page: what is shown, what becomes notes, and that a deck stands alone."""

import re
from pathlib import Path

import pytest
from lxml import html
from paper import clean, words
from slide_cuts import ROOM, Slide, cut, lists, with_claims
from slide_pieces import first_sentences, height
from slides import make

PAGE = """<article class="bd-article"><section id="rows"><h1>1. Rows</h1>
<p>This chapter goes on from words.</p>
<div class="tip admonition"><p class="admonition-title">This chapter</p><p><strong>Afterwards you can</strong></p>
<ul><li><p>write a row;</p></li></ul><p><strong>Time to read</strong> about five minutes.</p></div>
<section id="a-row"><h2>1.1. A row</h2>
<p>A row is a vector that stands in front of a text, and nobody has written it; a gradient has.
It costs little. {long}</p>
<p>In one formula:</p>
<div class="math"><math><mi>P</mi></math></div>
<p>Left out.</p>
<div class="cell"><div class="cell_input"><div class="highlight"><pre>a = 1\nb = 2\nprint(a + b)</pre></div></div>
<div class="cell_output"><div class="output stream"><div class="highlight"><pre>3</pre></div></div></div></div>
<p>It looks so.</p>
<div class="cell"><div class="cell_output"><figure id="fig"><img src="row.png" alt="A row of boxes.">
<figcaption><p>Fig. 1.1 A row.</p></figcaption></figure>
<div class="output stream"><pre>✓ a row is < a text\nand more</pre></div></div></div></section>
<section id="summary"><h2>1.2. Summary</h2><ul><li><p>A row is a row.</p></li></ul></section>
<section id="quiz"><h2>1.3. Quiz</h2><p><strong>1. What is a row?</strong></p>
<details class="quiz-wrong"><summary>A word</summary><div class="sd-summary-content"><p>No.</p></div></details>
<details class="quiz-right"><summary>A vector</summary><div class="sd-summary-content"><p>Yes.</p></div></details>
</section><section id="exercises"><h2>1.4. Exercises</h2><ul><li>1.1 Write a row</li></ul></section>
</section></article>"""


@pytest.fixture
def slides() -> list[Slide]:
    page = PAGE.replace("✓ a row is <", "✓ a row is &lt;").format(long="It can be long. " * 20)
    return cut(clean(html.fromstring(page)))


def shown(slide: Slide) -> str:
    return " ".join(map(words, slide.shown))


def said(slide: Slide) -> str:
    return " ".join(map(words, slide.notes))


def test_a_deck_promises_shows_measures_sums_up_and_asks(slides: list[Slide]) -> None:
    titles = ["1. Rows", "Afterwards you can", *["1.1. A row"] * 4, "Summary"]
    titles += ["Quiz", "Quiz · the answer", "Exercises"]
    assert [slide.title for slide in slides] == titles


def test_prose_that_is_not_shown_is_in_the_notes_of_what_it_leads_to(slides: list[Slide]) -> None:
    section = slides[2:6]
    assert shown(section[0]).endswith("It costs little. It can be long. It can be long.")
    assert said(section[0]).count("It can be long.") == 20
    assert shown(section[1]) == "In one formula: P"
    assert said(section[2]) == "Left out."
    assert said(section[3]) == "It looks so."


def test_what_is_shown_whole_is_not_repeated_in_the_notes(slides: list[Slide]) -> None:
    assert shown(slides[0]) == "This chapter goes on from words." and slides[0].notes == []


def test_code_stands_above_what_it_printed_and_claims_are_told_from_other_lines(slides: list[Slide]) -> None:
    assert shown(slides[4]) == "Left out. a = 1 b = 2 print(a + b) 3"
    assert words(slides[5].shown[1]) == "a row is < a text"
    many = with_claims("Rows", slides[:1], [f"✓ claim {n}" for n in range(15)])
    assert [slide.title for slide in many] == ["1. Rows", "Rows · measured", "Rows · measured"]


def test_a_figure_keeps_its_text_and_its_caption(slides: list[Slide]) -> None:
    figure = slides[5].shown[0]
    assert figure.find("img").get("alt") == "A row of boxes." and words(figure) == "Fig. 1.1 A row."


def test_the_answer_to_a_question_comes_a_slide_later(slides: list[Slide]) -> None:
    question, answer = slides[7:9]
    assert [words(item) for item in question.shown[1]] == ["A word", "A vector"]
    assert [words(item) for item in answer.shown[0]] == ["A ✗No.", "B ✓Yes."]


def test_a_list_that_is_too_long_is_divided_evenly() -> None:
    whole = html.fromstring("<ul>" + "<li>An item.</li>" * 23 + "</ul>")
    parts = [slide.shown[0] for slide in lists("Items", [whole])]
    assert sum(map(len, parts)) == 23 and max(map(len, parts)) - min(map(len, parts)) <= 1
    assert all(height(part) <= ROOM for part in parts)


def test_a_first_sentence_keeps_its_formulas_and_ends_where_a_sentence_does() -> None:
    start = (
        "A sentence that has a formula in it, and that is long enough to stand alone on a slide of any deck, says that "
    )
    short = first_sentences(
        html.fromstring(f"<p>{start}<math><mi>x</mi></math> is a number that has no name. Next.</p>")
    )
    assert words(short) == f"{start}x is a number that has no name." and short.find("math") is not None


def test_a_deck_of_the_book_is_one_file_that_asks_for_nothing(book: Path, tmp_path: Path) -> None:
    (path,) = make(book, tmp_path, "chapters/soft-prompts")
    deck = html.document_fromstring(path.read_text(encoding="utf8"))
    assert path.name == "soft-prompts.html" and deck.findtext(".//title") == "4. Soft prompts: slides"
    assert not re.search(r'(src|href)="(?!data:|https://)', html.tostring(deck, encoding="unicode"))
    assert not deck.xpath("//script[@src] | //link | //*[starts-with(@src, 'http')]")
    assert all(image.get("alt") for image in deck.iter("img"))
    assert deck.xpath("//*[local-name()='math']") and "url(" not in re.sub(
        r'url\("data:[^"]*"\)', "", deck.findtext(".//style")
    )
    ids = deck.xpath("//@id")
    assert len(ids) == len(set(ids))
