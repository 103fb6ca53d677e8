"""Reading stored runs: the scores of a method, seed by seed, and what was learnt with which rate."""

from collections.abc import Callable, Iterable
from typing import Any

from .engine import decided
from .runs import Record, Run
from .statistics import Interval, interval
from .store import Store

MAIN = {"sentiment": "accuracy", "e2e": "bleu"}  # the metric of a task; of the others: exact match


class Results:
    """The runs of a study that are stored, in the study's order."""

    def __init__(self, runs: Iterable[Run], store: Store) -> None:
        found = ((run, decided(run, store)) for run in runs)
        self.records = [(run, ready, store[ready]) for run, ready in found if ready is not None and ready in store]
        if not self.records:
            raise ValueError(
                f"no run of this study is stored in {str(store.path)!r}; carry it out with "
                "`peft-course reproduce` first"
            )

    def by(
        self, key: Callable[[Run], Any], value: Callable[[Run, Record], float] | None = None
    ) -> dict[Any, list[float]]:
        """Of every group of runs (`key`) the values, seed by seed; the score on the test set unless `value` says."""
        groups: dict[Any, dict[int, float]] = {}
        for run, _, record in self.records:
            groups.setdefault(key(run), {})[run.seed] = (value or score)(run, record)
        return {name: [values[seed] for seed in sorted(values)] for name, values in groups.items()}

    def rates(self, key: Callable[[Run], Any]) -> dict[Any, float | None]:
        """The learning rate of each group."""
        return {key(run): ready.learning_rate for run, ready, _ in self.records}

    def where(self, wanted: Callable[[Run], bool]) -> "Results":
        """Those of the runs that are wanted."""
        some = Results.__new__(Results)
        some.records = [each for each in self.records if wanted(each[0])]
        return some


def score(run: Run, record: Record, where: str = "scores") -> float:
    """The main metric of the run's task on its test set, in per cent; 0 where training diverged."""
    return float(record.result[where][MAIN.get(run.data.name, "exact_match")][0])


def elsewhere(run: Run, record: Record) -> float:
    """The same on the test set of the other domain."""
    return score(run, record, "scores elsewhere")


def loss(_: Run, record: Record) -> float:
    """The validation loss in nats per token."""
    return float(record.result["validation loss"])


def intervals(groups: dict[Any, list[float]]) -> dict[Any, Interval]:
    return {name: interval(values) for name, values in groups.items()}
