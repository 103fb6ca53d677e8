"""Texts about restaurant records, in very many styles composed of parts.

A style decides how a record is told: the opening, what goes into its noun phrase, the order of the other slots, the
phrase for each, how the phrases are joined, and the closing. A few combinations, the *house styles*, are kept out of
the pretraining corpus although each of their parts is in it: a prompt can learn them and no wording can ask for them.
"""

import random
from dataclasses import dataclass

from peft_course.world.records import AREAS, FAMILY, PRICES, Record, mentions, name, record, slot_errors

__all__ = ["HOUSE_STYLES", "SEEN_STYLES", "Record", "Style", "is_house_style", "mentions", "name", "record",
           "slot_errors", "style"]

# A phrase is (clause, fragment). {it} is the style's subject; {level} and {adjective} tell a price, {place} an area.
PHRASES: dict[str, tuple[tuple[str, str], ...]] = {
    "food": (("{it} serves {value} food", "{value} food"), ("the kitchen is {value}", "{value} kitchen"),
             ("{it} offers {value} dishes", "{value} dishes"), ("the menu is {value}", "{value} menu")),
    "price": (("its prices are {level}", "at {level} prices"), ("{it} has {level} prices", "{level} prices"),
              ("{it} is {adjective}", "{adjective}"), ("you pay {level} prices", "a {level} price range")),
    "area": (("{it} lies {place}", "{place}"), ("{it} is {place}", "located {place}"),
             ("you find it {place}", "to be found {place}"), ("its home is {place}", "at home {place}")),
    "rating": (("guests give it {value}", "{value} from its guests"), ("{it} has a rating of {value}",
               "a rating of {value}"), ("{it} has earned {value}", "{value}"), ("its rating is {value}",
               "rated {value}")),
    "family yes": (("families are welcome", "families welcome"), ("{it} is family-friendly", "family-friendly"),
                   ("children are welcome", "children welcome"), ("{it} is for all ages", "for all ages")),
    "family no": (("families are not welcome", "families not welcome"), ("{it} is not family-friendly",
                  "not family-friendly"), ("children are not welcome", "no children"), ("{it} is for adults only",
                  "adults only")),
    "near": (("{it} is near {value}", "near {value}"), ("{it} is close to {value}", "close to {value}"),
             ("its neighbour is {value}", "neighbour of {value}"), ("{it} stands next to {value}", "next to {value}"),
             ("{value} is round the corner", "round the corner from {value}")),
}
BODY = ("food", "price", "area", "rating", "family", "near")

OPENINGS = ("{name} is {noun}.", "There is {noun} called {name}.", "{name}, {noun}.", "{name}: {noun}.",
            "Have you heard of {name}? It is {noun}.", "If you want {noun}, try {name}.", "Welcome to {name}, {noun}!",
            "Meet me at {name}, {noun}.", "Why not visit {name}? It is {noun}.")
ADJECTIVE_SLOTS = ((), ("food",), ("price",), ("price", "food"), ("rating", "food"), ("family",))
TAIL_SLOTS = ((), (), ("area",), ("near",), ("area", "near"))
ORDERS = tuple(tuple(order.split()) for order in (
    "food price area rating family near", "price food rating family area near", "area near food price family rating",
    "rating food price near area family", "food rating area near price family", "near area rating price food family",
    "family food rating price near area", "rating family price area food near", "area food near rating price family",
    "near price family food rating area", "price rating near family food area", "family area price near rating food"))
SUBJECTS = ("it", "this place", "the house")
JOININGS = ("sentences", "pairs", "commas", "semicolons", "exclamations",  # of clauses
            "fragments", "in short", "dashes", "brackets")  # of fragments
CLAUSE_JOININGS = JOININGS[:5]
CLOSINGS = ("", "", "Enjoy!", "See you there!", "Come and see.", "You will love it!", "Do not miss it.")


@dataclass(frozen=True)
class Style:
    """A way of telling records, composed of parts; each part is one of the tables above.

    `adjectives` and `tail` name the slots told in the opening's noun phrase ("a cheap Italian pub by the riverside");
    `order` is that of the others, and `phrases` the index into `PHRASES` for each slot of `BODY`.
    """

    opening: str
    joining: str
    order: tuple[str, ...] = ORDERS[0]
    phrases: tuple[int, ...] = (0, 0, 0, 0, 0, 0)
    adjectives: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    subject: str = "it"
    closing: str = ""

    def describe(self, record: Record) -> str:
        """The record told in this style: one line of English that mentions every slot once."""
        noun = self._noun(record)
        opening = self.opening.format(name=record.name, noun=noun)
        told = (*self.adjectives, *self.tail)
        rest = [slot for slot in self.order if slot not in told and getattr(record, slot) is not None]
        parts = [self._phrase(record, slot, first=slot == rest[0]) for slot in rest]
        text = _join(opening, parts, self.joining)
        return f"{text} {self.closing}".strip()

    def _noun(self, record: Record) -> str:
        adjective = {"food": record.food, "price": PRICES[record.price][0] if record.price else None,
                     "rating": f"{record.rating[0]}-star" if record.rating else None,
                     "family": FAMILY[record.family] if record.family else None}
        tail = {"area": AREAS[record.area] if record.area else None,
                "near": f"near {record.near}" if record.near else None}
        words = [adjective[slot] for slot in self.adjectives] + [record.kind or "place to eat"]
        words += [tail[slot] for slot in self.tail]
        noun = " ".join(word for word in words if word)
        return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"

    def _phrase(self, record: Record, slot: str, first: bool) -> str:
        value = getattr(record, slot)
        key = f"family {value}" if slot == "family" else slot
        clause, fragment = PHRASES[key][self.phrases[BODY.index(slot)]]
        adjective, level = PRICES[value] if slot == "price" else ("", "")
        template = clause if self.joining in CLAUSE_JOININGS else fragment
        return template.format(it=self.subject if first else "it", value=value, adjective=adjective, level=level,
                               place=AREAS.get(value, ""))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _and(parts: list[str]) -> str:
    if len(parts) < 3:
        return " and ".join(parts)
    return ", ".join(parts[:-1]) + ", and " + parts[-1]


def _join(opening: str, parts: list[str], joining: str) -> str:
    if not parts:
        return opening
    if joining in ("dashes", "brackets"):  # they continue the opening, before its full stop
        tail = "".join(f" – {part}" for part in parts) if joining == "dashes" else f" ({', '.join(parts)})"
        return opening[:-1] + tail + opening[-1]
    pairs = [" and ".join(parts[start:start + 2]) for start in range(0, len(parts), 2)]
    body = {"sentences": [f"{_capital(part)}." for part in parts],
            "fragments": [f"{_capital(part)}." for part in parts],
            "exclamations": [f"{_capital(part)}!" for part in parts],
            "pairs": [f"{_capital(pair)}." for pair in pairs],
            "commas": [f"{_capital(_and(parts))}."],
            "semicolons": [f"{_capital('; '.join(parts))}."],
            "in short": [f"In short: {', '.join(parts)}."]}[joining]
    return " ".join([opening, *body])


# Seen styles are drawn more often than chance; house styles, with all that share opening and joining, never.
SEEN_STYLES = {
    "plain": Style(OPENINGS[0], "sentences", ORDERS[0], (0, 0, 0, 0, 1, 0), ("food",), (), "it", ""),
    "brochure": Style(OPENINGS[1], "commas", ORDERS[4], (2, 1, 0, 1, 2, 1), ("price", "food"), ("area",), "it",
                      "Enjoy!"),
}
HOUSE_STYLES = {
    "terse": Style(OPENINGS[3], "fragments", ORDERS[3], (1, 2, 0, 2, 3, 3), (), (), "it", ""),
    "gushing": Style(OPENINGS[6], "exclamations", ORDERS[2], (0, 1, 2, 0, 0, 4), ("price",), (), "this place",
                     "You will love it!"),
    "list": Style(OPENINGS[4], "brackets", ORDERS[6], (3, 0, 1, 3, 2, 1), (), ("area",), "it", "See you there!"),
}
_HOUSE = {(style.opening, style.joining) for style in HOUSE_STYLES.values()}


def is_house_style(style: Style) -> bool:
    """Whether the style shares opening and joining with a house style, and so stays out of the corpus."""
    return (style.opening, style.joining) in _HOUSE


def style(rng: random.Random) -> Style:
    """A random style, in one of seven a seen one by name; never a house style."""
    if rng.random() < 1 / 7:
        return rng.choice(list(SEEN_STYLES.values()))
    while True:
        phrases = tuple(rng.randrange(len(PHRASES["family yes" if slot == "family" else slot])) for slot in BODY)
        drawn = Style(rng.choice(OPENINGS), rng.choice(JOININGS), rng.choice(ORDERS), phrases,
                      rng.choice(ADJECTIVE_SLOTS), rng.choice(TAIL_SLOTS), rng.choice(SUBJECTS), rng.choice(CLOSINGS))
        if not is_house_style(drawn):
            return drawn
