"""A class: what was handed in is found, each file is graded once, marks and pages say what they should and no more."""

import csv
import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_grading import OTHER, notebook

from peft_course.cli import main
from peft_course.grading import classroom
from peft_course.grading.classroom import gradebook, handed_in, run
from peft_course.grading.classroom.handed_in import HandedIn, collect, learner_of

ROOT = Path(__file__).resolve().parents[1]
SHORT = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
BLANK = (ROOT / "exercises" / "04-soft-prompts.ipynb").read_bytes()


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def result(exercise: str | None = "04-soft-prompts", points: int = 3, **fields: Any) -> dict[str, Any]:
    task = {"number": "4.1", "title": "a task", "points": 1, "out_of": 1, "seconds": 0.2, "feedback": "passed"}
    tasks = [task | {"hint": None}] if exercise else []
    why = None if exercise else "no exercise"
    return {
        "exercise": exercise, "points": points, "out_of": 8, "refused": why, "tasks": tasks, "seed": 1, "file": "x"
    } | fields  # fmt: skip


def file(learner: str, where: str = "a.ipynb", key: str = "k") -> HandedIn:
    return HandedIn(learner, where, Path("a.ipynb"), key)


# -- what was handed in -----------------------------------------------------------------------------------------------
def test_notebooks_are_found_at_any_depth_under_any_name(tmp_path: Path) -> None:
    names = [
        "Émile/Übung 4 (final) FINAL.ipynb",
        "Ада/a/b/c/04.IPYNB",
        "= 1+1/x.ipynb",
        "ada-04-soft-prompts.ipynb",
    ]
    found, left_out = collect(written(tmp_path / "in", dict.fromkeys(names, BLANK)), tmp_path / "copies")
    assert {each.where for each in found} == set(names) and left_out == []
    assert {each.learner for each in found} == {"Émile", "Ада", "= 1+1", "ada"}
    assert all(each.path.read_bytes() == BLANK for each in found)


def test_a_zip_in_a_zip_is_opened_and_no_name_in_it_leaves_the_folder(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"../../evil.ipynb": BLANK, "/etc/evil.ipynb": b"{}"}).read_bytes()
    outer = zipped(tmp_path / "outer.zip", {"ada/work.zip": inner, "__MACOSX/ada/._x.ipynb": b"", "ada/me.jpg": b""})
    found, left_out = collect(outer, tmp_path / "copies")
    assert [each.learner for each in found] == ["ada", "ada"]
    assert [each.where for each in left_out] == ["ada/me.jpg"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copies", "inner.zip", "outer.zip"]


def test_what_is_no_notebook_is_left_out_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handed_in, "SIZE", 1000)
    place = written(tmp_path / "in", {"a/notes.txt": b"", "b/big.ipynb": b" " * 1001, "c/bad.zip": b"PK"})
    (place / "link.ipynb").symlink_to("/etc/passwd")
    found, left_out = collect(place, tmp_path / "copies")
    assert found == []
    reasons = {each.where: each.why for each in left_out}
    assert reasons["a/notes.txt"] == "not a notebook" and "larger than" in reasons["b/big.ipynb"]
    assert "cannot be unpacked" in reasons["c/bad.zip"] and "not followed" in reasons["link.ipynb"]


@given(
    st.integers(0, 10**6), st.binary(min_size=1, max_size=4), st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
)
def test_a_damaged_zip_costs_nobody_else_their_mark(
    tmp_path_factory: pytest.TempPathFactory, place: int, damage: bytes, kind: int
) -> None:
    tmp_path = tmp_path_factory.mktemp("class")
    with zipfile.ZipFile(tmp_path / "work.zip", "w", kind) as archive:
        archive.writestr("a.ipynb", SHORT)
    work = bytearray((tmp_path / "work.zip").read_bytes())
    place %= len(work)
    work[place : place + len(damage)] = damage
    outer = zipped(tmp_path / "outer.zip", {"ada/work.zip": bytes(work), "bob/b.ipynb": SHORT})
    found, left_out = collect(outer, tmp_path / "copies")
    assert "bob" in {each.learner for each in found}
    assert {each.where.split("/")[0] for each in [*found, *left_out]} <= {"ada", "bob"}


def test_a_damaged_member_costs_no_other(tmp_path: Path) -> None:
    class_ = zipped(tmp_path / "class.zip", {"ada/a.ipynb": SHORT, "bob/b.ipynb": SHORT + b" "})
    content = class_.read_bytes()
    class_.write_bytes(content.replace(SHORT, b"!" * len(SHORT), 1))  # its sum is another one now
    found, left_out = collect(class_, tmp_path / "copies")
    assert [each.learner for each in found] == ["bob"]
    assert [each.where for each in left_out] == ["ada/a.ipynb"] and "cannot be unpacked" in left_out[0].why


def test_a_name_in_an_old_encoding_can_be_written_down(tmp_path: Path) -> None:
    folder = tmp_path / "in" / os.fsdecode("Émile".encode("latin-1"))
    folder.mkdir(parents=True)
    (folder / "a.ipynb").write_bytes(SHORT)
    ((emile,), _) = collect(tmp_path / "in", tmp_path / "copies")
    assert (emile.learner, emile.path.read_bytes()) == ("?mile", SHORT)


def test_a_place_that_is_neither_folder_nor_zip_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.txt").write_text("no")
    assert main(["class", str(tmp_path / "list.txt"), "--out", str(tmp_path / "out"), "--trust"]) == 1
    assert "neither a folder nor a zip" in capsys.readouterr().err


@given(st.text(min_size=1, max_size=80))
def test_every_learner_gets_a_page_of_a_plain_name(name: str) -> None:
    page = gradebook.file_name(name)
    assert "/" not in page and "\0" not in page and len(page.encode()) < 255 and page.endswith(".html")


@given(st.lists(st.text(min_size=1, max_size=20), min_size=2, unique=True))
def test_no_two_learners_share_a_page(names: list[str]) -> None:
    assert len({gradebook.file_name(name) for name in names}) == len(names)


def test_the_names_of_known_downloads_tell_the_learner() -> None:
    assert learner_of("Ada Lovelace_77_assignsubmission_file_/x.ipynb") == "Ada Lovelace (77)"
    assert learner_of("lovelaceada_LATE_77_912_04-soft-prompts.ipynb") == "lovelaceada (77)"
    assert learner_of("submitted/ada/week-4/04-soft-prompts.ipynb") == "ada"
    assert learner_of("04-soft-prompts.ipynb") == "nobody in particular"


# -- grading ----------------------------------------------------------------------------------------------------------
def test_equal_files_are_graded_once_and_an_interrupted_class_goes_on(tmp_path: Path) -> None:
    class_ = [file(f"learner {i}", key=f"key {i // 2}") for i in range(8)]
    asked: list[str] = []

    def dies_after(n: int) -> run.Submit:
        def submit(files: Sequence[HandedIn]) -> Iterator[tuple[str, run.Result]]:
            for i, each in enumerate(files):
                if i == n:
                    raise KeyboardInterrupt
                asked.append(each.key)
                yield each.key, result()

        return submit

    results = run.Results(tmp_path / "graded.jsonl", seed=1)
    with pytest.raises(KeyboardInterrupt):
        run.grade_class(class_, results, dies_after(3))
    with (tmp_path / "graded.jsonl").open("a") as cut_short:
        cut_short.write('{"key": "key 3", "gra')
    again = run.Results(tmp_path / "graded.jsonl")
    assert again.seed == 1
    run.grade_class(class_, again, dies_after(100))
    assert sorted(asked) == ["key 0", "key 1", "key 2", "key 3"]


def test_another_edition_of_the_course_grades_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.Results(tmp_path / "graded.jsonl", seed=1).add("key", result())
    assert "key" in run.Results(tmp_path / "graded.jsonl").found
    monkeypatch.setattr(run, "__version__", "99")
    assert run.Results(tmp_path / "graded.jsonl").found == {}


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    answers = [json.dumps(notebook(OTHER, f"x = {i}")).encode() for i in range(3)]
    found, _ = collect(
        written(tmp_path / "in", {f"{i}/a.ipynb": a for i, a in enumerate(answers)}), tmp_path / "copies"
    )
    ended: list[tuple[str, run.Result]] = []
    grading = threading.Thread(target=lambda: ended.extend(run.side_by_side(1, 1, None)(found)))
    before = set(children())
    grading.start()
    while grading.is_alive() and not (born := [pid for pid in children() if pid not in before]):
        time.sleep(0.05)
    os.kill(born[0], signal.SIGKILL)
    grading.join()
    assert {key for key, _ in ended} == {each.key for each in found}
    assert [one["points"] for _, one in ended] == [1, 1, 1]


def children() -> list[int]:
    return [child.pid for child in multiprocessing.active_children() if child.pid is not None]


@pytest.mark.network
@pytest.mark.slow
def test_a_cluster_gives_the_same_marks(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    found, _ = collect(written(tmp_path / "in", {"ada/a.ipynb": json.dumps(notebook(OTHER)).encode()}), tmp_path / "c")
    with (
        distributed.LocalCluster(1, processes=False, dashboard_address=None) as cluster,
        run.on_a_cluster(cluster.scheduler_address, 1, None) as submit,
    ):
        ((key, one),) = submit(found)
    assert key == found[0].key and one["points"] == 1 and one["file"] == "ada/a.ipynb"


@pytest.mark.network
def test_a_cluster_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(ValueError, match=r"no Dask scheduler at 'tcp://127.0.0.1:1'"),
        run.on_a_cluster("tcp://127.0.0.1:1", 1, None),
    ):
        pass


# -- marks ------------------------------------------------------------------------------------------------------------
def test_the_best_of_several_files_counts_and_the_others_are_named() -> None:
    class_ = [file("ada", "first.ipynb", "1"), file("ada", "second.ipynb", "2")]
    (mark,) = gradebook.marks(class_, {"1": result(points=5), "2": result(points=2)})
    assert (mark.points, mark.file, mark.others) == (5, "first.ipynb", ("second.ipynb",))


def test_a_name_that_is_a_formula_stays_a_name_in_a_spreadsheet() -> None:
    ours = gradebook.marks([file("=HYPERLINK(1)", "+x.ipynb")], {"k": result()})
    (row,) = csv.DictReader(gradebook.as_csv(ours).splitlines())
    assert row["learner"] == "'=HYPERLINK(1)" and row["file"] == "'+x.ipynb" and row["percent"] == "37.5"


def test_a_learner_s_page_names_no_other_learner() -> None:
    names = ["Ada Lovelace", "Émile du Châtelet", "<b>Bob</b>"]
    class_ = [file(name, f"{name}.ipynb", name) for name in names]
    written_pages = gradebook.pages(gradebook.marks(class_, {name: result() for name in names}))
    assert len(written_pages) == 3
    for page in written_pages.values():
        assert sum(name in page or name.replace("<", "&lt;").replace(">", "&gt;") in page for name in names) == 1
        assert "<b>Bob" not in page


def test_the_teacher_s_summary_counts_what_fails_and_names_misunderstandings_but_no_learner() -> None:
    wrong = {"number": "4.1", "title": "a task", "points": 0, "out_of": 1, "seconds": 0.4}
    wrong |= {"feedback": "wrong", "hint": "the vectors stand behind"}
    class_ = [file("Ada", key="1"), file("Bob", key="2"), file("Eve", key="3")]
    ours = gradebook.marks(class_, {"1": result(), "2": result(tasks=[wrong]), "3": result(tasks=[wrong])})
    page = gradebook.summary(ours, [])
    assert "2 × the vectors stand behind" in page and 'value="1"' in page
    assert not any(name in page for name in ("Ada", "Bob", "Eve"))


@pytest.mark.slow
def test_a_folder_becomes_marks_feedback_a_summary_and_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)  # no sandbox, on every machine
    answers = json.dumps(notebook(OTHER)).encode()
    place = written(tmp_path / "in", {"ada/a.ipynb": answers, "bob/b.ipynb": answers, "eve/x.ipynb": b"{"})
    out = tmp_path / "out"
    assert main(["class", str(place), "--out", str(out)]) == 1
    assert "--trust" in capsys.readouterr().err and not (out / "marks.csv").exists()
    assert main(["class", str(place), "--out", str(out), "--trust", "--jobs", "1"]) == 0
    rows = list(csv.DictReader((out / "marks.csv").read_text().splitlines()))
    assert [(row["learner"], row["points"]) for row in rows] == [("ada", "1"), ("bob", "1"), ("eve", "0")]
    assert "is not a notebook" in rows[2]["not graded because"]
    assert len(list((out / "feedback").iterdir())) == 3 and (out / "summary.html").is_file()
    assert "WITHOUT a sandbox" in (out / "log.txt").read_text()
    assert len((out / "graded.jsonl").read_text().splitlines()) == 2  # ada and bob handed in the same
    assert classroom.grade_folder(place, out, None)[0].points == 1
    assert "2 graded before" in (out / "log.txt").read_text().splitlines()[-1]
