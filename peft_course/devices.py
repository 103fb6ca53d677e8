"""One process or several, each on a device of its own: what training needs of Accelerate.

`accelerate launch` starts the same program several times. Every process takes its share of a batch, and the processes
meet in two places: `from_main` before training, and `total` in every step.
"""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from accelerate import PartialState
from accelerate.utils import broadcast, reduce
from torch import Tensor


def default_device() -> str:
    """The GPU that belongs to this process, or the CPU where there is none or `accelerate launch --cpu` was said."""
    if not torch.cuda.is_available() or os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes"):
        return "cpu"
    if "LOCAL_RANK" not in os.environ:
        return "cuda"
    return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"


def team(device: torch.device) -> PartialState:
    """The processes that were launched together, of which this is one; it alone where nobody launched any."""
    launched = "LOCAL_RANK" in os.environ
    return PartialState(cpu=launched and device.type == "cpu")  # one process leaves Accelerate's device open


def total(tensor: Tensor, team: PartialState) -> Tensor:
    """The sum of every process's `tensor`, the same bits in all of them."""
    return tensor if team.num_processes == 1 else reduce(tensor, "sum")


@torch.no_grad()
def from_main(tensors: Iterable[Tensor], team: PartialState) -> None:
    """Every process's `tensors` become those of the main process."""
    if team.num_processes > 1:
        for tensor in tensors:
            tensor.copy_(broadcast(tensor.detach().clone()))


@contextmanager
def interruptions(team: PartialState) -> Iterator[list[int]]:
    """The list in which Ctrl-C is noted while several processes run, so that all of them can stop at the same step.

    A process that left alone would keep the others waiting for its share. One process alone is stopped by Python's
    KeyboardInterrupt at once, as always, and its list stays empty.
    """
    noted: list[int] = []
    if team.num_processes == 1 or threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
