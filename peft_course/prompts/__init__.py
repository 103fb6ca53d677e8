"""Prompts, in the order in which the book climbs them: hard, soft, prefix."""

from . import initial
from .composed import Composed
from .hard import HardPrompt
from .prefix import Prefix
from .prompt import Prompt
from .soft import SoftPrompt
from .verbalizer import Verbalizer

__all__ = ["Composed", "HardPrompt", "Prefix", "Prompt", "SoftPrompt", "Verbalizer", "initial"]
