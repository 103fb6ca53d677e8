"""The exercises, one module a chapter: what each task asks for, the right answer, and the typical wrong ones."""

import importlib
from dataclasses import dataclass, replace

from ..submission import NAMES
from ..task import Task


@dataclass(frozen=True)
class Exercise:
    """The tasks of one chapter's notebook. `edition` is raised when an older notebook would be judged wrongly."""

    name: str
    edition: int
    tasks: tuple[Task, ...]

    @property
    def chapter(self) -> int:
        return int(self.name[:2])

    def of(self, variant: str) -> "Exercise":
        """This exercise with the numbers of a variant; the book's for ``""``."""
        return replace(self, tasks=tuple(task.of(variant) for task in self.tasks))


def _load(name: str) -> Exercise:
    module = importlib.import_module(f"{__name__}.ch{name.replace('-', '_')}")
    return Exercise(name, module.EDITION, module.TASKS)


EXERCISES = tuple(map(_load, NAMES))


def named(name: str) -> Exercise:
    """The exercise of this name, ``"04-soft-prompts"``; ValueError if there is none."""
    exercises = {exercise.name: exercise for exercise in EXERCISES}
    if name not in exercises:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(exercises)}")
    return exercises[name]


def find(number: str) -> Task:
    """The task with this number; ValueError if there is none."""
    tasks = {task.number: task for exercise in EXERCISES for task in exercise.tasks}
    if number not in tasks:
        raise ValueError(f"there is no task {number!r}; there are {', '.join(tasks)}")
    return tasks[number]
