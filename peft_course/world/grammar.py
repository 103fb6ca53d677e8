"""Noun phrases in English and German: articles, adjective endings, cases, plurals, pronouns.

The German rule for adjectives: an ending that tells gender and case is shown once. Where the determiner shows it, the
adjective takes the weak ending (der alte Hund, dem alten Hund); where it does not, the adjective itself shows it (ein
alter Hund, alte Hunde).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TypeVar

from peft_course.world.lexicon import Adjective, Noun

Item = TypeVar("Item")

CASES = ("nom", "acc", "dat")
ARTICLE = {
    "m": ("der", "den", "dem"),
    "f": ("die", "die", "der"),
    "n": ("das", "das", "dem"),
    "p": ("die", "die", "den"),
}
STRONG = {"m": ("er", "en", "em"), "f": ("e", "e", "er"), "n": ("es", "es", "em"), "p": ("e", "e", "en")}
WEAK = {"m": ("e", "en", "en"), "f": ("e", "e", "en"), "n": ("e", "e", "en"), "p": ("en", "en", "en")}
EIN_WORDS = ("ein", "kein", "mein", "sein", "ihr", "unser")
UNCHANGED = ("zwei", "drei", "")  # determiners that show no ending at all
QUANTIFIERS = ("viel", "einig")  # they show an ending, and the adjective shows it again (viele alte Hunde)

# English and German determiner with their weights; "the" is the definite article, "" is no determiner at all.
POSSESSIVES = [("my", "mein", 3), ("his", "sein", 2), ("her", "ihr", 2), ("our", "unser", 1), ("their", "ihr", 1)]
SINGULAR = [("the", "der", 15), ("a", "ein", 15), *POSSESSIVES, ("this", "dies", 3), ("every", "jed", 1)]
PLURAL = [
    ("the", "der", 5),
    ("", "", 4),
    *POSSESSIVES,
    ("these", "dies", 2),
    ("two", "zwei", 3),
    ("three", "drei", 2),
    ("many", "viel", 2),
    ("some", "einig", 1),
]
MASS = [("", "", 6), ("the", "der", 3), ("my", "mein", 1), ("his", "sein", 1), ("her", "ihr", 1)]


@dataclass(frozen=True)
class Phrase:
    """A noun phrase: `english` as subject and as object, German by case, `negated` the same with kein- (or None)."""

    english: str
    english_object: str
    german: dict[str, str]
    person: str = "third"  # "first" (I), "third" (singular) or "plural": what the verb agrees with
    pronoun: bool = False
    negated: dict[str, str] | None = None
    gender: str = "m"


PRONOUNS = tuple(
    Phrase(subject, object_, dict(zip(CASES, forms.split(), strict=True)), person, pronoun=True)
    for subject, object_, forms, person in [
        ("he", "him", "er ihn ihm", "third"),
        ("she", "her", "sie sie ihr", "third"),
        ("I", "me", "ich mich mir", "first"),
        ("they", "them", "sie sie ihnen", "plural"),
        ("we", "us", "wir uns uns", "plural"),
    ]
)


def with_article(words: str) -> str:
    """The words with "a" or "an" in front, by how the first one sounds."""
    first = words.split()[0]
    vowel = first[0] in "aeiou" and not first.startswith(("use", "uni")) or first.startswith(("hones", "hour"))
    return f"{'an' if vowel else 'a'} {words}"


def determiner(word: str, gender: str, case: int) -> tuple[str, bool]:
    """The German determiner's form, and whether it shows the ending (`gender` "p": plural; `case` indexes CASES)."""
    if word == "der":
        return ARTICLE[gender][case], True
    if word in UNCHANGED:
        return word, False
    if word in EIN_WORDS and ((gender == "m" and case == 0) or (gender == "n" and case < 2)):
        return word, False
    return word + STRONG[gender][case], word not in QUANTIFIERS


def decline(word: str, adjective: Adjective | None, noun: Noun, plural: bool, case: str) -> str:
    """The German noun phrase in one case: decline("ein", old, dog, False, "nom") is "ein alter Hund"."""
    gender, index = "p" if plural else noun.gender, CASES.index(case)
    first, shown = determiner(word, gender, index)
    middle = ""
    if adjective:
        ending = (WEAK if shown else STRONG)[gender][index]
        middle = adjective.german if adjective.stem is None else adjective.stem + ending
    last = noun.german_plural if plural or (noun.weak and index > 0) else noun.german
    if plural and case == "dat" and not last.endswith(("n", "s")):
        last += "n"
    return " ".join(part for part in (first, middle, last) if part)


def phrase(noun: Noun, english: str, german: str, adjective: Adjective | None = None, plural: bool = False) -> Phrase:
    """A phrase from its parts; `english` and `german` are the determiners ("a", "ein"), "" for none."""
    words = f"{adjective.english} " if adjective else ""
    words += noun.english_plural if plural else noun.english
    words = with_article(words) if english == "a" else f"{english} {words}".strip()
    negated = None
    if german in ("ein", ""):
        negated = {case: decline("kein", adjective, noun, plural, case) for case in CASES[1:]}
    forms = {case: decline(german, adjective, noun, plural, case) for case in CASES}
    return Phrase(words, words, forms, "plural" if plural else "third", negated=negated, gender=noun.gender)


def pick(rng: random.Random, items: Sequence[Item]) -> Item:
    """One of the items, the first ones more often (about as 1 / rank), as words are in real text."""
    return rng.choices(items, cum_weights=_falling_weights(len(items)))[0]


@cache
def _falling_weights(n: int) -> list[float]:
    return list(accumulate(1 / (rank + 4) for rank in range(n)))


def noun_phrase(rng: random.Random, nouns: Sequence[Noun], adjectives: Sequence[Adjective]) -> Phrase:
    """A random phrase with one of the nouns, most of them singular, half of them with an adjective."""
    noun = pick(rng, nouns)
    mass = noun.german_plural == ""
    plural = not mass and rng.random() < 0.3
    choices = MASS if mass else PLURAL if plural else SINGULAR
    english, german, _ = rng.choices(choices, weights=[weight for *_, weight in choices])[0]
    adjective = pick(rng, adjectives) if rng.random() < 0.5 else None
    return phrase(noun, english, german, adjective, plural)
