"""How good an embedded model is, on generated text that its corpus never showed, under every wording of the course."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from peft_course.lm import LM
from peft_course.loading import load_lm
from peft_course.world.held_out import is_held_out
from peft_course.world.restaurants import record, slot_errors
from peft_course.world.reviews import review
from peft_course.world.sentences import sentence
from peft_course.world.wordings import SENTIMENT, TABLE_TO_TEXT, TRANSLATION

SEED = 2024
Made = TypeVar("Made")


def evaluate_pretrained(name: str | Path, examples: int = 500) -> dict[str, dict[str, float]]:
    """Per cent of right answers for each task and wording: {"translation": {"labels": 97.2, ...}, "table to text":
    ..., ...}.

    name: an embedded model or a folder. Translation: exact match. Table to text: texts with every slot of the record
    and no other value. Sentiment: the right word, generated. Greedy decoding throughout. "bare" is x alone, without
    any words.
    """
    lm = load_lm(str(name))
    return {
        "translation": translation(lm, examples),
        "table to text": table_to_text(lm, examples),
        "sentiment": sentiment(lm, examples),
    }


def translation(lm: LM, examples: int, wordings: Iterable[str] = (*TRANSLATION, "bare")) -> dict[str, float]:
    """Per cent of sentences translated exactly, under each wording."""
    sentences = held_out(sentence, lambda one: one.english, examples)
    templates = {name: wording.template for name, wording in TRANSLATION.items()} | {"bare": "{x}"}
    scores = {}
    for name in wordings:
        given = answers(lm, [templates[name].format(x=one.english) for one in sentences])
        scores[name] = _per_cent(answer == one.german for answer, one in zip(given, sentences, strict=True))
    return scores


def table_to_text(lm: LM, examples: int, wordings: Iterable[str] = tuple(TABLE_TO_TEXT)) -> dict[str, float]:
    """Per cent of records told with all slots right and none invented, under each wording."""
    records = held_out(record, lambda one: one.text(), examples)
    scores = {}
    for name in wordings:
        given = answers(lm, [TABLE_TO_TEXT[name].template.format(x=one.text()) for one in records], max_new_tokens=120)
        scores[name] = _per_cent(slot_errors(one, text) == 0 for one, text in zip(records, given, strict=True))
    return scores


def sentiment(lm: LM, examples: int, wordings: Iterable[str] = tuple(SENTIMENT)) -> dict[str, float]:
    """Per cent of reviews answered with the right word, under each wording."""
    reviews = held_out(review, lambda one: one.text, examples)
    scores = {}
    for name in wordings:
        positive, negative = SENTIMENT[name].answers
        given = answers(lm, [SENTIMENT[name].template.format(x=one.text) for one in reviews], max_new_tokens=8)
        scores[name] = _per_cent(
            answer == (positive if one.sentiment == "positive" else negative)
            for answer, one in zip(given, reviews, strict=True)
        )
    return scores


def answers(lm: LM, texts: list[str], max_new_tokens: int = 64, batch_size: int = 100) -> list[str]:
    """The model's greedy answers, in batches of texts of similar length."""
    found: dict[int, str] = {}
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        given = lm.generate([texts[index] for index in places], max_new_tokens=max_new_tokens)
        found |= dict(zip(places, given, strict=True))
    return [found[index] for index in range(len(texts))]


def held_out(make: Callable[[random.Random], Made], text: Callable[[Made], str], count: int) -> list[Made]:
    """The first `count` things from `make` that the corpus never shows."""
    rng, found = random.Random(SEED), list[Made]()
    while len(found) < count:
        made = make(rng)
        if is_held_out(text(made)):
            found.append(made)
    return found


def _per_cent(right: Iterable[bool]) -> float:
    values = list(right)
    return round(100 * sum(values) / len(values), 1)
