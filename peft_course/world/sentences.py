"""Correct English–German sentence pairs, and the rewritings that compete with translation (past tense, question).

German word order: the finite verb stands second in a main clause (Heute sieht der Hund eine Katze) and last in a
subordinate one (weil der Hund eine Katze sieht); infinitives, participles and separable prefixes close the clause (Er
hat eine Katze gesehen).
"""

import random
from dataclasses import dataclass

from peft_course.world import lexicon as words
from peft_course.world.grammar import PRONOUNS, Phrase, noun_phrase, pick
from peft_course.world.lexicon import Verb

MODALS = {"can": ("kann", "können"), "must": ("muss", "müssen"), "want": ("will", "wollen")}
AUXILIARIES = {"haben": ("habe", "hat", "haben"), "sein": ("bin", "ist", "sind")}
OFTEN = (("often", "oft"), ("always", "immer"), ("sometimes", "manchmal"), ("never", "nie"), ("rarely", "selten"))
TIMES = (
    ("today", "heute"),
    ("every day", "jeden Tag"),
    ("at night", "nachts"),
    ("in the morning", "am Morgen"),
    ("in summer", "im Sommer"),
    ("on Sunday", "am Sonntag"),
)
CONJUNCTIONS = (("because", "weil"), ("when", "wenn"), ("although", "obwohl"))
RESTING_PLACES = (
    ("in", "in", "dat"),
    ("behind", "hinter", "dat"),
    ("in front of", "vor", "dat"),
    ("next to", "neben", "dat"),
)
COMPANY = (("with", "mit", "dat"), ("for", "für", "acc"), ("without", "ohne", "acc"))
DIRECTIONS = (("into", "in", "acc"), ("through", "durch", "acc"), ("out of", "aus", "dat"))
CONTRACTIONS = {"in dem": "im", "in das": "ins"}
LIVING = words.PEOPLE + words.ANIMALS


@dataclass(frozen=True)
class Sentence:
    """A sentence in English and German, its English past tense and its English question."""

    english: str
    german: str
    past: str
    question: str


@dataclass(frozen=True)
class VerbGroup:
    """English (auxiliary, main verb) by tense and asked; German finite verb, clause end, both when they come last."""

    present: tuple[str, str]
    past: tuple[str, str]
    question: tuple[str, str]
    finite: str
    final: str
    last: str


@dataclass(frozen=True)
class Clause:
    """A subject, a verb group and what follows, in either language's order; `front` may open the sentence."""

    subject: Phrase
    verbs: VerbGroup
    often: str
    english: str
    german: str
    front: tuple[str, str] = ("", "")

    def in_english(self, past: bool = False) -> str:
        """The English clause without a full stop, small first letter (but "I")."""
        auxiliary, main = self.verbs.past if past else self.verbs.present
        return _join(self.front[0], self.subject.english, auxiliary, self.often, main, self.english)

    def asked(self) -> str:
        """The English question, without its mark; what stood in front goes to the end."""
        auxiliary, main = self.verbs.question
        return _join(auxiliary, self.subject.english, self.often, main, self.english, self.front[0])

    def in_german(self) -> str:
        """The German main clause: the finite verb second."""
        subject = self.subject.german["nom"]
        opening = (self.front[1], self.verbs.finite, subject) if self.front[1] else (subject, self.verbs.finite)
        return _join(*opening, self.german, self.verbs.final)

    def in_german_last(self) -> str:
        """The German subordinate clause: the finite verb last."""
        return _join(self.subject.german["nom"], self.german, self.verbs.last)


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def capital(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[0].upper() + text[1:]


def preposition(english: str, german: str, case: str, phrase: Phrase) -> tuple[str, str]:
    """A prepositional phrase in both languages, contracted where German does (im Garten, ins Haus)."""
    text = f"{german} {phrase.german[case]}"
    for long, short in CONTRACTIONS.items():
        if text.startswith(long + " "):
            text = short + text[len(long) :]
    return f"{english} {phrase.english_object}", text


def verb_group(verb: Verb, subject: Phrase, kind: str = "plain", negated: bool = False) -> VerbGroup:
    """The verb's forms for this subject; `kind` is plain, perfect or a modal (can, must, want); no negated must."""
    person = ("first", "third", "plural").index(subject.person)
    third, no = person == 1, "not " if negated else ""
    do, did = ("does not" if third else "do not", "did not") if negated else ("", "")
    asks = "does" if third else "do"
    if kind == "perfect":
        have, auxiliary = "has" if third else "have", AUXILIARIES[verb.auxiliary][person]
        part = verb.participle_english
        return VerbGroup(
            (_join(have, no.strip()), part),
            (_join("had", no.strip()), part),
            (have, no + part),
            auxiliary,
            verb.participle,
            f"{verb.participle} {auxiliary}",
        )
    if kind in MODALS:
        modal = MODALS[kind][person == 2]
        base, german = verb.base, (modal, verb.infinitive, f"{verb.infinitive} {modal}")
        if kind == "can":
            can, could = ("cannot", "could not") if negated else ("can", "could")
            return VerbGroup((can, base), (could, base), ("can", no + base), *german)
        if kind == "must":
            return VerbGroup(("must", base), ("", f"had to {base}"), ("must", base), *german)
        main = ("want to " if negated or not third else "wants to ") + base
        past = ("want to " if negated else "wanted to ") + base
        return VerbGroup((do, main), (did, past), (asks, f"{no}want to {base}"), *german)
    finite = (verb.first, verb.third, verb.infinitive.removeprefix(verb.prefix))[person]
    german = (finite, verb.prefix, verb.prefix + finite)
    if negated:
        return VerbGroup((do, verb.base), (did, verb.base), (asks, no + verb.base), *german)
    return VerbGroup(("", verb.third_english if third else verb.base), ("", verb.past), (asks, verb.base), *german)


def be(subject: Phrase, negated: bool = False) -> VerbGroup:
    """The forms of to be / sein for this subject."""
    person = ("first", "third", "plural").index(subject.person)
    present, past, no = ("am", "is", "are")[person], "were" if person == 2 else "was", "not" if negated else ""
    finite = AUXILIARIES["sein"][person]
    return VerbGroup((_join(present, no), ""), (_join(past, no), ""), (present, no), finite, "", finite)


def someone(rng: random.Random, pronouns: float = 0.2) -> Phrase:
    """A person, an animal or a pronoun."""
    if rng.random() < pronouns:
        return rng.choices(PRONOUNS, weights=(4, 4, 3, 3, 2))[0]
    return noun_phrase(rng, words.PEOPLE if rng.random() < 0.65 else words.ANIMALS, words.LIVELY)


def someone_else(rng: random.Random, subject: Phrase, pronouns: float = 0.2) -> Phrase:
    """Someone whose words differ from the subject's (nobody sees himself)."""
    while True:
        other = someone(rng, pronouns)
        same = other.english.split()[-1] == subject.english.split()[-1]
        if not same and (not other.pronoun or other.english not in ("I", "we") or subject.english not in ("I", "we")):
            return other


def something(rng: random.Random) -> Phrase:
    """A thing."""
    return noun_phrase(rng, words.THINGS, words.COLOURFUL)


def _objects(rng: random.Random, subject: Phrase) -> tuple[Verb, list[Phrase]]:
    """A verb and its objects, in the English order (receiver first)."""
    kind = rng.random()
    if kind < 0.27:
        target = rng.random()
        found = (
            someone_else(rng, subject)
            if target < 0.5
            else something(rng)
            if target < 0.85
            else noun_phrase(rng, words.PLACES, words.SPATIAL)
        )
        return pick(rng, words.SEEING), [found]
    if kind < 0.5:
        return pick(rng, words.OWNING), [something(rng)]
    if kind < 0.58:
        return pick(rng, words.EATING), [noun_phrase(rng, words.FOOD, words.TASTY)]
    if kind < 0.63:
        return pick(rng, words.DRINKING), [noun_phrase(rng, words.DRINKS, words.TASTY)]
    if kind < 0.85:
        return rng.choice(words.MEETING), [someone_else(rng, subject, 0.3)]
    return pick(rng, words.GIVING), [someone_else(rng, subject, 0.3), something(rng)]


def clause(rng: random.Random, plain: bool = False) -> Clause:
    """A random clause; a `plain` one has no adverb and nothing in front (for subordinate clauses)."""
    subject, negated = someone(rng), rng.random() < 0.15
    kind = rng.choices(("plain", "perfect", "can", "must", "want"), weights=(62, 14, 10, 6, 8))[0]
    negated = negated and kind != "must"
    often = ("", "") if plain or negated or rng.random() > 0.12 else rng.choice(OFTEN)
    time = ("", "") if plain or often[0] or rng.random() > 0.22 else rng.choice(TIMES)
    place, what = ("", ""), rng.random()
    objects: list[Phrase] = []
    if what < 0.1:
        verbs, state = be(subject, negated), pick(rng, words.LIVELY)
        english, german = state.english, _join("nicht" if negated else "", state.german)
    elif what < 0.34:
        moving = rng.random() < 0.4
        verb = pick(rng, words.MOVING if moving else words.RESTING)
        verbs = verb_group(verb, subject, kind, negated)
        if not moving and rng.random() < 0.35:
            place = preposition(*rng.choice(COMPANY), someone_else(rng, subject, 0.15))
        elif moving or rng.random() < 0.6:
            place = preposition(
                *rng.choice(DIRECTIONS if moving else RESTING_PLACES), noun_phrase(rng, words.PLACES, words.SPATIAL)
            )
        english, german = place[0], _join("nicht" if negated else "", place[1])
    else:
        verb, objects = _objects(rng, subject)
        verbs = verb_group(verb, subject, kind, negated)
        *receiver, last = objects
        forms = last.negated if negated and last.negated else last.german
        case = verb.case
        no = "nicht" if negated and not last.negated else ""
        if not no and not plain and rng.random() < 0.15:
            place = preposition("in", "in", "dat", noun_phrase(rng, words.PLACES, words.SPATIAL))
        english = _join(*(thing.english_object for thing in objects), place[0])
        german = _join(*(thing.german["dat"] for thing in receiver if not thing.pronoun), forms[case], no, place[1])
        pronouns = [thing.german["dat"] for thing in receiver if thing.pronoun]
        if last.pronoun:
            pronouns, german = [*pronouns, forms[case]], _join(no, place[1])
        german = _join(*pronouns, often[1], "{time}", german)
    if not objects:
        german = _join(often[1], "{time}", german)
    front = time if time[0] and rng.random() < 0.5 else ("", "")
    if time[0] and not front[0]:
        english = _join(english, time[0])
    german = _join(*german.replace("{time}", "" if front[0] else time[1]).split())
    return Clause(subject, verbs, often[0], english, german, front)


def sentence(rng: random.Random) -> Sentence:
    """A random sentence, about one in five with a subordinate clause."""
    first, kind = clause(rng), rng.random()
    english, german, past, question = first.in_english(), first.in_german(), first.in_english(past=True), first.asked()
    if kind < 0.14:
        second, (because, weil) = clause(rng, plain=True), rng.choice(CONJUNCTIONS)
        english, past = f"{english} {because} {second.in_english()}", f"{past} {because} {second.in_english(past=True)}"
        german, question = f"{german}, {weil} {second.in_german_last()}", f"{question} {because} {second.in_english()}"
    elif kind < 0.2:
        speaker = someone(rng)
        says = Clause(speaker, verb_group(rng.choice(words.SAYING), speaker), "", "", "")
        first = clause(rng, plain=True)
        english, past = (f"{says.in_english(tense)} that {first.in_english(tense)}" for tense in (False, True))
        german, question = (
            f"{says.in_german()}, dass {first.in_german_last()}",
            f"{says.asked()} that {first.in_english()}",
        )
    return Sentence(capital(english) + ".", capital(german) + ".", capital(past) + ".", capital(question) + "?")
