"""The figures that notebooks draw: one palette, Okabe and Ito's, safe for colour-blind readers, on light and dark."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

if TYPE_CHECKING:
    from .training import History

BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
METHODS = {  # a method has the same colour wherever it is drawn
    "best wording": BLUE,
    "hard prompt": BLUE,
    "soft prompt": ORANGE,
    "prefix": PURPLE,
    "prefix, perceptron": PURPLE,
    "prefix, flat": RED,
    "LoRA": SKY,
    "fine-tuning": GREEN,
}
INK = "#757575"  # a grey that reads on white and on black alike


def style() -> None:
    """Set matplotlib to the book's look: no background, grey ink, the palette."""
    plt.rcParams.update(
        {
            "axes.edgecolor": INK,
            "axes.facecolor": "none",
            "axes.labelcolor": INK,
            "axes.prop_cycle": plt.cycler(color=PALETTE),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": INK,
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.facecolor": "none",
            "figure.figsize": (6.4, 3.4),
            "legend.frameon": False,
            "legend.labelcolor": INK,
            "savefig.facecolor": "none",
            "savefig.transparent": True,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )


def _axes(ax: Any) -> Any:
    if ax is None:
        style()
        _, ax = plt.subplots()
    return ax


def plot_history(history: "History", ax: Any = None, label: str | None = None) -> Any:
    """Training losses (thin: each step, thick: a running mean) and validation losses, in nats per token."""
    ax = _axes(ax)
    losses = np.array(history.losses)
    width = max(1, len(losses) // 30)
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
    (line,) = ax.plot(history.steps[width - 1 :], smooth, label=label or "training")
    ax.plot(history.steps, losses, color=line.get_color(), alpha=0.5, linewidth=0.8)
    if history.validation_losses:
        ax.plot(history.validation_steps, history.validation_losses, "o--", color=ORANGE, label="validation")
    ax.set(xlabel="step", ylabel="loss (nats per token)", yscale="log")
    ax.legend()
    return ax


def plot_scores(scores: Mapping[str, Any], ax: Any = None, xlabel: str = "exact match (%)") -> Any:
    """Horizontal bars of `Score`s (value, low, high) by name, with their intervals, the best on top."""
    ax = _axes(ax)
    ranked = sorted(scores.items(), key=lambda item: item[1].value)
    names, values = [name for name, _ in ranked], [score.value for _, score in ranked]
    spread = [[score.value - score.low for _, score in ranked], [score.high - score.value for _, score in ranked]]
    pale = (BLUE, 0.5)  # or the interval would not be seen on the bar
    ax.barh(names, values, xerr=spread, color=pale, error_kw={"ecolor": INK, "capsize": 3}, height=0.6)
    for row, (_, score) in enumerate(ranked):
        ax.text(score.high + 1.5, row, f"{score.value:.0f}", va="center")
    ax.set(xlabel=xlabel, xlim=(0, 110))
    return ax


def plot_runs(runs: Mapping[Any, Sequence[float]], ax: Any = None, xlabel: str = "", ylabel: str = "") -> Any:
    """For each setting (on x) the results of its seeds as dots, and a line through their means."""
    ax = _axes(ax)
    settings = list(runs)
    ax.plot(range(len(settings)), [np.mean(runs[setting]) for setting in settings], color=BLUE)
    for place, setting in enumerate(settings):
        ax.scatter([place] * len(runs[setting]), runs[setting], color=ORANGE, zorder=3, s=22)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_xticks(range(len(settings)), [str(setting) for setting in settings])
    return ax


def plot_intervals(rows: Mapping[str, Mapping[str, Any]], ax: Any = None, xlabel: str = "exact match (%)") -> Any:
    """For each row a dot with its interval (mean, low, high) for each of the series, told apart by colour and shape."""
    ax = _axes(ax)
    series = list(dict.fromkeys(name for row in rows.values() for name in row))
    for number, name in enumerate(series):
        found = [(place, row[name]) for place, row in enumerate(rows.values()) if name in row]
        heights = [place + (number - (len(series) - 1) / 2) * 0.8 / len(series) for place, _ in found]
        means = [each.mean for _, each in found]
        spread = [[each.mean - each.low for _, each in found], [each.high - each.mean for _, each in found]]
        ax.errorbar(means, heights, xerr=spread, label=name, **_look(number, name), linestyle="none", capsize=3)
    for place in range(1, len(rows)):
        ax.axhline(place - 0.5, color=INK, linewidth=0.5, alpha=0.4)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
    if len(series) > 1:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def plot_curves(
    curves: Mapping[str, Mapping[Any, Any]], ax: Any = None, xlabel: str = "", ylabel: str = "exact match (%)"
) -> Any:
    """A line for each of the `curves` through its means (mean, low, high) at evenly spaced settings, in its band."""
    ax = _axes(ax)
    settings = list(dict.fromkeys(setting for curve in curves.values() for setting in curve))
    for number, (name, curve) in enumerate(curves.items()):
        places = [settings.index(setting) for setting in curve]
        (line,) = ax.plot(places, [each.mean for each in curve.values()], label=name, **_look(number, name))
        low, high = ([getattr(each, bound) for each in curve.values()] for bound in ("low", "high"))
        ax.fill_between(places, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_xticks(range(len(settings)), [str(setting) for setting in settings])
    if len(curves) > 1:
        ax.legend()
    return ax


def _look(number: int, name: str) -> dict[str, Any]:
    """Colour and shape: no reader has to tell lines apart by colour alone."""
    return {"color": METHODS.get(name, PALETTE[number]), "marker": "osD^vP"[number], "markersize": 5}


def plot_attention(shares: np.ndarray, ax: Any = None, title: str = "") -> Any:
    """A map of shares of attention ``[L, H]``, layers downwards, heads to the right, each with its per cent."""
    ax = _axes(ax)
    ax.imshow(shares, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (layer, head), share in np.ndenumerate(shares):
        ax.text(head, layer, f"{100 * share:.0f}", ha="center", va="center", color="white" if share < 0.5 else "black")
    ax.set(xlabel="head", ylabel="layer", title=title)
    ax.set_xticks(range(shares.shape[1]), range(1, shares.shape[1] + 1))
    ax.set_yticks(range(shares.shape[0]), range(1, shares.shape[0] + 1))
    return ax
