"""Plain values as bytes, and back, without pickle: what a learner's code returns is read as numbers and text alone.

A message is eight bytes with the length of a JSON header, the header, and the tensors' bytes.
"""

import dataclasses
import json
import struct
from typing import Any

import numpy as np
import torch
from torch import Tensor

NOTHING = "not attempted"
DEPTH = 20  # of lists in lists
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why there is no value. `kind` is the error's name; `final`: no more can be asked of this answer."""

    kind: str
    message: str
    final: bool = False

    def __str__(self) -> str:
        return self.message


@dataclasses.dataclass(frozen=True)
class Opaque:
    """A thing that is no number, text, or collection of them: only its type is known."""

    type: str

    def __repr__(self) -> str:
        return f"an object of type {self.type}"


def blank(thing: Any) -> bool:
    """Whether this is a prediction as it is handed out: an ellipsis, or nothing but these in a list or a dictionary."""
    parts = [*thing.values()] if isinstance(thing, dict) else thing
    return parts is ... or (isinstance(parts, list) and bool(parts) and all(map(blank, parts)))


def encode(value: Any) -> bytes:
    tensors: list[Tensor] = []
    tree = _tree(value, tensors, 0)
    about = [{"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape)} for t in tensors]
    header = json.dumps({"tree": tree, "tensors": about}).encode()
    data = [t.reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b"" for t in tensors]
    return b"".join([struct.pack("<Q", len(header)), header, *data])


def _tree(value: Any, tensors: list[Tensor], depth: int) -> Any:
    if depth > DEPTH:
        return {"opaque": "lists nested too deep"}
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else {"opaque": "an enormous integer"}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Failure):
        return {"failure": [value.kind, value.message, value.final]}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
        value = torch.as_tensor(np.array(value))
    if isinstance(value, Tensor):
        plain = value.detach().to("cpu").resolve_conj().resolve_neg()
        if plain.layout == torch.strided and str(plain.dtype).removeprefix("torch.") in DTYPES:
            tensors.append(plain.contiguous())
            return {"tensor": len(tensors) - 1}
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)
    if isinstance(value, list | tuple):
        return {"list": [_tree(item, tensors, depth + 1) for item in value]}
    if isinstance(value, dict) and all(isinstance(key, str | int) for key in value):
        return {"dict": [[key, _tree(item, tensors, depth + 1)] for key, item in value.items()]}
    return {"opaque": type(value).__name__}


def decode(data: bytes) -> Any:
    """The value of a message; ValueError if it is not one. Nothing in it is run, and nothing it says is trusted."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        tensors, place = [], 8 + length
        for about in header["tensors"]:
            dtype, shape = DTYPES[about["dtype"]], [int(n) for n in about["shape"]]
            size = torch.empty((), dtype=dtype).element_size() * int(np.prod(shape, dtype=object))
            if min(shape, default=1) < 0 or place + size > len(data):
                raise ValueError("a tensor is longer than its message")
            raw = torch.frombuffer(bytearray(data[place : place + size]), dtype=dtype) if size else torch.empty(0)
            tensors.append(raw.to(dtype).reshape(shape))
            place += size
        return _value(header["tree"], tensors)
    except (KeyError, TypeError, IndexError, struct.error, RuntimeError, RecursionError, OverflowError) as error:
        raise ValueError(f"not a message: {error}") from error


def _value(tree: Any, tensors: list[Tensor]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "list":
        return [_value(item, tensors) for item in content]
    if kind == "dict":
        return {key: _value(item, tensors) for key, item in content}
    if kind == "failure":
        return Failure(str(content[0]), str(content[1])[:2000], bool(content[2]))
    return Opaque(str(content)[:100])
