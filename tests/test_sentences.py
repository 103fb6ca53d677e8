"""The little world's sentences are correct English and German."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_course.world import lexicon
from peft_course.world.grammar import decline, noun_phrase, with_article
from peft_course.world.held_out import is_held_out
from peft_course.world.sentences import LIVING, MODALS, Sentence, sentence
from peft_course.world.stories import story

MANY = [sentence(random.Random(f"test/{seed}")) for seed in range(20_000)]
NOUNS = {noun.english: noun for noun in LIVING + lexicon.THINGS + lexicon.FOOD + lexicon.DRINKS + lexicon.PLACES}
OLD = lexicon.LIVELY[0]
seeds = st.integers(0, 2**32)

# A grammar book's tables, written out: nominative, accusative, dative of "old" with a noun of each gender and in the
# plural.
TABLES = {
    ("der", "dog"): "der alte Hund, den alten Hund, dem alten Hund",
    ("der", "cat"): "die alte Katze, die alte Katze, der alten Katze",
    ("der", "horse"): "das alte Pferd, das alte Pferd, dem alten Pferd",
    ("der", "dogs"): "die alten Hunde, die alten Hunde, den alten Hunden",
    ("ein", "dog"): "ein alter Hund, einen alten Hund, einem alten Hund",
    ("ein", "cat"): "eine alte Katze, eine alte Katze, einer alten Katze",
    ("ein", "horse"): "ein altes Pferd, ein altes Pferd, einem alten Pferd",
    ("kein", "dogs"): "keine alten Hunde, keine alten Hunde, keinen alten Hunden",
    ("unser", "horse"): "unser altes Pferd, unser altes Pferd, unserem alten Pferd",
    ("mein", "cats"): "meine alten Katzen, meine alten Katzen, meinen alten Katzen",
    ("dies", "dog"): "dieser alte Hund, diesen alten Hund, diesem alten Hund",
    ("jed", "horse"): "jedes alte Pferd, jedes alte Pferd, jedem alten Pferd",
    ("", "dogs"): "alte Hunde, alte Hunde, alten Hunden",
    ("", "tea"): "alter Tee, alten Tee, altem Tee",
    ("", "milk"): "alte Milch, alte Milch, alter Milch",
    ("", "water"): "altes Wasser, altes Wasser, altem Wasser",
    ("zwei", "mice"): "zwei alte Mäuse, zwei alte Mäuse, zwei alten Mäusen",
    ("viel", "horses"): "viele alte Pferde, viele alte Pferde, vielen alten Pferden",
    ("der", "boy"): "der alte Junge, den alten Jungen, dem alten Jungen",
    ("ein", "bear"): "ein alter Bär, einen alten Bären, einem alten Bären",
    ("der", "hotels"): "die alten Hotels, die alten Hotels, den alten Hotels",
}


@pytest.mark.parametrize(("determiner", "english"), TABLES)
def test_noun_phrases_decline_as_in_a_grammar_book(determiner: str, english: str) -> None:
    plural = english not in NOUNS
    noun = next(noun for noun in NOUNS.values() if english in (noun.english, noun.english_plural))
    forms = [decline(determiner, OLD, noun, plural, case) for case in ("nom", "acc", "dat")]
    assert ", ".join(forms) == TABLES[determiner, english]


def test_irregular_adjectives_keep_their_stems() -> None:
    adjectives = {adjective.english: adjective for adjective in lexicon.SPATIAL + lexicon.COLOURFUL}
    assert decline("ein", adjectives["dark"], NOUNS["forest"], False, "nom") == "ein dunkler Wald"
    assert decline("ein", adjectives["high"], NOUNS["tower"], False, "acc") == "einen hohen Turm"
    assert decline("der", adjectives["pink"], NOUNS["hat"], False, "dat") == "dem rosa Hut"
    assert decline("ein", adjectives["expensive"], NOUNS["ring"], False, "nom") == "ein teurer Ring"


def test_every_noun_phrase_has_an_article_of_its_gender() -> None:
    articles = {"m": "der den dem", "f": "die die der", "n": "das das dem"}
    for noun in NOUNS.values():
        for case, article in zip(("nom", "acc", "dat"), articles[noun.gender].split(), strict=True):
            assert decline("der", None, noun, False, case).split()[0] == article


def test_a_and_an_follow_the_sound() -> None:
    assert [
        with_article(words)
        for words in ("old dog", "useful hat", "unicorn", "umbrella", "honest man", "ugly hat", "hotel")
    ] == ["an old dog", "a useful hat", "a unicorn", "an umbrella", "an honest man", "an ugly hat", "a hotel"]
    for one in MANY:
        assert not re.search(r"\b[Aa] (?!use|uni)[aeiou]|\b[Aa]n (?!hon)[^aeiou]|\b[Aa]n (use|uni)", one.english), one


def test_dative_verbs_take_the_dative_and_others_the_accusative() -> None:
    objects = {"him": ("ihn", "ihm"), "me": ("mich", "mir"), "them": ("sie", "ihnen")}
    verbs = {
        "helps": ("hilft", 1),
        "follows": ("folgt", 1),
        "trusts": ("vertraut", 1),
        "visits": ("besucht", 0),
        "asks": ("fragt", 0),
    }
    found = 0
    for one in MANY:
        match = re.fullmatch(r"(He|She|The \w+) (\w+) (him|me|them)\.", one.english)
        if match and match[2] in verbs:
            german, case = verbs[match[2]]
            assert one.german.endswith(f" {german} {objects[match[3]][case]}."), one
            found += 1
    assert found > 5


def test_subordinate_clauses_end_with_the_finite_verb() -> None:
    verbs = [
        verb
        for name in ("SEEING", "OWNING", "EATING", "DRINKING", "MEETING", "RESTING", "MOVING", "GIVING")
        for verb in getattr(lexicon, name)
    ]
    finite = {
        verb.prefix + form
        for verb in verbs
        for form in (verb.first, verb.third, verb.infinitive.removeprefix(verb.prefix))
    }
    finite |= {form for forms in MODALS.values() for form in forms} | set("habe hat haben bin ist sind".split())
    clauses = [one.german for one in MANY if re.search(r", (weil|wenn|obwohl|dass) ", one.german)]
    assert len(clauses) > 2000
    for text in clauses:
        assert text.rstrip(".").split()[-1] in finite, text


def test_modals_and_perfects_close_the_main_clause() -> None:
    infinitives = {
        verb.infinitive
        for name in ("SEEING", "OWNING", "EATING", "DRINKING", "MEETING", "RESTING", "MOVING", "GIVING")
        for verb in getattr(lexicon, name)
    }
    for one in MANY:
        if re.match(r"(Er|Sie|Ich|Wir) (kann|muss|will|können|müssen|wollen) ", one.german):
            assert one.german.split(",")[0].rstrip(".").split()[-1] in infinitives, one


def test_a_fronted_adverb_puts_the_finite_verb_before_the_subject() -> None:
    fronted = [one for one in MANY if re.match(r"(Today|At night) (he|I|we|they) ", one.english)]
    assert len(fronted) > 20
    for one in fronted:
        assert re.match(r"(Heute|Nachts) \w+ (er|ich|wir|sie)\b", one.german), one


def test_negation_is_kein_with_an_indefinite_object_and_nicht_otherwise() -> None:
    negated = [one for one in MANY if re.search(r"(does|do) not|cannot|(has|have) not|(is|are|am) not", one.english)]
    assert len(negated) > 1500
    for one in negated:
        assert re.search(r"\b(nicht|kein|keine|keinen|keinem|keiner|keines)\b", one.german), one
    plain = set(MANY) - set(negated)
    assert not any(re.search(r"\b(nicht|kein\w*)\b", one.german) for one in plain)


def test_prepositions_contract_with_the_article() -> None:
    assert not any(re.search(r"\b[iI]n (dem|das)\b", one.german) for one in MANY)
    assert any(" im " in one.german for one in MANY) and any(" ins " in one.german for one in MANY)


def test_english_verbs_agree_and_questions_use_do() -> None:
    for one in MANY:
        assert not re.search(r"\b(He|She) (do|have|want|are) ", one.english), one
        assert not re.search(r"\b(I|We|They) (does|has|wants|is) ", one.english), one
        assert one.question.endswith("?")
        assert re.match(r"(Do|Does|Can|Must|Has|Have|Is|Are|Am) ", one.question), one
        assert not re.search(r"\b(does|has|wants|is|are|am) ", one.past), one


def test_some_sentences_read_as_a_speaker_would_say_them() -> None:
    pairs = {one.english: one.german for one in MANY}
    assert "I" not in {english.split()[-1].rstrip(".") for english in pairs}
    for english, german in pairs.items():
        assert english[0].isupper() and german[0].isupper() and english.endswith(".") and german.endswith(".")
        assert "  " not in english + german and "{" not in german and "None" not in german


def test_an_english_sentence_has_one_translation() -> None:
    translations: dict[str, Sentence] = {}
    for one in MANY:
        assert translations.setdefault(one.english, one) == one


@given(seeds)
def test_the_same_seed_gives_the_same_sentence_and_story(seed: int) -> None:
    assert sentence(random.Random(seed)) == sentence(random.Random(seed))
    for language in ("english", "german"):
        assert story(random.Random(seed), language) == story(random.Random(seed), language)


def test_there_are_more_than_a_million_sentences() -> None:
    # Birthday estimate: n draws with r repetitions come from about n² / 2r equally frequent sentences, and from more
    # uneven ones.
    distinct = len({one.english for one in MANY})
    repeated = len(MANY) - distinct
    long = {one.english for one in MANY if len(one.english.split()) > 6}
    repeated_long = sum(len(one.english.split()) > 6 for one in MANY) - len(long)
    assert distinct > 0.97 * len(MANY) and repeated > 0
    assert len(long) ** 2 / (2 * max(1, repeated_long)) > 1e6


def test_one_text_in_ten_is_held_out() -> None:
    assert 0.08 < sum(is_held_out(one.english) for one in MANY) / len(MANY) < 0.12
    assert [is_held_out(text) for text in ("The old dog sees a cat.", "He sleeps.")] == [
        is_held_out(text) for text in ("The old dog sees a cat.", "He sleeps.")
    ]


@given(seeds)
def test_phrases_agree_with_their_verbs(seed: int) -> None:
    phrase = noun_phrase(random.Random(seed), LIVING, lexicon.LIVELY)
    assert phrase.person == (
        "plural"
        if phrase.german["nom"].split()[-1] in {noun.german_plural for noun in LIVING}
        and phrase.english.split()[-1] in {noun.english_plural for noun in LIVING}
        else "third"
    )


@given(seeds)
def test_a_story_has_three_to_six_sentences(seed: int) -> None:
    for language in ("english", "german"):
        text = story(random.Random(seed), language)
        assert 3 <= len(re.findall(r'[.?]"? (?=[A-ZÄÖÜ"])', text)) + 1 <= 8
        assert "{" not in text and "  " not in text


def test_a_story_in_another_language_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="'french'"):
        story(random.Random(0), "french")
