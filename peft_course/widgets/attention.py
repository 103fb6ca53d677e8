"""How a prefix is looked at: the attention budget of each head, token by token."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from .. import plots
from ..analysis.attention import attention_by_position
from ..lm import LM
from ..prompts import Prefix
from .figure import Control, InteractiveFigure, Shown, State

ALL = "All tokens (mean)"


def attention_budget(lm: LM, prefix: Prefix, texts: Sequence[str]) -> InteractiveFigure:
    """The share of its attention that each head spends on the prefix, at each token of the `texts`.

    Raises ValueError where there are no texts.
    """
    if not texts:
        raise ValueError("the attention on a prefix is measured on texts, got none; give at least one")
    found = {text: attention_by_position(lm, prefix, text) for text in texts}  # [L, H, T] each
    words = {text: [lm.tokenizer.decode([token]).strip() for token in lm.encode(prefix.text(text))] for text in texts}
    names = {_short(number, text): text for number, text in enumerate(texts, start=1)}
    positions = {
        name: [ALL, *(f"{place}: {word}" for place, word in enumerate(words[text], start=1))]
        for name, text in names.items()
    }
    controls = [
        Control("text", "Text", "select", next(iter(names)), list(names)),
        Control("position", "Token", "range", ALL, positions, depends="text"),
    ]
    data = {
        "ramp": [_hex(value) for value in np.linspace(0, 1, 21)],
        "colours": list(plots.PALETTE),
        "texts": {name: {"shares": np.round(found[text], 4).tolist()} for name, text in names.items()},
    }

    def show(state: State) -> Shown:
        shares, place = found[names[state["text"]]], positions[state["text"]].index(state["position"])
        return Shown(sentence(shares, place, state["position"]), table(shares, place), lambda: draw(shares, place))

    caption = (
        "The share of attention, in per cent, that each head spends on the prefix. Above for one token, or on average; "
        "below by token, a line for each layer (mean of its heads)."
    )
    alt = (
        "A map of layers and heads with the per cent in each cell, and below it a line for each layer over the tokens."
    )
    summary = f"{len(texts)} texts, {len(next(iter(found.values())))} layers: choose a text and a token"
    return InteractiveFigure("attention-budget", "attention", caption, alt, data, controls, show, summary)


def at(shares: np.ndarray, place: int) -> np.ndarray:
    """Of ``[L, H, T]`` the map ``[L, H]`` of one token, counted from 1, or for 0 of all on average."""
    return shares[:, :, place - 1] if place else shares.mean(axis=2)


def sentence(shares: np.ndarray, place: int, name: str) -> str:
    here = at(shares, place)
    most, least = (np.unravel_index(pick(here), here.shape) for pick in (np.argmax, np.argmin))
    ends = [f"layer {where[0] + 1}, head {where[1] + 1} ({_percent(here[where])} %)" for where in (most, least)]
    return f"{name}: {_percent(here.mean())} % go to the prefix, on average; most in {ends[0]}, least in {ends[1]}."


def table(shares: np.ndarray, place: int) -> list[list[str]]:
    here = at(shares, place)
    header = ["layer", *(f"head {head}" for head in range(1, here.shape[1] + 1))]
    return [header, *([str(layer), *(f"{_percent(s)} %" for s in row)] for layer, row in enumerate(here, start=1))]


def draw(shares: np.ndarray, place: int) -> Any:
    """The map of a token above, the layers' lines over all tokens below."""
    plots.style()
    _, (above, below) = plt.subplots(2, 1, figsize=(6.4, 4.6), height_ratios=(3, 2))
    plots.plot_attention(at(shares, place), above)
    for layer, row in enumerate(shares.mean(axis=1)):
        below.plot(range(1, len(row) + 1), 100 * row, label=f"layer {layer + 1}", color=plots.PALETTE[layer % 6])
    if place:
        below.axvline(place, color=plots.INK, linestyle=":")
    below.set(xlabel="token", ylabel="on the prefix (%)", ylim=(0, 100))
    below.legend(fontsize=8, ncols=2)
    return above


def _short(number: int, text: str) -> str:
    flat = " ".join(text.split())
    return f"{number}. {flat if len(flat) <= 40 else flat[:39] + '…'}"


def _percent(share: float) -> int:
    return int(np.floor(100 * np.round(share, 4) + 0.5))


def _hex(value: float) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in plt.get_cmap("cividis")(value)[:3])
