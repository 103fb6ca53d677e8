"""The pretraining corpus: an endless stream of documents, each a pure function of (seed, index).

Nothing that `is_held_out` says of, and no house style, ever occurs in it; tasks are made of just those.
"""

import csv
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from peft_course.world.held_out import is_held_out
from peft_course.world.lexicon import LIVELY, PEOPLE, THINGS
from peft_course.world.restaurants import record, style
from peft_course.world.reviews import review
from peft_course.world.sentences import Sentence, sentence
from peft_course.world.stories import story
from peft_course.world.wordings import REWRITING, SENTIMENT, TABLE_TO_TEXT, TRANSLATION, Wording

Made = TypeVar("Made")

# The kinds of documents and their shares: while the model learns to read, and later, while it practises to answer.
READING = {
    "copying": 0.15,
    "translation": 0.3,
    "rewriting": 0.07,
    "records": 0.25,
    "reviews": 0.11,
    "stories": 0.06,
    "reading": 0.06,
}
PRACTICE = {
    "copying": 0.1,
    "translation": 0.31,
    "rewriting": 0.06,
    "records": 0.29,
    "reviews": 0.19,
    "stories": 0.03,
    "reading": 0.02,
}
E2E_SHARE = 0.08  # when the reference texts are given


@dataclass(frozen=True)
class Document:
    """A text in parts, one a line: each a context and the answer that follows it (a context may be empty)."""

    parts: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """What a decoder-only model reads: context, one space, answer, line by line."""
        return "\n".join(f"{context} {answer}" if context else answer for context, answer in self.parts)

    @property
    def context(self) -> str:
        """What an encoder reads: all but the last answer."""
        return self.text.removesuffix(self.answer).removesuffix(" ")

    @property
    def answer(self) -> str:
        """What a decoder writes."""
        return self.parts[-1][1]


def document(
    seed: int, index: int, references: tuple[str, ...] = (), shares: Mapping[str, float] = READING
) -> Document:
    """The corpus's document with this index; `references` are E2E's texts, if it is to contain them."""
    rng = random.Random(f"{seed}/{index}")
    if references and rng.random() < E2E_SHARE:
        return plain(rng.choice(references))
    kind = rng.choices(list(shares), weights=list(shares.values()))[0]
    return KINDS[kind](rng)


def plain(text: str) -> Document:
    """A text without a question."""
    return Document((("", text),))


def e2e_references(folder: str | Path) -> tuple[str, ...]:
    """The reference texts (not the records) of E2E's train.csv in `folder`. Raises ValueError without such a file."""
    path = Path(folder) / "train.csv"
    if not path.is_file():
        raise ValueError(f"{path} does not exist; name a folder with E2E's train.csv (columns mr and ref).")
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(sorted({row["ref"].strip().replace("\n", " ") for row in csv.DictReader(file)}))


def seen(rng: random.Random, make: Callable[[random.Random], Made], text: Callable[[Made], str]) -> Made:
    """Something from `make` whose text is not held out."""
    while True:
        made = make(rng)
        if not is_held_out(text(made)):
            return made


def _sentence(rng: random.Random) -> Sentence:
    return seen(rng, sentence, lambda made: made.english)


def _wording(rng: random.Random, wordings: Mapping[str, Wording]) -> Wording:
    return rng.choices(list(wordings.values()), weights=[wording.frequency for wording in wordings.values()])[0]


def _document(template: str, pairs: list[tuple[str, str]]) -> Document:
    """Several pairs under one wording."""
    return Document(tuple((template.format(x=x), y) for x, y in pairs))


def _count(rng: random.Random, weights: tuple[float, ...]) -> int:
    return 1 + rng.choices(range(len(weights)), weights=weights)[0]


def translation(rng: random.Random) -> Document:
    """One to four sentences and their translations, or what else an ambiguous wording may mean."""
    return _rewritten(rng, _wording(rng, TRANSLATION))


def rewriting(rng: random.Random) -> Document:
    """The same for the past tense, the question, and the way from German to English."""
    return _rewritten(rng, _wording(rng, REWRITING))


def _rewritten(rng: random.Random, wording: Wording) -> Document:
    target = rng.choices(list(wording.answers), weights=list(wording.answers.values()))[0]
    sentences = [_sentence(rng) for _ in range(_count(rng, (0.7, 0.15, 0.1, 0.05)))]
    source = "german" if target == "english" else "english"
    return _document(wording.template, [(getattr(one, source), getattr(one, target)) for one in sentences])


def records(rng: random.Random) -> Document:
    """One to three restaurant records, told in one style."""
    wording, told = _wording(rng, TABLE_TO_TEXT), style(rng)
    shown = [seen(rng, record, lambda made: made.text()) for _ in range(_count(rng, (0.6, 0.3, 0.1)))]
    return _document(wording.template, [(one.text(), told.describe(one)) for one in shown])


def reviews(rng: random.Random) -> Document:
    """One to four reviews and what they say of the place."""
    wording = _wording(rng, SENTIMENT)
    positive, negative = wording.answers
    shown = [seen(rng, review, lambda made: made.text) for _ in range(_count(rng, (0.5, 0.2, 0.2, 0.1)))]
    return _document(
        wording.template, [(one.text, positive if one.sentiment == "positive" else negative) for one in shown]
    )


def stories(rng: random.Random) -> Document:
    """A tale in English or German."""
    return plain(story(rng, rng.choice(("english", "german"))))


def reading(rng: random.Random) -> Document:
    """Plain sentences of one language, and questions with short answers."""
    if rng.random() < 0.6:
        language = rng.choice(("english", "german", "past"))
        return plain(" ".join(getattr(_sentence(rng), language) for _ in range(rng.randint(1, 5))))
    noun, adjective = rng.choice(PEOPLE + THINGS), rng.choice(LIVELY)
    return Document(
        (
            rng.choice(
                (
                    (f"The plural of {noun.english} is", f"{noun.english_plural}."),
                    (f"Der Plural von {noun.german} ist", f"{noun.german_plural}."),
                    (f"The German word for {noun.english} is", f"{noun.german}."),
                    (f"The German word for {adjective.english} is", f"{adjective.german}."),
                    (f"Das englische Wort für {noun.german} ist", f"{noun.english}."),
                )
            ),
        )
    )


def copying(rng: random.Random) -> Document:
    """Random names said twice: a model that has not learnt to copy first learns to fill in records very late."""
    words = " ".join(_name(rng) for _ in range(rng.randint(2, 12)))
    return Document(((f"{words} again:", words),))


def _name(rng: random.Random) -> str:
    name = "".join(
        rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") + rng.choice(("", "", "n", "r", "s", "ll"))
        for _ in range(rng.randint(1, 3))
    )
    return name.capitalize() if rng.random() < 0.5 else name


KINDS: dict[str, Callable[[random.Random], Document]] = {
    "copying": copying,
    "translation": translation,
    "rewriting": rewriting,
    "records": records,
    "reviews": reviews,
    "stories": stories,
    "reading": reading,
}
