"""Figures of the stored studies: what the learning rate and the start do, and how many examples are enough."""

from collections.abc import Callable, Mapping
from typing import Any

from ..plots import METHODS
from ..reproduction.methods import TRAINED, Full, LowRank, Method, PrefixTuning, Soft
from ..reproduction.results import Results, Value, loss, score
from ..reproduction.runs import sweep
from ..reproduction.store import Store
from ..reproduction.studies import E2E as E2E_STUDY
from ..reproduction.studies import E2E_STEPS, LARGE, MIDDLE, SIZES, STEPS, STUDIES
from .curves import Curve, Measure, View, curve, curves_figure
from .figure import InteractiveFigure

FLAT, THROUGH = "prefix, flat", "prefix, perceptron"
FACTORS = ("1", "1.5", "2", "3", "5", "7", "10", "15", "20", "30", "50", "70", "100")
LOSS = "validation loss (nats per token)"
STARTS = {"random": "noise", "vocabulary": "tokens", "tokens": "tokens", "labels": "labels", "text": "wording"}


def stability(store: Store | None = None) -> InteractiveFigure:
    """Loss and score by learning rate, flat and through the perceptron; the sweeps; and by the initial value.

    Of the stored runs (by default the course's own). Raises ValueError where none is stored.
    """
    store = store or Store()
    views = {"learning rates, house style": _rates(store)}
    views |= {f"sweep of five methods, {task}": _sweep(store, task) for task in STEPS}
    views |= {
        f"initial values, {task}, {size or 'all'} examples": _starts(store, task, size)
        for task in ("translation", "sentiment")
        for size in (20, None)
    }
    caption = (
        "What the learning rate does, and what the start. First the study “perceptron”: seven rates, five seeds each. "
        "Move the perceptron’s rates to the right until the two valleys lie on one another. Then the sweeps (five "
        "rates, one seed) and the study “initial-value” (one rate, five seeds)."
    )
    alt = "Curves with a marker for each setting, one curve a method, each in the band of its interval."
    return curves_figure("stability", caption, alt, views, FACTORS, THROUGH)


def low_data(store: Store | None = None) -> InteractiveFigure:
    """Scores by the number of training examples, by task, and the paired differences to fine-tuning.

    Of the stored runs (by default the course's own). Raises ValueError where none is stored.
    """
    store = store or Store()
    few = Results(STUDIES["few-examples"].runs(), store)
    views = {
        task: _examples(few, task, (PrefixTuning(), Full()), SIZES, 1000) for task in ("translation", "house style")
    }
    real = Results(E2E_STUDY.runs(), store)
    compared = (PrefixTuning(length=20), Soft(), LowRank(), Full())
    views["E2E, real data"] = _examples(real, "e2e", compared, E2E_STEPS, 42_061, LARGE)
    caption = (
        "Scores on new texts by the number of training examples, and how far each method is ahead of fine-tuning, "
        "seed by seed. Five seeds on the first two tasks, three on E2E."
    )
    alt = "Curves over the number of training examples, one curve a method, each in the band of its interval."
    return curves_figure("low-data", caption, alt, views)


def _rates(store: Store) -> View:
    runs = Results(STUDIES["perceptron"].runs(), store)
    ways = {FLAT: PrefixTuning(bottleneck=None), THROUGH: PrefixTuning()}

    def curves(value: Value) -> list[Curve]:
        found = runs.by(lambda run: (run.method, run.learning_rate), value)
        return [
            curve(name, {rate: each for (method, rate), each in found.items() if method == way}, METHODS[name])
            for name, way in ways.items()
        ]

    return _view("learning rate", curves, log=True)


def _sweep(store: Store, task: str) -> View:
    """The runs that decided the learning rates of the study "methods": one seed, the loss alone."""
    runs = {name: _run(task, method) for name, method in TRAINED.items()}
    found = {
        name: {trial.learning_rate: [loss(trial, store[trial])] for trial in sweep(run) if trial in store}
        for name, run in runs.items()
    }
    curves = [curve(name, values, METHODS[name]) for name, values in found.items()]
    return View("learning rate", True, _settings(curves), {"loss": Measure(LOSS, True, True, 3, curves)})


def _run(task: str, method: Method) -> Any:
    return next(run for run in STUDIES["methods"].runs() if (run.data.name, run.method) == (task, method))


def _starts(store: Store, task: str, size: int | None) -> View:
    runs = Results(STUDIES["initial-value"].runs(), store)
    ways: dict[str, Callable[[str], Method]] = {
        "soft prompt": lambda start: Soft(start=start),
        FLAT: lambda start: PrefixTuning(bottleneck=None, start=start),
    }

    def curves(value: Value) -> list[Curve]:
        found = runs.by(lambda run: (run.data.name, run.method, run.data.examples), value)
        return [
            curve(name, {STARTS[s]: found[key] for s in STARTS if (key := (task, of(s), size)) in found}, METHODS[name])
            for name, of in ways.items()
        ]

    return _view("initial value", curves)


def _view(label: str, curves: Callable[[Value], list[Curve]], log: bool = False) -> View:
    measures = {
        "loss": Measure(LOSS, True, True, 3, curves(loss)),
        "score": Measure("right (%)", False, False, 1, curves(score)),
    }
    return View(label, log, _settings(measures["loss"].curves), measures)


def _settings(curves: Any) -> list[Any]:
    settings = dict.fromkeys(x for each in curves for x in each.x)
    numbers = all(isinstance(each, (int, float)) for each in settings)
    return sorted(settings) if numbers else [each for each in dict.fromkeys(STARTS.values()) if each in settings]


def _examples(runs: Results, task: str, methods: Any, sizes: Any, everything: int, model: str = MIDDLE) -> View:
    values = {
        method.name: {size or everything: runs.of(task, method, model, size) for size in sizes} for method in methods
    }
    scores = [curve(name, by_size, METHODS[name]) for name, by_size in values.items()]
    tuned = values.pop(Full.name)
    ahead = [_ahead(name, by_size, tuned) for name, by_size in values.items()]
    score_label = "BLEU" if task == "e2e" else "right (%)"
    measures = {
        "score": Measure(score_label, False, False, 1, scores),
        "ahead of fine-tuning": Measure(f"{score_label} − fine-tuning’s", False, False, 1, ahead),
    }
    return View("training examples", False, _settings(scores), measures)


def _ahead(name: str, values: Mapping[int, Any], tuned: Mapping[int, Any]) -> Curve:
    """The differences to fine-tuning, seed by seed, with the interval of their mean."""
    pairs = {size: [a - b for a, b in zip(values[size], tuned[size], strict=True)] for size in values}
    return curve(name, pairs, METHODS[name])
