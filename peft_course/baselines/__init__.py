"""What prompts are compared with, under the same calls."""

from .fine_tuning import FineTuning

__all__ = ["FineTuning"]
