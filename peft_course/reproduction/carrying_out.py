"""Carrying out a run: train, and measure on the test set."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from datasets import Dataset

from ..analysis.ensemble import answers_of_each, vote
from ..evaluation import Evaluation, evaluate, score
from ..lm import LM
from ..loading import load_lm
from ..losses import validation_loss
from ..prompts import HardPrompt, Prompt, Verbalizer
from ..tasks import Task
from ..training import DivergenceError, fit
from .methods import Ensemble, Paraphrased, Searched
from .runs import Record, Run, machine_kind, versions

WRITTEN = 96  # tokens of an answer at most
ONE_AT_A_TIME = threading.Lock()  # random numbers belong to a process, and Dask may start several threads in one


def carry_out(run: Run, folder: str | None = None) -> Record:
    """Train and measure. `folder` holds the files of E2E, where the run is on these."""
    with ONE_AT_A_TIME, one_thread():
        started = time.perf_counter()
        lm, task = model(run.model), run.data.load(folder, run.seed)
        result = run_ensemble(run, run.method, lm, task) if isinstance(run.method, Ensemble) else run_one(run, lm, task)
    seconds = round(time.perf_counter() - started, 1)
    return Record(run.key, run.settings(), _rounded(result), seconds, machine_kind(), versions())


@contextmanager
def one_thread() -> Iterator[None]:
    """One run a core: two runs side by side are quicker than one run on both, and sums come in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_one(run: Run, lm: LM, task: Task) -> dict[str, Any]:
    """Scores in per cent by metric, losses in nats per token, and the counts of parameters."""
    prompt = run.method.prompt(lm, task, run.seed)
    result = trained(prompt, run, lm, task)
    if run.scored:
        verbalizer = run.method.verbalizer(task)
        result["scores"] = scores(prompt, lm, task.test, verbalizer)
        if (elsewhere := run.data.elsewhere()) is not None:
            result["scores elsewhere"] = scores(prompt, lm, elsewhere, verbalizer)
        if isinstance(run.method, Searched | Paraphrased):  # what was chosen on the validation set, measured there too
            assert isinstance(prompt, HardPrompt)
            result["template"] = prompt.template
            result["scores on validation"] = scores(prompt, lm, task.validation, verbalizer)
    return result


def run_ensemble(run: Run, ensemble: Ensemble, lm: LM, task: Task) -> dict[str, Any]:
    """The scores of the members' votes, and of each member ("members"), all on the same test set."""
    seeds = [ensemble.members * run.seed + number for number in range(ensemble.members)]
    prompts = [ensemble.prompt(lm, task, seed) for seed in seeds]
    results = [trained(prompt, run, lm, task, seed) for prompt, seed in zip(prompts, seeds, strict=True)]
    answers = answers_of_each(prompts, lm, task.test["x"], WRITTEN)
    return {
        "trained": sum(result["trained"] for result in results),
        "stored": sum(result["stored"] for result in results),
        "validation loss": min(result["validation loss"] for result in results),
        "scores": _scores(score(vote(answers), task.test)),
        "members": [_scores(score(each, task.test)) for each in answers],
        "validation losses of members": [result["validation loss"] for result in results],
    }


def trained(prompt: Prompt, run: Run, lm: LM, task: Task, seed: int | None = None) -> dict[str, Any]:
    """Train `prompt` in place, as the run says, and tell how that went."""
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
                batch_size=run.batch_size,
                learning_rate=run.learning_rate,
                validate_every=max(1, run.steps // 4),
                seed=run.seed if seed is None else seed,
                progress=False,
            )
            result["last losses"] = sum(history.losses[-10:]) / len(history.losses[-10:])
            result["validations"] = history.validation_losses
        except DivergenceError:
            result["converged"] = False
    result["validation loss"] = validation_loss(prompt, lm, task.validation)
    result["stored"] = prompt.num_stored
    return result


def scores(prompt: Prompt, lm: LM, examples: Dataset, verbalizer: Verbalizer | None) -> dict[str, list[float]]:
    """By metric the value and the bounds of its interval over the examples, in per cent."""
    return _scores(evaluate(prompt, lm, examples, max_new_tokens=WRITTEN, verbalizer=verbalizer))


def _scores(evaluation: Evaluation) -> dict[str, list[float]]:
    return {metric: [each.value, each.low, each.high] for metric, each in evaluation.items()}


@lru_cache(maxsize=4)
def model(name: str) -> LM:
    return load_lm(name, device="cpu")


def _rounded(value: Any) -> Any:
    """Six digits are enough, and the file stays small."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
