"""Exercises for the chapter *Hard prompts*."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..models import model
from ..task import Draw, Mistake, Task, value
from ..varied import varied, without

EDITION = 1


# -- 2.1 Predict: what examples cost -----------------------------------------------------------------------------------
def _tokens_read(questions: int = 500, asked: int = 20, shown: int = 30) -> Task:
    bare, full = questions * asked, questions * (6 * shown + asked)

    def read(six: int, once: int) -> dict[str, int]:
        return {"no examples": bare, "six examples": six, "read once": once}

    return Task(
        number="2.1",
        title="what examples cost",
        name="tokens_read",
        reference=read(full, 6 * shown + bare),
        probe=value,
        phrases=(
            f"You ask {questions} questions. With the wording around it a question has {asked} tokens, and a solved "
            f"example has {shown}.",
        ),
        mistakes=(
            Mistake(
                "Without a cache that is kept, the model forgets the examples after each question and reads them "
                "again.",
                read(6 * shown + bare, 6 * shown + bare),
            ),
            Mistake(
                "Keys and values that are kept need not be computed again for the next question.", read(full, full)
            ),
            Mistake("The examples are read once, and that is not never: count them.", read(full, bare)),
            Mistake(
                "The question stands in the prompt once, and not once for each example.",
                read(questions * 6 * (shown + asked), 6 * shown + bare),
            ),
        ),
    )


TOKENS_READ = varied(
    _tokens_read, questions=without(range(210, 1000, 10), 500), asked=range(12, 30), shown=range(31, 60)
)


# -- 2.2 Find the bug: the input that was taken for a template ---------------------------------------------------------
def fill(template: str, x: str, slots: dict[str, str]) -> str:
    """The template with the words of its slots and, in the place of ``{x}``, the input as it is."""
    for name, words in slots.items():
        template = template.replace("{" + name + "}", words)
    return template.replace("{x}", x)


def _input_first(template: str, x: str, slots: dict[str, str]) -> str:
    text = template.replace("{x}", x)
    for name, words in slots.items():
        text = text.replace("{" + name + "}", words)
    return text


def _format(template: str, x: str, slots: dict[str, str]) -> str:
    return template.format(x=x, **slots)


def _first_slot_only(template: str, x: str, slots: dict[str, str]) -> str:
    return fill(template, x, dict(list(slots.items())[:1]))


def _cleaned(template: str, x: str, slots: dict[str, str]) -> str:
    return fill(template, x.replace("{", "").replace("}", ""), slots)


def _through_a_pattern(template: str, x: str, slots: dict[str, str]) -> str:
    return re.sub(r"\{x\}", x, fill(template, "{x}", slots))


def _draw_template(draw: Draw) -> tuple[Any, ...]:
    template = draw.choice(
        [
            '{"text": "{x}", "language": "{language}", "tone": "{tone}", "answer": ',
            "Into {language}, {tone}.\n{{x}}\n",
            "f() { say '{x}' in {language}, {tone} }\n",
        ]
    )
    x = draw.choice(
        [r"Replace {language} in C:\new.", r"The {tone} in C:\temp is empty.", r"{x}, {language}, {tone} or \n"]
    )
    slots = {"language": draw.choice(["German", "French"]), "tone": draw.choice(["politely", "in verse"])}
    return template, x, slots


FILL = Task(
    number="2.2",
    title="an input with opinions",
    name="fill",
    reference=fill,
    draw=_draw_template,
    mistakes=(
        Mistake(
            "The bug is still there: what looks like a slot inside the input is filled, too. "
            "The input is data, and must arrive as it is.",
            _input_first,
        ),
        Mistake(
            "`format` takes every brace for a slot. A template may have braces of its own, as in JSON.",
            _format,
        ),
        Mistake("Only the first of the slots is filled.", _first_slot_only),
        Mistake("The input's braces are gone. It must arrive unchanged, whatever it contains.", _cleaned),
        Mistake(
            "`re.sub` reads a backslash in its replacement as a command. Give it a function: `lambda match: x`.",
            _through_a_pattern,
        ),
    ),
)


# -- 2.3 What a word scores --------------------------------------------------------------------------------------------
def _scored(lm: Any, text: str, word: str, space: str = " ", shift: int = 0, logits: bool = False) -> Tensor:
    """What the model gives to each token of the word behind the text."""
    front, behind = lm.encode(text), lm.encode(space + word)
    given = lm.logits(torch.tensor([[*front, *behind]]))[0]  # [T, V]
    given = given if logits else given.log_softmax(dim=-1)
    places = torch.arange(len(behind)) + len(front) - 1 + shift
    return given[places, behind]


def scores(lm: Any, text: str, words: list[str]) -> Tensor:
    """log p of each of the words behind the text, ``[W]``."""
    return torch.stack([_scored(lm, text, word).sum() for word in words])


def _no_space(lm: Any, text: str, words: list[str]) -> Tensor:
    return torch.stack([_scored(lm, text, word, space="").sum() for word in words])


def _first_token(lm: Any, text: str, words: list[str]) -> Tensor:
    return torch.stack([_scored(lm, text, word)[0] for word in words])


def _mean_over_tokens(lm: Any, text: str, words: list[str]) -> Tensor:
    return torch.stack([_scored(lm, text, word).mean() for word in words])


def _one_place_late(lm: Any, text: str, words: list[str]) -> Tensor:
    return torch.stack([_scored(lm, text, word, shift=1).sum() for word in words])


def _raw_logits(lm: Any, text: str, words: list[str]) -> Tensor:
    return torch.stack([_scored(lm, text, word, logits=True).sum() for word in words])


def _among_themselves(lm: Any, text: str, words: list[str]) -> Tensor:
    return scores(lm, text, words).log_softmax(dim=0)


def _draw_review(draw: Draw) -> tuple[Any, ...]:
    review = draw.choice(["The soup was cold.", "Everything was wonderful.", "We waited, but the food was good."])
    text = draw.choice(["{x} All in all, it was", "Review: {x}\nSentiment:", "{x}\nWas it good? Answer:"])
    words = draw.choice([["yes", "no", "delicious"], ["delicious", "bad"], ["positive", "delicious", "negative"]])
    return model("course-gpt"), text.replace("{x}", review), words


SCORES = Task(
    number="2.3",
    title="what a word scores",
    name="scores",
    reference=scores,
    draw=_draw_review,
    models=("course-gpt",),
    mistakes=(
        Mistake(
            "The words begin without a space. Behind a text the model has read them with one, as other tokens.",
            _no_space,
        ),
        Mistake("Only the first token of each word is counted. A word may have several.", _first_token),
        Mistake(
            "This is the mean over a word's tokens. The probability of a word is a product, not a mean.",
            _mean_over_tokens,
        ),
        Mistake("Off by one: the logits at a place are about the token that comes next.", _one_place_late),
        Mistake("These are sums of logits. Log-probabilities need a log-softmax over the vocabulary.", _raw_logits),
        Mistake(
            "The words were made to add up to 1 among themselves. Asked for is their probability among all texts.",
            _among_themselves,
        ),
    ),
)


# -- 2.4 Derive: calibration as a threshold ----------------------------------------------------------------------------
def threshold(priors: Tensor) -> Tensor:
    """p(first label) on each of C texts without content ``[C]`` → from which p on calibration chooses that label."""
    return priors.mean()


def _half(priors: Tensor) -> float:
    return 0.5


def _other_side(priors: Tensor) -> Tensor:
    return 1 - priors.mean()


def _in_logs(priors: Tensor) -> Tensor:
    return priors.logit().mean().sigmoid()


def _odds(priors: Tensor) -> Tensor:
    return priors.mean() / (1 - priors.mean())


def _half_of_it(priors: Tensor) -> Tensor:
    return priors.mean() / 2


THRESHOLD = Task(
    number="2.4",
    title="calibration in one number",
    name="threshold",
    reference=threshold,
    draw=lambda draw: ((1.5 * draw.normal(3) + draw.choice([-1.5, 1.5])).sigmoid(),),
    mistakes=(
        Mistake("One half is the threshold without calibration. Dividing by the priors moves it.", _half),
        Mistake("The wrong side: a label that is likely anyway needs more, not less, to be chosen.", _other_side),
        Mistake(
            "Here the priors were averaged as log-odds. The formula averages the probabilities.",
            _in_logs,
        ),
        Mistake("These are odds. Solve p / (1 − p) = π / (1 − π) for the probability p.", _odds),
        Mistake(
            "The half is too much: it was the threshold where both labels are equally likely. "
            "Compare the two labels' quotients.",
            _half_of_it,
        ),
    ),
)


# -- 2.5 Examples, as many as fit --------------------------------------------------------------------------------------
def few_shot(template: str, examples: list[list[str]], x: str, room: int, size: Callable[[str], int]) -> str:
    """The first examples that fit, in the wording of the template, and the question behind them."""
    question, shots = template.replace("{x}", x), ""
    for given, answer in examples:
        longer = f"{shots}{template.replace('{x}', given)} {answer}\n"
        if size(longer + question) > room:
            break
        shots = longer
    return shots + question


def _question_not_counted(
    template: str, examples: list[list[str]], x: str, room: int, size: Callable[[str], int]
) -> str:
    question = template.replace("{x}", x)
    return few_shot(template, examples, x, room, lambda text: size(text.removesuffix(question)))


def _parts_added(template: str, examples: list[list[str]], x: str, room: int, size: Callable[[str], int]) -> str:
    return few_shot(template, examples, x, room, lambda text: sum(map(size, text.splitlines())))


def _skips(template: str, examples: list[list[str]], x: str, room: int, size: Callable[[str], int]) -> str:
    question, shots = template.replace("{x}", x), ""
    for given, answer in examples:
        longer = f"{shots}{template.replace('{x}', given)} {answer}\n"
        if size(longer + question) <= room:
            shots = longer
    return shots + question


def _space_at_the_end(template: str, examples: list[list[str]], x: str, room: int, size: Callable[[str], int]) -> str:
    return few_shot(template, examples, x, room, size) + " "


def _no_space_before_answer(
    template: str, examples: list[list[str]], x: str, room: int, size: Callable[[str], int]
) -> str:
    closer = [[given, answer] for given, answer in examples]
    kept = few_shot(template, closer, x, room, size).count("\n")
    shots = "".join(template.replace("{x}", given) + answer + "\n" for given, answer in closer[:kept])
    return shots + template.replace("{x}", x)


def _bare_examples(template: str, examples: list[list[str]], x: str, room: int, size: Callable[[str], int]) -> str:
    question, shots = template.replace("{x}", x), ""
    for given, answer in examples:
        longer = f"{shots}{given} {answer}\n"
        if size(longer + question) > room:
            break
        shots = longer
    return shots + question


def _all_of_them(template: str, examples: list[list[str]], x: str, room: int, size: Callable[[str], int]) -> str:
    return few_shot(template, examples, x, 10**6, size)


def few_shot_probe(answer, template, examples, x, room):
    """The prompt; a text's size is its words and nine more, as where a chat's marks are put around every prompt."""
    return answer(template, examples, x, room, lambda text: 9 + len(text.split()))


WORDS = ("dog", "cat", "bird", "sees", "sings", "old", "small", "bread", "buys", "sleeps", "child", "never")


def _draw_examples(draw: Draw) -> tuple[Any, ...]:
    def sentence(words: int) -> str:
        return " ".join(draw.choice(WORDS) for _ in range(words))

    template = draw.choice(["Text: {x} Label:", "Read {x} Then:", "{x} means in German:"])
    extra = len(template.split()) - 1
    lengths = [draw.integer(2, 4) for _ in range(draw.integer(1, 3))]
    question = draw.integer(8, 10)
    fits = sum(length + extra + 1 for length in lengths)
    long, short = 10, 1  # the long one does not fit, the short one behind it would
    room = 9 + fits + question + extra + short + extra + 1 + draw.integer(0, 3)
    examples = [[sentence(n), draw.choice(["yes", "no"])] for n in [*lengths, long, short]]
    return template, examples, sentence(question), room


FEW_SHOT = Task(
    number="2.5",
    title="examples, as many as fit",
    name="few_shot",
    reference=few_shot,
    probe=few_shot_probe,
    draw=_draw_examples,
    points=2,
    mistakes=(
        Mistake("Too many examples: the question needs room, too.", _question_not_counted),
        Mistake(
            "An example is missing that would fit. The sizes of the parts need not add up to that of the whole: "
            "measure the whole prompt.",
            _parts_added,
        ),
        Mistake(
            "An example that does not fit was passed over, and a later one taken. Asked for are the first ones, "
            "up to the one that does not fit.",
            _skips,
        ),
        Mistake(
            "There is a space at the end. It would become a token of its own, and the answer would begin without one.",
            _space_at_the_end,
        ),
        Mistake("In the examples a space is missing between the wording and the answer.", _no_space_before_answer),
        Mistake("The examples must be written in the same wording as the question.", _bare_examples),
        Mistake("All examples are there, whether they fit or not.", _all_of_them),
    ),
)


# -- 2.6 Design: better, or luckier ------------------------------------------------------------------------------------
def compare(a: Tensor, b: Tensor) -> list[Tensor]:
    """Right or wrong on the same N inputs ``[N]`` twice → by how much `a` is better, and that difference's error."""
    difference = a - b
    return [difference.mean(), difference.std() / len(a) ** 0.5]


def _unpaired(a: Tensor, b: Tensor) -> list[Tensor]:
    return [(a - b).mean(), (a.var() / len(a) + b.var() / len(b)).sqrt()]


def _no_root_of_n(a: Tensor, b: Tensor) -> list[Tensor]:
    return [(a - b).mean(), (a - b).std()]


def _divided_by_n(a: Tensor, b: Tensor) -> list[Tensor]:
    return [(a - b).mean(), (a - b).std(correction=0) / len(a) ** 0.5]


def _errors_added(a: Tensor, b: Tensor) -> list[Tensor]:
    return [(a - b).mean(), (a.std() + b.std()) / len(a) ** 0.5]


def _reversed(a: Tensor, b: Tensor) -> list[Tensor]:
    return [(b - a).mean(), (a - b).std() / len(a) ** 0.5]


def _absolute(a: Tensor, b: Tensor) -> list[Tensor]:
    return [(a - b).abs().mean(), (a - b).abs().std() / len(a) ** 0.5]


def _draw_answers(draw: Draw) -> tuple[Any, ...]:
    N = draw.integer(40, 80)
    ease, noise = draw.normal(N), draw.normal(2, N)
    a, b = (ease + 0.4 * noise[0] > -0.9).float(), (ease + 0.4 * noise[1] > -0.3).float()
    a[0], b[0], a[1], b[1] = 1, 0, 0, 1  # so that the difference has a spread in every draw
    return (a, b) if draw.integer(0, 1) else (b, a)


COMPARE = Task(
    number="2.6",
    title="better, or luckier?",
    name="compare",
    reference=compare,
    draw=_draw_answers,
    mistakes=(
        Mistake(
            "This is the error for two separate sets of inputs. Both wordings answered the same ones: "
            "an input that is hard for both says nothing about the difference.",
            _unpaired,
        ),
        Mistake("This is the spread of single inputs. The error of a mean of N is smaller by √N.", _no_root_of_n),
        Mistake("The variance was divided by N; divide by N − 1, as `torch.std` does by itself.", _divided_by_n),
        Mistake("Errors do not add up like lengths; and here they are not even independent.", _errors_added),
        Mistake("The sign is wrong: the first wording minus the second.", _reversed),
        Mistake("The signs of the differences are lost: where `b` is better it counts against `a`.", _absolute),
    ),
)


# -- 2.7 Greedy is not the likeliest -----------------------------------------------------------------------------------
def greedy_answer(odds: dict[str, float]) -> str:
    """The answer that greedy decoding writes, word by word, of all answers with their probabilities."""
    written: list[str] = []
    left = {tuple(answer.split()): p for answer, p in odds.items()}
    while any(len(answer) > len(written) for answer in left):
        words: dict[str, float] = {}
        for answer, p in left.items():
            words[answer[len(written)]] = words.get(answer[len(written)], 0) + p
        written.append(max(words, key=lambda word: words[word]))
        left = {answer: p for answer, p in left.items() if list(answer[: len(written)]) == written}
    return " ".join(written)


def _likeliest(odds: dict[str, float]) -> str:
    return max(odds, key=lambda answer: odds[answer])


def _first_word_then_likeliest(odds: dict[str, float]) -> str:
    first = greedy_answer(odds).split()[0]
    return _likeliest({answer: p for answer, p in odds.items() if answer.split()[0] == first})


def _counted(odds: dict[str, float]) -> str:
    return greedy_answer(dict.fromkeys(odds, 1.0))


def _place_by_place(odds: dict[str, float]) -> str:
    written = []
    for place in range(3):
        words: dict[str, float] = {}
        for answer, p in odds.items():
            words[answer.split()[place]] = words.get(answer.split()[place], 0) + p
        written.append(max(words, key=lambda word: words[word]))
    return " ".join(written)


def _draw_odds(draw: Draw) -> tuple[Any, ...]:
    names = [f"{syllable}{vowel}" for syllable in ("ba", "do", "ki", "lu", "me") for vowel in ("n", "r", "s", "t")]
    w = [names[i] for i in draw.permutation(len(names))]
    tree = [
        (f"{w[0]} {w[1]} {w[2]}", 30.0),
        (f"{w[3]} {w[4]} {w[5]}", 16.0),
        (f"{w[3]} {w[6]} {w[7]}", 11.5),
        (f"{w[3]} {w[6]} {w[8]}", 9.5),
        (f"{w[9]} {w[10]} {w[11]}", 9.0),
        (f"{w[9]} {w[10]} {w[12]}", 8.0),
        (f"{w[9]} {w[10]} {w[13]}", 7.0),
        (f"{w[9]} {w[14]} {w[15]}", 9.0),
    ]
    jittered = {answer: p + 0.1 * draw.integer(0, 4) for answer, p in tree}
    total, answers = sum(jittered.values()), list(jittered)
    return ({answers[i]: jittered[answers[i]] / total for i in draw.permutation(len(answers))},)


GREEDY_ANSWER = Task(
    number="2.7",
    title="greedy is not the likeliest",
    name="greedy_answer",
    reference=greedy_answer,
    draw=_draw_odds,
    points=2,
    mistakes=(
        Mistake(
            "This is the likeliest answer as a whole. Greedy decoding sees one word at a time, and never comes back.",
            _likeliest,
        ),
        Mistake(
            "The first word is right. Then the likeliest whole answer was taken; the second word is chosen like the "
            "first, by the sum over all that go on with it.",
            _first_word_then_likeliest,
        ),
        Mistake(
            "The answers were counted. Each counts with its probability.",
            _counted,
        ),
        Mistake(
            "Each place was decided by itself. The second word is chosen among the answers that begin with the first.",
            _place_by_place,
        ),
    ),
)

TASKS = (TOKENS_READ, FILL, SCORES, THRESHOLD, FEW_SHOT, COMPARE, GREEDY_ANSWER)
