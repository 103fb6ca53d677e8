"""Peak memory of training steps above the loaded model, each side in a fresh process of its own.

On a CPU it is the process's highest resident memory (Linux keeps it in /proc/self/status and lets us reset it), less
what is resident once the model, the prompt, the optimiser and the libraries are in place. The C library's allocator
is told to give every freed block above 64 KB back at once, so that resident means in use; both sides run so. On a GPU
it is what torch's allocator has handed out.
"""

import ctypes
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from .rows import Row, show
from .setting import GPT2, GPU, LARGE, PREFIX, SOFT, TINY, Example, Method, batches
from .sides import Ours, Theirs
from .training import optimizer, step

ROOT = Path(__file__).resolve().parents[1]
ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
TARGET = 0.6
STEPS = 2
MEGABYTE = 1e6


def measure(quick: bool = False) -> list[Row]:
    """Rows for both models and methods. Raises OSError where the system is not Linux and there is no GPU."""
    rows = []
    for model, repeats in ((TINY, 1),) if quick else ((GPT2, 3), (LARGE, 5)):
        for method in (SOFT, PREFIX):
            pairs = [[in_fresh_process(side, model, method, seed) for side in ("ours", "PEFT")]
                     for seed in range(repeats)]
            ours, theirs = map(list, zip(*pairs, strict=True))
            rows.append(Row(f"peak memory of a step, {method}", model, "MB", ours, theirs, at_most=TARGET))
            show(rows[-1:])
    return rows


def in_fresh_process(side: str, model: str, method: Method, seed: int) -> float:
    """The peak in megabytes, of the batches that `seed` draws."""
    arguments = [side, model, method.name, str(method.num_virtual_tokens), str(seed)]
    command = [sys.executable, "-m", "benchmarks.memory", *arguments]
    environment = {**os.environ, **ALLOCATOR}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"the process of {side} ended with\n{result.stderr}")
    return float(json.loads(result.stdout.splitlines()[-1]))


def peak(side: Ours | Theirs, seed: int) -> float:
    """Megabytes that a few training steps need at most, above what is there before them."""
    descent = optimizer(side)
    step(side, descent, [Example([2], [3])])  # loads what is loaded late, and makes the optimiser's state
    before = _start()
    for batch in batches(side.model, STEPS, seed=seed):
        step(side, descent, batch)
    return (_highest() - before) / MEGABYTE


def _start() -> int:
    """Forget the highest use so far; the bytes in use now."""
    gc.collect()
    if GPU:
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _resident("VmRSS")


def _highest() -> int:
    return torch.cuda.max_memory_allocated() if GPU else _resident("VmHWM")


def _resident(line: str) -> int:
    """Bytes, by the name of a line in /proc/self/status."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{line}:")[1].split()[0]) * 1024


def _child(name: str, model: str, method: str, num_virtual_tokens: str, seed: str) -> None:
    chosen = Method(method, int(num_virtual_tokens))
    side = Ours(model, chosen) if name == "ours" else Theirs(model, chosen)  # the values do not matter here
    print(json.dumps(peak(side, int(seed))))


if __name__ == "__main__":
    if sys.argv[1:] in ([], ["--quick"]):
        measure("--quick" in sys.argv)
    else:
        _child(*sys.argv[1:])
