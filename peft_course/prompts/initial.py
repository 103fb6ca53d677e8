"""Where the vectors of a soft prompt start: small functions that return ``[P, D]``.

Lester et al. 2021, section 3.2, compare random numbers, sampled vocabulary and class labels; a text is the fourth.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..lm import LM


def random(lm: LM, num_virtual_tokens: int, seed: int = 0) -> Tensor:
    """Normal numbers at the scale of the model's own embeddings, ``[P, D]``.

    The scale is the point: GPT-2's embeddings begin at a standard deviation of 0.02, a fiftieth of N(0, 1).
    """
    matrix = lm.embedding_matrix.float()
    noise = torch.randn(num_virtual_tokens, matrix.shape[1], generator=torch.Generator().manual_seed(seed))
    return matrix.mean(dim=0).cpu() + matrix.std(dim=0).cpu() * noise


def vocabulary(lm: LM, num_virtual_tokens: int, seed: int = 0) -> Tensor:
    """The embeddings of random tokens, ``[P, D]``."""
    matrix = lm.embedding_matrix.float()
    rows = torch.randint(len(matrix), (num_virtual_tokens,), generator=torch.Generator().manual_seed(seed))
    return matrix[rows.to(matrix.device)].cpu()


def text(lm: LM, words: str, num_virtual_tokens: int | None = None) -> Tensor:
    """The embeddings of the tokens of `words`, repeated or cut to ``[P, D]``; all of them once by default."""
    ids = lm.encode(words)
    if not ids:
        raise ValueError(f"an initial value needs at least one token, got the text {words!r}")
    length = len(ids) if num_virtual_tokens is None else num_virtual_tokens
    repeated = torch.tensor(ids).repeat(-(-length // len(ids)))[:length]
    return lm.embedding_matrix[repeated.to(lm.device)].float().cpu()


def labels(lm: LM, classes: Sequence[str], num_virtual_tokens: int, seed: int = 0) -> Tensor:
    """A row for each class label, the mean of its tokens' embeddings; sampled vocabulary for the rest, ``[P, D]``."""
    if len(classes) > num_virtual_tokens:
        raise ValueError(f"{len(classes)} labels do not fit {num_virtual_tokens} virtual tokens; ask for more of them")
    rows = torch.stack([text(lm, f" {label}").mean(dim=0) for label in classes])
    return torch.cat([rows, vocabulary(lm, num_virtual_tokens - len(classes), seed)])
