"""What a method costs on a model of any shape: a calculator."""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from .. import plots
from ..analysis.counts import MODELS, Counts, Shape, Sizes, counts
from ..plots import METHODS
from .figure import Control, InteractiveFigure, Shown, State

OWN = "a model of your own"
LABELS = {
    "layers": "Layers L",
    "encoder_layers": "Layers of the encoder",
    "width": "Width D",
    "heads": "Heads of queries",
    "kv_heads": "Heads of keys and values H",
    "head_size": "Head size d",
    "parameters": "Parameters of the model",
}
SIZE_LABELS = {
    "num_virtual_tokens": ("Virtual tokens P", 10),
    "bottleneck": ("Bottleneck k", 512),
    "hidden": ("Hidden width m", 512),
    "rank": ("LoRA’s rank r", 8),
}
MEBIBYTE = 2**20


def parameters_calculator() -> InteractiveFigure:
    """Numbers trained, stored and cached by method, for known models and for one's own."""
    start = "GPT-2 medium"
    controls = [
        Control("method", "Method", "select", "prefix, perceptron", list(counts(MODELS[start], Sizes()))),
        Control("model", "Model", "select", start, [*MODELS, OWN]),
        *(Control(name, label, "number", value) for name, (label, value) in SIZE_LABELS.items()),
        *(
            Control(
                name,
                label,
                "number",
                getattr(MODELS[start], name),
                {model: getattr(shape, name) for model, shape in MODELS.items()},
                depends="model",
                otherwise=OWN,
                minimum=int(name != "encoder_layers"),
                group="The model’s numbers",
            )
            for name, label in LABELS.items()
        ),
    ]
    caption = (
        "What a method trains, what it stores for a task, and what it keeps for each text that is being written. "
        "Choose a model, or type the numbers of your own. A MiB is 2²⁰ bytes."
    )
    alt = "A bar for each of five methods on a logarithmic axis: how many numbers it trains and how many it stores."
    data = {"colours": {name: METHODS[name] for name in counts(MODELS[start], Sizes())}}
    return InteractiveFigure("parameters-calculator", "calculator", caption, alt, data, controls, show)


def show(state: State) -> Shown:
    """Raises ValueError for numbers that are no model's shape."""
    shape = Shape(**{each.name: state[each.name] for each in fields(Shape)})
    sizes = Sizes(**{each.name: state[each.name] for each in fields(Sizes)})
    found = counts(shape, sizes)
    each, method = found[state["method"]], state["method"]
    share = 100 / shape.parameters
    sentence = (
        f"On {state['model']}, “{method}” trains {each.trained:,} numbers ({percent(each.trained * share)} of the "
        f"model) and stores {each.stored:,} ({percent(each.stored * share)})."
    )
    rows = [["", "numbers", "of the model", "MiB in f32", "MiB in f16"]]
    for name, value in asdict(each).items():
        label, of_model = ("cached for each text", "–") if name == "cached" else (name, percent(value * share))
        rows.append([label, f"{value:,}", of_model, mebibytes(4 * value), mebibytes(2 * value)])
    return Shown(sentence, rows, lambda: draw(found, method))


def percent(value: float) -> str:
    """To two places that count."""
    return f"{significant(value)} %"


def mebibytes(count: int) -> str:
    """So many bytes, to two places that count or to one behind the point."""
    return significant(count / MEBIBYTE)


def significant(value: float) -> str:
    """Large numbers to one place behind the point, small ones to two places that count; halves are rounded up."""
    if value == 0:
        return "0"
    places = 1
    while value < 10.0 ** (1 - places) and places < 12:
        places += 1
    return f"{math.floor(value * 10**places + 0.5) / 10**places:,.{places}f}"


def draw(found: Mapping[str, Counts], chosen: str) -> Any:
    """A bar for each method, from 1 to what it stores, and a line on to what it trains."""
    ax = plots._axes(None)
    for row, (name, each) in enumerate(found.items()):
        alpha = 1 if name == chosen else 0.55
        ax.barh(row, each.stored, color=METHODS[name], height=0.5, alpha=alpha)
        ax.plot([each.trained] * 2, [row - 0.32, row + 0.32], color=METHODS[name], linewidth=3)
        ax.plot([each.stored, each.trained], [row, row], color=METHODS[name], linewidth=2)
    ax.set_yticks(range(len(found)), list(found))
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="numbers: the bar is stored, the mark is trained", xlim=(100, None))
    return ax
