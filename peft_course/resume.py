"""All that changes while `fit` trains, and the file it is kept in, so that training resumes exactly where it was.

Beside the prompt's own files stands a safetensors file (`checkpoints.TRAINING`) with ``prompt.<name>``, ``best.<name>``
and ``optimizer.<index>.<name>``. Its metadata hold JSON: the settings, the history, whether the run is finished, and
the optimiser's plain numbers. The order of the batches and the noise of dropout need no place: they follow from the
seed and the number of steps done.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from torch import Tensor

from . import checkpoints, devices, storage
from .encoding import from_bytes, to_bytes
from .lm import LM
from .prompts import Prompt

INTERRUPTED = "interrupted; the best so far is kept"

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


class Best:
    """The prompt's values at its lowest validation loss; before the first validation, those it came with."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt, self.loss, self.rounds = prompt, math.inf, 0
        self.values = _copy(prompt)

    def waited(self, loss: float) -> int:
        """How many validations ago the loss was lowest: 0 if it is now."""
        if loss < self.loss:
            self.loss, self.rounds, self.values = loss, 0, _copy(self.prompt)
        else:
            self.rounds += 1
        return self.rounds

    def restore(self) -> None:
        self.prompt.load_state_dict(self.values)


@dataclass
class Run:
    """What a step of training changes."""

    prompt: Prompt
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    best: Best
    history: History = field(default_factory=History)


class Folder:
    """Where a run is kept: begun with `settings`, which have to be the same when it goes on."""

    def __init__(self, path: str | Path, settings: dict[str, Any], team: PartialState) -> None:
        self.path, self.settings, self.team = Path(path), settings, team

    def write(self, run: Run, finished: bool = False) -> None:
        """The prompt as it is now, and beside it what is needed to go on; written by the main process alone."""
        if self.team.is_main_process:
            tensors = {f"prompt.{name}": tensor for name, tensor in _copy(run.prompt).items()}
            numbers: dict[str, dict[str, Any]] = {}
            if not finished:
                tensors |= {f"best.{name}": tensor for name, tensor in run.best.values.items()}
                for index, values in run.optimizer.state_dict()["state"].items():
                    for name, value in values.items():
                        if isinstance(value, Tensor):
                            tensors[f"optimizer.{index}.{name}"] = value
                        else:
                            numbers.setdefault(str(index), {})[name] = value
            content = {
                "settings": self.settings,
                "finished": finished,
                "history": asdict(run.history),
                "best": {"loss": run.best.loss, "rounds": run.best.rounds},
                "optimizer": numbers,
                "scaler": run.scaler.state_dict(),
            }
            side_file = to_bytes(tensors, {"training": json.dumps(content)})
            checkpoints.write(self.path, run.prompt.files() | {checkpoints.TRAINING: side_file})
        self.team.wait_for_everyone()

    def read_into(self, run: Run) -> bool:
        """Bring `run` to where the folder's is, if there is one, and say whether that is its end.

        Raises ValueError, in one sentence and with nothing changed, for the run of other settings, for a damaged file,
        and where the processes do not see the same folder.
        """
        path = self.path / checkpoints.TRAINING
        files = storage.read(self.path, [checkpoints.TRAINING], optional=True)
        here = torch.tensor([float(len(files))], device=_device(run.prompt))
        seen = int(devices.total(here, self.team))
        if 0 < seen < self.team.num_processes:
            raise ValueError(
                f"{seen} of {self.team.num_processes} processes find {str(path)!r}; name a folder on a file "
                f"system that all of them share"
            )
        if not files:
            run.prompt.files()  # a prompt that cannot be saved says so now
            return False
        tensors, metadata = from_bytes(files[checkpoints.TRAINING], path)
        try:
            content = json.loads(metadata["training"])
            self._check(content["settings"])
            prompt, best = _named(tensors, "prompt."), _named(tensors, "best.")
            for values in (prompt,) if content["finished"] else (prompt, best):
                _check_shapes(run.prompt, values)
            state = {int(index): dict(numbers) for index, numbers in content["optimizer"].items()}
            for name, tensor in _named(tensors, "optimizer.").items():
                index, _, key = name.partition(".")
                state.setdefault(int(index), {})[key] = tensor
            history = History(**content["history"])
            loss, rounds = content["best"]["loss"], content["best"]["rounds"]
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"{str(path)!r} is not what fit writes ({error!r}); delete it to begin anew") from error
        run.history = history
        run.prompt.load_state_dict(prompt)
        if not content["finished"]:
            groups = run.optimizer.state_dict()["param_groups"]
            run.optimizer.load_state_dict({"state": state, "param_groups": groups})
            run.scaler.load_state_dict(content["scaler"])
            device = _device(run.prompt)
            run.best.values = {name: tensor.to(device) for name, tensor in best.items()}
            run.best.loss, run.best.rounds = loss, rounds
        return bool(content["finished"])

    def _check(self, stored: dict[str, Any]) -> None:
        for name, given in self.settings.items():
            if stored[name] != given:
                raise ValueError(
                    f"the run in {str(self.path)!r} was begun with {name} {stored[name]!r}, and this call has "
                    f"{given!r}; give the same to go on with it, or another folder"
                )


def facts(prompt: Prompt, lm: LM, examples: Dataset, validation: Dataset | None) -> dict[str, str]:
    """What a run was begun with besides numbers: its prompt, model and data, as short texts that can be compared."""
    return {
        "a prompt": f"{type(prompt).__name__} of {prompt.num_trained:,} numbers",
        "the template": getattr(prompt, "template", ""),
        "the model": checkpoints.fingerprint(lm),
        "the model's dtype": str(lm.model.dtype),
        "the examples": _digest(examples),
        "the validation examples": "none" if validation is None else _digest(validation),
    }


def _digest(examples: Dataset) -> str:
    content = json.dumps([list(examples["x"]), list(examples["y"])]).encode()
    return f"{len(examples):,} with the hash {hashlib.sha256(content).hexdigest()[:8]}"


def _copy(prompt: Prompt) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in prompt.state_dict().items()}


def _named(tensors: dict[str, Tensor], beginning: str) -> dict[str, Tensor]:
    return {name.removeprefix(beginning): tensor for name, tensor in tensors.items() if name.startswith(beginning)}


def _device(prompt: Prompt) -> torch.device:
    return next(prompt.parameters()).device


def _check_shapes(prompt: Prompt, values: dict[str, Tensor]) -> None:
    own = {name: list(tensor.shape) for name, tensor in prompt.state_dict().items()}
    found = {name: list(tensor.shape) for name, tensor in values.items()}
    if own != found:
        raise KeyError(f"tensors {found}, expected {own}")
