"""A run: its settings, the key that they hash to, and the record of what came of it.

A run is a pure function of its settings: the model, the data, the method, the steps, the learning rate and the seed.
What the clock said is written down beside the result, and is no part of it.
"""

import hashlib
import json
import os
import platform
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import transformers

from ..loading import PRETRAINED, embedded_models
from .data import Data
from .methods import Method, chosen

MEANING = 1  # raise it where the same settings come to mean another computation: no old result is then taken for new
TUNING_SEED = 1000  # of the sweeps for learning rates: none of the seeds that are measured


@dataclass(frozen=True)
class Run:
    """`steps` of training `method` on `data` with `model`, `batch_size` examples each, then its scores on the test set.

    With `learning_rate` None it is the best of the method's sweep (see :func:`sweep`). `scored`: whether the model
    writes answers to the test set, or only the validation loss is of interest.
    """

    model: str
    data: Data
    method: Method
    seed: int = 0
    steps: int = 0
    learning_rate: float | None = None
    scored: bool = True
    batch_size: int = 8

    @property
    def tuned(self) -> bool:
        """Whether nothing is left to decide about it."""
        return self.learning_rate is not None or not self.method.rates

    def settings(self) -> dict[str, Any]:
        """All that decides the result, as JSON can write it."""
        return chosen(self) | {"data": chosen(self.data), "method": self.method.settings()}

    @property
    def key(self) -> str:
        """A hash of the settings and of the model's weights: another model by the same name has other results."""
        content = {"meaning": MEANING, "weights": weights(self.model), **self.settings()}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Record:
    """A run that was carried out: its settings, `result`, and how it went (`seconds`, machine, versions)."""

    key: str
    settings: dict[str, Any]
    result: dict[str, Any]
    seconds: float
    machine: str = ""
    versions: dict[str, str] = field(default_factory=dict)


def sweep(run: Run) -> list[Run]:
    """The five runs, one for each rate of the method, whose lowest validation loss decides the learning rate of `run`.

    They have the usual settings of the method, one seed that is measured nowhere else, and write no answers. They are
    half as long, but 100 steps at least. Up to 100 training examples, they have 50; with more, as many as there are.
    """
    method, data, steps = run.method.tuned_as, run.data.for_tuning(), min(run.steps, max(100, run.steps // 2))
    one = replace(run, method=method, data=data, steps=steps, seed=TUNING_SEED, scored=False)
    return [replace(one, learning_rate=rate) for rate in method.rates]


@lru_cache(maxsize=16)
def weights(name: str) -> str:
    """A hash of an embedded model's weights; for another model its name must do."""
    if name not in embedded_models():
        return name
    return hashlib.sha256((Path(PRETRAINED) / name / "model.safetensors").read_bytes()).hexdigest()[:12]


def versions() -> dict[str, str]:
    return {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}


def machine_kind() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
