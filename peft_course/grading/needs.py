"""What answers use beyond torch, loaded before they run: an import costs seconds, and a sealed process may refuse it.

A need is a word: one of `LIBRARIES`; ``course``, for all of this package that is public, or ``course.load_lm``, for a
name of it; or ``model.course-gpt``, for a shipped model. The grader takes them from what a notebook imports and from a
few words in it. One that is missed costs its answer some seconds, and nothing else.
"""

import contextlib
import gc
import importlib
from collections.abc import Iterable

import peft_course

LIBRARIES = {
    "datasets": "datasets",
    "dynamo": "torch._dynamo",  # which torch loads when an optimiser or `torch.func` is first used
    "matplotlib": "matplotlib.pyplot",
    "pandas": "pandas",
    "tqdm": "tqdm.auto",
    "transformers": "transformers",
}
MENTIONED = {"load_lm(": "course.load_lm", "optimi": "dynamo", "optim.": "dynamo", "torch.func": "dynamo"}
LOADED: set[str] = set()  # needs, in this process


def needs(imports: Iterable[str], texts: Iterable[str] = ()) -> list[str]:
    """The needs of a notebook with these imports (``matplotlib.pyplot``, ``peft_course.load_lm``) and these cells."""
    texts = list(texts)
    mentioned = {need for word, need in MENTIONED.items() if any(word in text for text in texts)}
    return sorted(mentioned | {need for name in imports if (need := _need(name))})


def _need(name: str) -> str | None:
    package, _, rest = name.partition(".")
    if package == "peft_course":
        inside = rest.split(".")[0]
        return None if inside == "grading" else f"course.{inside}" if inside in peft_course.__all__ else "course"
    return package if package in LIBRARIES and package != "dynamo" else None


def load(wanted: Iterable[str] = ()) -> None:
    """Load torch, and what is wanted. Python looks for no rubbish meanwhile: that would take a tenth of the time."""
    if LOADED and LOADED.issuperset(wanted):
        return
    gc.disable()
    importlib.import_module("torch")
    for need in wanted:
        _load(need)
    LOADED.update(wanted, ["torch"])
    gc.freeze()
    gc.enable()


def _load(need: str) -> None:
    kind, _, name = need.partition(".")
    if kind == "model":
        from .models import model

        model(name)
    elif kind in LIBRARIES:
        with contextlib.suppress(ImportError):  # for the answer to find out
            importlib.import_module(LIBRARIES[kind])
    else:
        for public in [name] if name else [*peft_course.__all__]:
            getattr(peft_course, public)
