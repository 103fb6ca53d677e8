"""The command line of grading: ``peft-course grade`` for files, ``peft-course class`` for what a class handed in."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .places import commands as places
from .process import Workshop
from .sandbox import TOOLS, NoSandboxError, Sandbox, sandbox
from .submission import NotAnExerciseError, read

if TYPE_CHECKING:  # torch is loaded when something is graded, not for --help
    from .grade import Report


def add_to(commands: Any) -> None:
    """Adds them to the subparsers of ``peft-course``."""
    marks = commands.add_parser("grade", help="grade notebooks of exercises; exit status 0 for full marks alone")
    marks.set_defaults(run=_grade)
    marks.add_argument("files", nargs="+", metavar="FILE", help="a learner's notebook")
    marks.add_argument("--json", metavar="FILE", help="write the marks as JSON")
    marks.add_argument("--junit", metavar="FILE", help="write the marks as JUnit's XML")
    marks.add_argument("--html", metavar="FILE", help="write the marks as a page")
    marks.add_argument("--exercise", metavar="NAME", help="refuse notebooks of another exercise")
    marks.add_argument("--github", action="store_true", help="print annotations, write the step's summary and result")
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
    many.add_argument("--late", metavar="FILE", help="the late policy, TOML: take off points by its deadlines")
    many.add_argument("--worksheet", metavar="FILE", help="with --late: Moodle's grading worksheet, for the times")
    many.add_argument("--variants", metavar="ROSTER.csv", help="everybody has numbers of their own, by this roster")
    many.add_argument("--secret", metavar="FILE", help="with --variants: the secret that the numbers were drawn with")
    many.add_argument("--similar", action="store_true", help="write which answers are alike (similar.html)")
    _add_sandbox(many, "bubblewrap")
    _add_variants(commands)
    places.add_to(commands)


def _add_variants(commands: Any) -> None:
    own = commands.add_parser("variants", help="write notebooks with numbers of each learner's own")
    own.set_defaults(run=_variants)
    own.add_argument("roster", metavar="ROSTER.csv", help="a table with the column learner, and perhaps id")
    own.add_argument("--exercise", metavar="NAME", required=True, help="such as 04-soft-prompts")
    own.add_argument("--secret", metavar="FILE", required=True, help="the class's secret; made if it is not there")
    own.add_argument("--out", metavar="FOLDER", required=True, help="where the notebooks go, a folder a learner")
    own.add_argument("--notebooks", metavar="FOLDER", help="the exercises as the book has them (default: the checkout)")


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
    if options.jobs < 1:
        raise ValueError(f"--jobs is a number of processes, 1 or more, got {options.jobs}")
    workshop = Workshop(sandbox=_sandbox(options))
    if options.jobs == 1 or len(options.files) == 1:
        workshop.begin(_needs(Path(options.files[0])))

    from . import report  # with torch, which the workshop is loading, too
    from .grade import grade_all

    reports = []
    for one in grade_all(options.files, options.jobs, options.seed, workshop):
        reports.append(_only(options.exercise, one))
        if not options.github:
            print(report.table(reports[-1]), flush=True)
    if options.github:
        from .places import github

        print(github.show(reports), flush=True)
    for name, write in (("json", report.write_json), ("junit", report.write_junit), ("html", report.write_html)):
        if (path := getattr(options, name)) is not None:
            write(reports, path)
    return 0 if all(one.full_marks for one in reports) else 1


def _needs(path: Path) -> list[str]:
    try:
        return read(path).needs
    except NotAnExerciseError:
        return []  # the reason is told when it is graded


def _only(exercise: str | None, one: "Report") -> "Report":
    """The report itself, unless it is of another exercise than the one asked for."""
    if exercise is None or one.exercise is None or one.exercise.name == exercise:
        return one
    return replace(one, exercise=None, marks=[], refused=f"this is {one.exercise.name}, not {exercise}")


def _class(options: argparse.Namespace) -> None:
    from . import classroom
    from .classroom import late

    if options.jobs < 1:
        raise ValueError(f"--jobs is a number of processes, 1 or more, got {options.jobs}")
    if options.worksheet and not options.late:
        raise ValueError("--worksheet tells when files came, for --late: give the late policy too")
    marks = classroom.grade_folder(
        Path(options.place), Path(options.out), _sandbox(options), options.jobs, options.dask, options.seed,
        late.read(Path(options.late)) if options.late else None,
        Path(options.worksheet) if options.worksheet else None,
        _roster(options), options.similar,
    )  # fmt: skip
    graded = [mark for mark in marks if mark.refused is None]
    rest = len(marks) - len(graded)
    print(f"{len(graded)} marks, {rest} file{'s'[: rest != 1]} not graded: {options.out}/summary.html")
    if look := [mark for mark in marks if mark.look]:
        times = f"{len(look)} time{'s'[: len(look) != 1]}"
        print(f"not known or not sure: {times}; {options.out}/summary.html has a list", file=sys.stderr)


def _variants(options: argparse.Namespace) -> None:
    from .classroom import roster, variants
    from .exercises import named

    exercise, folder = named(options.exercise), Path(options.notebooks) if options.notebooks else None
    if not Path(options.roster).is_file():
        raise ValueError(f"there is no roster {options.roster}")
    if roster.make_secret(Path(options.secret)):
        print(f"{options.secret}: a new secret; keep it, and give it to nobody who learns")
    class_ = roster.read_roster(Path(options.roster), Path(options.secret))
    paths = variants.write_notebooks(class_, exercise, Path(options.out), folder)
    numbers = ", ".join(task.number for task in variants.varies(exercise))
    print(f"{len(paths)} notebooks in {options.out}; everybody has numbers of their own in {numbers or 'no task'}")


def _roster(options: argparse.Namespace) -> Any:
    from .classroom import roster

    if bool(options.variants) != bool(options.secret):
        raise ValueError("--variants and --secret belong together: the roster, and what the numbers were drawn with")
    return roster.read_roster(Path(options.variants), Path(options.secret)) if options.variants else None
