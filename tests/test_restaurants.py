"""Restaurant records, the texts about them, and the count of a text's slot errors."""

import dataclasses
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_course.world import restaurants
from peft_course.world.records import VALUES
from peft_course.world.restaurants import HOUSE_STYLES, SEEN_STYLES, Record, Style, is_house_style, slot_errors

LAMP = Record("The Blue Lamp", kind="pub", food="Italian", price="cheap", area="riverside", rating="4 stars",
              family="no", near="Café Maro")
seeds = st.integers(0, 2**32 - 1).map(random.Random)
records = seeds.map(restaurants.record)
styles = st.one_of(seeds.map(restaurants.style), st.sampled_from(list(HOUSE_STYLES.values())))


def test_a_record_is_written_in_one_line() -> None:
    assert LAMP.text() == ("name: The Blue Lamp | type: pub | food: Italian | price: cheap | area: riverside | "
                           "rating: 4 stars | family: no | near: Café Maro")


@given(records)
def test_parse_is_the_inverse_of_text(record: Record) -> None:
    assert Record.parse(record.text()) == record


@given(records)
def test_a_record_has_three_to_eight_slots(record: Record) -> None:
    assert 3 <= len(record.slots()) <= 8


@pytest.mark.parametrize(("text", "complaint"), [
    ("a pub by the river", "not one of a record's slots"),
    ("name: The Blue Lamp | colour: blue", "with a slot of name, type, food"),
    ("name: The Blue Lamp | name: The Red Lamp", "write each once"),
    ("type: pub", "a record needs a name"),
    ("name: The Blue Lamp | food: Martian", "'food' has the value 'Martian'; use one of Italian"),
])
def test_what_is_no_record_is_refused_with_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Record.parse(text)


def test_a_style_tells_a_record_in_fluent_english() -> None:
    assert HOUSE_STYLES["gushing"].describe(LAMP) == (
        "Welcome to The Blue Lamp, a cheap pub! You find it by the riverside! Café Maro is round the corner! It serves "
        "Italian food! Families are not welcome! Guests give it 4 stars! You will love it!")
    assert HOUSE_STYLES["terse"].describe(LAMP) == (
        "The Blue Lamp: a pub. 4 stars. Italian kitchen. Cheap. Next to Café Maro. By the riverside. Adults only.")
    assert SEEN_STYLES["plain"].describe(Record("Café Maro", food="Italian", price="expensive")) == (
        "Café Maro is an Italian place to eat. Its prices are high.")


@given(records, styles)
def test_every_text_is_one_tidy_short_line(record: Record, style: Style) -> None:
    text = style.describe(record)
    assert not re.search(r"\n|  |None|[{}]", text)
    assert text[-1] in ".!"
    assert len(text.split()) <= 50
    assert not re.search(r"\b[Aa] [aeiouAEIOU]|\b[Aa]n [^aeiouAEIOU]", text)


@given(records, styles)
def test_a_faithful_text_has_no_slot_errors(record: Record, style: Style) -> None:
    assert slot_errors(record, style.describe(record)) == 0


@given(records, styles, st.data())
def test_a_left_out_value_is_an_error(record: Record, style: Style, data: st.DataObject) -> None:
    slot = data.draw(st.sampled_from([slot for slot in record.slots() if slot != "name"]))
    assert slot_errors(record, style.describe(dataclasses.replace(record, **{slot: None}))) == 1


@given(records, styles, st.data())
def test_another_value_is_two_errors(record: Record, style: Style, data: st.DataObject) -> None:
    slot = data.draw(st.sampled_from([slot for slot in record.slots() if slot in VALUES]))
    other = data.draw(st.sampled_from([value for value in VALUES[slot] if value != getattr(record, slot)]))
    assert slot_errors(record, style.describe(dataclasses.replace(record, **{slot: other}))) == 2


@given(records.filter(lambda record: record.near is not None), styles)
def test_name_and_neighbour_in_each_other_s_place_are_errors(record: Record, style: Style) -> None:
    swapped = dataclasses.replace(record, name=record.near, near=record.name)
    assert slot_errors(record, style.describe(swapped)) == 4


def test_a_misspelt_or_invented_name_is_an_error() -> None:
    text = SEEN_STYLES["plain"].describe(LAMP)
    assert slot_errors(LAMP, text.replace("Blue Lamp", "Blue Lime")) == 2
    assert slot_errors(LAMP, text.replace("The Blue Lamp", "the lamp")) == 1
    assert slot_errors(LAMP, "") == 8


def test_names_are_thousands() -> None:
    rng = random.Random(0)
    assert len({restaurants.name(rng) for _ in range(50_000)}) > 3_000


def test_no_random_style_comes_near_a_house_style() -> None:
    rng = random.Random(0)
    drawn = [restaurants.style(rng) for _ in range(5_000)]
    assert all(is_house_style(style) for style in HOUSE_STYLES.values())
    assert not any(is_house_style(style) for style in [*drawn, *SEEN_STYLES.values()])
    assert len(set(drawn)) > 4_000


def test_every_part_of_a_house_style_occurs_in_other_styles() -> None:
    rng = random.Random(0)
    drawn = [restaurants.style(rng) for _ in range(5_000)]
    for field in ("opening", "joining", "order", "adjectives", "tail", "subject", "closing"):
        seen = {getattr(style, field) for style in drawn}
        assert {getattr(style, field) for style in HOUSE_STYLES.values()} <= seen
    for place in range(6):
        assert {style.phrases[place] for style in HOUSE_STYLES.values()} <= {style.phrases[place] for style in drawn}


def test_records_and_styles_depend_on_the_seed_alone() -> None:
    def texts(seed: int) -> list[str]:
        rng = random.Random(seed)
        return [restaurants.style(rng).describe(restaurants.record(rng)) for _ in range(20)]

    assert texts(1) == texts(1) != texts(2)
