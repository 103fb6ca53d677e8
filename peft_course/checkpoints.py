"""Prompts on disk, in the format of Hugging Face PEFT: ``adapter_config.json`` and ``adapter_model.safetensors``.

What that format cannot say stands beside it in files of our own, which PEFT ignores: the text around the input in
``peft_course.json``, and an encoder–decoder's prefixes in ``peft_course.safetensors``, alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor

from .lm import LM

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
OUR_CONFIG, OUR_TENSORS = "peft_course.json", "peft_course.safetensors"


def facts(lm: LM) -> dict[str, Any]:
    """What PEFT's configuration says of the model that a prompt was made for."""
    return {
        "auto_mapping": None,
        "base_model_name_or_path": lm.name,
        "inference_mode": True,
        "modules_to_save": None,
        "num_transformer_submodules": 2 if lm.is_encoder_decoder else 1,
        "revision": None,
        "task_type": "SEQ_2_SEQ_LM" if lm.is_encoder_decoder else "CAUSAL_LM",
        "token_dim": lm.embedding_matrix.shape[1],
    }


def write(folder: str | Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], template: str) -> None:
    """PEFT's two files, and the template beside them."""
    folder = _own(folder, template)
    save_file(contiguous(tensors), folder / TENSORS, {"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True))


def write_ours(folder: str | Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], template: str) -> None:
    """Our own two files, for what PEFT's format has no place for."""
    folder = _own(folder, template, config)
    save_file(contiguous(tensors), folder / OUR_TENSORS)


def contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as safetensors takes them: without their history, each in a piece of memory of its own."""
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def _own(folder: str | Path, template: str, config: Mapping[str, Any] | None = None) -> Path:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (CONFIG, TENSORS, OUR_TENSORS):  # a folder holds one prompt
        (folder / stale).unlink(missing_ok=True)
    (folder / OUR_CONFIG).write_text(json.dumps({"template": template, **(config or {})}, indent=2, sort_keys=True))
    return folder


def read(folder: str | Path) -> tuple[dict[str, Any], dict[str, Tensor], str]:
    """The configuration, the tensors and the template in `folder`; ValueError in one sentence where there are none."""
    folder = Path(folder)
    ours = folder / OUR_CONFIG
    name = TENSORS if (folder / CONFIG).is_file() else OUR_TENSORS
    if not (folder / name).is_file():
        raise ValueError(
            f"no prompt in {str(folder)!r}: expected {CONFIG} with {TENSORS}, or {OUR_CONFIG} with {OUR_TENSORS}; "
            f"name a folder that save_pretrained wrote"
        )
    try:
        own = json.loads(ours.read_text()) if ours.is_file() else {}
        config = json.loads((folder / CONFIG).read_text()) if name == TENSORS else own
        tensors = load_file(folder / name)
    except (json.JSONDecodeError, UnicodeDecodeError, safetensors.SafetensorError) as error:
        raise ValueError(f"the prompt in {str(folder)!r} is damaged ({error}); save it again") from error
    return config, tensors, own.get("template", "{x}")


def check(what: str, expected: Any, found: Any, folder: str | Path) -> None:
    """ValueError unless the checkpoint in `folder` says of `what` what is expected."""
    if found != expected:
        raise ValueError(f"the prompt in {str(folder)!r} has {what} {found!r}, expected {expected!r}; load another one")
