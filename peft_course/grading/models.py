"""The shipped models, each loaded once a process, on the CPU."""

import functools

from ..lm import LM
from ..loading import load_lm


@functools.cache
def model(name: str) -> LM:
    return load_lm(name, device="cpu")
