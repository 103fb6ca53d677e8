"""Grading: the right answer passes in any editor's file, the wrong one never, whatever the notebook tries."""

import contextlib
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import tampering
import torch
from hypothesis import given
from hypothesis import strategies as st

import peft_course.grading
from peft_course import grading
from peft_course.cli import main
from peft_course.grading import grade as grade_module
from peft_course.grading import report, submission
from peft_course.grading.comparing import same
from peft_course.grading.exercises import EXERCISES, find
from peft_course.grading.grade import Report, grade
from peft_course.grading.judge import judge, known, verdict
from peft_course.grading.needs import needs
from peft_course.grading.process import Workshop
from peft_course.grading.values import Failure, Opaque, decode, encode

GRADER = Path(peft_course.grading.__file__).parent
EXERCISE = "04-soft-prompts"
RIGHT = "import torch\ndef put_in_front(v, x):\n    return torch.cat([v.repeat(len(x), 1, 1), x], 1)"
WRONG = "def put_in_front(vectors, embedded):\n    return embedded"
OTHER = "# Task 4.7\ndef fair_score(validation, test):\n    return test[validation.mean(1).argmax()].mean()"
LIMIT = 3.0  # seconds a task may take here


def cell(source: str | list[str], **fields: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source} | fields


def notebook(*cells: dict[str, Any] | str, minor: int = 5, **metadata: Any) -> dict[str, Any]:
    whole = [cell(c) if isinstance(c, str) else c for c in cells]
    return {"cells": whole, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}


def written(folder: Path, content: dict[str, Any] | str, name: str = "hand-in.ipynb") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf8")
    return path


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with Workshop() as workshop:
        yield workshop


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exercises with a short limit for each task."""
    exercises = tuple(
        dataclasses.replace(e, tasks=tuple(dataclasses.replace(t, seconds=LIMIT) for t in e.tasks)) for e in EXERCISES
    )
    monkeypatch.setattr(grade_module, "EXERCISES", exercises)


def mark(report: Report, number: str = "4.2") -> Any:
    assert report.refused is None, report.refused
    return next(one for one in report.marks if one.task.number == number)


def state(*folders: Path) -> dict[str, str]:
    files = (p for folder in folders for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {f"{p} {p.stat().st_mode}": hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


# -- what must not pass ------------------------------------------------------------------------------------------------
def test_there_are_forty_tricks_and_more() -> None:
    assert len(tampering.TRICKS) >= 40


@pytest.mark.parametrize("name", tampering.TRICKS)
def test_a_trick_earns_nothing_harms_nothing_and_costs_one_task(
    name: str, workshop: Workshop, impatient: None, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "canary").write_text("sings")
    trick = tampering.TRICKS[name].replace("OUTSIDE", str(outside)).replace("GRADER", str(GRADER))
    path = written(tmp_path, notebook(f"# Task 4.2\n{trick}", OTHER))
    before, begin = state(outside, GRADER), time.monotonic()
    graded = grade(path, workshop)
    if name == "a thread that outlives the cell":
        time.sleep(0.3)
    assert not mark(graded).passed
    assert mark(graded, "4.7").passed, mark(graded, "4.7")
    assert graded.points == 1
    assert state(outside, GRADER) == before
    assert "Traceback" not in str(mark(graded))
    if name in tampering.ENDLESS:
        assert "took longer than 3 s" in mark(graded).feedback
        assert time.monotonic() - begin < LIMIT + 10  # within seconds of its limit, on a busy machine too


@pytest.mark.parametrize(
    ("feedback", "source"),
    {
        "not attempted": "def put_in_front(vectors, embedded):\n    raise NotImplementedError('your code')",
        "not attempted ": "put_in_front = ...",
        "error in your code at line 3 (return vectors + embeded): NameError: name 'embeded' is not defined": (
            "def put_in_front(vectors, embedded):\n    return vectors + embeded"
        ),
        "error in your code at line 2 (def put_in_front(vectors, embedded)): SyntaxError: expected ':'": (
            "def put_in_front(vectors, embedded)\n    return embedded"
        ),
        "gave None, expected a tensor": "def put_in_front(vectors, embedded):\n    pass",
        "expected a tensor [": WRONG,
        "gave an object of type function": "def put_in_front(vectors, embedded):\n    return put_in_front",
        "exit status 3": "import os\ndef put_in_front(v, x):\n    os._exit(3)",
        "needed more than 3 GB of memory": "import torch\ndef put_in_front(v, x):\n    return torch.ones(2**33)",
        "nobody is there to type": "def put_in_front(v, x):\n    return input()",
        "the vectors stand behind": (
            "import torch\ndef put_in_front(v, x):\n    return torch.cat([x, v.repeat(len(x), 1, 1)], 1)"
        ),
    }.items(),
)
def test_the_feedback_says_what_is_wrong(feedback: str, source: str, workshop: Workshop, tmp_path: Path) -> None:
    graded = grade(written(tmp_path, notebook(f"# Task 4.2\n{source}")), workshop)
    assert feedback.strip().lower() in mark(graded).feedback.lower()


@pytest.mark.parametrize(
    ("why", "content"),
    {
        "is not a notebook": '{"cells": [',
        "is not a notebook ": "\x00\xff" * 99,
        "is not a notebook  ": "[" * 100_000,
        "it has no list of cells": json.dumps({"worksheets": [{"cells": []}], "nbformat": 3}),
        "it has no list of cells ": "[]",
        "is none of this course's exercises": json.dumps(notebook("print(1)")),
        "is edition 99 of the exercises": json.dumps(
            notebook(cell("<!-- exercises 04-soft-prompts, edition 99 -->", cell_type="markdown"), RIGHT)
        ),
    }.items(),
)
def test_a_file_that_cannot_be_graded_is_refused_in_one_sentence(why: str, content: str, tmp_path: Path) -> None:
    refused = grade(written(tmp_path, content)).refused
    assert refused is not None and why.strip() in refused and "\n" not in refused


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such file" in str(grade(tmp_path / "none.ipynb").refused)
    monkeypatch.setattr(submission, "SIZE", 10)
    assert "clear its outputs" in str(grade(written(tmp_path, notebook(RIGHT))).refused)


# -- what must pass ----------------------------------------------------------------------------------------------------
COLAB = {
    "colab": {"provenance": [{"file_id": "1a2B", "timestamp": 1700000000000}], "gpuType": "T4"},
    "accelerator": "GPU",
    "kernelspec": {"name": "python3", "display_name": "Python 3"},
}
VSCODE = {
    "kernelspec": {"display_name": ".venv", "language": "python", "name": "python3"},
    "vscode": {"interpreter": 1},
}
LAB = {"kernelspec": {"display_name": "Python 3 (ipykernel)"}, "toc-autonumbering": False, "widgets": {"state": {}}}
HONEST: dict[str, Callable[[], dict[str, Any]]] = {
    "JupyterLab": lambda: notebook(cell(RIGHT, id="a", metadata={"execution": {"iopub.status.busy": "1"}}), **LAB),
    "Colab": lambda: notebook(
        cell(RIGHT.splitlines(keepends=True), metadata={"id": "xKz3", "outputId": "7-b", "colab": {"height": 17}}),
        minor=0,
        **COLAB,
    ),
    "VS Code": lambda: notebook(cell(RIGHT, metadata={"vscode": {"languageId": "python"}}), minor=2, **VSCODE),
    "ids lost": lambda: notebook(RIGHT, minor=4),
    "ids twice": lambda: notebook(cell(WRONG, id="answer-4-2"), cell(f"# Task 4.2\n{RIGHT}", id="answer-4-2")),
    "a marked answer and a later experiment": lambda: notebook(f"# Task 4.2\n{RIGHT}", WRONG),
    "the answer in a cell of its own": lambda: notebook(
        "# Task 4.2\ndef put_in_front(vectors, embedded):\n    raise NotImplementedError('your code')", RIGHT
    ),
    "a helper below": lambda: notebook(
        "# Task 4.2\ndef put_in_front(v, x):\n    return joined(v, x)",
        "import torch\ndef joined(v, x):\n    return torch.cat([repeated(v, len(x)), x], 1)",
        "def repeated(v, n):\n    return v.repeat(n, 1, 1)",
    ),
    "a scratch cell below with the names of the parameters": lambda: notebook(
        f"# Task 4.2\n{RIGHT}", "import torch\nv, x = torch.ones(1, 2), torch.ones(1, 1, 2)\nput_in_front(v, x)"
    ),
    "a star import": lambda: notebook(
        "from torch import *", "# Task 4.2\nput_in_front = lambda v, x: cat([v.repeat(len(x), 1, 1), x], 1)"
    ),
    "prints, bars, warnings, plots": lambda: notebook(
        "# Task 4.2\nimport sys, warnings\nimport matplotlib.pyplot as plt\nfrom tqdm.auto import tqdm\n"
        "%matplotlib inline\n"
        "def put_in_front(v, x):\n"
        "    import torch\n"
        "    for _ in tqdm(range(3)): print('step')\n"
        "    warnings.warn('careful')\n"
        "    sys.stderr.write('hm')\n"
        "    plt.plot([1, 2]); plt.show()\n"
        "    return torch.cat([v.repeat(len(x), 1, 1), x], 1)"
    ),
    "an optimiser, and libraries that this task needs not": lambda: notebook(
        "import datasets, torch, transformers\nfrom peft_course import SoftPrompt, load_lm\n"
        "from peft_course.analysis import nearest_tokens",
        "# Task 4.2\ndef put_in_front(v, x):\n"
        "    weight = torch.nn.Parameter(torch.ones(1))\n"
        "    optimiser = torch.optim.AdamW([weight])\n"
        "    weight.square().sum().backward()\n"
        "    optimiser.step()\n"
        "    return torch.cat([v.repeat(len(x), 1, 1), x], 1) if SoftPrompt and nearest_tokens else datasets",
    ),
    "magics and commands": lambda: notebook(
        f"# Task 4.2\n!pip install torch\n%load_ext autoreload\n{RIGHT}\n%timeit -n 1 -r 1 1 + 1\n%time put_in_front"
    ),
    "%%time": lambda: notebook(f"%%time\n{RIGHT}"),
    "a GPU": lambda: notebook(
        "# Task 4.2\nimport torch\nfrom torch import nn\nlayer = nn.Identity().cuda()\n"
        "def put_in_front(v, x):\n"
        "    v, x = v.cuda(), x.to('cuda')\n"
        "    room = torch.zeros(1, device='cuda')\n"
        "    return layer(torch.cat([v.repeat(len(x), 1, 1), x], dim=1)) + room"
    ),
    "a GPU where there is one": lambda: notebook(
        "# Task 4.2\nimport torch\ndevice = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\n"
        "def put_in_front(v, x):\n    return torch.cat([v.to(device).repeat(len(x), 1, 1), x.to(device)], 1)"
    ),
    "double precision": lambda: notebook(RIGHT.replace("x], 1)", "x], 1).double()")),
    "numpy": lambda: notebook(
        "import numpy as np\ndef put_in_front(v, x):\n"
        "    return np.stack([np.vstack([v.numpy(), r]) for r in x.numpy()])"
    ),
    "a file of its own": lambda: notebook(
        RIGHT.replace("    return", "    torch.save(v, 'v.pt')\n    v = torch.load('v.pt')\n    return")
    ),
    "enormous outputs": lambda: notebook(
        cell(RIGHT, outputs=[{"output_type": "stream", "name": "stdout", "text": "x" * 100 * 2**20}])
    ),
    "outputs of errors, and other broken cells": lambda: notebook(
        cell("this is ( no python", outputs=[{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]),
        "raise ValueError",
        "while True: pass",
        RIGHT,
    ),
    "cells that are no cells": lambda: (
        notebook(cell(RIGHT), {"cell_type": "code"}, {"source": 3})
        | {"cells": [3, None, {}, cell(RIGHT), {"cell_type": "code", "source": [1, None, "x"]}]}
    ),
}


@pytest.mark.parametrize("kind", HONEST)
def test_a_right_answer_passes(kind: str, workshop: Workshop, tmp_path: Path) -> None:
    graded = grade(written(tmp_path, HONEST[kind](), f"{EXERCISE}.ipynb"), workshop)
    assert mark(graded).passed, mark(graded)
    assert graded.points == 1


def test_where_the_system_cannot_fork_the_marks_are_the_same(impatient: None, tmp_path: Path) -> None:
    path = written(tmp_path, notebook(f"# Task 4.2\n{RIGHT}", "# Task 4.7\nfair_score = lambda v, t: t.max()"))
    with Workshop(forks=False) as slow:
        graded = grade(path, slow)
    assert mark(graded).passed and graded.points == 1
    assert not mark(graded, "4.7").passed


def test_what_a_notebook_imports_and_mentions_tells_what_is_loaded_before_it_runs() -> None:
    imports = ["peft_course.load_lm", "peft_course.grading.check", "matplotlib.pyplot", "os.path", "torch.nn"]
    assert needs(imports) == ["course.load_lm", "matplotlib"]
    assert needs(["peft_course.analysis.doctor"]) == needs(["peft_course"]) == ["course"]
    assert needs(["peft_course.grading.exercises.ch04_soft_prompts", "course.x", "model.course-gpt", "dynamo"]) == []
    assert needs([], ["With `load_lm(name)`", "optimiser = torch.optim.Adam(w)"]) == ["course.load_lm", "dynamo"]


# -- the ways to ask ---------------------------------------------------------------------------------------------------
def pytest_nbval(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", *arguments]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_pytest_grades_a_notebook_and_loads_no_conftest_beside_it(tmp_path: Path) -> None:
    written(tmp_path, notebook(f"# Task 4.2\n{RIGHT}", "# Task 4.7\nfair_score = lambda v, t: t.max()"), "mine.ipynb")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('the conftest of a learner')")
    for shadow in ("torch.py", "peft_course.py", "sitecustomize.py", "usercustomize.py"):
        (tmp_path / shadow).write_text("raise RuntimeError('a module of a learner')")
    found = pytest_nbval(tmp_path, "mine.ipynb")
    assert "of a learner" not in found.stdout + found.stderr
    assert "1 passed" in found.stdout and "6 failed" in found.stdout, found.stdout
    assert "4.7 a score to report: wrong" in found.stdout
    assert "Traceback" not in found.stdout
    assert found.returncode == 1


def test_other_notebooks_are_left_to_nbval(tmp_path: Path) -> None:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    plain = notebook(cell("1 + 1", id="a", execution_count=1, outputs=[]), **kernel)
    written(tmp_path, plain, "plain.ipynb")
    found = pytest_nbval(tmp_path, "--nbval-current-env", "plain.ipynb")
    assert "1 failed" in found.stdout and "Unexpected output fields" in found.stdout, found.stdout


def test_other_notebooks_do_not_wait_for_torch_even_beside_exercises(tmp_path: Path) -> None:
    written(tmp_path, notebook(cell("1 + 1", id="a")), "plain.ipynb")
    written(tmp_path, notebook(f"# Task 4.2\n{RIGHT}"), f"{EXERCISE}.ipynb")
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_collection_finish(): assert 'torch' not in sys.modules, 'torch is loaded'"
    )
    found = pytest_nbval(tmp_path, "--collect-only", "plain.ipynb")
    assert "1 test collected" in found.stdout and "torch is loaded" not in found.stdout + found.stderr, found.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_answers_are_tried_by_the_process_that_has_begun_until_it_is_closed(tmp_path: Path) -> None:
    path = written(tmp_path, notebook(f"# Task 4.2\n{RIGHT}"))
    with Workshop() as place:
        place.begin()
        begun = place.waiting
        assert grade(path, place).points == grade(path, place).points == 1
        assert begun is not None and place.waiting is begun and begun.poll() is None
        place.close()
        assert begun.poll() is not None
        assert grade(path, place).points == 1 and place.waiting is not begun


def test_the_command_prints_a_table_and_writes_files_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = written(tmp_path, notebook(f"# Task 4.2\n{RIGHT}", "# Task 4.7\nfair_score = lambda v, t: t.max()"))
    odd = written(tmp_path, "{", f"{EXERCISE}-ünï <b>.ipynb")
    names = {kind: tmp_path / f"marks.{kind}" for kind in ("json", "junit", "html")}
    options = [part for kind, path in names.items() for part in (f"--{kind}", str(path))]
    assert main(["grade", str(bad), str(odd), "--seed", "7", *options]) == 1
    printed = capsys.readouterr().out
    assert "1 of 8 points" in printed and "passed (6 of 6 cases)" in printed and "not graded" in printed
    data = json.loads(names["json"].read_text(encoding="utf8"))
    assert [one["points"] for one in data] == [1, 0]
    assert data[0]["seed"] == 7 and data[0]["tasks"][1]["feedback"].startswith("passed")
    suites = ElementTree.parse(names["junit"]).getroot()
    assert [suite.get("failures") for suite in suites] == ["6", "1"]
    page = names["html"].read_text(encoding="utf8")
    assert "&lt;b&gt;" in page and "<b>" not in page


def test_full_marks_and_only_they_give_the_exit_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    solved = Path(__file__).parents[1] / "solutions" / f"{EXERCISE}.ipynb"
    assert main(["grade", str(solved)]) == 0


def test_several_notebooks_side_by_side_keep_their_order(tmp_path: Path) -> None:
    paths = [written(tmp_path, notebook(f"# Task 4.2\n{s}"), f"{i}.ipynb") for i, s in enumerate((RIGHT, WRONG, RIGHT))]
    reports = list(grade_module.grade_all(paths, jobs=2))
    assert [one.path for one in reports] == paths
    assert [one.points for one in reports] == [1, 0, 1]


def test_the_same_seed_draws_the_same_inputs(workshop: Workshop, tmp_path: Path) -> None:
    path = written(tmp_path, notebook(f"# Task 4.2\n{WRONG}"))
    one, two, other = (mark(grade(path, workshop, seed)).feedback for seed in (1, 1, 2))
    assert one == two != other


def test_check_judges_the_notebook_that_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(f"{RIGHT}\nfrom peft_course.grading import check\ncheck('4.2')", names)
    assert capsys.readouterr().out == "✓ 4.2 put the vectors in front: passed (6 of 6 cases)\n"
    exec(f"{WRONG}\ncheck('4.2', seed=1)", names)
    printed = capsys.readouterr().out
    assert printed.startswith("✗ 4.2 put the vectors in front: wrong: gave a tensor [") and "given: vectors" in printed
    exec("check('4.7')", names)
    assert capsys.readouterr().out == "✗ 4.7 a score to report: not attempted\n"
    with pytest.raises(ValueError, match=r"there is no task '4\.77'; there are 1\.1, "):
        grading.check("4.77")


def test_the_feedback_on_a_prediction_does_not_give_it_away() -> None:
    task = find("4.1")
    for guess in (1, 20, [1], {"a": 1}, "many"):
        mark = verdict("4.1", {"numbers": guess})
        assert not mark.passed
        assert str(task.reference) not in str(mark) and f"{task.reference:,}" not in str(mark)
    pairs = dataclasses.replace(task, reference={"a": 11, "b": 22, "c": 33})
    said = str(judge(pairs, known(pairs, {"a": 11, "b": 2, "c": 3}), 0))
    assert "2 of 3 entries are not right" in said and "22" not in said and "33" not in said


def test_each_mistake_in_a_prediction_of_several_entries_gets_its_hint() -> None:
    queries = find("6.1").mistakes[0]
    assert "query heads" in queries.hint
    other = {"GPT-2 medium": 1, "grouped": queries.wrong["grouped"]}
    assert verdict("6.1", {"sizes": other}).hint == queries.hint
    adam, _, frozen, *_ = find("1.1").mistakes
    two = {"fine-tuning": adam.wrong["fine-tuning"], "prefix": frozen.wrong["prefix"]}
    assert verdict("1.1", {"gigabytes": two}).hint == f"{adam.hint} {frozen.hint}"


def test_a_prediction_as_it_is_handed_out_is_not_attempted(workshop: Workshop, tmp_path: Path) -> None:
    handed_out = (
        'found = {"weight": ..., "relative": ..., "less": [...], "queries": [...], "shares": [...], "moved": [...]}'
    )
    path = written(tmp_path, notebook(f"# Task 9.1\n{handed_out}"))
    assert mark(grade(path, workshop), "9.1").feedback == "not attempted"
    assert verdict("9.1", {"found": {"weight": ..., "less": [...]}}).feedback == "not attempted"
    assert verdict("9.1", {"found": {"weight": 0.1, "less": [...]}}).feedback.startswith("wrong")


def test_two_errors_are_the_same_if_they_say_the_same_of_whatever_sizes() -> None:
    here = Failure(
        "ValueError", "error in your code at line 2 (x): ValueError: cannot reshape array of size 48 into (2,48)"
    )
    assert same(
        here, Failure("ValueError", "error in your code: ValueError: cannot reshape array of size 6 into (3,4,5)"), 0
    )
    assert not same(here, Failure("ValueError", "error in your code: ValueError: too many values to unpack"), 0)


def test_check_leaves_the_inputs_of_the_next_case_alone() -> None:
    names: dict[str, Any] = {}
    exec("def put_in_front(v, x):\n    v.zero_()\n    return x", names)
    assert not verdict("4.2", names, seed=3).passed


# -- values ------------------------------------------------------------------------------------------------------------
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    assert decode(encode(value)) == value


@given(
    st.lists(st.integers(0, 4), max_size=4),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.uint8]),
)
def test_tensors_come_back_as_they_were(shape: list[int], dtype: torch.dtype) -> None:
    tensor = (torch.rand(shape) * 9).to(dtype)
    back = decode(encode({"a": [tensor.T if tensor.ndim == 2 else tensor]}))["a"][0]
    assert back.dtype == dtype and torch.equal(back, tensor.T if tensor.ndim == 2 else tensor)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    try:
        decode(data)
    except ValueError:
        return
    assert len(data) >= 8


@given(st.binary(min_size=1, max_size=3), st.integers(0, 400))
def test_a_damaged_message_is_a_value_or_refused(damage: bytes, place: int) -> None:
    message = bytearray(encode([torch.ones(3, 4), {"a": 1.5}, "text"]))
    message[place : place + len(damage)] = damage
    with contextlib.suppress(ValueError):
        decode(bytes(message))


def test_other_things_are_known_by_their_type_alone() -> None:
    assert decode(encode([print, torch.ones(1).to_sparse()])) == [
        Opaque("builtin_function_or_method"),
        Opaque("Tensor"),
    ]
    assert decode(encode(Failure("A", "b", True))) == Failure("A", "b", True)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1, 1.0),
        (torch.tensor(2.0), 2),
        ([1.0, 2.0], torch.tensor([1, 2])),
        (torch.tensor([1]), [1]),
        ({"a": [1]}, {"a": [1.00001]}),
    ],
)
def test_equal_numbers_of_different_kinds_are_the_same(got: Any, expected: Any) -> None:
    assert same(decode(encode(got)), decode(encode(expected)), 1e-4)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1, True),
        (True, 1),
        ("1", 1),
        (None, 0),
        (torch.ones(1), 1.0),
        ([1], [1, 1]),
        ({"a": 1}, {"b": 1}),
        (float("nan"), 1.0),
        ([[1]], [1]),
    ],
)
def test_different_things_are_not_the_same(got: Any, expected: Any) -> None:
    assert not same(decode(encode(got)), decode(encode(expected)), 1e-4)


def test_the_report_of_nothing_is_not_full_marks(tmp_path: Path) -> None:
    assert not Report(tmp_path, EXERCISES[0]).full_marks
    assert report.as_data(Report(tmp_path, None, refused="no"))["points"] == 0
    assert find("4.2").points == 1
