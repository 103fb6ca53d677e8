"""Run by every process that test_devices.py launches: each case trains, and writes down what this process got."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from random_models import random_lm
from safetensors.torch import save_file

from peft_course import LM, Prefix, SoftPrompt, fit
from peft_course.baselines import FineTuning
from peft_course.devices import team
from peft_course.prompts import Prompt
from peft_course.training import DivergenceError, History

X = ["ab", "abc b", "c", "bb", "cab ab", "a", "b", "ba", "cc"]  # the last batch of an epoch is one row: too few for two
Y = ["ba", "c", "aab", "b", "abc", "aaaaaaaaaaaaaaa", "ccc", "b", "acb"]
PAIRS = Dataset.from_dict({"x": X, "y": Y})
TOGETHER = 4  # examples a step, of all processes

PROMPTS: dict[str, Callable[[], tuple[LM, Prompt]]] = {
    "soft": lambda: (random_lm("llama"), SoftPrompt(random_lm("llama"), 3)),
    "prefix": lambda: (random_lm("gpt2"), Prefix(random_lm("gpt2"), 3, bottleneck=4)),
    "fine-tuning": lambda: (random_lm("llama"), FineTuning(random_lm("llama"))),
    "encoder-decoder": lambda: (random_lm("t5"), Prefix(random_lm("t5"), 2)),
}


def train(kind: str, processes: int, **settings: Any) -> tuple[Prompt, History]:
    lm, prompt = PROMPTS[kind]()
    arguments = {"examples": PAIRS, "validation": PAIRS, "validate_every": 4, "steps": 8, "learning_rate": 0.01}
    return prompt, fit(prompt, lm, batch_size=TOGETHER // processes, **(arguments | settings))


@contextmanager
def losses_that(lm: LM, change: Callable[[int, Any], Any]) -> Iterator[None]:
    """Let `change` see the number of each call of `answer_losses`, and what it gives."""
    given, calls = lm.answer_losses, []

    def changed(*arguments: Any) -> Any:
        calls.append(1)
        return change(len(calls), given(*arguments))

    lm.answer_losses = changed  # type: ignore[method-assign]
    try:
        yield
    finally:
        lm.answer_losses = given  # type: ignore[method-assign]


def main(folder: Path) -> None:
    lm = random_lm("llama")
    processes = team(lm.device)
    me, number = processes.process_index, processes.num_processes
    found: dict[str, Any] = {"processes": number}

    def keep(case: str, prompt: Prompt, history: History) -> None:
        found[case] = [history.losses, history.validation_losses, history.stopped]
        tensors = {name: tensor.clone() for name, tensor in prompt.state_dict().items()}
        save_file(tensors, folder / f"{case}-{me}.safetensors")

    for kind in PROMPTS:
        keep(kind, *train(kind, number))
    keep("in parts", *train("soft", number, accumulate=2))

    other = SoftPrompt(lm, 3, seed=me)
    keep("other seeds", other, fit(other, lm, PAIRS, batch_size=2, steps=2))

    def ctrl_c(call: int, given: Any) -> Any:
        if me == 1 and call == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return given

    with losses_that(lm, ctrl_c):
        keep("ctrl-c", *train("soft", number, validation=None, steps=50))

    def infinite(call: int, given: Any) -> Any:
        return (given[0] * torch.inf, given[1]) if me == 1 and call == 3 else given

    with losses_that(lm, infinite):
        try:
            train("soft", number, validation=None)
        except DivergenceError as error:
            found["diverging"] = str(error)

    keep("early stop", *train("soft", number, validate_every=1, patience=2, steps=50, learning_rate=0.5))

    def killed(call: int, given: Any) -> Any:
        if call == 6:
            raise RuntimeError("killed")
        return given

    whole = {"examples": PAIRS.select(range(8)), "validation": None}  # the same number of calls in both processes
    for run in ("run", "unfinished"):
        with losses_that(lm, killed):
            try:
                train("soft", number, checkpoint=folder / run, checkpoint_every=2, **whole)
            except RuntimeError as error:
                found["killed"] = str(error)
    keep("resumed", *train("soft", number, checkpoint=folder / "run", checkpoint_every=2, **whole))
    keep("not interrupted", *train("soft", number, **whole))

    try:
        train("soft", number, checkpoint=folder / ("run" if me == 0 else "elsewhere"), **whole)
    except ValueError as error:
        found["not shared"] = str(error)
    (folder / f"found-{me}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
