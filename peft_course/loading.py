"""`load_lm`: a frozen model by the name of one that the course ships, of a Hub repository, or of a local folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.utils import logging

from .devices import default_device
from .lm import LM

PRETRAINED = Path(__file__).parent / "pretrained"


def embedded_models() -> list[str]:
    """The names of the models that come with the package."""
    return sorted(config.parent.name for config in PRETRAINED.glob("*/config.json"))


def load_lm(name: str = "course-gpt", device: str | None = None, dtype: torch.dtype | None = None) -> LM:
    """The frozen language model `name`: an embedded one, a Hub id such as ``gpt2`` or ``t5-small``, or a local folder.

    It runs on a GPU where there is one (bfloat16, or float16 on older ones), each of several processes on its own,
    else on the CPU in float32.
    Raises ValueError, in one sentence, when there is no such model or the Hub cannot be reached.
    """
    device = device or default_device()
    if dtype is None:
        dtype = _dtype_on_gpu() if device.startswith("cuda") else torch.float32
    embedded = PRETRAINED / name
    source = str(embedded) if name in embedded_models() else str(name)
    local = Path(source).is_dir()
    try:
        with quietly():
            config = AutoConfig.from_pretrained(source, local_files_only=local)
            auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
            tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
            model = auto.from_pretrained(source, config=config, dtype=dtype, local_files_only=local)
    except (OSError, ValueError, ImportError) as error:
        raise ValueError(_why_not(name, local, error)) from error
    model.to(device)
    return LM(model, tokenizer, name)


def _dtype_on_gpu() -> torch.dtype:
    """bfloat16 where the GPU computes in it (from Ampere on); older ones only imitate it, slowly."""
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _why_not(name: str, local: bool, error: Exception) -> str:
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if local:
        return f"the folder {name!r} holds no model that transformers can load ({first_line})"
    return (
        f"no model {name!r} here: the embedded models are {', '.join(embedded_models())}; any other name is a local "
        f"folder or a Hub id such as 'gpt2', which needs a connection to the Hugging Face Hub or its local cache"
    )


@contextmanager
def quietly() -> Iterator[None]:
    """Neither bars nor advice while a small model loads."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
