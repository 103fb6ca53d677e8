"""The figures that notebooks draw: one palette, Okabe and Ito's, safe for colour-blind readers, on light and dark."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

if TYPE_CHECKING:
    from .fit import History

BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
INK = "#808080"  # a grey that reads on white and on black alike


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
    ax.plot(history.steps, losses, color=line.get_color(), alpha=0.25, linewidth=0.8)
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
    ax.barh(names, values, xerr=spread, color=BLUE, error_kw={"ecolor": INK, "capsize": 3}, height=0.6)
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


def plot_attention(shares: np.ndarray, ax: Any = None, title: str = "") -> Any:
    """A map of shares of attention ``[L, H]``, layers downwards, heads to the right, each with its per cent."""
    ax = _axes(ax)
    ax.imshow(shares, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (layer, head), share in np.ndenumerate(shares):
        ax.text(head, layer, f"{100 * share:.0f}", ha="center", va="center", color="white" if share < 0.6 else "black")
    ax.set(xlabel="head", ylabel="layer", title=title)
    ax.set_xticks(range(shares.shape[1]), range(1, shares.shape[1] + 1))
    ax.set_yticks(range(shares.shape[0]), range(1, shares.shape[0] + 1))
    return ax
