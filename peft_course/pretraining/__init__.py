"""How the embedded models were made: a generated corpus, a tokenizer, a training run, a measurement of the result."""

from .card import write_card
from .evaluate_pretrained import evaluate_pretrained
from .pretrain import pretrain
from .recipes import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe", "evaluate_pretrained", "pretrain", "write_card"]
