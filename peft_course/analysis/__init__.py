"""Looking into prompts: where attention goes, which words a vector is near, and what is wrong."""

from .attention import attention_on_prefix, attention_weights
from .doctor import Finding, Report, doctor
from .nearest import nearest_tokens

__all__ = ["Finding", "Report", "attention_on_prefix", "attention_weights", "doctor", "nearest_tokens"]
