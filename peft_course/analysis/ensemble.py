"""Several prompts for one task: each answers, and the answer that most of them give counts (Lester et al. 2021, §6).

An ensemble of fine-tuned models is as many models. One of prompts is one model, and one batch: every text stands in it
once for each prompt.
"""

from collections import Counter
from collections.abc import Sequence

from ..lm import LM
from ..prompts import Prompt


def answers_of_each(
    prompts: Sequence[Prompt], lm: LM, texts: Sequence[str], max_new_tokens: int = 64
) -> list[list[str]]:
    """For every prompt its answers to all `texts`, from one batch of texts × prompts.

    Raises ValueError where there are no prompts.
    """
    if not prompts:
        raise ValueError("an ensemble needs at least one prompt, got none")
    each = [prompt for prompt in prompts for _ in texts]
    answers = lm.generate(list(texts) * len(prompts), prompt=each, max_new_tokens=max_new_tokens)
    return [answers[start : start + len(texts)] for start in range(0, len(answers), len(texts) or 1)]


def vote(answers: Sequence[Sequence[str]]) -> list[str]:
    """For every text the answer that most prompts give; where several are given as often, the earliest prompt's."""
    return [Counter(given).most_common(1)[0][0] for given in zip(*answers, strict=True)]
