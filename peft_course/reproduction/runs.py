"""A run: its settings, the key that they hash to, and what comes of carrying it out.

A run is a pure function of its settings: the model, the data, the method, the steps, the learning rate and the seed.
What the clock said is written down beside the result, and is no part of it.
"""

import hashlib
import json
import os
import platform
import threading
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import transformers
from datasets import Dataset

from ..evaluate import evaluate
from ..fit import DivergenceError, fit
from ..lm import LM
from ..loading import PRETRAINED, embedded_models, load_lm
from ..losses import validation_loss
from ..prompts import Prompt, Verbalizer
from .data import Data
from .methods import Method, chosen

MEANING = 1  # raise it where the same settings come to mean another computation: no old result is then taken for new
TUNING_SEED = 1000  # of the sweeps for learning rates: none of the seeds that are measured
BATCH = 16
ONE_AT_A_TIME = threading.Lock()  # random numbers belong to a process, and Dask may start several threads in one


@dataclass(frozen=True)
class Run:
    """`steps` of training `method` on `data` with `model`, then its scores on the test set.

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

    They have the usual settings of the method, one seed that is measured nowhere else, and write no answers. Up to 100
    training examples, they have 50; with more, as many as there are.
    """
    method, data = run.method.tuned_as, run.data.for_tuning()
    one = replace(run, method=method, data=data, seed=TUNING_SEED, scored=False)
    return [replace(one, learning_rate=rate) for rate in method.rates]


def carry_out(run: Run, folder: str | None = None) -> Record:
    """Train and measure. `folder` holds the files of E2E, where the run is on these."""
    with ONE_AT_A_TIME:
        started = time.perf_counter()
        torch.set_num_threads(1)  # one run a core: two runs side by side are quicker than one run on both
        lm = model(run.model)
        result = train_and_score(lm, run.data.load(folder, run.seed), run)
    seconds = round(time.perf_counter() - started, 1)
    return Record(run.key, run.settings(), _rounded(result), seconds, machine_kind(), versions())


def train_and_score(lm: LM, task: Any, run: Run) -> dict[str, Any]:
    """Scores in per cent by metric, losses in nats per token, and the counts of parameters."""
    prompt = run.method.prompt(lm, task, run.seed)
    result: dict[str, Any] = {"trained": prompt.num_trained, "converged": True}
    if run.steps:
        if run.learning_rate is None:
            raise ValueError(f"{run.method} has no learning rate yet; carry out its sweep first")
        try:
            history = fit(
                prompt,
                lm,
                task.train,
                task.validation,
                steps=run.steps,
                batch_size=BATCH,
                learning_rate=run.learning_rate,
                validate_every=max(1, run.steps // 8),
                seed=run.seed,
                progress=False,
            )
            result["last losses"] = sum(history.losses[-10:]) / len(history.losses[-10:])
            result["validations"] = history.validation_losses
        except DivergenceError:
            result["converged"] = False
    result["validation loss"] = validation_loss(prompt, lm, task.validation)
    result["stored"] = prompt.num_stored
    if run.scored:
        verbalizer = run.method.verbalizer(task)
        result["scores"] = scores(prompt, lm, task.test, verbalizer)
        if (elsewhere := run.data.elsewhere()) is not None:
            result["scores elsewhere"] = scores(prompt, lm, elsewhere, verbalizer)
    return result


def scores(prompt: Prompt, lm: LM, examples: Dataset, verbalizer: Verbalizer | None) -> dict[str, list[float]]:
    """By metric the value and the bounds of its interval over the examples, in per cent."""
    evaluation = evaluate(prompt, lm, examples, max_new_tokens=96, verbalizer=verbalizer)
    return {metric: [score.value, score.low, score.high] for metric, score in evaluation.items()}


@lru_cache(maxsize=4)
def model(name: str) -> LM:
    return load_lm(name, device="cpu")


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


def _rounded(value: Any) -> Any:
    """Six digits are enough, and the file stays small."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
