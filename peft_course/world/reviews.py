"""Reviews of one to three clauses, and whether they are positive or negative.

The words alone do not decide: "good" is in "not good", "boring" in "never boring", and where two clauses disagree the
one that weighs the whole wins ("The soup was cold, but everything else was wonderful").
"""

import random
from dataclasses import dataclass

SENTIMENTS = ("positive", "negative")
ANY = {"positive": ("good", "great", "wonderful", "excellent", "lovely", "superb", "splendid", "fine"),
       "negative": ("bad", "awful", "terrible", "poor", "disappointing", "dreadful", "horrible", "mediocre")}


@dataclass(frozen=True)
class Subject:
    """What reviews of one kind are about: the whole, its aspects, and adjectives for them besides those of `ANY`."""

    wholes: tuple[str, ...]
    aspects: tuple[str, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]

    def adjective(self, rng: random.Random, sentiment: str) -> str:
        """An adjective of that sentiment, one of the subject's own in two of three cases."""
        own = self.positive if sentiment == "positive" else self.negative
        return rng.choice(own if rng.random() < 2 / 3 else ANY[sentiment])


SUBJECTS = (
    Subject(("the dinner", "the evening", "our lunch"),
            ("the soup", "the fish", "the bread", "the salad", "the steak", "the dessert", "the cake", "the pizza",
             "the sauce", "the coffee", "the wine", "the pasta"),
            ("delicious", "fresh", "tasty", "tender"), ("cold", "tasteless", "burnt", "stale", "bland")),
    Subject(("the visit", "the evening", "our stay"),
            ("the service", "the waiter", "the owner", "the barman", "the cook", "the receptionist"),
            ("friendly", "helpful", "polite", "attentive"), ("rude", "slow", "careless", "unfriendly", "impatient")),
    Subject(("the film", "the book", "the play"),
            ("the plot", "the story", "the ending", "the beginning", "the dialogue", "the music", "the hero",
             "the villain", "the second half", "the opening scene", "the humour"),
            ("exciting", "moving", "clever", "funny", "gripping", "original"),
            ("boring", "dull", "silly", "predictable", "confusing", "tedious")),
    Subject(("the hotel", "the holiday", "the weekend"),
            ("the room", "the bed", "the bathroom", "the garden", "the view", "the pool", "the breakfast room",
             "the balcony", "the lobby"),
            ("clean", "quiet", "cosy", "comfortable", "bright"), ("dirty", "noisy", "shabby", "cramped", "damp")),
)
PLAIN = ("{aspect} was {same}", "{aspect} was really {same}", "I found {aspect} {same}", "{aspect} was {same} indeed")
# {other} is an adjective of the opposite sentiment, turned round by what stands before it.
NEGATED = {"positive": ("{aspect} was never {other}", "{aspect} was not {other} at all",
                        "nobody could call {aspect} {other}", "{aspect} was anything but {other}",
                        "nothing was wrong with {aspect}", "I could not complain about {aspect}"),
           "negative": ("{aspect} was not {other}", "{aspect} was never {other}", "nobody could call {aspect} {other}",
                        "{aspect} was anything but {other}", "nothing was right about {aspect}",
                        "I could not enjoy {aspect}")}
VERDICTS = {"positive": ("I loved {aspect}", "I enjoyed {aspect}", "{aspect} won me over"),
            "negative": ("I hated {aspect}", "I regretted {aspect}", "{aspect} let me down")}
WINNERS = ("everything else was {same}", "all in all {whole} was {same}", "on the whole {whole} was {same}",
           "in the end {whole} was {same}", "the rest was {same}")
ENDINGS = {"positive": ("We will come again.", "I recommend it.", "Five stars from me.", "What a pleasure!"),
           "negative": ("Never again.", "I want my money back.", "I advise against it.", "What a pity!")}


@dataclass(frozen=True)
class Review:
    """A review in one line and its sentiment, "positive" or "negative"."""

    text: str
    sentiment: str


def review(rng: random.Random) -> Review:
    """A random review; half are positive, about half contain a negation or a contrast."""
    sentiment = rng.choice(SENTIMENTS)
    opposite = SENTIMENTS[1 - SENTIMENTS.index(sentiment)]
    subject = rng.choice(SUBJECTS)
    first, second = rng.sample(subject.aspects, 2)
    clause = _clause(rng, subject, first, sentiment)
    form = rng.random()
    if form < 0.35:
        text = f"{clause}."
    elif form < 0.5:
        text = f"{clause} and {_clause(rng, subject, second, sentiment)}."
    elif form < 0.6:
        text = f"{clause}. {_capital(_clause(rng, subject, second, sentiment))}."
    elif form < 0.7:
        text = f"{clause}. {rng.choice(ENDINGS[sentiment])}"
    else:
        winner = rng.choice(WINNERS).format(whole=rng.choice(subject.wholes), same=rng.choice(ANY[sentiment]))
        loser = _clause(rng, subject, first, opposite)
        text = rng.choice(("{loser}, but {winner}.", "although {loser}, {winner}.", "{winner}, although {loser}.",
                           "{loser}. Still, {winner}.")).format(loser=loser, winner=winner)
    return Review(_capital(text), sentiment)


def _clause(rng: random.Random, subject: Subject, aspect: str, sentiment: str) -> str:
    opposite = SENTIMENTS[1 - SENTIMENTS.index(sentiment)]
    form = rng.random()
    templates = PLAIN if form < 0.5 else NEGATED[sentiment] if form < 0.85 else VERDICTS[sentiment]
    return rng.choice(templates).format(aspect=aspect, same=subject.adjective(rng, sentiment),
                                        other=subject.adjective(rng, opposite))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
