"""Gradescope: its results say what the documentation asks for, its zip runs, and an answer reaches nothing of it."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from peft_course import __version__
from peft_course.cli import main
from peft_course.grading.exercises import EXERCISES, Exercise
from peft_course.grading.grade import Report
from peft_course.grading.places import gradescope
from peft_course.grading.sandbox import NOBODY, USER, NoSandboxError, Sandbox, sandbox
from peft_course.grading.task import Mark

ROOT = Path(__file__).resolve().parents[1]
SOLUTION, BLANK = (ROOT / folder / "04-soft-prompts.ipynb" for folder in ("solutions", "exercises"))
SOFT: Exercise = next(exercise for exercise in EXERCISES if exercise.name == "04-soft-prompts")

# https://gradescope-autograders.readthedocs.io/en/latest/specs/, "Output format" and what follows, as of 2025.
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBLE = {"hidden", "after_due_date", "after_published", "visible"}
NUMBER, TEXT, OBJECT = (int, float), (str,), (dict,)
RESULTS: dict[str, Any] = {
    "score": NUMBER, "execution_time": NUMBER, "output": TEXT, "output_format": FORMATS, "test_output_format": FORMATS,
    "test_name_format": FORMATS, "visibility": VISIBLE, "stdout_visibility": VISIBLE, "extra_data": OBJECT,
    "tests": (list,), "leaderboard": (list,),
}  # fmt: skip
TEST: dict[str, Any] = {
    "score": NUMBER, "max_score": NUMBER, "status": {"passed", "failed"}, "name": TEXT, "name_format": FORMATS,
    "number": TEXT, "output": TEXT, "output_format": FORMATS, "tags": (list,), "visibility": VISIBLE,
    "extra_data": OBJECT,
}  # fmt: skip


def documented(results: dict[str, Any]) -> dict[str, Any]:
    """The results, once they have nothing that is not in the documentation."""
    for content, allowed in [(results, RESULTS), *((test, TEST) for test in results["tests"])]:
        for name, value in content.items():
            expected = allowed[name]
            assert value in expected if isinstance(expected, set) else isinstance(value, expected), (name, value)
    assert all("score" in test for test in results["tests"]) or "score" in results
    assert sum(test["score"] for test in results["tests"]) == results["score"]
    read: dict[str, Any] = json.loads(json.dumps(results))
    return read


def report(**fields: Any) -> Report:
    marks = [Mark(task, i > 0, "passed" if i else "<b>wrong</b>", seconds=1.2) for i, task in enumerate(SOFT.tasks)]
    return Report(Path("x/ada's = 1+1 ü.ipynb"), SOFT, marks, seed=7, **fields)


# -- results.json -----------------------------------------------------------------------------------------------------
def test_results_are_what_the_documentation_says() -> None:
    results = documented(gradescope.results(report(), 8))
    assert results["output"] == "ada's = 1+1 ü.ipynb: 7 of 8 points" and results["score"] == 7
    first, second, *_ = results["tests"]
    assert (first["number"], first["score"], first["max_score"], first["status"]) == ("4.1", 0, 1, "failed")
    assert (second["number"], second["score"], second["status"]) == ("4.2", 1, "passed")
    assert sum(test["max_score"] for test in results["tests"]) == 8 and results["extra_data"]["seed"] == 7


def test_what_an_answer_said_is_shown_as_text_and_the_log_to_the_teacher_alone() -> None:
    results = documented(gradescope.results(report(), 8))
    assert results["tests"][0]["output"] == "<b>wrong</b>"
    assert {test["output_format"] for test in results["tests"]} | {results["output_format"]} == {"text"}
    assert results["stdout_visibility"] == "hidden"


def test_a_refused_notebook_has_no_points_and_the_reason() -> None:
    refused = Report(Path("x.ipynb"), None, refused="x.ipynb is not a notebook")
    results = documented(gradescope.results(refused, 8))
    (only,) = results["tests"]
    assert (only["score"], only["max_score"], only["output"]) == (0, 8, "x.ipynb is not a notebook")
    assert results["output"] == "Not graded: x.ipynb is not a notebook"


# -- what was submitted -----------------------------------------------------------------------------------------------
def submitted(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def reason(tmp_path: Path, files: dict[str, bytes]) -> str:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # the test compares what it says
        gradescope.the_notebook(submitted(tmp_path / "submission", files), SOFT, tmp_path / "copies")
    return str(refusal.value)


def test_the_notebook_is_found_in_folders_and_zips_beside_other_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "work.zip", "w") as archive:
        archive.write(BLANK, "my work/renamed.ipynb")
    other = (ROOT / "exercises" / "05-making-soft-prompts-work.ipynb").read_bytes()
    files = {"work.zip": (tmp_path / "work.zip").read_bytes(), "notes.txt": b"", "a/05.ipynb": other}
    found = gradescope.the_notebook(submitted(tmp_path / "submission", files), SOFT, tmp_path / "copies")
    assert found.read_bytes() == BLANK.read_bytes()


def test_a_submission_without_a_notebook_is_told_what_it_had(tmp_path: Path) -> None:
    assert reason(tmp_path, {"a.pdf": b""}) == (
        "no notebook was submitted, but a.pdf: not a notebook. Submit 04-soft-prompts.ipynb"
    )


def test_an_empty_submission_is_told_what_to_submit(tmp_path: Path) -> None:
    assert reason(tmp_path, {}) == "no notebook was submitted, but no files. Submit 04-soft-prompts.ipynb"


def test_the_notebook_of_another_exercise_is_named(tmp_path: Path) -> None:
    other = (ROOT / "exercises" / "05-making-soft-prompts-work.ipynb").read_bytes()
    said = reason(tmp_path, {"x.ipynb": other})
    assert said == "x.ipynb is 05-making-soft-prompts-work, and this assignment is 04-soft-prompts"


def test_of_two_notebooks_none_is_chosen_for_the_learner(tmp_path: Path) -> None:
    said = reason(tmp_path, {"a.ipynb": BLANK.read_bytes(), "b.ipynb": SOLUTION.read_bytes()})
    assert said == "2 notebooks are 04-soft-prompts: a.ipynb, b.ipynb. Submit the one that counts"


def test_a_file_that_is_no_notebook_is_refused_by_the_grader(tmp_path: Path) -> None:
    place = submitted(tmp_path / "submission", {"x.ipynb": b"{"})
    one = gradescope.graded(place, SOFT, Sandbox("bubblewrap"))  # which is not started for it
    assert one.refused is not None and "x.ipynb is not a notebook" in one.refused


def test_results_are_there_even_if_the_grader_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*arguments: Any) -> Report:
        raise RuntimeError("no memory")

    monkeypatch.setattr(gradescope, "best_sandbox", lambda: Sandbox("bubblewrap"))
    monkeypatch.setattr(gradescope, "graded", dies)
    with pytest.raises(RuntimeError, match="no memory"):
        gradescope.run(SOFT, tmp_path)
    results = documented(json.loads((tmp_path / "results" / "results.json").read_text()))
    assert results["score"] == 0 and "Submit again" in results["output"]


def test_answers_do_not_run_where_nothing_keeps_them_from_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(tool: str = "bubblewrap") -> Sandbox:
        raise NoSandboxError(f"no sandbox: {tool} is missing; say --trust")

    monkeypatch.setattr(gradescope, "sandbox", none)
    gradescope.run(SOFT, tmp_path)
    results = documented(json.loads((tmp_path / "results" / "results.json").read_text()))
    assert results["score"] == 0 and "not set up well" in results["output"]
    log = capsys.readouterr().out
    assert "no sandbox: another user is missing" in log and "--trust" not in log


# -- another user -----------------------------------------------------------------------------------------------------
def test_another_user_is_refused_where_the_right_answers_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    anybody = [sys.executable] if os.geteuid() else ["env", "-i", sys.executable]
    monkeypatch.setattr(Sandbox, "command", lambda self, folder: anybody)  # reads what the grader reads
    with pytest.raises(NoSandboxError, match="the right answers can be read there"):
        sandbox(USER)


REACHES = {
    "read the results": "open(ROOT + '/results/results.json')",
    "write the results": "open(ROOT + '/results/results.json', 'w')",
    "read the metadata": "open(ROOT + '/submission_metadata.json')",
    "see what is there": "os.listdir(ROOT)",
    "end the grader": "os.kill(GRADER, 9)",
    "read the grader's environment": "open(f'/proc/{GRADER}/environ')",
    "become root": "os.setuid(0)",
}


@pytest.mark.parametrize("attempt", REACHES)
def test_another_user_does_not(attempt: str) -> None:
    """By plain code, without the grader's other walls, and with the system's Python, which everybody may start."""
    python = shutil.which("python3", path="/usr/bin")
    if os.geteuid() != 0 or python is None or shutil.which("setpriv") is None:
        pytest.skip("only root becomes another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # not pytest's, which nobody gets into anyway
        root = Path(folder)
        (root / "results").mkdir(mode=0o777)
        for name in ("results/results.json", "submission_metadata.json"):
            (root / name).write_text("{}")
            (root / name).chmod(0o666)
        *before, _ = Sandbox(USER).command(root)
        code = f"import os\nROOT, GRADER = {folder!r}, {os.getpid()}\nassert os.geteuid() == {NOBODY}\n"
        code += f"try:\n    {REACHES[attempt]}\nexcept PermissionError:\n    print('refused')"

        def said() -> str:
            return subprocess.run([*before, python, "-c", code], capture_output=True, text=True, check=True).stdout

        root.chmod(0o700)  # as run_autograder does
        assert said() == "refused\n"
        root.chmod(0o777)
        assert said() == ("" if "ROOT" in REACHES[attempt] else "refused\n")


# -- the zip ----------------------------------------------------------------------------------------------------------
def wheel(folder: Path) -> Path:
    path = folder / f"peft_course-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("peft_course/__init__.py", "")
    return path


def packed(folder: Path) -> Path:
    command = ["gradescope", "--exercise", SOFT.name, "--wheel", str(wheel(folder)), "--out", str(folder / "a.zip")]
    assert main([*command, "--constraints", str(ROOT / "constraints.txt")]) == 0
    return folder / "a.zip"


def test_the_zip_has_what_gradescope_asks_for_at_its_root(tmp_path: Path) -> None:
    """specs: setup.sh and run_autograder, executable, in the root of the archive; LF, or bash does not read them."""
    with zipfile.ZipFile(packed(tmp_path)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        assert set(members) == {"setup.sh", "run_autograder", wheel(tmp_path).name, "constraints.txt"}
        for name in ("setup.sh", "run_autograder"):
            mode, text = members[name].external_attr >> 16, archive.read(name)
            assert mode & stat.S_IXUSR and text.startswith(b"#!/usr/bin/env bash\n")
            assert b"\r" not in text and b"@EXERCISE@" not in text and b"@PYTHON@" not in text
        assert archive.read("constraints.txt") == (ROOT / "constraints.txt").read_bytes()
        assert f"gradescope {SOFT.name} ." in archive.read("run_autograder").decode()
        python = ".".join(map(str, sys.version_info[:2]))
        assert f"--managed-python --python {python} " in archive.read("setup.sh").decode()


def test_the_scripts_are_bash(tmp_path: Path) -> None:
    for name in gradescope.SCRIPTS:
        path = Path(gradescope.__file__).with_name(name)
        assert subprocess.run(["bash", "-n", str(path)], capture_output=True, check=False).returncode == 0


STAND_INS = {
    "apt-get": "exit 0",
    "python3": 'mkdir -p "$3/bin"; cd "$(dirname "$0")"; cp uv "$3/bin/uv"; cp apt-get "$3/bin/pip"',
    "uv": 'if [ "$1" = venv ]; then PYTHON -m venv --without-pip "$5"\n'
    'else PYTHON -m zipfile -e ./*.whl "$4"/lib/python*/site-packages; fi',
}
COURSE = {
    "__init__.py": "",
    "grading/sandbox.py": "from pathlib import Path\nANSWERS = Path(__file__).with_name('exercises')",
    "grading/exercises/ch04.py": "",
    "grading/places/gradescope.py": "import sys\nprint('graded', sys.argv[1])",
}


def test_setup_puts_the_course_where_run_autograder_looks_for_it(tmp_path: Path) -> None:
    """What fetches is stood in for, the course is a small one, and the rest is the scripts' own."""
    source, programs, place = tmp_path / "source", tmp_path / "bin", tmp_path / "place"
    with zipfile.ZipFile(packed(tmp_path)) as archive:
        archive.extractall(source)
    with zipfile.ZipFile(wheel(source), "w") as archive:
        for name, text in COURSE.items():
            archive.writestr(f"peft_course/{name}", text)
    programs.mkdir()
    for name, text in STAND_INS.items():
        (programs / name).write_text("#!/bin/sh\n" + text.replace("PYTHON", sys.executable))
        (programs / name).chmod(0o755)
    for name in gradescope.SCRIPTS:
        script = source / name
        script.write_text(script.read_text().replace("/opt/peft-course", str(place)))
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}

    def ran(name: str) -> str:
        command = ["bash", str(source / name)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    ran("setup.sh")
    (answers,) = place.rglob("exercises")
    assert stat.S_IMODE(answers.stat().st_mode) & 0o077 == 0
    assert ran("run_autograder") == f"graded {SOFT.name}\n"


def test_the_same_zip_has_the_same_bytes(tmp_path: Path) -> None:
    first = packed(tmp_path).read_bytes()
    assert packed(tmp_path).read_bytes() == first


def test_an_exercise_or_a_wheel_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, out = str(wheel(tmp_path)), str(tmp_path / "a.zip")
    assert main(["gradescope", "--exercise", "4", "--wheel", good, "--out", out]) == 1
    assert "there is no exercise '4'; there are 01-the-frozen-model, " in capsys.readouterr().err
    assert main(["gradescope", "--exercise", SOFT.name, "--wheel", str(SOLUTION), "--out", out]) == 1
    assert f"is not the wheel of peft-course {__version__}" in capsys.readouterr().err
    assert not (tmp_path / "a.zip").exists()


# -- the whole --------------------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize(("notebook", "points"), [(SOLUTION, 8), (BLANK, 0)], ids=["solution", "blank"])
def test_the_unpacked_zip_grades_as_gradescope_would_run_it(tmp_path: Path, notebook: Path, points: int) -> None:
    try:
        sandbox()
    except NoSandboxError:
        pytest.skip("bubblewrap is not installed, or cannot make a sandbox here")
    root = tmp_path / "autograder"
    (root / "results").mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "zipfile", "-e", packed(tmp_path), root / "source"], check=True)
    shutil.copy(root / "source" / "run_autograder", root / "run_autograder")  # what Gradescope's harness does
    (root / "run_autograder").chmod(0o755)
    submitted(root / "submission", {notebook.name: notebook.read_bytes()})
    environment = os.environ | {"PEFT_COURSE": sys.prefix}
    ran = subprocess.run(
        [root / "run_autograder"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    results = documented(json.loads((root / "results" / "results.json").read_text()))
    assert results["score"] == points and len(results["tests"]) == len(SOFT.tasks)
    assert "answers run in: bubblewrap" in ran.stdout and f"seed {results['extra_data']['seed']}" in ran.stdout
    assert stat.S_IMODE(root.stat().st_mode) & 0o077 == 0
