"""The command line of the places: GitHub's workflow, Gradescope's zip, the tables of Moodle, Canvas and nbgrader."""

import argparse
import sys
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Adds them to the subparsers of ``peft-course``."""
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


def _github_workflow(options: argparse.Namespace) -> None:
    from . import github

    text = github.workflow(options.exercise, options.use, options.notebook, options.install, options.points)
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf8")
    print(f"{out}: commit it to the branch main of the repository that grades")


def _marks(options: argparse.Namespace) -> int:
    """Exit status 1 where a mark found no place: somebody has to look."""
    from . import canvas, moodle, nbgrader
    from .filled import all_marks, read_marks

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
    from . import gradescope

    constraints = Path(options.constraints) if options.constraints else None
    gradescope.pack(options.exercise, Path(options.wheel), constraints, Path(options.out))
    print(f"{options.out}: upload it as the autograder of a programming assignment")
