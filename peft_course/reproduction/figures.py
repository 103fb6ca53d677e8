"""A figure for each study, drawn of the runs that are stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt

from .. import plots
from .judges.transfer import members_scores
from .judges.words import best_wording
from .methods import TRAINED, Ensemble, Full, Hard, LowRank, Method, Paraphrased, PrefixTuning, Searched, Soft
from .results import Results, chosen_on, elsewhere, score
from .statistics import Interval, interval
from .store import Store
from .studies import ALL_STUDIES, E2E_STEPS, LARGE, LENGTHS, MIDDLE, SIZES, SMALL, STEPS, T5, WORDED, wordings_of

ALL = "all"
BESIDE: Mapping[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}  # where a legend covers no curve


def figure(name: str, store: Store) -> Any:
    """Draw the study `name`. Raises ValueError for a study that there is not, and where none of its runs is stored."""
    if name not in ALL_STUDIES:
        raise ValueError(f"there is no study {name!r}; the studies are {', '.join(ALL_STUDIES)}")
    plots.style()
    return FIGURES[name](Results(ALL_STUDIES[name].runs(), store))


def panels(count: int, height: float = 3.2, **settings: Any) -> Sequence[Any]:
    """Some axes side by side."""
    return plt.subplots(1, count, figsize=(7.2, height), sharey=True, **settings)[1]


def wordings(runs: Results) -> Any:
    axes = panels(3, 2.6)
    for ax, task in zip(axes, WORDED, strict=True):
        for place, model in enumerate((SMALL, MIDDLE, LARGE)):
            values = [runs.of(task, Hard(name), model)[0] for name in wordings_of(task)[:-1]]
            ax.scatter([place] * len(values), values, color=plots.BLUE, alpha=0.6, s=24)
        ax.set_xticks(range(3), ["small", "middle", "large"])
        ax.set(title=task, xlim=(-0.5, 2.5), ylim=(-5, 105))
    axes[0].set(ylabel="right (%)")
    return axes


def search(runs: Results) -> Any:
    chosen = {"by gradient": Searched(), "blindly": Searched(guided=False), "paraphrases": Paraphrased()}
    axes = panels(2)
    for ax, title, value in zip(axes, ("validation set", "test set"), (chosen_on, score), strict=True):
        rows = {
            task: {name: interval(runs.of(task, method, value=value)) for name, method in chosen.items()}
            for task in WORDED
        }
        plots.plot_intervals(rows, ax, "right (%)").set(title=title, xlim=(-5, 105))
    axes[0].get_legend().remove()
    return axes


def methods(runs: Results) -> Any:
    rows: dict[str, dict[str, Interval]] = {}
    for task in STEPS:
        hard = {"best wording": interval(runs.of(task, best_wording(runs, task)))}
        rows[task] = hard | {name: interval(runs.of(task, method)) for name, method in TRAINED.items()}
    return plots.plot_intervals(rows, _tall(4.2), "right (%)")


def few_examples(runs: Results) -> Any:
    axes = panels(2)
    for ax, task in zip(axes, ("translation", "house style"), strict=True):
        plots.plot_curves(_curves(runs, task, (PrefixTuning(), Full()), SIZES), ax, "training examples")
        ax.set(title=task, ylim=(-5, 105))
    axes[1].set(ylabel="")
    return axes


def scale(runs: Results) -> Any:
    curves = {
        method.name: {
            size: interval(runs.of("house style", method, model))
            for size, model in (("small", SMALL), ("middle", MIDDLE), ("large", LARGE))
        }
        for method in (Soft(), PrefixTuning(), Full())
    }
    return plots.plot_curves(curves, xlabel="model")


def length(runs: Results) -> Any:
    curves = {
        method.name: {number: interval(runs.of("house style", method(length=number))) for number in LENGTHS}
        for method in (Soft, PrefixTuning)
    }
    return plots.plot_curves(curves, xlabel="virtual tokens")


def initial_value(runs: Results) -> Any:
    starts: dict[str, Callable[[str], Method]] = {
        "soft prompt": lambda start: Soft(start=start),
        "prefix, flat": lambda start: PrefixTuning(bottleneck=None, start=start),
    }
    rows: dict[str, dict[str, Interval]] = {}
    stored = runs.by(lambda run: (run.data.name, run.method, run.data.examples))
    names = {"tokens": "vocabulary"}
    for (name, method), task, size in (
        (each, task, size) for each in starts.items() for task in ("translation", "sentiment") for size in (20, None)
    ):
        row = rows.setdefault(f"{name}\n{task}, {size or ALL}", {})
        for start in ("random", "vocabulary", "tokens", "labels", "text"):
            if (task, method(start), size) in stored:
                row[names.get(start, start)] = interval(stored[task, method(start), size])
    return plots.plot_intervals(rows, _tall(5.6), "right (%)")


def perceptron(runs: Results) -> Any:
    groups = runs.by(lambda run: (run.method, run.learning_rate))
    names = {"prefix, flat": PrefixTuning(bottleneck=None), "prefix, perceptron": PrefixTuning()}
    curves = {
        name: {rate: interval(values) for (each, rate), values in groups.items() if each == method}
        for name, method in names.items()
    }
    ax = plots.plot_curves(curves, xlabel="learning rate")
    ax.legend(**BESIDE)
    return ax


def where(runs: Results) -> Any:
    layers: dict[tuple[int, ...], str] = {(0,): "layer 1", (1,): "layer 2", (2,): "layer 3", (3,): "layer 4"}
    layers |= {(0, 1): "lower half", (2, 3): "upper half"}
    house: dict[str, Method] = {"in front of x": Soft(length=10), "behind x": Soft(length=10, behind=True)}
    house |= {name: PrefixTuning(layers=each) for each, name in layers.items()}
    house["all layers"] = PrefixTuning()
    sides: dict[str, Method] = {"in front of x": Soft(length=10)}
    for stacks in (("encoder",), ("decoder",), ("encoder", "decoder"), ("encoder", "decoder", "cross")):
        sides[" + ".join(stacks)] = PrefixTuning(stacks=stacks)
    axes = plt.subplots(1, 2, figsize=(7.2, 3.4))[1]
    for ax, task, model, methods, title in (
        (axes[0], "house style", MIDDLE, house, "house style, decoder"),
        (axes[1], "translation", T5, sides, "translation, T5"),
    ):
        rows = {name: {"": interval(runs.of(task, method, model))} for name, method in methods.items()}
        plots.plot_intervals(rows, ax).set(title=title, xlim=(-5, 105))
    return axes


def shift(runs: Results) -> Any:
    axes = panels(2)
    compared = (Soft(), PrefixTuning(), Full())
    for ax, title, value in zip(axes, ("inside", "outside"), (score, elsewhere), strict=True):
        rows = {
            task: {method.name: interval(runs.of(task, method, value=value)) for method in compared}
            for task in ("translation", "sentiment", "house style")
        }
        plots.plot_intervals(rows, ax, "right (%)").set(title=f"{title} the domain", xlim=(-5, 105))
    axes[0].get_legend().remove()
    return axes


def ensembles(runs: Results) -> Any:
    rows = {
        task: {"five that vote": interval(runs.of(task, Ensemble()))}
        | {name: interval(runs.of(task, Ensemble(), value=value)) for name, value in members_scores().items()}
        for task in ("sentiment", "house style")
    }
    return plots.plot_intervals(rows, _tall(2.6), "right (%)")


def e2e(runs: Results) -> Any:
    compared = (Soft(), PrefixTuning(length=20), LowRank(), Full())
    curves = _curves(runs, "e2e", compared, E2E_STEPS, LARGE)
    ax = plots.plot_curves(curves, xlabel="training examples", ylabel="BLEU")
    ax.legend(**BESIDE)
    return ax


FIGURES: Mapping[str, Callable[[Results], Any]] = {
    "wordings": wordings,
    "search": search,
    "methods": methods,
    "few-examples": few_examples,
    "scale": scale,
    "length": length,
    "initial-value": initial_value,
    "perceptron": perceptron,
    "where": where,
    "shift": shift,
    "ensembles": ensembles,
    "e2e": e2e,
}


def _curves(
    runs: Results, task: str, methods: Iterable[Method], sizes: Iterable[int | None], model: str = MIDDLE
) -> dict[str, dict[Any, Interval]]:
    sizes = list(sizes)
    return {
        method.name: {size or ALL: interval(runs.of(task, method, model, size)) for size in sizes} for method in methods
    }


def _tall(height: float) -> Any:
    return plt.subplots(figsize=(6.4, height))[1]
