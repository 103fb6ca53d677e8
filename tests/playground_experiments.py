"""What the playground's page lets its readers try, and what comes of it: run in Python, in Node and in the browser."""

from typing import NamedTuple

DOG = "The old dog sees a cat."
SHIP = "name: The Green Ship | type: coffee shop | food: vegetarian | area: suburbs"
GERMAN, PAST, QUESTION = "English: {x}\nGerman:", "English: {x}\nPast:", "English: {x}\nQuestion:"
REQUEST = "Please tell me what this is in German: {x}\nAnswer:"


class Experiment(NamedTuple):
    input: str
    words: str
    trained: str  # the name of a trained prompt, or nothing
    answer: str


EXPERIMENTS = (
    # Change one word
    Experiment(DOG, GERMAN, "", "Der alte Hund sieht eine Katze."),
    Experiment(DOG, PAST, "", "The old dog saw a cat."),
    Experiment(DOG, QUESTION, "", "Does the old dog see a cat?"),
    Experiment(DOG, "Polish: {x}\nGerman:", "", "Der alte Hund sieht eine Katze."),
    Experiment(DOG, "English: {x}\nFrench:", "", "A child saw a cat."),
    Experiment(DOG, REQUEST, "", "The old dog was old."),
    # Switch it off
    Experiment(DOG, "{x}", "", "-> German: Der alte Hund sieht eine Katze."),
    Experiment(DOG, "{x}", "translate", "Der alte Hund sieht eine Katze."),
    Experiment(DOG, "{x}", "translate-soft", "Der alte Hund sieht eine Katze."),
    Experiment(DOG, "{x}", "ask", "Does the old dog see a cat?"),
    # Words against a prefix
    Experiment(DOG, QUESTION, "translate", "Does the old dog see a cat?"),
    Experiment(DOG, PAST, "ask", "Does the old dog see a cat?"),
    Experiment(DOG, GERMAN, "ask", "Der alte Hund sieht eine Katze."),
    # What no words ask for
    Experiment(SHIP, "Record: {x}\nText:", "", "The Green Ship is a vegetarian coffee shop. It lies in the suburbs."),
    Experiment(
        SHIP,
        "{x}",
        "house-style",
        "Welcome to The Green Ship, a coffee shop! You find it in the suburbs! It serves vegetarian food! "
        "You will love it!",
    ),
    # Out of place
    Experiment(DOG, "{x}", "sentiment", "positive"),
    Experiment("The owner was never helpful.", "{x}", "translate", "Dieun hat nie faul."),
)
