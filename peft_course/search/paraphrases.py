"""Paraphrases: many ways to put one request, and the choice among them by their loss.

Jiang et al. (2020, section 3) collect such ways and keep the best; Zhou et al. (2023) let a large model write them.
Here people wrote them: every beginning with every ending of a task.
"""

import random
from collections.abc import Sequence

from datasets import Dataset

from ..lm import LM
from ..losses import validation_loss
from ..prompts import HardPrompt
from ..prompts.prompt import INPUT
from ..tasks import Task

Sides = tuple[tuple[str, ...], tuple[str, ...]]  # what may stand in front of x, and what behind it

TRANSLATION: Sides = (
    (
        "",
        "English: ",
        "en: ",
        "Translate: ",
        "Translate English to German: ",
        "Translate this to German: ",
        "Sentence: ",
    ),
    ("", "\nGerman:", " -> German:", " de:", "\nIn German:", "\nAnswer:", " That means in German:"),
)
SENTIMENT: Sides = (
    ("", "Review: ", "A guest wrote: ", "Text: "),
    (
        "\nSentiment:",
        " Was it positive or negative?",
        " -> Sentiment:",
        "\nThe review is",
        " All in all, it was",
        "\nAnswer:",
        "\nLabel:",
    ),
)
TABLE_TO_TEXT: Sides = (
    ("", "Record: ", "Data: ", "Table: ", "Describe this place: ", "Describe this restaurant: "),
    ("", "\nText:", "\nDescription:", " -> Text:", "\nAnswer:", "\nIn words:", "\nSentence:"),
)
SIDES = {"translation": TRANSLATION, "sentiment": SENTIMENT, "table to text": TABLE_TO_TEXT}


def paraphrases(task: Task) -> list[str]:
    """The templates of a task: each of its beginnings with each of its endings, x alone left out.

    Some are wordings that the models have read; most are not. Raises ValueError for a task that has none.
    """
    kind = task.name.partition(",")[0]
    if kind not in SIDES:
        raise ValueError(f"nobody wrote paraphrases for the task {task.name!r}, only for {', '.join(SIDES)}")
    fronts, ends = SIDES[kind]
    return [front + INPUT + end for front in fronts for end in ends if front or end]


def choose(candidates: Sequence[str], lm: LM, examples: Dataset, count: int | None = None, seed: int = 0) -> HardPrompt:
    """The template of the lowest loss on `examples`, among `count` drawn from `candidates`, or all for None.

    Raises ValueError if there is nothing to choose from, or `count` is more than there are.
    """
    if not candidates or not 1 <= (count or 1) <= len(candidates):
        raise ValueError(f"{count or 1} of {len(candidates)} candidates cannot be drawn; give as many as that, or more")
    drawn = random.Random(seed).sample(list(candidates), count or len(candidates))
    prompts = [HardPrompt(template) for template in drawn]
    return min(prompts, key=lambda prompt: validation_loss(prompt, lm, examples))
