"""GitHub: the workflow is safe and runs, annotations are escaped as documented, nothing of a learner's is a command."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from test_grading import OTHER, notebook

from peft_course import __version__
from peft_course.cli import main
from peft_course.grading import commands
from peft_course.grading.exercises import EXERCISES
from peft_course.grading.grade import Report
from peft_course.grading.places import github
from peft_course.grading.task import Mark

ROOT = Path(__file__).resolve().parents[1]
EXERCISE = EXERCISES[3]
SHELL = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]  # GitHub Docs, "Workflow syntax", jobs.<id>.steps[*].shell
STEP_LINE = re.compile(
    r"::(notice|error) ([^:]+)::(.*)"
)  # GitHub Docs, "Workflow commands", setting a notice or an error


def report(passed: bool = False, feedback: str = "not attempted", path: str = "04-soft-prompts.ipynb") -> Report:
    return Report(Path(path), EXERCISE, [Mark(task, passed, feedback) for task in EXERCISE.tasks])


def workflow(use: str, **options: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(github.workflow("04-soft-prompts", use, **options), yaml.BaseLoader)
    return content


# -- the workflow -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("use", "points"), [("pull-requests", False), ("classroom", False), ("classroom", True)])
def test_the_workflow_satisfies_the_schema_of_workflows(use: str, points: bool, tmp_path: Path) -> None:
    (tmp_path / "grade.yml").write_text(github.workflow("04-soft-prompts", use, points=points))
    program = str(Path(sys.executable).with_name("check-jsonschema"))  # the schemas are inside; nothing is fetched
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        command = [program, "--builtin-schema", schema, "grade.yml"]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("use", github.FOR)
def test_the_workflow_may_read_and_nothing_else(use: str) -> None:
    content = workflow(use)
    (job,) = content["jobs"].values()
    assert content["permissions"] == {"contents": "read"} and "permissions" not in job
    text = github.workflow("04-soft-prompts", use)
    assert "secrets." not in text and "write" not in text.replace("--write", "")
    assert all(int(step.get("timeout-minutes", 1)) <= 40 for step in job["steps"]) and int(job["timeout-minutes"]) <= 60


@pytest.mark.parametrize("use", github.FOR)
def test_nothing_of_the_learner_s_is_checked_out_and_one_step_alone_has_the_token(use: str) -> None:
    steps = workflow(use)["jobs"]["grade"]["steps"]
    assert not any("checkout" in step.get("uses", "") for step in steps)
    assert [step["name"] for step in steps if "GH_TOKEN" in step.get("env", {})] == ["Fetch the notebook"]
    assert [step.get("name") for step in steps].index("Install the grader") == 1  # before the learner's file is there


@pytest.mark.parametrize("use", github.FOR)
def test_nothing_from_outside_is_written_into_a_script(use: str) -> None:
    """A branch or a title may hold shell; GitHub Docs, "Script injections": pass values by the environment."""
    assert not any("${{" in step.get("run", "") for step in workflow(use)["jobs"]["grade"]["steps"])


@pytest.mark.parametrize("use", github.FOR)
def test_actions_are_pinned_to_a_commit_and_the_grader_to_its_version(use: str) -> None:
    steps = workflow(use)["jobs"]["grade"]["steps"]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    assert f'pip install "peft-course=={__version__}"' in steps[1]["run"]


def test_a_pull_request_is_graded_by_the_base_branch_s_workflow_and_a_classroom_s_repository_on_push() -> None:
    assert list(workflow("pull-requests")["on"]) == ["pull_request_target"]
    assert workflow("classroom")["on"] == {"push": {"branches": ["main"]}}


def test_the_points_come_from_a_second_job_that_sees_no_learner_s_file() -> None:
    grade, reporter = workflow("classroom", points=True)["jobs"].values()
    assert "permissions" not in grade and reporter["permissions"] == {"actions": "read", "checks": "write"}
    assert [step["uses"].split("@")[0] for step in reporter["steps"]] == [
        "classroom-resources/autograding-grading-reporter"
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"exercise": "99-none"}, "no exercise '99-none'"),
        ({"notebook": "../x.ipynb"}, "no path of a notebook"),
        ({"notebook": "$(id).ipynb"}, "no path of a notebook"),
        ({"notebook": "a\n.ipynb"}, "no path of a notebook"),
        ({"install": 'x"; id #'}, "not what pip installs"),
        ({"install": "--index-url"}, "not what pip installs"),
        ({"use": "pull-requests", "points": True}, "--for classroom alone"),
    ],
)
def test_what_a_shell_could_misread_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        github.workflow(**({"exercise": "04-soft-prompts", "use": "classroom"} | options))


def test_the_command_writes_the_workflow_where_it_is_told(tmp_path: Path) -> None:
    out = tmp_path / ".github" / "workflows" / "grade.yml"
    options = ["--exercise", "04-soft-prompts", "--for", "classroom", "--notebook", "week-4/x.ipynb"]
    assert main(["github-workflow", *options, "--out", str(out)]) == 0
    assert yaml.safe_load(out.read_text())["jobs"]["grade"]["env"]["NOTEBOOK"] == "week-4/x.ipynb"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="the workflow grades in bubblewrap")
def test_the_workflow_s_steps_run_as_the_runner_would_run_them(tmp_path: Path) -> None:
    """What installs and what GitHub serves are stood in for; the rest is the workflow's own shell."""
    handed_in = tmp_path / "handed-in.ipynb"
    handed_in.write_text(json.dumps(notebook(OTHER)))
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    for name, script in {"sudo": 'echo "$@"', "python": 'echo "$@"', "gh": f'echo "$@" >&2; cat "{handed_in}"'}.items():
        (stand_ins / name).write_text(f"#!/bin/sh\n{script}\n")
        (stand_ins / name).chmod(0o755)
    text = github.workflow("04-soft-prompts", "pull-requests", notebook="week-4.ipynb")
    job = yaml.safe_load(text)["jobs"]["grade"]
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    paths = os.pathsep.join([str(stand_ins), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **job["env"], "PATH": paths, "REPOSITORY": "class/base", "COMMIT": "f" * 40}
    environment |= {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    outcomes = {}
    for step in job["steps"]:
        if "run" in step:
            result = subprocess.run(
                [*SHELL, "-c", step["run"]], cwd=workspace, env=environment, capture_output=True, text=True, check=False
            )
            outcomes[step["name"]] = result
    assert outcomes["Install the grader"].returncode == 0
    assert "repos/class/base/contents/week-4.ipynb?ref=" + "f" * 40 in outcomes["Fetch the notebook"].stderr
    graded = outcomes["Grade"]
    assert graded.returncode == 1, graded.stdout + graded.stderr  # not full marks
    assert [path.name for path in workspace.iterdir()] == ["week-4.ipynb"]
    assert "1 of 8 points" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert graded.stdout.count("::notice file=week-4.ipynb,") == 1 and "::error file=week-4.ipynb," in graded.stdout
    content = (tmp_path / "GITHUB_OUTPUT").read_text().removeprefix("result=")
    assert json.loads(base64.b64decode(content))["max_score"] == 8


# -- what a step says -------------------------------------------------------------------------------------------------
@given(st.text(), st.text())
def test_a_command_is_one_line_that_github_reads_back(message: str, title: str) -> None:
    line = github.command("error", message, file="a,b:c.ipynb", title=title)
    assert "\n" not in line and "\r" not in line
    name, properties, data = STEP_LINE.fullmatch(line).groups()  # type: ignore[union-attr]
    assert (name, unescaped(data)) == ("error", message)
    read = dict(pair.split("=", 1) for pair in properties.split(","))
    assert {key: unescaped(value) for key, value in read.items()} == {"file": "a,b:c.ipynb", "title": title}


def unescaped(text: str) -> str:
    """As the runner does: the percent sign last."""
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def test_passed_tasks_are_notices_and_others_errors_at_the_line_of_their_cell(tmp_path: Path) -> None:
    path = tmp_path / "04-soft-prompts.ipynb"
    shutil.copy(ROOT / "exercises" / path.name, path)
    right, wrong = (list(github.annotations([report(passed, path=str(path))])) for passed in (True, False))
    assert all(line.startswith("::notice ") for line in right) and all(line.startswith("::error ") for line in wrong)
    lines = path.read_text().split("\n")
    for task, annotation in zip(EXERCISE.tasks, wrong, strict=True):
        number = re.search(r",line=(\d+),", annotation)
        assert number and f"# Task {task.number}" in lines[int(number[1]) - 1]
    assert len(EXERCISE.tasks) <= 10  # GitHub shows ten errors and ten notices of a step


def test_a_learner_s_lines_cannot_become_commands() -> None:
    evil = "wrong\n::notice title=4.1::8 of 8\n::stop-commands::x\n##[error]no\n::add-mask::a"
    printed = github.show([report(feedback=evil)], {})
    first, rest = printed.split("\n", 1)
    token = first.removeprefix("::stop-commands::")
    inside, after = rest.split(f"\n::{token}::\n")
    assert len(token) == 32 and token not in inside and "\n  ::notice" in inside
    assert all(STEP_LINE.fullmatch(line) and line.startswith("::error ") for line in after.split("\n"))
    assert github.show([report()], {}).split("\n", 1)[0] != first  # another token each time


def test_the_summary_holds_no_markup_of_a_learner_s() -> None:
    text = github.summary([report(feedback="<img src=x>\n\n# 8 of 8\n| a | [b](c)")])
    assert "<img" not in text and "\n#" not in text and "&lt;img src=x&gt;<br><br># 8 of 8<br>| a | [b](c)" in text
    head, table = text.split("\n\n", 1)
    assert head == "## 04-soft-prompts: 0 of 8 points" and "\n\n" not in table.strip()
    assert len(github.summary([report(feedback="x" * 10**6)] * 40).encode()) < 2**20


def test_a_refused_notebook_says_why_everywhere() -> None:
    refused = Report(Path("04-soft-prompts.ipynb"), None, refused="is <no> notebook")
    assert "::error file=04-soft-prompts.ipynb,title=Not graded::is <no> notebook" in github.show([refused], {})
    assert "Not graded.</b> is &lt;no&gt; notebook" in github.summary([refused])


@pytest.mark.parametrize(("passed", "status"), [(True, "pass"), (False, "fail")])
def test_the_points_are_as_the_reporter_reads_them(passed: bool, status: str) -> None:
    """README and sources of autograding-grading-reporter, v1: it sums `score` and `max_score`, and fails on "fail"."""
    content = json.loads(base64.b64decode(github.result([report(passed)])))
    assert content["status"] == status and content["max_score"] == 8 and content["version"] == 1
    assert sum(test["score"] for test in content["tests"]) == (8 if passed else 0)
    for test in content["tests"]:
        assert set(test) == {"name", "status", "score", "message"} and test["status"] in ("pass", "fail", "error")
        assert (test["message"] is None) == passed


def test_another_exercise_s_notebook_earns_nothing() -> None:
    assert commands._only("04-soft-prompts", report(True)).full_marks
    other = commands._only("05-making-soft-prompts-work", report(True))
    assert (other.points, other.full_marks) == (0, False)
    assert other.refused == "this is 04-soft-prompts, not 05-making-soft-prompts-work"
