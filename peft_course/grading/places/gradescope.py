"""Gradescope: the zip that it makes an autograder of, and the results that the autograder writes.

Documented in Gradescope's "Autograder Specifications" (gradescope-autograders.readthedocs.io/en/latest/specs/): what
the zip has to contain, which folders are where, the fields of ``results.json``. Its "Code Autograder Best Practices"
ask for a result whatever happens, and for another user to run the answers as.
"""

import json
import re
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from ... import __version__
from ..classroom import collect
from ..exercises import Exercise, named
from ..grade import Report, grade, opened
from ..report import table
from ..sandbox import USER, NoSandboxError, Sandbox, sandbox
from ..submission import NotAnExerciseError

SCRIPTS = ("setup.sh", "run_autograder")
WHEN = (2020, 1, 1, 0, 0, 0)  # the zip's files carry no date, so the same zip has the same bytes
UNFINISHED = "The grader did not come to its end. Submit again; if you read this twice, tell your teacher."


# -- results.json -----------------------------------------------------------------------------------------------------
def results(report: Report, out_of: int) -> dict[str, Any]:
    """What Gradescope shows of a report: a test for each task, or one that failed, with the reason for no points.

    All text is declared as such: an answer's error message may contain HTML, and stays text.
    """
    tests = [
        {
            "number": mark.task.number,
            "name": mark.task.title,
            "score": mark.points,
            "max_score": mark.task.points,
            "status": "passed" if mark.passed else "failed",
            "output": mark.feedback,
            "output_format": "text",
        }
        for mark in report.marks
    ]
    said = f"{report.path.name}: {report.points} of {report.out_of} points"
    if report.refused is not None:
        said = f"Not graded: {report.refused}"
        why = {"output": report.refused, "output_format": "text"}
        tests = [{"name": "the notebook", "score": 0, "max_score": out_of, "status": "failed", **why}]
    return {
        "score": report.points,
        "execution_time": round(sum(mark.seconds for mark in report.marks)),
        "output": said,
        "output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",  # the teacher's log
        "extra_data": {"seed": report.seed, "version": __version__},
        "tests": tests,
    }


def write(content: dict[str, Any], path: Path) -> None:
    """At once or not at all: what is cut short is no JSON, and Gradescope would show the learner nothing."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf8")
    partial.replace(path)


# -- inside Gradescope ------------------------------------------------------------------------------------------------
def run(exercise: Exercise, root: Path) -> None:
    """Grade what lies in ``submission/``, and write ``results/results.json``; one that says so if this is cut off."""
    out_of = sum(task.points for task in exercise.tasks)
    begin, target = time.monotonic(), root / "results" / "results.json"
    target.parent.mkdir(exist_ok=True)
    write(results(Report(root, None, refused=UNFINISHED), out_of), target)
    try:
        place = best_sandbox()
        print(f"peft-course {__version__}, Python {sys.version.split()[0]}, answers run in: {place.tool}")
        report = graded(root / "submission", exercise, place)
    except NoSandboxError as error:
        print(_why(error))
        report = Report(root, None, refused="the autograder is not set up well. Your teacher can read more in its log.")
    write(results(report, out_of), target)
    print(table(report))
    print(f"seed {report.seed}, {time.monotonic() - begin:.0f} s")


def best_sandbox() -> Sandbox:
    """Bubblewrap's, or another user where no container can be made. Raises NoSandboxError where neither can be had."""
    try:
        return sandbox()
    except NoSandboxError as error:
        print(_why(error))
        return sandbox(USER)


def _why(error: NoSandboxError) -> str:
    return str(error).split(";")[0]  # the rest is about options of the command line


def graded(submission: Path, exercise: Exercise, place: Sandbox) -> Report:
    """The report of the one notebook in the folder that is this exercise."""
    with tempfile.TemporaryDirectory() as copies:
        try:
            path = the_notebook(submission, exercise, Path(copies))
        except ValueError as error:
            return Report(submission, exercise, refused=str(error))
        return replace(grade(path, sandbox=place), path=Path(path.name))


def the_notebook(submission: Path, exercise: Exercise, copies: Path) -> Path:
    """A copy of it. Raises ValueError if there is none, or if it is not clear which one is meant."""
    found, left_out = collect(submission, copies)
    if not found:
        there = "; ".join(f"{each.where}: {each.why}" for each in left_out[:5]) or "no files"
        raise ValueError(f"no notebook was submitted, but {there}. Submit {exercise.name}.ipynb")
    ours = [each for each in found if _exercise(each.path) == exercise.name]
    if len(ours) > 1:
        names = ", ".join(each.where for each in ours)
        raise ValueError(f"{len(ours)} notebooks are {exercise.name}: {names}. Submit the one that counts")
    if not ours and (other := _exercise(found[0].path)):
        raise ValueError(f"{found[0].where} is {other}, and this assignment is {exercise.name}")
    return (ours or found)[0].path


def _exercise(path: Path) -> str | None:
    try:
        return opened(path)[1].name
    except NotAnExerciseError:
        return None


# -- the zip ----------------------------------------------------------------------------------------------------------
def pack(exercise: str, wheel: Path, constraints: Path | None, out: Path) -> None:
    """Write the zip that is uploaded as the autograder of this exercise.

    Raises ValueError for an exercise that is none, and for a wheel that is not this version of the course.
    """
    named(exercise)
    if not re.fullmatch(rf"peft_course-{re.escape(__version__)}-.*\.whl", wheel.name) or not zipfile.is_zipfile(wheel):
        raise ValueError(f"{str(wheel)!r} is not the wheel of peft-course {__version__}; pip wheel --no-deps makes it")
    python = ".".join(map(str, sys.version_info[:2]))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in SCRIPTS:
            text = files(__package__).joinpath(name).read_text(encoding="utf8")
            _add(archive, name, text.replace("@EXERCISE@", exercise).replace("@PYTHON@", python).encode(), 0o755)
        _add(archive, wheel.name, wheel.read_bytes(), 0o644)
        _add(archive, "constraints.txt", constraints.read_bytes() if constraints else b"", 0o644)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    member = zipfile.ZipInfo(name, WHEN)
    member.create_system, member.external_attr = 3, mode << 16  # Unix, which knows what can be executed
    member.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(member, content)


def main(arguments: Sequence[str]) -> None:
    """What ``run_autograder`` starts: the exercise's name, and the folder with ``submission`` and ``results``."""
    name, root = arguments
    run(named(name), Path(root).resolve())


if __name__ == "__main__":
    main(sys.argv[1:])
