"""What prompts are compared with, under the same calls."""

from .fine_tuning import FineTuning
from .lora import LoRA

__all__ = ["FineTuning", "LoRA"]
