"""Curves over a setting, one a method: their mean with its interval, or each seed. All statistics are done here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .. import plots
from ..reproduction.statistics import interval
from .figure import Control, InteractiveFigure, Shown, State

MEAN, EACH = "mean and 95 % interval", "each seed"
ROOM = 20  # how far to the right of the last setting a logarithmic x goes, for the curve that can be moved


@dataclass(frozen=True)
class Curve:
    """A method's values: for each of its places on x one for each seed, and their means with their intervals."""

    name: str
    colour: str
    x: Sequence[Any]
    values: Sequence[Sequence[float]]
    means: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Measure:
    """What is measured on y: its curves; whether the axis is logarithmic; whether the lowest is the best."""

    label: str
    log: bool
    lowest: bool
    digits: int
    curves: Sequence[Curve]


@dataclass(frozen=True)
class View:
    """A panel: settings on x (numbers on a logarithmic axis, or names at even distances) and what was measured."""

    label: str
    log: bool
    x: Sequence[Any]
    measures: Mapping[str, Measure]


def curve(name: str, values: Mapping[Any, Sequence[float]], colour: str) -> Curve:
    """`values` by the setting on x, seed by seed."""
    spread = [interval(each) for each in values.values()]
    means, low, high = ([round(getattr(s, part), 6) for s in spread] for part in ("mean", "low", "high"))
    return Curve(
        name, colour, list(values), [[round(v, 6) for v in each] for each in values.values()], means, low, high
    )


def curves_figure(
    name: str, caption: str, alt: str, views: Mapping[str, View], factors: Sequence[str] = (), scaled: str = ""
) -> InteractiveFigure:
    """A figure of `views`. With `factors`, the curve `scaled` can be moved along a logarithmic x by one of them."""
    controls = [
        Control("view", "Runs", "select", next(iter(views)), list(views)),
        Control(
            "measure", "Measured", "radio", "", {key: list(v.measures) for key, v in views.items()}, depends="view"
        ),
        Control("seeds", "Show", "radio", MEAN, [MEAN, EACH]),
    ]
    if factors:
        choices = {key: list(factors) if view.log else ["1"] for key, view in views.items()}
        controls.append(
            Control("factor", f"Learning rates of “{scaled}” times", "range", factors[0], choices, depends="view")
        )
    data = {"views": {key: asdict(view) for key, view in views.items()}, "scaled": scaled, "room": ROOM}

    def show(state: State) -> Shown:
        view = views[state["view"]]
        measure, factor = view.measures[state["measure"]], float(state.get("factor", 1))
        return Shown(
            sentence(view, measure),
            table(view, measure, state["seeds"]),
            lambda: draw(view, measure, state["seeds"], factor if view.log else 1, scaled),
        )

    return InteractiveFigure(name, "curves", caption, alt, data, controls, show)


def best(measure: Measure, each: Curve) -> int:
    """Where a curve has its best mean."""
    choose = min if measure.lowest else max
    return each.means.index(choose(each.means))


def sentence(view: View, measure: Measure) -> str:
    """Where each curve is at its best."""
    parts = []
    for each in measure.curves:
        at = best(measure, each)
        parts.append(f"{each.name} {each.means[at]:.{measure.digits}f} at {written(each.x[at])}")
    return f"{'Lowest' if measure.lowest else 'Highest'} mean: {'; '.join(parts)} ({view.label})."


def table(view: View, measure: Measure, seeds: str) -> list[list[str]]:
    """A row for each setting: the means with their intervals, or the seeds' values."""
    rows = [[view.label, *(each.name for each in measure.curves)]]
    for x in view.x:
        row = [written(x)]
        for each in measure.curves:
            row.append(_cell(each, list(each.x).index(x), measure.digits, seeds) if x in each.x else "–")
        rows.append(row)
    return rows


def _cell(each: Curve, at: int, digits: int, seeds: str) -> str:
    if seeds == EACH or len(each.values[at]) == 1:
        return ", ".join(f"{value:.{digits}f}" for value in each.values[at])
    return f"{each.means[at]:.{digits}f} ({each.low[at]:.{digits}f} to {each.high[at]:.{digits}f})"


def written(x: Any) -> str:
    """A setting as the axis names it."""
    return f"{x:,}" if isinstance(x, int) else f"{x:g}" if isinstance(x, float) else str(x)


def draw(view: View, measure: Measure, seeds: str, factor: float, scaled: str) -> Any:
    """The picture of a view."""
    ax, names = plots._axes(None), [each.name for each in measure.curves]
    for number, each in enumerate(measure.curves):
        by = factor if each.name == scaled else 1
        places = [x * by if view.log else list(view.x).index(x) for x in each.x]
        look = {"color": each.colour, "marker": "osD^v"[number % 5], "markersize": 5}
        ax.plot(places, each.means, label=each.name, **look)
        if seeds == EACH:
            for place, values in zip(places, each.values, strict=True):
                ax.plot([place] * len(values), values, linestyle="none", alpha=0.6, **look)
        else:
            ax.fill_between(places, each.low, each.high, color=each.colour, alpha=0.2, linewidth=0)
    ax.set(xlabel=view.label, ylabel=measure.label, yscale="log" if measure.log else "linear")
    if view.log:
        ax.set(xscale="log", xlim=(0.8 * view.x[0], 1.25 * view.x[-1] * (ROOM if scaled in names else 1)))
    else:
        ax.set_xticks(range(len(view.x)), [written(x) for x in view.x])
    if len(measure.curves) > 1:
        ax.legend()
    return ax
