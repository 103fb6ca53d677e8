"""The shipped models, each loaded once a process, on the CPU."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # half of the tasks need no model, and no transformers
    from ..lm import LM

LOADED: dict[str, "LM"] = {}


def model(name: str) -> "LM":
    if name not in LOADED:
        from ..loading import load_lm

        LOADED[name] = load_lm(name, device="cpu")
    return LOADED[name]


def name_of(thing: Any) -> str | None:
    """The name of a model that :func:`model` gave; None for anything else."""
    return next((name for name, lm in LOADED.items() if lm is thing), None)
