"""Whether a review is positive or negative."""

import random

from peft_course.tasks.task import Example, Task, splits, templates
from peft_course.world.reviews import SENTIMENTS, review
from peft_course.world.wordings import SENTIMENT, SENTIMENT_BASELINE


def sentiment(train: int = 1000, validation: int = 200, test: int = 500, seed: int = 0) -> Task:
    """Reviews x and their sentiment y, "positive" or "negative", none of them in the pretraining corpus.

    Not every wording asks for these two words ("Was it good?" asks for yes or no): `verbalizers` tells which stand for
    them. Raises ValueError for a size below 1 or above what the generator has.
    """
    data = splits(_draw, seed, {"train": train, "validation": validation, "test": test})
    wordings = templates(SENTIMENT)
    verbalizers = {name: {label: [word] for label, word in zip(SENTIMENTS, wording.answers, strict=True)}
                   for name, wording in SENTIMENT.items()}
    return Task("sentiment", data["train"], data["validation"], data["test"], metric="accuracy",
                wording=wordings[SENTIMENT_BASELINE], wordings=wordings, labels=SENTIMENTS, verbalizers=verbalizers)


def _draw(rng: random.Random) -> tuple[str, Example]:
    drawn = review(rng)
    return drawn.text, {"x": drawn.text, "y": drawn.sentiment}
