"""Reviews: many, tidy, and with a sentiment that words alone do not decide."""

import random
import re

from peft_course.world.reviews import ANY, SUBJECTS, review


def sample(count: int) -> list:
    rng = random.Random(0)
    return [review(rng) for _ in range(count)]


def test_there_are_more_than_fifty_thousand_reviews() -> None:
    assert len({each.text for each in sample(100_000)}) > 50_000


def test_a_text_has_one_sentiment() -> None:
    texts = {each.text for each in sample(50_000)}
    assert len(texts) == len({(each.text, each.sentiment) for each in sample(50_000)})


def test_half_of_the_reviews_are_positive() -> None:
    share = sum(each.sentiment == "positive" for each in sample(10_000)) / 10_000
    assert 0.47 < share < 0.53


def test_every_review_is_one_short_tidy_line() -> None:
    for each in sample(5_000):
        assert re.fullmatch(r"[A-Z][^\n{}]*[.!]", each.text)
        assert "  " not in each.text
        assert len(each.text.split()) <= 25


def test_words_without_their_context_mislead_in_a_third_of_the_reviews() -> None:
    """Counting positive and negative adjectives gets far too many wrong: negation and contrast matter."""
    positive = {word for subject in SUBJECTS for word in subject.positive} | set(ANY["positive"])
    negative = {word for subject in SUBJECTS for word in subject.negative} | set(ANY["negative"])
    wrong = 0
    for each in sample(5_000):
        words = re.findall(r"\w+", each.text.lower())
        score = sum((word in positive) - (word in negative) for word in words)
        wrong += score * (1 if each.sentiment == "positive" else -1) <= 0
    assert wrong > 5_000 / 3


def test_reviews_depend_on_the_seed_alone() -> None:
    assert sample(50) == sample(50)
