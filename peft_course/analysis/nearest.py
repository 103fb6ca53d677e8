"""The tokens that a soft prompt's vectors lie nearest to. Not a translation of the prompt: see the book on why."""

import torch.nn.functional as F

from ..lm import LM
from ..prompts import SoftPrompt


def nearest_tokens(lm: LM, prompt: SoftPrompt, count: int = 1) -> list[list[tuple[str, float]]]:
    """For each virtual token the `count` nearest tokens of the vocabulary, with their cosine similarity."""
    rows = F.normalize(prompt.embeddings.detach().float(), dim=1)
    similarity = rows @ F.normalize(lm.embedding_matrix.float(), dim=1).T  # [P, V]
    values, tokens = similarity.topk(count, dim=1)
    return [
        [(lm.tokenizer.decode([token]), round(value, 3)) for token, value in zip(ids, near, strict=True)]
        for ids, near in zip(tokens.tolist(), values.tolist(), strict=True)
    ]
