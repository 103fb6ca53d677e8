"""Looking into prompts: where attention goes, which words a vector is near, and what is wrong."""

from .attention import attention_by_position, attention_on_prefix, attention_weights
from .counts import MODELS, Counts, Shape, Sizes, counts
from .doctor import Finding, Report, doctor
from .ensemble import answers_of_each, vote
from .nearest import nearest_tokens

__all__ = [
    "MODELS",
    "Counts",
    "Finding",
    "Report",
    "Shape",
    "Sizes",
    "answers_of_each",
    "attention_by_position",
    "attention_on_prefix",
    "attention_weights",
    "counts",
    "doctor",
    "nearest_tokens",
    "vote",
]
