"""Looking into prompts: where attention goes, which words a vector is near, and what is wrong."""

from .attention import attention_on_prefix, attention_weights
from .doctor import Finding, Report, doctor
from .ensemble import answers_of_each, vote
from .nearest import nearest_tokens

__all__ = [
    "Finding",
    "Report",
    "answers_of_each",
    "attention_on_prefix",
    "attention_weights",
    "doctor",
    "nearest_tokens",
    "vote",
]
