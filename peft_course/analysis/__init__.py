"""Looking into prompts: where attention goes, and which words a vector is near."""

from .attention import attention_on_prefix, attention_weights
from .nearest import nearest_tokens

__all__ = ["attention_on_prefix", "attention_weights", "nearest_tokens"]
