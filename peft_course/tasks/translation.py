"""English to German: the example with which many explanations of prompts begin."""

import random

from peft_course.tasks.task import Example, Task, splits, templates
from peft_course.world.sentences import sentence
from peft_course.world.wordings import TRANSLATION, TRANSLATION_BASELINE


def translation(train: int = 1000, validation: int = 200, test: int = 500, seed: int = 0) -> Task:
    """English sentences x and their German translations y, none of them in the pretraining corpus.

    Raises ValueError for a size below 1 or above what the generator has.
    """
    data = splits(_draw, seed, {"train": train, "validation": validation, "test": test})
    wordings = templates(TRANSLATION)
    return Task("translation", data["train"], data["validation"], data["test"], metric="exact_match",
                wording=wordings[TRANSLATION_BASELINE], wordings=wordings)


def _draw(rng: random.Random) -> tuple[str, Example]:
    pair = sentence(rng)
    return pair.english, {"x": pair.english, "y": pair.german}
