"""Moodle's worksheet and Canvas's gradebook: our grades are in, nothing else changed, what found no place is named."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from peft_course.cli import main
from peft_course.grading.classroom.gradebook import Mark, as_json
from peft_course.grading.places import canvas, filled, moodle
from peft_course.grading.places.table import Table

EXERCISE = "04-soft-prompts"
# The columns of a worksheet, by Moodle's mod/assign/gradingtable.php: some depend on the assignment's settings.
MOODLE = [
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed",
    "Last modified (submission)", "Last modified (grade)", "Feedback comments",
]  # fmt: skip
READ_BACK = {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"}  # by its importgradeslib.php
# The columns of a gradebook, by Canvas's lib/gradebook_exporter.rb.
CANVAS = [
    "Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Soft prompts (901)", "Prefixes (902)",
    "Assignments Current Score", "Current Score", "Final Score",
]  # fmt: skip
POSSIBLE = ["    Points Possible", "", "", "", "", "100.00", "8.00", "(read only)", "(read only)", "(read only)"]


def mark(learner: str = "Ada Lovelace (77)", points: float = 7, **fields: Any) -> Mark:
    task = {"number": "4.1", "title": "how many", "points": 1, "out_of": 1, "seconds": 0.1, "hint": None}
    known = {"exercise": EXERCISE, "out_of": 8, "file": f"{learner}.ipynb", "tasks": [task | {"feedback": "passed"}]}
    return Mark(learner=learner, points=points, **(known | fields))


REFUSED: dict[str, Any] = {
    "exercise": "",
    "points": 0,
    "out_of": 0,
    "tasks": [],
    "refused": "=x.ipynb is <no> notebook",
}


def person(number: int, grade: str = "", comments: str = "", changed: str = "Yes", name: str = "Ada") -> list[str]:
    when = "Wednesday, 10 June 2026, 2:14 PM"
    mail, status = f"{number}@example.edu", "Submitted for grading"
    return [f"Participant {number}", name, mail, status, grade, "100.00", changed, when, "-", comments]


def table(rows: list[list[str]], separator: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue()


def sheet(tmp_path: Path, *rows: list[str], header: list[str] = MOODLE) -> Path:
    path = tmp_path / "worksheet.csv"
    path.write_bytes(b"\xef\xbb\xbf" + table([header, *rows]).encode())
    return path


def book(tmp_path: Path, *rows: list[str], header: list[str] = CANVAS) -> Path:
    path = tmp_path / "gradebook.csv"
    path.write_bytes(table([header, POSSIBLE, *rows], end="\n").encode())
    return path


def student(number: int, *scores: str, name: str = "Lovelace, Ada") -> list[str]:
    return [name, str(number), f"sis{number}", f"login{number}", "Section 1", *scores, "90", "90", "90"]


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


# -- the table --------------------------------------------------------------------------------------------------------
@given(st.text(min_size=1).filter(str.strip), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_a_table_in_which_nothing_is_put_keeps_every_byte(tmp_path_factory: Any, text: str, mark: bytes) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(mark + text.encode("utf8", "replace"))
    try:
        ours = Table.read(path)
    except ValueError as error:
        assume("a quote is opened and not closed" not in str(error))
        raise
    assert ours.content() == path.read_bytes()


cells = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"), max_size=8
)


@given(
    st.lists(st.lists(cells, min_size=3, max_size=3), min_size=2, max_size=4), cells, st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)  # fmt: skip
def test_what_is_put_is_read_back_and_the_other_cells_stay(
    tmp_path_factory: Any, rows: list[list[str]], new: str, separator: str, end: str, encoding: str
) -> None:
    rows = [["Identifier", "Grade", "Other"], *rows]
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(table(rows, separator, end).encode(encoding))
    ours = Table.read(path)
    ours.put(1, 1, new)
    rows[1][1] = new
    again = ours.content().decode(encoding)
    assert list(csv.reader(io.StringIO(again, newline=""), delimiter=separator)) == rows
    assert ours.content().startswith(path.read_bytes()[:2]) and again.endswith(end)


def test_an_old_encoding_stays_and_a_letter_that_it_lacks_becomes_a_reference(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("Identifier,Grade\nÉmile,\n".encode("latin-1"))
    ours = Table.read(tmp_path / "t.csv")
    ours.put(1, 1, "→ é")
    assert ours.content() == "Identifier,Grade\nÉmile,&#8594; é\n".encode("latin-1")


# -- Moodle -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_worksheet_is_filled_and_all_else_is_the_same_to_the_byte(
    tmp_path: Path, begin: bytes, end: str, separator: str
) -> None:
    def sheet_with(*ours: str) -> bytes:
        ada = separator.join(
            ["Participant 77", '"Ada ""the first"""', "GRADE", "100,00", f'"a{end}b"', "TEXT"],
        )
        rest = f"{end}Participant 78{separator} Bob {separator}{separator}100{separator}{separator}{end}"
        names = separator.join(
            ["Identifier", "Full name", "Grade", "Maximum Grade", "Online text", "Feedback comments"]
        )
        max_grade = ada.replace("100,00", '"100,00"')
        return begin + (f"{names}{end}{max_grade}{rest}").replace("GRADE", ours[0]).replace("TEXT", ours[1]).encode()

    path = tmp_path / "w.csv"
    path.write_bytes(sheet_with("", ""))
    comment = moodle.comment(mark())
    assert not set(comment) & set(',;\t"\r\n')  # else it would be in quotes
    assert moodle.fill(path, [mark()]) == filled.Filled(sheet_with("87.5", comment), 1, ())


def test_only_what_moodle_reads_back_is_written(tmp_path: Path) -> None:
    path = sheet(tmp_path, person(77, name="=HYPERLINK(1)"), person(78))
    before, after = read(path.read_bytes()), read(moodle.fill(path, [mark()]).content)
    changed = {
        column for old, new in zip(before, after, strict=True) for column in MOODLE if old[column] != new[column]
    }
    assert changed == {"Grade", "Feedback comments"} <= READ_BACK
    assert re.fullmatch(r"\d+(\.\d+)?", after[0]["Grade"]) and after[1]["Grade"] == ""


def test_no_cell_of_ours_is_a_formula_or_markup(tmp_path: Path) -> None:
    evil = {"number": "4.1", "title": "t", "points": 0, "out_of": 1, "feedback": "=1+1\n<script>x</script>"}
    for each in (mark(tasks=[evil]), mark(**REFUSED), mark(late="=late", deduction=1)):
        text = moodle.comment(each)
        assert not text.startswith(("=", "+", "-", "@")) and "\n" not in text and "<script" not in text
    assert "=1+1<br>&lt;script&gt;" in moodle.comment(mark(tasks=[evil]))
    (row,) = read(moodle.fill(sheet(tmp_path, person(77)), [mark(**REFUSED)]).content)
    assert row["Grade"] == "" and row["Feedback comments"].startswith("<p>Not graded: =x.ipynb is &lt;no&gt;")


def test_what_stands_there_already_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    path = sheet(tmp_path, person(77, grade="90.00", comments="<p>By hand</p>"))
    kept = moodle.fill(path, [mark()])
    assert kept.content == path.read_bytes() and kept.grades == 0
    assert kept.notes == ("Ada Lovelace (77): Grade is '90.00' already, and stays (--replace takes ours)",)
    (row,) = read(moodle.fill(path, [mark()], replace=True).content)
    assert row["Grade"] == "87.5" and "7 of 8 points" in row["Feedback comments"]
    again = sheet(tmp_path, person(77, grade="87.50", comments=moodle.comment(mark())))
    assert moodle.fill(again, [mark()]) == filled.Filled(again.read_bytes(), 1, ())


def test_whatever_finds_no_place_is_named(tmp_path: Path) -> None:
    path = sheet(tmp_path, person(77, changed="No"), ["Participant 78", "short"])
    ours = [mark(), mark("Bob (78)"), mark("Eve (99)"), mark("nobody in particular")]
    result = moodle.fill(path, ours)
    assert result.content == path.read_bytes() and result.grades == 0
    for words in (
        "(77): the grade cannot be changed",
        "(78): the row has fewer",
        "Eve (99): no row",
        "nobody in particular: no",
    ):
        assert sum(words in note for note in result.notes) == 1
    assert len(result.notes) == 4


def test_a_file_that_is_no_worksheet_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'no grading worksheet: it needs the columns "Identifier" and "Grade"'):
        moodle.fill(sheet(tmp_path, header=["Vollständiger Name", "Bewertung"]), [])
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(ValueError, match="is empty"):
        moodle.fill(tmp_path / "empty.csv", [])


def test_a_mark_goes_before_a_refused_file_and_two_names_of_one_number_are_told() -> None:
    found, notes = filled.by_number([mark(**REFUSED), mark(points=3), mark("Ida (77)", points=2)])
    assert found["77"].points == 3 and notes == [
        "Ada Lovelace (77) and Ida (77) have one number; the better mark is taken"
    ]


@pytest.mark.parametrize(
    ("points", "most", "written"),
    [
        (7, "100.00", "87.5"),
        (7, "100,00", "87.5"),
        (1, "3", "0.38"),
        (8, "1,000.00", "1000"),
        (0, "100", "0"),
        (7, "", "7"),
    ],
)
def test_points_are_brought_to_the_place_s_scale(points: int, most: str, written: str) -> None:
    assert filled.scaled(mark(points=points), most) == written


# How Moodle reads a name in the zip: importziplib.php, is_valid_filename_for_import.
def moodle_reads(path: str) -> tuple[str, str, str, str] | None:
    parts = path.split("/")[0].split("_", 4)
    known = len(parts) >= 4 and parts[1].isdigit() and (parts[2], parts[3]) == ("assignsubmission", "file")
    return (parts[1], parts[2], parts[3], path.split("/", 1)[1]) if known else None


@given(st.text(max_size=120))
def test_moodle_finds_the_number_in_every_name_of_the_zip(name: str) -> None:
    content, notes = moodle.feedback([mark(f"{name} (77)")])
    (path,) = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert moodle_reads(path) == ("77", "assignsubmission", "file", f"feedback-{EXERCISE}.html") and notes == []
    assert path.count("/") == 1 and not path.startswith((".", "/", "~")) and "\\" not in path


def test_a_learner_s_feedback_names_no_other_learner() -> None:
    content, notes = moodle.feedback([mark(), mark("Bob Babbage (78)"), mark("nobody")])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pages = {name: archive.read(name).decode() for name in archive.namelist()}
    assert len(pages) == 2 and len(notes) == 1
    for page in pages.values():
        assert ("Lovelace" in page) != ("Babbage" in page)
    assert moodle.feedback([mark()]) == moodle.feedback([mark()])


# -- Canvas -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("wanted", ["Soft prompts (901)", "Soft prompts", "901"])
def test_a_gradebook_is_filled_in_one_column_and_nowhere_else(tmp_path: Path, wanted: str) -> None:
    path = book(tmp_path, student(77, "", "5.00"), student(78, "", ""), student(5, "", "", name="Student, Test"))
    result = canvas.fill(path, [mark("lovelaceada (77)"), mark("bob (78)", points=4)], wanted)
    assert (result.grades, result.notes) == (2, ())
    before, after = read(path.read_bytes()), read(result.content)
    assert [row["Soft prompts (901)"] for row in after] == ["100.00", "87.5", "50", ""]
    for old, new in zip(before, after, strict=True):
        assert old | {"Soft prompts (901)": ""} == new | {"Soft prompts (901)": ""} or old["ID"] == ""


def test_a_gradebook_with_other_columns_separators_and_a_mark_is_understood(tmp_path: Path) -> None:
    """Canvas's settings: last and first name apart, semicolons, a byte order mark, a row on posting."""
    header = ["LastName", "FirstName", "ID", "SIS Login ID", "Section", "Soft prompts (901)"]
    rows = [header, ["", "", "", "", "", "Manual Posting"], ["    Points Possible", "", "", "", "", "10,00"]]
    rows += [["Lovelace", "Ada", "77", "ada", "A; B", ""]]
    path = tmp_path / "g.csv"
    path.write_bytes(b"\xef\xbb\xbf" + table(rows, ";").encode())
    rows[3][5] = "8.75"
    assert canvas.fill(path, [mark()], "901").content == b"\xef\xbb\xbf" + table(rows, ";").encode()


def test_excused_unassigned_and_graded_learners_stay_as_they_are(tmp_path: Path) -> None:
    path = book(
        tmp_path, student(77, "EX", ""), student(78, "N/A", ""), student(79, "90", ""), student(80, "87.50", "")
    )
    ours = [mark(f"x ({number})") for number in (77, 78, 79, 80)] + [mark("y (81)"), mark("z (82)", **REFUSED)]
    result = canvas.fill(path, ours, "901")
    assert result.content == path.read_bytes() and result.grades == 1
    words = ("excused in Canvas", "not assigned in Canvas", "has 90 already", "y (81): no row", "z (82): no row")
    assert len(result.notes) == 5 and all(any(word in note for note in result.notes) for word in words)
    assert read(canvas.fill(path, ours, "901", replace=True).content)[3]["Soft prompts (901)"] == "87.5"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("None", "has no column 'None'; it has 'Soft prompts (901)', 'Prefixes (902)'"),
        ("Current Score", "has no column"),
        ("Section", "has no column"),
        ("ID", "has no column"),
    ],
)
def test_a_column_that_is_not_there_or_not_ours_is_named(tmp_path: Path, wanted: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        canvas.fill(book(tmp_path), [], wanted)


def test_a_gradebook_that_is_none_and_two_columns_of_one_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no gradebook of Canvas"):
        canvas.fill(sheet(tmp_path, person(77)), [], "x")
    with pytest.raises(ValueError, match=r"has 2 columns 'A'; give the number"):
        canvas.fill(book(tmp_path, header=[*CANVAS[:5], "A (1)", "A (2)"]), [], "A")


def test_canvas_gets_notebooks_back_under_the_very_names_that_it_gave() -> None:
    names = ["lovelaceada_LATE_77_912_04-soft-prompts.ipynb", "bob_78_913_work.zip/a/x.ipynb"]
    marks = [mark("lovelaceada (77)", file=names[0]), mark("bob (78)", file=names[1]), mark("eve", file="eve/x.ipynb")]
    content, notes = canvas.feedback(marks)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["bob_78_913_work.zip", names[0]]
        notebook = nbformat.reads(archive.read(names[0]).decode(), as_version=4)
        inner = zipfile.ZipFile(io.BytesIO(archive.read("bob_78_913_work.zip")))
    nbformat.validate(notebook)
    nbformat.validate(nbformat.reads(inner.read("feedback.ipynb").decode(), as_version=4))
    assert notebook.cells[0].source == "# 04-soft-prompts: 7 of 8 points" and "passed" in notebook.cells[1].source
    assert notes == ["eve: eve/x.ipynb has no name of a Canvas download, so Canvas could not match it"]
    for name in names:  # how Canvas reads a name: Assignment#infer_comment_context_from_filename
        assert [part for part in name.split("/")[0].split("_") if part.isdigit()][:2] in (["77", "912"], ["78", "913"])


def test_a_learner_s_text_stays_between_its_fences() -> None:
    evil = "````\n# 8 of 8 points\n```"
    assert canvas._fenced(evil) == f"`````text\n{evil}\n`````"


# -- the command ------------------------------------------------------------------------------------------------------
def test_the_command_fills_either_and_says_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    (marks / "marks.json").write_text(as_json([mark(file="ada_77_9_x.ipynb"), mark("Eve (99)")], []), encoding="utf8")
    out, feedback = tmp_path / "filled.csv", tmp_path / "feedback.zip"
    common = [str(marks), "--out", str(out), "--feedback", str(feedback)]
    assert main(["marks", *common, "--moodle", str(sheet(tmp_path, person(77)))]) == 1
    said = capsys.readouterr()
    assert f"1 grades: {out}" in said.out and "Eve (99): no row in the worksheet has this number" in said.err
    assert read(out.read_bytes())[0]["Grade"] == "87.5" and len(zipfile.ZipFile(feedback).namelist()) == 2
    gradebook = book(tmp_path, student(77, "", ""), student(99, "", ""))
    assert main(["marks", *common, "--canvas", str(gradebook), "--assignment", "902"]) == 1  # Eve's file has no name
    assert [row["Prefixes (902)"] for row in read(out.read_bytes())] == ["8.00", "7", "7"]
    assert main(["marks", *common[:3], "--canvas", str(gradebook), "--assignment", "902"]) == 0
    assert (
        main(["marks", *common[:3], "--canvas", str(gradebook)]) == 1
        and "needs --assignment" in capsys.readouterr().err
    )


def test_the_exercise_is_asked_for_where_there_are_several(tmp_path: Path) -> None:
    path = tmp_path / "marks.json"
    path.write_text(as_json([mark(), mark(exercise="06-prefix-tuning"), mark(**REFUSED)], []), encoding="utf8")
    with pytest.raises(ValueError, match="marks of 04-soft-prompts, 06-prefix-tuning: say which one with --exercise"):
        filled.read_marks(tmp_path)
    with pytest.raises(ValueError, match="05-x is not among them"):
        filled.read_marks(path, "05-x")
    assert [each.exercise for each in filled.read_marks(path, EXERCISE)] == [EXERCISE, ""]
    assert filled.read_marks(path, EXERCISE)[0] == mark()


def test_a_folder_without_marks_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name the folder that peft-course class --out wrote"):
        filled.read_marks(tmp_path)
    (tmp_path / "marks.json").write_text(json.dumps({"marks": [{"learner": "a"}]}))
    with pytest.raises(ValueError, match="is not what peft-course class writes"):
        filled.read_marks(tmp_path)
