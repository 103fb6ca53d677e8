"""The command line of grading: ``peft-course grade`` for files, ``peft-course class`` for what a class handed in."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .sandbox import TOOLS, NoSandboxError, Sandbox, sandbox

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
    _add_places(commands)


def _add_variants(commands: Any) -> None:
    own = commands.add_parser("variants", help="write notebooks with numbers of each learner's own")
    own.set_defaults(run=_variants)
    own.add_argument("roster", metavar="ROSTER.csv", help="a table with the column learner, and perhaps id")
    own.add_argument("--exercise", metavar="NAME", required=True, help="such as 04-soft-prompts")
    own.add_argument("--secret", metavar="FILE", required=True, help="the class's secret; made if it is not there")
    own.add_argument("--out", metavar="FOLDER", required=True, help="where the notebooks go, a folder a learner")
    own.add_argument("--notebooks", metavar="FOLDER", help="the exercises as the book has them (default: the checkout)")


def _add_places(commands: Any) -> None:
    workflow = commands.add_parser("github-workflow", help="write the workflow that grades an exercise on GitHub")
    workflow.set_defaults(run=_github_workflow)
    workflow.add_argument("--exercise", metavar="NAME", required=True, help="such as 04-soft-prompts")
    workflow.add_argument("--for", dest="use", choices=("classroom", "pull-requests"), required=True)
    workflow.add_argument("--notebook", metavar="PATH", help="its path in the repository (default: NAME.ipynb)")
    workflow.add_argument("--install", metavar="WHAT", help="what pip installs (default: this version of peft-course)")
    workflow.add_argument("--points", action="store_true", help="classroom: hand the points to GitHub Classroom")
    workflow.add_argument("--out", metavar="FILE", required=True, help="such as .github/workflows/grade.yml")

    fill = commands.add_parser("marks", help="hand a class's marks to Moodle, Canvas or nbgrader")
    fill.set_defaults(run=_marks)
    fill.add_argument("marks", metavar="MARKS", help='the folder that "peft-course class --out" wrote')
    place = fill.add_mutually_exclusive_group(required=True)
    place.add_argument("--moodle", metavar="FILE", help="a grading worksheet, as it was downloaded")
    place.add_argument("--canvas", metavar="FILE", help="a gradebook, as it was exported")
    place.add_argument("--nbgrader", metavar="COURSE", help="a course's folder; pages of feedback are written into it")
    fill.add_argument("--assignment", metavar="NAME", help="canvas: the column, by its name or its number in brackets")
    fill.add_argument("--exercise", metavar="NAME", help="one of those in MARKS, such as 04-soft-prompts")
    fill.add_argument("--replace", action="store_true", help="take our grades for those that are there already")
    fill.add_argument("--feedback", metavar="FILE", help="moodle, canvas: write the zip of feedback, too")
    fill.add_argument("--out", metavar="FILE", required=True, help="where the filled file is written")

    zipped = commands.add_parser("gradescope", help="write the zip that grades an exercise on Gradescope")
    zipped.set_defaults(run=_gradescope)
    zipped.add_argument("--exercise", metavar="NAME", required=True, help="such as 04-soft-prompts")
    zipped.add_argument("--wheel", metavar="FILE", required=True, help="this version of the course, as a wheel")
    zipped.add_argument("--constraints", metavar="FILE", help="the exact versions to install with it (constraints.txt)")
    zipped.add_argument("--out", metavar="FILE", required=True, help="such as autograder.zip")


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
    print(f"{len(graded)} marks, {len(marks) - len(graded)} files not graded: {options.out}/summary.html")
    if look := [mark for mark in marks if mark.look]:
        print(f"{len(look)} times are not known or not sure; {options.out}/summary.html names them", file=sys.stderr)


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


def _github_workflow(options: argparse.Namespace) -> None:
    from .places import github

    text = github.workflow(options.exercise, options.use, options.notebook, options.install, options.points)
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf8")
    print(f"{out}: commit it to the branch main of the repository that grades")


def _marks(options: argparse.Namespace) -> int:
    """Exit status 1 where a mark found no place: somebody has to look."""
    from .places import canvas, moodle, nbgrader
    from .places.filled import all_marks, read_marks

    every = options.nbgrader and not options.exercise
    marks = all_marks(Path(options.marks)) if every else read_marks(Path(options.marks), options.exercise)
    if options.nbgrader and options.feedback:
        raise ValueError(f"--feedback is for Moodle and Canvas; nbgrader's pages go into {options.nbgrader}")
    if options.nbgrader:
        filled, feedback = nbgrader.fill(Path(options.nbgrader), marks), None
    elif options.moodle:
        filled, feedback = moodle.fill(Path(options.moodle), marks, options.replace), moodle.feedback
    elif options.assignment:
        filled = canvas.fill(Path(options.canvas), marks, options.assignment, options.replace)
        feedback = canvas.feedback
    else:
        raise ValueError("--canvas needs --assignment: the column's name, or its number in brackets")
    Path(options.out).write_bytes(filled.content)
    print(f"{filled.grades} grades: {options.out}")
    notes = list(filled.notes)
    if options.feedback and feedback:
        content, more = feedback(marks)
        Path(options.feedback).write_bytes(content)
        notes += [note for note in more if note not in notes]
    for note in notes:
        print(f"  {note}", file=sys.stderr)
    return 1 if notes else 0


def _gradescope(options: argparse.Namespace) -> None:
    from .places import gradescope

    constraints = Path(options.constraints) if options.constraints else None
    gradescope.pack(options.exercise, Path(options.wheel), constraints, Path(options.out))
    print(f"{options.out}: upload it as the autograder of a programming assignment")
