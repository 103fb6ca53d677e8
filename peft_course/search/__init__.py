"""Searching for words: paraphrases chosen by their loss, and single tokens swapped as the gradient points."""

from .gradient import Searched, linearised, search, token_gradient
from .paraphrases import choose, paraphrases

__all__ = ["Searched", "choose", "linearised", "paraphrases", "search", "token_gradient"]
