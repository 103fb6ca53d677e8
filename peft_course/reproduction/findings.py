"""The verdicts of the studies whose runs are all stored."""

from collections.abc import Callable, Mapping, Sequence

from .engine import missing
from .judges import comparisons, settings, transfer, words
from .results import Results
from .store import Store
from .studies import ALL_STUDIES
from .verdicts import Finding

JUDGES: Mapping[str, Callable[[Results], list[Finding]]] = {
    "wordings": words.wordings,
    "search": words.search,
    "methods": comparisons.methods,
    "few-examples": comparisons.few_examples,
    "scale": comparisons.scale,
    "length": settings.length,
    "initial-value": settings.initial_value,
    "perceptron": settings.perceptron,
    "where": settings.where,
    "shift": transfer.shift,
    "ensembles": transfer.ensembles,
    "e2e": comparisons.e2e,
}


def findings(names: Sequence[str], store: Store) -> list[Finding]:
    """What those of the studies `names` that are complete say of the claims, in their order."""
    complete = [name for name in names if not missing(ALL_STUDIES[name].runs(), store)]
    return [found for name in complete for found in JUDGES[name](Results(ALL_STUDIES[name].runs(), store))]
