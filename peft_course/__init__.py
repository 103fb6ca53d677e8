"""Hard prompts, soft prompts and prefix tuning on a frozen language model.

lm = load_lm("course-gpt")
prompt = SoftPrompt(lm, num_virtual_tokens=20)
fit(prompt, lm, task.train)
lm.generate(["The old dog sees a cat."], prompt=prompt)
"""

from . import tasks
from .analysis import doctor
from .baselines import FineTuning, LoRA
from .claims import claim
from .evaluate import compare, evaluate
from .fit import fit
from .lm import LM
from .loading import embedded_models, load_lm
from .prompts import HardPrompt, Prefix, SoftPrompt, Verbalizer, initial
from .stored import PromptFolder, load_prompt

__version__ = "0.1.0"

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
