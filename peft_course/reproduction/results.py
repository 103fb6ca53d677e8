"""Reading stored runs: the scores of a method, seed by seed, and what was learnt with which rate."""

from collections.abc import Callable, Iterable
from typing import Any

from .engine import decided
from .methods import Method
from .runs import Record, Run
from .store import Store
from .studies import MIDDLE

MAIN = {"sentiment": "accuracy", "e2e": "bleu"}  # the metric of a task; of the others: exact match
Value = Callable[[Run, Record], float]


def score(run: Run, record: Record, where: str = "scores") -> float:
    """The main metric of the run's task on its test set, in per cent."""
    return float(record.result[where][MAIN.get(run.data.name, "exact_match")][0])


def elsewhere(run: Run, record: Record) -> float:
    """The same on the test set of the other domain."""
    return score(run, record, "scores elsewhere")


def chosen_on(run: Run, record: Record) -> float:
    """The same on the validation set, on which words were chosen."""
    return score(run, record, "scores on validation")


def loss(_: Run, record: Record) -> float:
    """The validation loss in nats per token."""
    return float(record.result["validation loss"])


def stored(_: Run, record: Record) -> float:
    """The numbers that have to be kept after training."""
    return float(record.result["stored"])


class Results:
    """The runs of a study that are stored, in the study's order. Raises ValueError where none is."""

    def __init__(self, runs: Iterable[Run], store: Store) -> None:
        found = ((run, decided(run, store)) for run in runs)
        self.records = [(run, ready, store[ready]) for run, ready in found if ready is not None and ready in store]
        if not self.records:
            raise ValueError(
                f"no run of this study is stored in {str(store.path)!r}; carry it out with "
                "`peft-course reproduce` first"
            )

    def by(self, key: Callable[[Run], Any], value: Value = score) -> dict[Any, list[float]]:
        """Of every group of runs (`key`) the values, seed by seed."""
        groups: dict[Any, dict[int, float]] = {}
        for run, _, record in self.records:
            groups.setdefault(key(run), {})[run.seed] = value(run, record)
        return {name: [values[seed] for seed in sorted(values)] for name, values in groups.items()}

    def of(
        self, task: str, method: Method, model: str = MIDDLE, examples: int | None = None, value: Value = score
    ) -> list[float]:
        """The values of one method on one task with one model, seed by seed."""
        wanted = (task, method, model, examples)
        return self.by(lambda run: (run.data.name, run.method, run.model, run.data.examples), value)[wanted]

    def rates(self, key: Callable[[Run], Any]) -> dict[Any, float | None]:
        """The learning rate of each group."""
        return {key(run): ready.learning_rate for run, ready, _ in self.records}

    def where(self, wanted: Callable[[Run], bool]) -> "Results":
        """Those of the runs that are wanted."""
        some = Results.__new__(Results)
        some.records = [each for each in self.records if wanted(each[0])]
        return some
