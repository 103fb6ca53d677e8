"""Errors in a learner's code as sentences that the learner reads."""

import linecache
import traceback

from .values import NOTHING, Failure

OUT_OF_MEMORY = ("can't allocate memory", "Cannot allocate memory", "out of memory")


def failed(error: BaseException, final: bool = False) -> Failure:
    """An error in a learner's code as the sentence that the learner reads, with the line where it happened."""
    kind = type(error).__name__
    if isinstance(error, NotImplementedError):
        return Failure(kind, NOTHING, final=True)
    if isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY):
        return Failure("MemoryError", "needed more than 3 GB of memory", final=True)
    if isinstance(error, EOFError):
        return Failure(kind, "asks for input, and nobody is there to type: an answer has its inputs as arguments", True)
    message = " ".join(str(error).split())[:300]
    where = ""
    if isinstance(error, SyntaxError):
        where = f" at line {error.lineno} ({(error.text or '').strip()[:80]})"
        message = str(error.msg)
    else:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if "ipython-input" in frame.filename or "ipykernel" in frame.filename:
                line = linecache.getline(frame.filename, frame.lineno or 0).strip()
                where = f" at line {frame.lineno} ({line[:80]})" if line else f" at line {frame.lineno}"
                break
    return Failure(kind, f"error in your code{where}: {kind}: {message}".rstrip(": "), final)
