"""The wordings of the world's tasks, and how often the pretraining corpus uses each: the course's hard prompts.

A wording is a template with the slot {x}; one space and the answer follow it. The frequencies are uneven on purpose,
some wordings are ambiguous (several answers compete), and one of each task never occurs in the corpus: that is why the
choice of words matters.
"""

from typing import NamedTuple


class Wording(NamedTuple):
    """A template with the slot {x}, its share among its task's wordings in the corpus, and its answers' shares."""

    template: str
    frequency: float
    answers: dict[str, float]


GERMAN = {"german": 1.0}
AMBIGUOUS = {"german": 0.3, "past": 0.4, "question": 0.3}

TRANSLATION = {
    "labels": Wording("English: {x}\nGerman:", 0.34, GERMAN),
    "instruction": Wording("Translate English to German: {x}", 0.18, GERMAN),
    "arrow": Wording("{x} -> German:", 0.12, GERMAN),
    "codes": Wording("en: {x} de:", 0.08, GERMAN),
    "sentence": Wording('The sentence "{x}" is in German:', 0.04, GERMAN),
    "how to say": Wording('How do you say "{x}" in German?', 0.02, GERMAN),
    "means": Wording("{x} That means:", 0.08, AMBIGUOUS),
    "translate": Wording("Translate: {x}", 0.08, AMBIGUOUS),
    "say it": Wording("Say it in other words: {x}\nAnswer:", 0.06, AMBIGUOUS),
    "request": Wording("Please tell me what this is in German: {x}\nAnswer:", 0.0, GERMAN),
}
TRANSLATION_BASELINE = "labels"

# What the ambiguous wordings compete with, under names of its own; the slot {x} holds English except in the last two.
REWRITING = {
    "past": Wording("English: {x}\nPast:", 0.2, {"past": 1.0}),
    "yesterday": Wording("Today: {x}\nYesterday:", 0.2, {"past": 1.0}),
    "question": Wording("English: {x}\nQuestion:", 0.2, {"question": 1.0}),
    "ask": Wording("Make a question: {x}", 0.2, {"question": 1.0}),
    "to English": Wording("German: {x}\nEnglish:", 0.15, {"english": 1.0}),
    "from German": Wording("Translate German to English: {x}", 0.05, {"english": 1.0}),
}

TEXT = {"text": 1.0}
TABLE_TO_TEXT = {
    "labels": Wording("Record: {x}\nText:", 0.55, TEXT),
    "data": Wording("Data: {x}\nDescription:", 0.2, TEXT),
    "describe": Wording("Describe this place: {x}", 0.15, TEXT),
    "arrow": Wording("{x} -> Text:", 0.1, TEXT),
    "request": Wording("Please turn this table into a sentence: {x}\nAnswer:", 0.0, TEXT),
}
TABLE_TO_TEXT_BASELINE = "labels"

# The answers are those of a positive and of a negative review, in this order; each is the right one for half of the
# reviews.
SENTIMENT = {
    "labels": Wording("Review: {x}\nSentiment:", 0.5, {"positive": 0.5, "negative": 0.5}),
    "was it good": Wording("{x} Was it good?", 0.15, {"yes": 0.5, "no": 0.5}),
    "all in all": Wording("{x} All in all, it was", 0.15, {"good": 0.5, "bad": 0.5}),
    "guest": Wording("A guest wrote: {x}\nThe guest was", 0.1, {"happy": 0.5, "unhappy": 0.5}),
    "come again": Wording("{x}\nWould you come again?", 0.1, {"yes": 0.5, "no": 0.5}),
    "request": Wording(
        "Is the following review positive or negative? {x}\nAnswer:", 0.0, {"positive": 0.5, "negative": 0.5}
    ),
}
SENTIMENT_BASELINE = "labels"
