"""`fit`: the training loop. Only the prompt learns, and the loss is on the answers alone."""

import math
import os
import random
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import torch
from datasets import Dataset
from torch import nn
from torch.random import fork_rng
from tqdm.auto import tqdm
from transformers import Adafactor

from . import devices, resume
from .lm import LM
from .losses import Gradient, mean_loss, validation_loss
from .prompts import Prompt
from .resume import INTERRUPTED, Best, Folder, History, Run

__all__ = ["DivergenceError", "History", "fit", "mean_loss", "validation_loss"]

POOL = 50  # batches among which examples of similar length are put together


class DivergenceError(RuntimeError):
    """The loss became infinite or grew far beyond where it began; the prompt holds its best values so far."""


def fit(
    prompt: Prompt,
    lm: LM,
    examples: Dataset,
    validation: Dataset | None = None,
    steps: int = 300,
    batch_size: int = 16,
    learning_rate: float | None = None,
    optimizer: Literal["adamw", "adafactor"] = "adamw",
    warmup: float = 0.05,
    weight_decay: float = 0.0,
    clip: float = 1.0,
    validate_every: int = 50,
    patience: int | None = None,
    seed: int = 0,
    progress: bool = True,
    accumulate: int = 1,
    mixed_precision: Literal["no", "bf16", "fp16"] | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
) -> History:
    """Train `prompt` on `examples` (columns x and y) for `steps` steps, in place, and return what happened.

    The learning rate warms up over the share `warmup` of the steps and decays along a cosine to zero; without one, the
    method's own is taken. With `validation`, its loss is measured every `validate_every` steps, the prompt with the
    lowest one is kept, and training stops once it has not fallen `patience` times in a row. Ctrl-C ends training and
    keeps the best so far. The same `seed` gives the same prompt.

    `batch_size` examples a step are each process's share: n processes of ``accelerate launch`` give the prompt that
    one gives with n times the `batch_size`. A share that memory cannot hold is computed in `accumulate` parts one after
    another; the gradient stays that of the mean over all answer tokens of the step. `mixed_precision` computes in
    bfloat16 or float16 what can be; None takes what ``accelerate launch`` was told.

    With a folder `checkpoint`, the prompt and the state of training are written there every `checkpoint_every` steps
    and at the end. The same call finds them and goes on to the same end; after the end, it reads the result.

    Raises ValueError if there is nothing to train or to train on, or if the folder holds the state of another run;
    DivergenceError if the loss explodes.
    """
    trained = [parameter for parameter in prompt.parameters() if parameter.requires_grad]
    if not trained:
        raise ValueError(f"{prompt!r} has nothing to train; make a SoftPrompt.from_hard_prompt of it first")
    if not len(examples):
        raise ValueError("there are no examples to train on; give a data set with the columns x and y")
    if not 1 <= accumulate <= batch_size:
        raise ValueError(f"a batch of {batch_size} has no {accumulate} parts; choose accumulate from 1 to {batch_size}")
    if checkpoint_every < 1:
        raise ValueError(f"checkpoint_every is a number of steps, 1 or more, got {checkpoint_every}")
    rate = prompt.learning_rate if learning_rate is None else learning_rate
    precision = mixed_precision or os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    team = devices.team(lm.device)
    devices.from_main(prompt.state_dict().values(), team)
    gradient = Gradient(prompt, lm, team, accumulate, precision)
    together = batch_size * team.num_processes  # examples a step
    run = Run(prompt, _optimizer(optimizer, trained, rate, weight_decay), gradient.scaler, Best(prompt))
    folder = None
    if checkpoint is not None:
        settings = {"steps": steps, "examples a step": together, "learning_rate": rate, "optimizer": optimizer}
        settings |= {"warmup": warmup, "weight_decay": weight_decay, "clip": clip, "validate_every": validate_every}
        settings |= {"patience": patience, "seed": seed, "mixed_precision": precision}
        folder = Folder(checkpoint, settings | resume.facts(prompt, lm, examples, validation), team)
        if folder.read_into(run):
            return run.history
    history, best, done = run.history, run.best, len(run.history.steps)
    batches, started = _batches(examples, together, steps, seed), time.perf_counter() - history.seconds
    quiet = not progress or bool(os.environ.get("TQDM_DISABLE"))  # in a notebook tqdm does not ask for it itself
    bar = tqdm(total=steps, initial=done, disable=quiet or not team.is_main_process, desc="fit")
    prompt.train()
    prompt.zero_grad()  # a run that was stopped may have left something
    try:
        with devices.interruptions(team) as noted, fork_rng([lm.device] if lm.device.type == "cuda" else []):
            for step, rows in islice(enumerate(batches, start=1), done, None):
                torch.manual_seed(random.Random(f"{seed} {step} {team.process_index}").getrandbits(63))  # for dropout
                loss, interrupted = gradient.backward(examples, rows, interrupted=bool(noted))
                history.steps.append(step)
                history.losses.append(loss)
                _refuse_divergence(history.losses, rate)
                _descend(run, trained, rate * _warm_up_and_decay(step - 1, max(1, round(warmup * steps)), steps), clip)
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                if validation is not None and (step % validate_every == 0 or step == steps):
                    history.validation_steps.append(step)
                    history.validation_losses.append(gradient.validate(validation))
                    if best.waited(history.validation_losses[-1]) == patience:
                        history.stopped = f"stopped early: {patience} validations in a row without a lower loss"
                        break
                if interrupted:
                    raise KeyboardInterrupt
                if folder is not None and step % checkpoint_every == 0 and step < steps:
                    history.seconds = time.perf_counter() - started
                    folder.write(run)
    except KeyboardInterrupt:
        history.stopped = INTERRUPTED
        folder = None  # there the run stays unfinished, as it was last written
    except DivergenceError:
        best.restore()
        raise
    finally:
        bar.close()
        if history.validation_losses:
            best.restore()
        prompt.eval()
        history.seconds = time.perf_counter() - started
    if folder is not None:
        folder.write(run, finished=True)
    return history


def _descend(run: Run, trained: list[nn.Parameter], rate: float, clip: float) -> None:
    """A step of the optimiser at the learning rate `rate`, against the gradient clipped to the norm `clip`, if any."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.scaler.unscale_(run.optimizer)
    if clip:
        nn.utils.clip_grad_norm_(trained, clip)
    run.scaler.step(run.optimizer)
    run.scaler.update()
    run.optimizer.zero_grad()


def _optimizer(name: str, trained: list[nn.Parameter], rate: float, weight_decay: float) -> torch.optim.Optimizer:
    if name == "adamw":
        return torch.optim.AdamW(trained, lr=rate, weight_decay=weight_decay)
    if name == "adafactor":  # with a fixed rate, as Lester et al. 2021 train soft prompts
        return Adafactor(trained, lr=rate, weight_decay=weight_decay, relative_step=False, scale_parameter=False)
    raise ValueError(f"optimizer {name!r} is not known; choose 'adamw' or 'adafactor'")


def _warm_up_and_decay(step: int, warmup: int, steps: int) -> float:
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def _batches(examples: Dataset, batch_size: int, steps: int, seed: int) -> Iterator[list[int]]:
    """Rows of the examples, every epoch in a new order, those of similar length together: less padding to compute."""
    lengths = [len(x) + len(y) for x, y in zip(examples["x"], examples["y"], strict=True)]
    draw, batches = random.Random(seed), list[list[int]]()
    for _ in range(steps):
        if not batches:
            order = draw.sample(range(len(lengths)), len(lengths))
            for start in range(0, len(order), POOL * batch_size):
                pool = sorted(order[start : start + POOL * batch_size], key=lengths.__getitem__)
                batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
            draw.shuffle(batches)
        yield batches.pop()


def _refuse_divergence(losses: list[float], rate: float) -> None:
    last, first = losses[-1], losses[0]
    if not math.isfinite(last) or last > 3 * first + 10:
        raise DivergenceError(
            f"the loss went from {first:.2f} to {last:.2f} in {len(losses)} steps; "
            f"try a learning rate below {rate:g} (a third of it, say), or a longer warm-up"
        )
