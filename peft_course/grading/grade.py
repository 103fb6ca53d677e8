"""``grade(file)``: a learner's notebook → marks, task by task."""

import atexit
import contextlib
import functools
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from .exercises import EXERCISES, Exercise
from .judge import judge
from .models import model
from .needs import load
from .process import Workshop
from .sandbox import Sandbox
from .submission import NAMES, NotAnExerciseError, Submission, read
from .task import Mark, Task
from .values import NOTHING


class SpoiltExerciseError(NotAnExerciseError):
    """One of the exercises, and yet not to be graded."""


@dataclass(frozen=True)
class Report:
    """The marks of one notebook; or why it has none (`refused`)."""

    path: Path
    exercise: Exercise | None
    marks: list[Mark] = field(default_factory=list)
    refused: str | None = None
    seed: int = 0

    @property
    def points(self) -> int:
        return sum(mark.points for mark in self.marks)

    @property
    def out_of(self) -> int:
        return sum(task.points for task in self.exercise.tasks) if self.exercise else 0

    @property
    def full_marks(self) -> bool:
        return self.refused is None and bool(self.marks) and all(mark.passed for mark in self.marks)


def grade(
    path: str | Path,
    workshop: Workshop | None = None,
    seed: int | None = None,
    sandbox: Sandbox | None = None,
    variant: str | None = None,
    others: Sequence[str] = (),
) -> Report:
    """Grade the notebook at `path`. Inputs are drawn from `seed`, a new one each time unless it is given.

    Answers run in `workshop`; without one, in one of this notebook's own, inside `sandbox` if there is one. Tasks have
    the numbers of `variant`, or of the one that the notebook names; `others` are the variants of its class.
    """
    path, seed = Path(path), random.SystemRandom().randrange(10**6) if seed is None else seed
    try:
        submission, exercise = opened(path)
    except NotAnExerciseError as error:
        return Report(path, None, refused=str(error), seed=seed)
    exercise = exercise.of(submission.variant if variant is None else variant)
    make_ready(submission, exercise)
    with Workshop(sandbox=sandbox) if workshop is None else contextlib.nullcontext(workshop) as place:
        marks = [grade_task(task, submission, place, seed, others) for task in exercise.tasks]
    return Report(path, exercise, marks, seed=seed)


def grade_all(
    paths: Sequence[str | Path], jobs: int = 1, seed: int | None = None, workshop: Workshop | None = None
) -> Iterator[Report]:
    """The reports in the order of `paths`, by `jobs` processes side by side.

    Answers run in `workshop`. If that has a sandbox, each notebook has one of its own; several processes have workshops
    of their own.
    """
    workshop = workshop or Workshop()
    with workshop:
        if jobs == 1 or len(paths) == 1:
            for path in paths:
                yield grade(path, workshop, seed)
                if workshop.sandbox is not None:
                    workshop.close()
            return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(paths)), context, initializer=_start) as pool:
        yield from pool.map(functools.partial(_grade_here, seed=seed, sandbox=workshop.sandbox), paths)


def _start() -> None:
    torch.set_num_threads(1)


@functools.cache
def _workshop() -> Workshop:
    """This process's own; its processes end with it."""
    workshop = Workshop()
    atexit.register(workshop.close)
    return workshop


def _grade_here(path: str | Path, seed: int | None, sandbox: Sandbox | None) -> Report:
    return grade(path, None if sandbox else _workshop(), seed, sandbox)


def make_ready(submission: Submission, exercise: Exercise) -> None:
    """Load what the references need, before an answer is waited for: the process that tries it loads, too."""
    if "dynamo" in submission.needs:
        load(["dynamo"])
    for task in exercise.tasks:
        for name in task.models:
            model(name)


def grade_task(
    task: Task, submission: Submission, workshop: Workshop, seed: int, others: Sequence[str] = ()
) -> Mark:
    """One task's mark. Whatever the answer does, the other tasks are graded as if it were not there."""
    cells = submission.code(task)
    if cells is None:
        return Mark(task, False, NOTHING)
    with workshop.answer(task, cells, submission.needs) as answer:
        mark = judge(task, answer, seed, others)
    return replace(mark, seconds=answer.used)


def opened(path: Path, submission: Submission | None = None) -> tuple[Submission, Exercise]:
    """What a notebook answers, and the exercise that it is: by what it says of itself, its marked cells, or its name.

    `submission` is the notebook where it has been read. Raises NotAnExerciseError where it is none; SpoiltExerciseError
    where it is one, but damaged or of another edition.
    """
    try:
        submission = submission or read(path)
    except NotAnExerciseError as error:
        if path.name.startswith(NAMES):
            raise SpoiltExerciseError(str(error)) from error
        raise
    chapters = {number.split(".")[0] for number in submission.numbers}
    signs = (
        lambda exercise: submission.exercise == exercise.name,
        lambda exercise: str(exercise.chapter) in chapters,
        lambda exercise: path.name.startswith(exercise.name),
    )
    exercise = next((exercise for sign in signs for exercise in EXERCISES if sign(exercise)), None)
    if exercise is None:
        raise NotAnExerciseError(f"{path.name} is none of this course's exercises")
    if submission.exercise == exercise.name and submission.edition != exercise.edition:
        raise SpoiltExerciseError(
            f"{path.name} is edition {submission.edition} of the exercises {exercise.name}, and this version of the "
            f"course has edition {exercise.edition}: copy the answers into the new notebook, or grade it with the "
            f"version of peft-course that it was made with"
        )
    return submission, exercise
