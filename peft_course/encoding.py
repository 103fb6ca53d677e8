"""JSON and safetensors, to bytes and back. What comes back is checked, and any damage is one sentence."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def to_json(content: Mapping[str, Any]) -> bytes:
    """As PEFT writes it."""
    return json.dumps(content, indent=2, sort_keys=True).encode()


def to_bytes(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """A safetensors file. Raises ValueError for infinite or undefined numbers, which nobody would want to read."""
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    for name, tensor in own.items():
        if not tensor.isfinite().all():
            raise ValueError(
                f"{name!r} holds infinite or undefined numbers, so it is not saved; train it again at a lower rate"
            )
    return safetensors.torch.save(own, metadata)


def from_json(data: bytes, path: Path) -> dict[str, Any]:
    """The object in the JSON file `path`, whose bytes are `data`; ValueError where it is none."""
    try:
        content = json.loads(data.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is damaged ({first_line(error)}); save the prompt again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{str(path)!r} is damaged (no object, but a {type(content).__name__}); save the prompt again")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return content


def from_bytes(data: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata in the safetensors file `path`, whose bytes are `data`."""
    try:
        tensors = safetensors.torch.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except Exception as error:  # whatever a hostile header brings about in there
        raise ValueError(f"{str(path)!r} is damaged ({first_line(error)}); save the prompt again") from error
    return tensors, header.get("__metadata__") or {}


def finite(tensor: Tensor, name: str, folder: Path) -> Tensor:
    """The tensor in float32; ValueError where it is of another kind, or holds infinite or undefined numbers."""
    where = f"the tensor {name!r} of the prompt in {str(folder)!r}"
    if tensor.dtype not in FLOATS:
        raise ValueError(f"{where} is of {tensor.dtype}, expected floating-point numbers; save the prompt again")
    if not tensor.numel():
        raise ValueError(f"{where} is empty ({list(tensor.shape)}); save the prompt again")
    tensor = tensor.float()
    bad = int((~tensor.isfinite()).sum())
    if bad:
        raise ValueError(f"{where} holds {bad} infinite or undefined numbers; train it again at a lower learning rate")
    return tensor


def some(names: Iterable[str]) -> str:
    """The names, three of them at most."""
    listed = sorted(map(repr, names))
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "") or "nothing"


def first_line(error: Exception) -> str:
    """What the error says, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
