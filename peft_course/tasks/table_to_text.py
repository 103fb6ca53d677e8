"""From a restaurant's record to a text about it (the task of Li & Liang 2021, on generated restaurants)."""

import random

from peft_course.tasks.task import Example, Task, splits, templates
from peft_course.world.restaurants import HOUSE_STYLES, SEEN_STYLES, record
from peft_course.world.wordings import TABLE_TO_TEXT, TABLE_TO_TEXT_BASELINE

STYLES = {"seen": SEEN_STYLES["plain"], "house": HOUSE_STYLES["gushing"], **SEEN_STYLES, **HOUSE_STYLES}


def table_to_text(style: str = "seen", train: int = 1000, validation: int = 200, test: int = 500,
                  seed: int = 0) -> Task:
    """Records x and texts y that tell them in one style, with the record once more in the column `record`.

    "seen" is a style that the pretraining corpus uses often, "house" one whose combination of parts is kept out of it;
    the styles go by their own names, too. Raises ValueError for another name, and for sizes as `translation` does.
    """
    if style not in STYLES:
        raise ValueError(f"there is no style {style!r}; use one of {', '.join(STYLES)}")

    def draw(rng: random.Random) -> tuple[str, Example]:
        restaurant = record(rng)
        text = restaurant.text()
        return text, {"x": text, "y": STYLES[style].describe(restaurant), "record": text}

    data = splits(draw, seed, {"train": train, "validation": validation, "test": test})
    wordings = templates(TABLE_TO_TEXT)
    return Task(f"table to text, {style}", data["train"], data["validation"], data["test"], metric="exact_match",
                wording=wordings[TABLE_TO_TEXT_BASELINE], wordings=wordings)
