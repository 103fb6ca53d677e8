"""`fit`: the training loop. Only the prompt learns, and the loss is on the answers alone."""

import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm
from transformers import Adafactor

from .lm import LM
from .prompts import Prompt
from .reading import IGNORE

POOL = 50  # batches among which examples of similar length are put together


@dataclass
class History:
    """What happened in training: losses are means over answer tokens, in nats."""

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    validation_steps: list[int] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = "all steps done"

    def plot(self, ax: Any = None) -> Any:
        """The losses against the steps, on `ax` or on new axes, which are returned."""
        from .plots import plot_history

        return plot_history(self, ax)

    def __repr__(self) -> str:
        last = f"{self.losses[-1]:.3f}" if self.losses else "none"
        return f"History({len(self.losses)} steps, last loss {last}, {self.seconds:.0f} s, {self.stopped})"


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
) -> History:
    """Train `prompt` on `examples` (columns x and y) for `steps` steps, in place, and return what happened.

    The learning rate warms up over the share `warmup` of the steps and decays along a cosine to zero; without one, the
    method's own is taken. With `validation`, its loss is measured every `validate_every` steps, the prompt with the
    lowest one is kept, and training stops once it has not fallen `patience` times in a row. Ctrl-C ends training and
    keeps the best so far. The same `seed` gives the same prompt.

    Raises ValueError if there is nothing to train or to train on, DivergenceError if the loss explodes.
    """
    trained = [parameter for parameter in prompt.parameters() if parameter.requires_grad]
    if not trained:
        raise ValueError(f"{prompt!r} has nothing to train; make a SoftPrompt.from_hard_prompt of it first")
    if not len(examples):
        raise ValueError("there are no examples to train on; give a data set with the columns x and y")
    rate = prompt.learning_rate if learning_rate is None else learning_rate
    descent = _optimizer(optimizer, trained, rate, weight_decay)
    schedule = LambdaLR(descent, lambda step: _warm_up_and_decay(step, max(1, round(warmup * steps)), steps))
    history, best, started = History(), _Best(prompt), time.perf_counter()
    prompt.train()
    quiet = not progress or bool(os.environ.get("TQDM_DISABLE"))  # in a notebook tqdm does not ask for it itself
    bar = tqdm(_batches(examples, batch_size, steps, seed), total=steps, disable=quiet, desc="fit")
    try:
        for step, rows in enumerate(bar, start=1):
            loss = mean_loss(prompt, lm, examples, rows)
            history.steps.append(step)
            history.losses.append(loss.item())
            _refuse_divergence(history.losses, rate)
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(trained, clip)
            descent.step()
            schedule.step()
            descent.zero_grad()
            bar.set_postfix(loss=f"{history.losses[-1]:.3f}", refresh=False)
            if validation is not None and (step % validate_every == 0 or step == steps):
                history.validation_steps.append(step)
                history.validation_losses.append(validation_loss(prompt, lm, validation))
                if best.waited(history.validation_losses[-1]) == patience:
                    history.stopped = f"stopped early: {patience} validations in a row without a lower loss"
                    break
    except KeyboardInterrupt:
        history.stopped = "interrupted; the best so far is kept"
    except DivergenceError:
        best.restore()
        raise
    finally:
        bar.close()
        if history.validation_losses:
            best.restore()
        prompt.eval()
        history.seconds = time.perf_counter() - started
    return history


def mean_loss(prompt: Prompt, lm: LM, examples: Dataset, rows: Sequence[int]) -> Tensor:
    """Cross-entropy per answer token of the given `rows` of the examples, in nats."""
    chosen = examples[list(rows)]
    losses, tokens = lm.answer_losses(chosen["x"], chosen["y"], prompt)
    return losses.sum() / (tokens != IGNORE).sum()


@torch.no_grad()
def validation_loss(prompt: Prompt, lm: LM, examples: Dataset, batch_size: int = 32) -> float:
    """The mean loss over all of `examples`, batch by batch."""
    prompt.eval()
    parts = [range(start, min(start + batch_size, len(examples))) for start in range(0, len(examples), batch_size)]
    losses = [mean_loss(prompt, lm, examples, rows).item() * len(rows) for rows in parts]
    prompt.train()
    return sum(losses) / len(examples)


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


class _Best:
    """The prompt's values at its lowest validation loss; before the first validation, those it came with."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt, self.loss, self.rounds = prompt, math.inf, 0
        self.values = self._copy()

    def waited(self, loss: float) -> int:
        """How many validations ago the loss was lowest: 0 if it is now."""
        if loss < self.loss:
            self.loss, self.rounds, self.values = loss, 0, self._copy()
        else:
            self.rounds += 1
        return self.rounds

    def restore(self) -> None:
        self.prompt.load_state_dict(self.values)

    def _copy(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.prompt.state_dict().items()}
