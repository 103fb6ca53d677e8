"""The data of a run: a task by name, how much of it is for training, and what is tested."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from datasets import Dataset

from .. import tasks
from ..tasks import Task
from ..world.records import Record
from ..world.reviews import SUBJECTS

VALIDATION, TEST = 100, 200
FEW = 100  # up to so many training examples are few, and learning rates are chosen for them apart


@dataclass(frozen=True)
class Data:
    """The task `name`; `examples` of its 1,000 for training (E2E: 42,061), drawn by the run's seed, or all for None.

    With `one_domain`, training, validation and test come from one domain of the task (`DOMAINS`), and `elsewhere` is
    a test set of the other one.
    """

    name: str
    examples: int | None = None
    one_domain: bool = False

    def for_tuning(self) -> "Data":
        """The data that learning rates are chosen on: of all domains, and few examples where there are few."""
        few = self.examples is not None and self.examples <= FEW
        many = 5000 if self.name == "e2e" else None
        return replace(self, examples=50 if few else many, one_domain=False)

    def load(self, folder: str | None = None, seed: int = 0) -> Task:
        """The task; its test set is the same for all seeds, so that runs can be compared pair by pair.

        Raises ValueError for a task that there is not, and for E2E without its folder.
        """
        task = _task(self.name, self.one_domain, folder)[0]
        if self.examples is None:
            return task
        rows = random.Random(seed).sample(range(len(task.train)), min(self.examples, len(task.train)))
        return replace(task, train=task.train.select(rows))

    def elsewhere(self) -> Dataset | None:
        """The test set of the other domain, where there are two."""
        return _task(self.name, self.one_domain, None)[1] if self.one_domain else None


@lru_cache(maxsize=16)
def _task(name: str, one_domain: bool, folder: str | None) -> tuple[Task, Dataset | None]:
    if name == "e2e":
        if folder is None:
            raise ValueError("E2E's files are not part of the course; name their folder with --data FOLDER")
        return tasks.e2e(folder, validation=VALIDATION), None
    if name not in TASKS:
        raise ValueError(f"there is no task {name!r}; use one of {', '.join(TASKS)} or e2e")
    if not one_domain:
        return TASKS[name](1000, VALIDATION, TEST), None
    task, inside = TASKS[name](3000, 4 * VALIDATION, 8 * TEST), DOMAINS[name]
    train, validation = _first(task.train, inside, 1000), _first(task.validation, inside, VALIDATION)
    elsewhere = _first(task.test, lambda row: not inside(row), TEST)
    return replace(task, train=train, validation=validation, test=_first(task.test, inside, TEST)), elsewhere


def _first(rows: Dataset, wanted: Callable[[dict[str, Any]], bool], count: int) -> Dataset:
    return rows.select([number for number, row in enumerate(rows) if wanted(row)][:count])


TASKS: dict[str, Callable[[int, int, int], Task]] = {
    "translation": lambda *sizes: tasks.translation(*sizes),
    "sentiment": lambda *sizes: tasks.sentiment(*sizes),
    "seen style": lambda *sizes: tasks.table_to_text("seen", *sizes),
    "house style": lambda *sizes: tasks.table_to_text("house", *sizes),
}


def one_clause(row: dict[str, Any]) -> bool:
    return not any(f" {word} " in f" {row['x'].lower()} " for word in ("because", "when", "although"))


def meals_and_service(row: dict[str, Any]) -> bool:
    return any(aspect in row["x"].lower() for subject in SUBJECTS[:2] for aspect in subject.aspects)


def out_of_town(row: dict[str, Any]) -> bool:
    return Record.parse(row["record"]).area in (None, "riverside", "harbour", "hillside", "suburbs")


DOMAINS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "translation": one_clause,
    "sentiment": meals_and_service,
    "house style": out_of_town,
}
