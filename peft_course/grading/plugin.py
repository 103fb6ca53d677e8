"""The pytest plugin: ``pytest --nbval FILE`` grades the notebook if it is one of the course's exercises.

Such a file is not run by nbval, and a ``conftest.py`` beside it is not loaded. Every other notebook is left to nbval.
``-p no:peft-course`` leaves all of them to nbval: so the solutions are tested as the notebooks they are.
"""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

WORKSHOP = pytest.StashKey[Any]()
FOUND = pytest.StashKey[dict[Path, Any]]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Where an exercise is named on the command line, no conftest.py is loaded: it would be the learner's."""
    if not any(argument in ("--nbval", "--nbval-lax") for argument in args):
        return
    named = [Path(argument.split("::")[0]) for argument in args if not argument.startswith("-")]
    files = [file for path in named for file in (path.rglob("*.ipynb") if path.is_dir() else [path])]
    if any(_found(early_config, file) for file in files if file.suffix == ".ipynb" and file.is_file()):
        early_config.known_args_namespace.noconftest = True


def _found(config: pytest.Config, path: Path) -> Any:
    """A file's answers and their exercise; the error where it is one that cannot be graded; None where it is nbval's.

    A file is read once. The first exercise begins the process that tries answers, so that this one and that one load
    torch side by side.
    """
    known, path = config.stash.setdefault(FOUND, {}), path.resolve()
    if path not in known:
        known[path] = _opened(config, path)
    return known[path]


def _opened(config: pytest.Config, path: Path) -> Any:
    from .submission import NAMES, NotAnExerciseError, read

    try:
        submission = read(path)
    except NotAnExerciseError:
        submission = None
    if not (submission.may_be_one if submission else path.name.startswith(NAMES)):
        return None
    if submission:
        _workshop(config, submission.needs)

    from .grade import SpoiltExerciseError, opened

    try:
        return opened(path, submission)
    except SpoiltExerciseError as error:
        return error
    except NotAnExerciseError:
        return None


def _workshop(config: pytest.Config, needs: Sequence[str] = ()) -> Any:
    """Where answers are tried, which has begun; with pytest-xdist, not in the process that only hands out the tests."""
    from .process import Workshop

    if (workshop := config.stash.get(WORKSHOP, None)) is None:
        workshop = config.stash[WORKSHOP] = Workshop()
        if not getattr(config.known_args_namespace, "numprocesses", None):
            workshop.begin(needs)
    return workshop


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    collectors = yield
    nbval = any(parent.config.getoption(option, False) for option in ("nbval", "nbval_lax"))
    asked = nbval and file_path.suffix == ".ipynb" and _is_asked_for(parent.config, file_path)
    if asked and (found := _found(parent.config, file_path)):
        return [ExerciseFile.from_parent(parent, path=file_path, found=found)]
    return collectors


def _is_asked_for(config: pytest.Config, path: Path) -> bool:
    """Pytest shows each file of a folder in which one is named; the others need not be read."""
    places = (config.invocation_params.dir / argument.split("::")[0] for argument in config.args)
    return any(path.resolve().is_relative_to(place.resolve()) for place in places)


class ExerciseFile(pytest.File):
    """A learner's notebook: a test a task."""

    def __init__(self, *, found: Any, **others: Any) -> None:
        super().__init__(**others)
        self.found = found

    def collect(self) -> Iterator[pytest.Item]:
        if isinstance(self.found, Exception):
            yield Refused.from_parent(self, name="notebook", reason=str(self.found))
            return
        submission, exercise = self.found
        exercise = exercise.of(submission.variant)
        for task in exercise.tasks:
            about = {"task": task, "exercise": exercise, "submission": submission}
            yield GradedTask.from_parent(self, name=f"{task.number} {task.title}", **about)


class NotPassedError(Exception):
    """A task without full marks; its text is the feedback."""


class _Verdict(pytest.Item):
    """Its failure is shown as feedback, without a traceback."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotPassedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


class Refused(_Verdict):
    def __init__(self, *, reason: str, **others: Any) -> None:
        super().__init__(**others)
        self.reason = reason

    def runtest(self) -> None:
        raise NotPassedError(f"not graded: {self.reason}")


class GradedTask(_Verdict):
    def __init__(self, *, task: Any, exercise: Any, submission: Any, **others: Any) -> None:
        super().__init__(**others)
        self.task, self.exercise, self.submission = task, exercise, submission

    def runtest(self) -> None:
        import random

        from .grade import grade_task, make_ready

        make_ready(self.submission, self.exercise)
        mark = grade_task(self.task, self.submission, _workshop(self.config), random.SystemRandom().randrange(10**6))
        if not mark.passed:
            raise NotPassedError(str(mark))


def pytest_unconfigure(config: pytest.Config) -> None:
    workshop = config.stash.get(WORKSHOP, None)
    if workshop is not None:
        workshop.close()
