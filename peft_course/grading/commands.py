"""The command line of grading: ``peft-course grade`` for files, ``peft-course class`` for what a class handed in."""

import argparse
import sys
from pathlib import Path
from typing import Any

from .sandbox import TOOLS, NoSandboxError, Sandbox, sandbox


def add_to(commands: Any) -> None:
    """Adds them to the subparsers of ``peft-course``."""
    marks = commands.add_parser("grade", help="grade notebooks of exercises; exit status 0 for full marks alone")
    marks.set_defaults(run=_grade)
    marks.add_argument("files", nargs="+", metavar="FILE", help="a learner's notebook")
    marks.add_argument("--json", metavar="FILE", help="write the marks as JSON")
    marks.add_argument("--junit", metavar="FILE", help="write the marks as JUnit's XML")
    marks.add_argument("--html", metavar="FILE", help="write the marks as a page")
    marks.add_argument("--seed", type=int, help="draw the inputs of an earlier grading again")
    marks.add_argument("--jobs", type=int, default=1, metavar="N", help="notebooks side by side")
    _add_sandbox(marks)

    many = commands.add_parser("class", help="grade a folder or zip of notebooks, in sandboxes")
    many.set_defaults(run=_class)
    many.add_argument("place", metavar="PLACE", help="a folder or a zip of notebooks, as it was downloaded")
    many.add_argument("--out", metavar="FOLDER", required=True, help="where marks and feedback are written")
    many.add_argument("--seed", type=int, help="draw the inputs of an earlier grading again")
    many.add_argument("--jobs", type=int, default=2, metavar="N", help="notebooks side by side (default: 2)")
    many.add_argument("--dask", metavar="ADDRESS", help="grade on the Dask cluster of this scheduler")
    _add_sandbox(many, "bubblewrap")


def _add_sandbox(command: argparse.ArgumentParser, default: str | None = None) -> None:
    command.add_argument(
        "--sandbox",
        nargs="?",
        const="bubblewrap",
        default=default,
        choices=TOOLS,
        help=f"try answers where they reach nothing else (default: {default or 'no sandbox'})",
    )
    command.add_argument("--trust", action="store_true", help="go on without a sandbox where none can be had")


def _sandbox(options: argparse.Namespace) -> Sandbox | None:
    try:
        return sandbox(options.sandbox) if options.sandbox else None
    except NoSandboxError as error:
        if not options.trust:
            raise
        print(f"peft-course: {error}\npeft-course: going on without one, as --trust says", file=sys.stderr)
        return None


def _grade(options: argparse.Namespace) -> int:
    from . import report
    from .grade import grade_all

    if options.jobs < 1:
        raise ValueError(f"--jobs is a number of processes, 1 or more, got {options.jobs}")
    reports = []
    for one in grade_all(options.files, options.jobs, options.seed, _sandbox(options)):
        reports.append(one)
        print(report.table(one), flush=True)
    for name, write in (("json", report.write_json), ("junit", report.write_junit), ("html", report.write_html)):
        if (path := getattr(options, name)) is not None:
            write(reports, path)
    return 0 if all(one.full_marks for one in reports) else 1


def _class(options: argparse.Namespace) -> None:
    from . import classroom

    if options.jobs < 1:
        raise ValueError(f"--jobs is a number of processes, 1 or more, got {options.jobs}")
    marks = classroom.grade_folder(
        Path(options.place), Path(options.out), _sandbox(options), options.jobs, options.dask, options.seed
    )
    graded = [mark for mark in marks if mark.refused is None]
    print(f"{len(graded)} marks, {len(marks) - len(graded)} files not graded: {options.out}/summary.html")
