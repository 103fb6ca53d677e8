"""Little fairy tales in English or German, about a hero, in the past tense that tales are told in."""

import random

from peft_course.world import lexicon as words
from peft_course.world.grammar import noun_phrase, phrase, pick
from peft_course.world.sentences import capital, preposition

OPENINGS = (
    (
        "Once upon a time there was {a_hero} who lived in {place}.",
        "Es war einmal {a_hero[nom]}, {der} {im_place} wohnte.",
    ),
    ("In {place} there lived {a_hero}.", "{im_place} lebte {a_hero[nom]}."),
    ("{a_hero} lived in {place} and was never {state}.", "{a_hero[nom]} wohnte {im_place} und war nie {state}."),
    ("This is the story of {a_hero} from {place}.", "Das ist die Geschichte von {a_hero[dat]} aus {place[dat]}."),
)
EVENTS = (
    ("One day {he} found {thing} behind the door.", "Eines Tages fand {er} {thing[acc]} hinter der Tür."),
    (
        'One morning {other} came and asked: "Have you seen {thing}?"',
        'Eines Morgens kam {other[nom]} und fragte: "Hast du {thing[acc]} gesehen?"',
    ),
    (
        "One evening {he} lost {thing} and looked for three days.",
        "Eines Abends verlor {er} {thing[acc]} und suchte drei Tage lang.",
    ),
    ("On Sunday {other} sent {him} {thing}.", "Am Sonntag schickte {other[nom]} {ihm} {thing[acc]}."),
    (
        "At night {he} heard a strange noise, and there stood {other}.",
        "In der Nacht hörte {er} ein seltsames Geräusch, und da stand {other[nom]}.",
    ),
)
MIDDLES = (
    ('"What shall I do with {thing2}?" {he} thought.', '"Was soll ich mit {thing2[dat]} machen?", dachte {er}.'),
    (
        "So {he} went into {place2} and asked {helper} for help.",
        "Also ging {er} {ins_place2} und bat {helper[acc]} um Hilfe.",
    ),
    ("But {helper} said that {food} was better.", "Aber {helper[nom]} sagte, dass {food[nom]} besser war."),
    (
        "The hero was {state}, because nobody had asked {him}.",
        "{der} {hero} war {state}, weil niemand {ihn} gefragt hatte.",
    ),
    ("{helper} only laughed and gave {him} {food}.", "{helper[nom]} lachte nur und gab {ihm} {food[acc]}."),
    ("{he} wanted to give {helper} {thing2}.", "{er} wollte {helper[dat]} {thing2[acc]} geben."),
)
ENDINGS = (
    (
        "In the end they were friends, and every day they ate {food}.",
        "Am Ende waren sie Freunde, und jeden Tag aßen sie {food[acc]}.",
    ),
    ("Since then {he} has never been {state} again.", "Seitdem ist {er} nie wieder {state} gewesen."),
    ("Then {he} fell asleep and dreamed of {thing2}.", "Dann schlief {er} ein und träumte von {thing2[dat]}."),
    (
        "And if {he} has not gone home, {he} is still looking for {thing2}.",
        "Und wenn {er} nicht nach Hause gegangen ist, sucht {er} noch heute {thing2[acc]}.",
    ),
)
PRONOUNS = {"m": ("he", "him", "er", "ihn", "ihm", "der"), "f": ("she", "her", "sie", "sie", "ihr", "die")}


def story(rng: random.Random, language: str) -> str:
    """A tale in "english" or "german"; the same rng state gives the same tale in either language."""
    if language not in ("english", "german"):
        raise ValueError(f'language is {language!r}; a story is told in "english" or "german".')
    heroes = [noun for noun in words.PEOPLE + words.ANIMALS if noun.gender != "n"]
    hero, state = pick(rng, heroes), pick(rng, words.LIVELY)
    place, place2 = (noun_phrase(rng, words.PLACES, words.SPATIAL) for _ in range(2))
    he, him, er, ihn, ihm, der = PRONOUNS[hero.gender]
    phrases = {
        "a_hero": phrase(hero, "a", "ein", pick(rng, words.LIVELY)),
        "place": place,
        "place2": place2,
        "other": phrase(pick(rng, words.PEOPLE), "a", "ein", pick(rng, words.LIVELY)),
        "helper": phrase(pick(rng, words.ANIMALS), "the", "der", pick(rng, words.LIVELY)),
        "thing": noun_phrase(rng, words.THINGS, words.COLOURFUL),
        "thing2": noun_phrase(rng, words.THINGS, words.COLOURFUL),
        "food": phrase(pick(rng, words.FOOD), "a", "ein", pick(rng, words.TASTY)),
    }
    templates = [rng.choice(OPENINGS), rng.choice(EVENTS), *rng.sample(MIDDLES, rng.randint(0, 3)), rng.choice(ENDINGS)]
    if language == "english":
        slots = {name: value.english_object for name, value in phrases.items()}
        lines = [
            english.replace("The hero", f"The {hero.english}").format(he=he, him=him, state=state.english, **slots)
            for english, _ in templates
        ]
    else:
        im_place, ins_place2 = preposition("", "in", "dat", place)[1], preposition("", "in", "acc", place2)[1]
        lines = [
            german.format(
                er=er,
                ihn=ihn,
                ihm=ihm,
                der=der,
                hero=hero.german,
                state=state.german,
                im_place=im_place,
                ins_place2=ins_place2,
                **{name: value.german for name, value in phrases.items()},
            )
            for _, german in templates
        ]
    return " ".join(capital(line) for line in lines)
