"""The book's other shapes, made of its pages: a PDF, an EPUB, a zip, Markdown. Nothing is executed for them."""

import re
import zipfile
from pathlib import Path
from posixpath import join, normpath

import archive
import downloads
import epub
import paper
import pdf
import pytest
import shapes
from browser import find_chromium
from lxml import etree, html
from pypdf import PdfReader

NAMESPACES = {"opf": "http://www.idpf.org/2007/opf", "x": "http://www.w3.org/1999/xhtml"}
MEGABYTE = 1_000_000
NO_PROSE = re.compile(r"^([> ]*)(```+).*?^\1\2|``.+?``|`[^`\n]+`|\$\$.*?\$\$|\$[^$]+\$", re.DOTALL | re.MULTILINE)


def fold(kind: str, summary: str, inside: str) -> str:
    return (
        f'<details class="{kind}"><summary>{summary}</summary><div class="sd-summary-content">{inside}</div></details>'
    )


CHAPTER = f"""<section id="a"><h1>Title<a class="headerlink" href="#a">#</a></h1>
<p>Which?</p> {fold("quiz-wrong", "This", "<p>No.</p>")} {fold("quiz-right", "That", "<p>Yes.</p>")}
<p>And?</p> {fold("quiz-right", "Both", "<p>Of course.</p>")}
{fold("hide", "Show", "<pre>x = 1</pre>")} <script>alert()</script></section>"""
SIDE = """<nav class="bd-links"><a href="#">Book</a><p>Before</p><a href="progress.html">Your progress</a>
<a href="chapters/one.html">1. One</a></nav>"""
PARTS = """<section><div class="toctree-wrapper"></div>
<div class="toctree-wrapper"><ul><li><a href="one.html">One</a></li></ul></div></section>"""


def test_answers_of_a_quiz_stand_at_the_end_of_the_chapter() -> None:
    body = paper.clean(paper.parse(CHAPTER).find("body"))
    assert [[paper.words(item) for item in choices] for choices in body.iter("ol")] == [["This", "That"], ["Both"]]
    section = body.find("section")
    assert section[-1].get("class") == "answers"
    assert [paper.words(item) for item in section[-1].iter("li")] == ["A ✗No.", "B ✓Yes.", "A ✓Of course."]
    assert "#" not in paper.words(section[0])
    assert "x = 1" in paper.words(body) and "Show" not in paper.words(body) and "alert" not in paper.words(body)


def test_pages_that_a_page_lists_are_listed_on_paper() -> None:
    body = paper.clean(paper.parse(PARTS).find("body"))
    assert [paper.words(item) for item in paper.of_class(body, "toctree-wrapper")] == ["One"]


def test_what_only_a_site_has_is_no_page_of_a_book_on_paper(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(SIDE)
    assert [*paper.contents(tmp_path)] == [("index", "", "Book"), ("chapters/one", "Before", "1. One")]


SOME = ("index", "chapters/soft-prompts", "chapters/prefix-tuning", "bibliography")  # the whole takes many minutes


@pytest.fixture(scope="module")
def printed(book: Path, tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    if find_chromium() is None:
        pytest.skip("there is no Chromium here (or set CHROMIUM to its path)")
    target = tmp_path_factory.mktemp("pdf") / "book.pdf"
    pdf.make(book, target, SOME)
    return PdfReader(target)


@pytest.fixture(scope="module")
def text(printed: PdfReader) -> list[str]:
    """Of each sheet, without the line breaks, which paper has and the book has not."""
    return [" ".join(sheet.extract_text().split()) for sheet in printed.pages]


@pytest.mark.slow
def test_the_pdf_has_a_bookmark_and_a_numbered_line_for_each_chapter(
    book: Path, printed: PdfReader, text: list[str]
) -> None:
    assert 30 < len(printed.pages) < 100
    places = {entry.title: printed.get_destination_page_number(entry) for entry in flat(printed.outline)}
    table = " ".join(text[1:8])
    titles = [title for name, _, title in paper.contents(book) if name in SOME]
    assert len(titles) == len(SOME)
    for title in titles:
        assert title in text[places[title]], f"the bookmark of {title!r} leads to another page"
        assert re.search(rf"{re.escape(title)} {places[title] + 1}\b", table), f"{title!r} has another number"


def flat(outline: list) -> list:
    return [entry for one in outline for entry in (flat(one) if isinstance(one, list) else [one])]


@pytest.mark.slow
def test_the_pdf_has_formulas_pictures_and_links(book: Path, printed: PdfReader, text: list[str]) -> None:
    everything = " ".join(text)
    assert "undefined" not in re.sub(r"undefined (behaviou?r|name)", "", everything)
    assert not re.search(r"\\(frac|operatorname|mathbb|theta)\b", everything), "a formula is printed as TeX"
    assert "𝜃" in everything or "θ" in everything
    pictures = sum(len(list(paper.pictures(page))) for page in paper.read(book) if page.name in SOME)
    drawn = sum(content(sheet).count(b" Do\n") for sheet in printed.pages)
    assert drawn >= pictures / 2, "figures are missing (drawings are lines, plots are pictures)"
    links = [note.get_object() for sheet in printed.pages for note in sheet.get("/Annots", [])]
    assert sum("/Dest" in link for link in links) > 50, "references lead to their place in the book"
    assert any(link.get("/A", {}).get("/URI", "").startswith("https://arxiv.org") for link in links)


def content(sheet: object) -> bytes:
    return sheet.get_contents().get_data()


@pytest.fixture(scope="module")
def electronic(book: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    target = tmp_path_factory.mktemp("epub") / "book.epub"
    epub.make(book, target)
    assert target.stat().st_size < 25 * MEGABYTE
    with zipfile.ZipFile(target) as files:
        first = files.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        return {name: files.read(name) for name in files.namelist()}


@pytest.mark.slow
def test_the_epub_lists_exactly_what_it_has(book: Path, electronic: dict[str, bytes]) -> None:
    package = etree.fromstring(electronic["EPUB/package.opf"])
    listed = package.xpath("//opf:item/@href", namespaces=NAMESPACES)
    there = {name.removeprefix("EPUB/") for name in electronic} - {"mimetype", "META-INF/container.xml", "package.opf"}
    assert len(listed) == len(set(listed)) and set(listed) == there
    spine = package.xpath("//opf:itemref/@idref", namespaces=NAMESPACES)
    assert spine == [epub.item_id(f"{name}.xhtml") for name, _, _ in paper.contents(book)]
    navigation = etree.fromstring(electronic["EPUB/nav.xhtml"])
    assert navigation.xpath("//x:nav//x:a/@href", namespaces=NAMESPACES) == [
        f"{name}.xhtml" for name, _, _ in paper.contents(book)
    ]


@pytest.mark.slow
def test_the_epub_s_pages_are_well_formed_and_lead_somewhere(electronic: dict[str, bytes]) -> None:
    trees = {name: etree.fromstring(data) for name, data in electronic.items() if name.endswith(".xhtml")}
    places = {name: set(tree.xpath("//@id")) for name, tree in trees.items()}
    for name, tree in trees.items():
        ids = tree.xpath("//@id")
        assert len(ids) == len(set(ids)), name
        for image in tree.xpath("//x:img", namespaces=NAMESPACES):
            assert image.get("alt"), f"{name}: {image.get('src')} has no text"
            inside = image.get("src").startswith("data:")  # in the page itself, as EPUB 3 allows
            assert inside or normpath(join(name, "..", image.get("src"))) in electronic
        for address in tree.xpath("//x:a/@href", namespaces=NAMESPACES):
            path, _, place = address.partition("#")
            if not re.match(r"[a-z]+:", address):
                target = normpath(join(name, "..", path)) if path else name
                assert target in places and (not place or place in places[target]), f"{name}: {address}"
        assert not tree.xpath("//x:script|//x:button|//x:input", namespaces=NAMESPACES), name
        for formula in tree.xpath("//x:*[contains(@class, 'math ')]", namespaces=NAMESPACES):
            assert formula.xpath("*[local-name() = 'math']"), f"{name}: {etree.tostring(formula)[:200]}"


@pytest.mark.slow
def test_the_zip_and_the_epub_are_the_same_bit_for_bit_when_made_again(book: Path, tmp_path: Path) -> None:
    for make in (archive.make, epub.make):
        make(book, tmp_path / "one")
        make(book, tmp_path / "two")
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.slow
def test_each_page_has_its_markdown_and_llms_txt_lists_it(book: Path) -> None:
    listed = dict(re.findall(r"^- \[(.+)\]\((\S+)\)", (book / "llms.txt").read_text(encoding="utf8"), re.MULTILINE))
    assert listed == {title: f"markdown/{name}.md" for name, _, title in paper.contents(book)}
    assert {path.relative_to(book).as_posix() for path in book.glob("markdown/**/*.md")} == set(listed.values())
    for title, path in listed.items():
        text = (book / path).read_text(encoding="utf8")
        assert text.startswith("# ") and title.lstrip("0123456789. ") in text.split("\n")[0]
        assert text.count("\n```") % 2 == 0, f"{path}: a block of code is not closed"
        prose = NO_PROSE.sub("", text)
        assert not re.search(r"\{(doc|term|cite|ref|numref|eq)[:\w]*\}|:::|</?(div|span|p)\b", prose), path
        for target in re.findall(r"\]\(([^)#:\s]+\.(?:md|png|svg))\)", prose):
            assert ((book / path).parent / target).is_file(), f"{path}: {target}"


@pytest.mark.slow
def test_a_chapter_s_markdown_has_code_outputs_formulas_and_answers(book: Path) -> None:
    text = (book / "markdown" / "chapters" / "soft-prompts.md").read_text(encoding="utf8")
    assert "```python\n" in text and "```text\n✓ " in text
    assert r"p_\phi\bigl(y \mid [P_e; X_e]\bigr)" in text and r"\tag{4.1}" in text
    assert "**Solution to Exercise" in text and "**B ✓**" in text
    assert re.search(r"!\[[^]]{30,}\]", text), "figures are told by their texts"


@pytest.mark.slow
def test_what_is_of_others_has_its_licence(book: Path) -> None:
    lines = (book / "licences" / "README.txt").read_text(encoding="utf8").partition("\n\n")[2].splitlines()
    files = [line.rpartition(": ")[2] for line in lines]
    assert sorted(files) == sorted(path.name for path in (book / "licences").iterdir() if path.name != "README.txt")
    assert all(len((book / "licences" / name).read_text(encoding="utf8")) > 500 for name in files)
    assert {"Sphinx.txt", "pydata-sphinx-theme.txt", "sphinx-book-theme.txt", "sphinx_design.txt"} <= set(files)
    assert "Font Awesome" in (book / "licences" / "pydata-sphinx-theme.txt").read_text(encoding="utf8")


def test_the_first_page_links_the_shapes_that_are_there(tmp_path: Path) -> None:
    mark = '<p><span class="shape" data-file="downloads/book.pdf">a PDF</span></p>'
    (tmp_path / "index.html").write_text(mark)
    shapes.link(tmp_path)
    assert (tmp_path / "index.html").read_text() == mark, "what is not there is named, not linked"
    (tmp_path / "book.pdf").write_text("%PDF")
    (tmp_path / "site").mkdir()
    (tmp_path / "index.html").rename(tmp_path / "site" / "index.html")
    downloads.publish(tmp_path / "site", (tmp_path / "book.pdf",))
    page = (tmp_path / "site" / "index.html").read_text()
    assert html.fromstring(page).xpath("//a/@href") == ["downloads/book.pdf"]
    assert shapes.linked(page, set()) == mark
