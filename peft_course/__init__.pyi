from . import tasks
from .analysis import doctor
from .baselines import FineTuning, LoRA
from .claims import claim
from .evaluation import compare, evaluate
from .lm import LM
from .loading import embedded_models, load_lm
from .prompts import HardPrompt, Prefix, SoftPrompt, Verbalizer, initial
from .stored import PromptFolder, load_prompt
from .training import fit

__version__: str

__all__ = [
    "LM",
    "FineTuning",
    "HardPrompt",
    "LoRA",
    "Prefix",
    "PromptFolder",
    "SoftPrompt",
    "Verbalizer",
    "claim",
    "compare",
    "doctor",
    "embedded_models",
    "evaluate",
    "fit",
    "initial",
    "load_lm",
    "load_prompt",
    "tasks",
]
