"""Prompts on disk, in the format of Hugging Face PEFT: ``adapter_config.json`` and ``adapter_model.safetensors``.

What that format cannot say stands beside it in files of our own, which PEFT ignores: the words around the input and
the model that the prompt was made for in ``peft_course.json``; and where PEFT's file would mean something else than the
prompt does (an encoder–decoder's prefixes, vectors behind words), the tensors in ``peft_course.safetensors``, alone.
No pickle is ever read, and no name in a file is followed.
"""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import hub, storage
from .encoding import finite, from_bytes, from_json, some, to_bytes, to_json
from .lm import LM

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
OUR_CONFIG, OUR_TENSORS = "peft_course.json", "peft_course.safetensors"
TRAINING = "peft_course_training.safetensors"  # the perceptron and the optimiser, for training on
PICKLE = "adapter_model.bin"
FILES = (CONFIG, TENSORS, OUR_CONFIG, OUR_TENSORS)  # what a prompt consists of
ROWS = "prompt_embeddings"  # PEFT's name for the one tensor of a prompt's files
# PEFT's fields for vectors in front of the input, by the type that it shall read them as:
SOFT_FIELDS: dict[str, dict[str, Any]] = {
    "PROMPT_TUNING": {
        "peft_type": "PROMPT_TUNING",
        "prompt_tuning_init": "RANDOM",
        "prompt_tuning_init_text": None,
        "tokenizer_kwargs": None,
        "tokenizer_name_or_path": None,
    },
    "P_TUNING": {  # the encoder is done with: PEFT, too, stores what came out of it
        "peft_type": "P_TUNING",
        "encoder_dropout": 0.0,
        "encoder_hidden_size": None,
        "encoder_num_layers": 2,
        "encoder_reparameterization_type": "MLP",
    },
}
PREFIX_FIELDS = {
    "peft_type": "PREFIX_TUNING",
    "encoder_hidden_size": None,
    "init_weights": None,
    "prefix_projection": False,
}


# -- what is said of a model ------------------------------------------------------------------------------------------
def facts(lm: LM) -> dict[str, Any]:
    """What PEFT's configuration says of the model that a prompt was made for."""
    return {
        "auto_mapping": None,
        "base_model_name_or_path": lm.name,
        "inference_mode": True,
        "modules_to_save": None,
        "num_attention_heads": getattr(lm.model.config, "num_attention_heads", None),
        "num_layers": getattr(lm.model.config, "num_hidden_layers", None),
        "num_transformer_submodules": 2 if lm.is_encoder_decoder else 1,
        "revision": None,
        "task_type": _task_type(lm),
        "token_dim": lm.embedding_matrix.shape[1],
    }


def _task_type(lm: LM) -> str:
    return "SEQ_2_SEQ_LM" if lm.is_encoder_decoder else "CAUSAL_LM"


@torch.no_grad()
def fingerprint(lm: LM) -> str:
    """The model's kind, its number of parameters, and a hash of the signs of up to 16 numbers of each of its tensors.

    It knows a model under any name and in any precision, because rounding changes no sign.
    """
    signs = []
    for parameter in lm.model.parameters():
        if parameter.is_floating_point() and not parameter.is_meta:
            flat = parameter.detach().reshape(-1)
            signs.append(flat[:: max(1, len(flat) // 16)][:16] > 0)
    bits = bytes(torch.cat([sign.cpu() for sign in signs]).tolist())
    return f"{lm.model.config.model_type}-{lm.num_parameters}-{hashlib.sha256(bits).hexdigest()[:16]}"


# -- writing ----------------------------------------------------------------------------------------------------------
def peft_files(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], template: str, made_for: str | None = None
) -> dict[str, bytes]:
    """PEFT's two files, and what it has no place for beside them."""
    if "encoder_hidden_size" in config:  # of an encoder that is not stored; PEFT, too, writes this
        config = {**config, "encoder_hidden_size": config["token_dim"]}
    content = to_bytes(tensors, {"format": "pt"})
    return {CONFIG: to_json(config), TENSORS: content, OUR_CONFIG: to_json(_own(template, made_for))}


def our_files(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], template: str, made_for: str | None = None
) -> dict[str, bytes]:
    """Our own two files, for what PEFT's format has no place for."""
    own = _own(template, made_for) | {"config": dict(config)}
    return {OUR_CONFIG: to_json(own), OUR_TENSORS: to_bytes(tensors)}


def write(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Make `files` the prompt in `folder`, all of them or, when killed, none; nothing stays of an earlier prompt.

    Raises ValueError where the folder is a file.
    """
    storage.write(folder, files, known=(*FILES, TRAINING, PICKLE), entry=CONFIG)


def push(repo_id: str, files: Mapping[str, bytes], private: bool) -> str:
    """Upload `files` as the prompt in the Hub's repository `repo_id`, and return its address."""
    return hub.push(repo_id, {**files, storage.SEAL: storage.seal(files)}, (*FILES, TRAINING, storage.SEAL), private)


def _own(template: str, made_for: str | None) -> dict[str, Any]:
    return {"made_for": made_for, "template": template}


# -- reading ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Checkpoint:
    """What is stored of a prompt: its tensors are finite float32, and nothing else about them has been checked."""

    folder: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    template: str = "{x}"
    made_for: str | None = None

    def refusal(self, what: str, expected: str, found: Any) -> ValueError:
        """The sentence about what does not fit."""
        return ValueError(
            f"the prompt in {str(self.folder)!r} has {what} {found!r}, expected {expected}; load another one"
        )

    def check(self, what: str, expected: Any, found: Any) -> None:
        """ValueError unless the checkpoint says of `what` what is expected."""
        if found != expected or type(found) is not type(expected):
            raise self.refusal(what, repr(expected), found)

    def check_type(self, *types: str) -> str:
        """The type, which has to be one of `types`."""
        found = self.config.get("peft_type")
        if found not in types:
            raise self.refusal("the type", " or ".join(map(repr, types)), found)
        return str(found)

    def check_model(self, lm: LM, fields: Mapping[str, Any]) -> None:
        """ValueError if the configuration names another task or, of `fields`, another shape than `lm` has."""
        for name, expected in {"task_type": _task_type(lm), **fields}.items():
            if self.config.get(name) is not None:  # PEFT lets them be left out
                self.check(f"the {name}", expected, self.config[name])

    def warn_of_another_model(self, lm: LM) -> None:
        """A warning if the prompt fits `lm`, but was made for other weights."""
        if self.made_for is not None and self.made_for != fingerprint(lm):
            warnings.warn(
                f"the prompt in {str(self.folder)!r} was saved for another model than {lm.name}: it fits, but the "
                f"weights differ, so do not expect its answers; load the model that it was trained for, or train on",
                stacklevel=4,
            )

    def rows(self, name: str = ROWS, submodules: int | None = 1) -> tuple[int, Tensor]:
        """P, and the tensor `name` ``[P·S, …]``; S is `submodules`, or if that is None, the configuration's: 1 or 2."""
        tensor, length = self.tensors[name], self.config.get("num_virtual_tokens")
        if type(length) is not int or length < 1:
            raise self.refusal("num_virtual_tokens", "a positive number", length)
        self.check(f"the number of dimensions of {name!r}", 2, tensor.ndim)
        if submodules is None:
            submodules = self.config.get("num_transformer_submodules") or max(1, len(tensor) // length)
            if submodules not in (1, 2):
                raise self.refusal("num_transformer_submodules", "1 or 2", submodules)
        self.check(f"the number of rows of {name!r}", int(length * submodules), len(tensor))
        return length, tensor

    def training(self) -> dict[str, Tensor]:
        """The prompt's tensors from the side file for training on, by their names in it; none if there is no file."""
        path = self.folder / TRAINING
        files = storage.read(self.folder, [TRAINING], optional=True)
        tensors = from_bytes(files[TRAINING], path)[0] if TRAINING in files else {}
        own = {name.removeprefix("prompt."): tensor for name, tensor in tensors.items() if name.startswith("prompt.")}
        return {name: finite(tensor, name, self.folder) for name, tensor in own.items()}


def read(source: str | Path) -> Checkpoint:
    """The prompt in the folder, or else in the Hub's repository, `source`.

    Raises ValueError, in one sentence, where there is none, or a damaged one, or one that is a pickle.
    """
    folder = hub.folder(source, (*FILES, storage.SEAL))
    files = storage.read(folder, FILES)
    theirs = CONFIG in files
    name = TENSORS if theirs else OUR_TENSORS
    if name not in files or not (theirs or OUR_CONFIG in files):
        raise ValueError(_nothing_in(folder, source))
    own = from_json(files[OUR_CONFIG], folder / OUR_CONFIG) if OUR_CONFIG in files else {}
    config = from_json(files[CONFIG], folder / CONFIG) if theirs else own.get("config")
    tensors, _ = from_bytes(files[name], folder / name)
    template, made_for = own.get("template", "{x}"), own.get("made_for")
    if not isinstance(template, str) or not isinstance(made_for, str | None) or not isinstance(config, dict):
        raise ValueError(f"{str(folder / OUR_CONFIG)!r} is not what save_pretrained writes; save the prompt again")
    if template.count("{x}") != 1:
        raise ValueError(f"the template in {str(folder / OUR_CONFIG)!r} needs the slot {{x}} once, got {template!r}")
    if theirs and list(tensors) != [ROWS] and config.get("peft_type") != "LORA":
        raise ValueError(
            f"{str(folder / name)!r} holds {some(tensors)}, expected {ROWS!r} alone; it is no prompt for a language "
            f"model (another of PEFT's methods, or a classifier)"
        )
    tensors = {key: finite(tensor, key, folder) for key, tensor in tensors.items()}
    return Checkpoint(folder, config, tensors, template, made_for)


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of one safetensors file of a checkpoint, and its metadata; any failure is one ValueError."""
    path = Path(path)
    files = storage.read(path.parent, [path.name], optional=True)
    if path.name not in files:
        raise ValueError(f"no file {str(path)!r}; name a folder whose training state was saved")
    return from_bytes(files[path.name], path)


def _nothing_in(folder: Path, source: str | Path) -> str:
    if (folder / PICKLE).is_file():
        return (
            f"the prompt in {str(source)!r} is a pickle ({PICKLE}), which can run anything when it is read, so it is "
            f"not; where you trust it, convert it: safetensors.torch.save_file(torch.load({PICKLE!r}, "
            f"weights_only=True), {TENSORS!r})"
        )
    return (
        f"no prompt in {str(source)!r}: expected {CONFIG} with {TENSORS}, or {OUR_CONFIG} with {OUR_TENSORS}; "
        f"name a folder that save_pretrained wrote, or a Hub repository as user/name"
    )
