"""The pytest plugin: ``pytest --nbval FILE`` grades the notebook if it is one of the course's exercises.

Such a file is not run by nbval, and a ``conftest.py`` beside it is not loaded. Every other notebook is left to nbval.
``-p no:peft-course`` leaves all of them to nbval: so the solutions are tested as the notebooks they are.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

WORKSHOP = pytest.StashKey[Any]()


def _grades(config: pytest.Config) -> bool:
    return bool(config.getoption("nbval", False) or config.getoption("nbval_lax", False))


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Where an exercise is named on the command line, no conftest.py is loaded: it would be the learner's."""
    named = [Path(argument.split("::")[0]) for argument in args if not argument.startswith("-")]
    if any(argument in ("--nbval", "--nbval-lax") for argument in args) and any(map(_is_exercise, named)):
        early_config.known_args_namespace.noconftest = True


def _is_exercise(path: Path) -> bool:
    from .grade import is_exercise

    if path.is_dir():
        return any(map(_is_exercise, path.rglob("*.ipynb")))
    return path.suffix == ".ipynb" and path.is_file() and is_exercise(path)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    collectors = yield
    if file_path.suffix == ".ipynb" and _grades(parent.config) and _is_exercise(file_path):
        return [ExerciseFile.from_parent(parent, path=file_path)]
    return collectors


class ExerciseFile(pytest.File):
    """A learner's notebook: a test a task."""

    def collect(self) -> Iterator[pytest.Item]:
        from .grade import recognised
        from .submission import NotAnExerciseError, read

        try:
            submission = read(self.path)
            exercise = recognised(submission)
        except NotAnExerciseError as error:
            yield Refused.from_parent(self, name="notebook", reason=str(error))
            return
        for task in exercise.tasks:
            yield GradedTask.from_parent(self, name=f"{task.number} {task.title}", task=task, submission=submission)


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
    def __init__(self, *, task: Any, submission: Any, **others: Any) -> None:
        super().__init__(**others)
        self.task, self.submission = task, submission

    def runtest(self) -> None:
        import random

        from .grade import grade_task
        from .process import Workshop

        workshop = self.config.stash.setdefault(WORKSHOP, Workshop())
        mark = grade_task(self.task, self.submission, workshop, random.SystemRandom().randrange(10**6))
        if not mark.passed:
            raise NotPassedError(str(mark))


def pytest_unconfigure(config: pytest.Config) -> None:
    workshop = config.stash.get(WORKSHOP, None)
    if workshop is not None:
        workshop.close()
