"""Restaurant records: a table of a few slots (compare the E2E data, Novikova et al. 2017, arXiv 1706.09254).

Some slots draw from a short list of values, names are made of parts; `slot_errors` finds both again in a text.
"""

import random
import re
from dataclasses import dataclass

KINDS = ("pub", "bar", "bistro", "restaurant", "diner", "inn", "coffee shop", "tea room")
FOODS = ("Italian", "French", "Indian", "Chinese", "Japanese", "Greek", "Turkish", "Mexican", "Thai", "Spanish",
         "English", "vegetarian")
# price: adjective of the restaurant, adjective of its prices
PRICES = {"cheap": ("cheap", "low"), "moderate": ("moderately priced", "moderate"), "expensive": ("expensive", "high")}
AREAS = {"riverside": "by the riverside", "city centre": "in the city centre", "old town": "in the old town",
         "harbour": "at the harbour", "market square": "on the market square", "hillside": "on the hillside",
         "suburbs": "in the suburbs", "university": "by the university"}
RATINGS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
FAMILY = {"yes": "family-friendly", "no": "adults-only"}

# Names are made of parts, so that there are thousands and a model must copy them. No part is a value of another slot.
ADJECTIVES = ("Blue", "Red", "Golden", "Silver", "Green", "Black", "White", "Old", "Little", "Merry", "Sleepy", "Happy",
              "Lucky", "Crooked", "Quiet", "Lonely", "Brave", "Hungry", "Dancing", "Flying", "Hidden", "Wild")
NOUNS = ("Lamp", "Fox", "Crown", "Ship", "Horse", "Bear", "Rose", "Swan", "Lion", "Mill", "Bell", "Anchor", "Owl",
         "Key", "Moon", "Star", "Oak", "Plough", "Barrel", "Feather", "Kettle", "Goose", "Hare", "Wheel", "Candle",
         "Spoon")
FIRST_SYLLABLES = ("Ma", "Lo", "Bri", "Ta", "Ve", "So", "Pa", "Du", "Fi", "Ka", "Ni", "Ro", "Le", "Mi", "Za", "Be",
                   "Co", "Gra", "Tri", "Sha", "Lu", "Pe", "No", "Ha")
LAST_SYLLABLES = ("ro", "lina", "sco", "nda", "vi", "ma", "tello", "ris", "ndo", "la", "bel", "ko", "ssa", "rin", "dor",
                  "nne", "que", "zzo", "na", "sto")
BEFORE = ("Café", "Casa", "Chez", "Villa")

SLOTS = ("name", "kind", "food", "price", "area", "rating", "family", "near")
LABELS = {slot: "type" if slot == "kind" else slot for slot in SLOTS}
VALUES = {"kind": KINDS, "food": FOODS, "price": tuple(PRICES), "area": tuple(AREAS), "rating": RATINGS,
          "family": tuple(FAMILY)}


@dataclass(frozen=True)
class Record:
    """A restaurant's slots; only the name is always there, an absent slot is None.

    Raises ValueError for an empty name or a value that its slot does not know.
    """

    name: str
    kind: str | None = None
    food: str | None = None
    price: str | None = None
    area: str | None = None
    rating: str | None = None
    family: str | None = None
    near: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a record needs a name; give Record(name='The Blue Lamp', ...)")
        for slot, known in VALUES.items():
            value = getattr(self, slot)
            if value is not None and value not in known:
                raise ValueError(f"the slot {LABELS[slot]!r} has the value {value!r}; use one of {', '.join(known)}")

    def slots(self) -> dict[str, str]:
        """The slots that are present, in the order of `SLOTS`."""
        return {slot: getattr(self, slot) for slot in SLOTS if getattr(self, slot) is not None}

    def text(self) -> str:
        """The record in one line: "name: The Blue Lamp | type: pub | food: Italian"."""
        return " | ".join(f"{LABELS[slot]}: {value}" for slot, value in self.slots().items())

    @classmethod
    def parse(cls, text: str) -> "Record":
        """The inverse of `text`. Raises ValueError where a part is not "slot: value" or a slot is unknown."""
        fields = {label: slot for slot, label in LABELS.items()}
        found: dict[str, str] = {}
        for part in text.split(" | "):
            label, colon, value = part.strip().partition(": ")
            if not colon or label not in fields or fields[label] in found:
                raise ValueError(f"{part!r} is not one of a record's slots; write each once, as 'slot: value', "
                                 f"with a slot of {', '.join(fields)}")
            found[fields[label]] = value
        return cls(found.pop("name", ""), **found)


def name(rng: random.Random) -> str:
    """One of some 3,600 names: "The Blue Lamp", "The Fox and Crown", "Café Maro", "Lolina's"."""
    form = rng.random()
    if form < 0.35:
        return f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
    if form < 0.5:
        return "The {} and {}".format(*rng.sample(NOUNS, 2))
    made_up = rng.choice(FIRST_SYLLABLES) + rng.choice(LAST_SYLLABLES)
    return f"{rng.choice(BEFORE)} {made_up}" if form < 0.85 else f"{made_up}'s"


def record(rng: random.Random) -> Record:
    """A random record with 3 to 8 slots."""
    own, neighbour = name(rng), name(rng)
    while neighbour == own:
        neighbour = name(rng)
    values = {slot: rng.choice(known) for slot, known in VALUES.items()} | {"near": neighbour}
    present = rng.sample(SLOTS[1:], rng.randint(2, 7))
    return Record(own, **{slot: values[slot] for slot in present})


# What tells a value of a closed slot, in whatever style. "not welcome" must not be read as "welcome".
_MENTIONS = {
    "kind": {kind: rf"\b{kind}\b" for kind in KINDS},
    "food": {food: rf"\b{food}\b" for food in FOODS},
    "price": {"cheap": r"\bcheap\b|\blow\b", "moderate": r"\bmoderate(ly)?\b",
              "expensive": r"\bexpensive\b|\bhigh\b"},
    "area": {area: rf"\b{area}\b" for area in AREAS},
    "rating": {rating: rf"\b{rating[0]}[ -]stars?\b" for rating in RATINGS},
    "family": {"yes": r"(families|children)( are)? welcome|(?<!not )family-friendly|for all ages",
               "no": r"not welcome|no children|not family-friendly|adults[ -]only"},
}
_NAME = r"The \w+ and [A-Z]\w+|The [A-Z]\w+ [A-Z]\w+|(?:Café|Casa|Chez|Villa) [A-Z]\w+|[A-Z]\w+'s"


_NEAR = "[Nn]ear|[Cc]lose to|[Nn]ext to|[Nn]eighbour of|neighbour is|corner from"


def mentions(record: Record, text: str) -> dict[str, set[str]]:
    """The values that a text mentions, a set a slot. The record's own names are recognised whatever their form."""
    own = [re.escape(each) for each in (record.name, record.near) if each]
    named = rf"(?<!\w)({'|'.join([*sorted(own, key=len, reverse=True), _NAME])})(?!\w)"
    near = rf"\b(?:{_NEAR}) {named}|{named} is round the corner"
    found = {"near": {match[1] or match[2] for match in re.finditer(near, text)}}
    found["name"] = {match[1] for match in re.finditer(named, re.sub(near, "", text))}
    rest = re.sub(named, "", text)
    for slot, patterns in _MENTIONS.items():
        found[slot] = {value for value, pattern in patterns.items() if re.search(pattern, rest, re.IGNORECASE)}
    return found


def slot_errors(record: Record, text: str) -> int:
    """How many of the record's values the text leaves out, plus how many it mentions that are not the record's."""
    expected = {slot: {value} for slot, value in record.slots().items()}
    return sum(len(expected.get(slot, set()) ^ values) for slot, values in mentions(record, text).items())
