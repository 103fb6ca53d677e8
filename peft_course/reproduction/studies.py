"""The studies: which runs answer a question of the papers.

A study is a table of settings, no more: models × tasks × methods × sizes of data × seeds. Runs that two studies share
are carried out once. What comes of them is judged in `findings.py`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from ..world import wordings as words
from .data import FEW, Data
from .methods import TRAINED, Ensemble, Full, Hard, LowRank, Method, Paraphrased, PrefixTuning, Searched, Soft
from .runs import Run

SMALL, MIDDLE, LARGE, T5 = "course-gpt-small", "course-gpt", "course-gpt-large", "course-t5"
SEEDS = range(5)
STEPS = {"translation": 200, "sentiment": 400, "seen style": 200, "house style": 240}  # of 8 examples
FEW_STEPS = 100  # on up to 100 examples
WORDED = ("translation", "sentiment", "seen style")  # the tasks that some wording asks for
SIZES = (10, 20, 50, 100, 200, 500, None)  # None: all 1,000
LENGTHS = (1, 5, 10, 20, 50, 100)
E2E_STEPS = {50: 150, 500: 500, 5000: 500, None: 500}  # by the number of examples; None: all 42,061


@dataclass(frozen=True)
class Study:
    """A `question` of the papers, and the `runs` that answer it."""

    name: str
    question: str
    runs: Callable[[], Iterable[Run]]


def grid(
    models: Iterable[str] = (MIDDLE,),
    tasks: Iterable[str] = ("translation",),
    methods: Iterable[Method] = (),
    sizes: Iterable[int | None] = (None,),
    seeds: Iterable[int] = SEEDS,
) -> Iterator[Run]:
    """All combinations, each with its task's number of steps, or with few steps where there are few examples."""
    for model, task, method, size, seed in product(models, tasks, methods, sizes, seeds):
        steps = STEPS[task] if size is None or size > FEW else FEW_STEPS
        yield Run(model, Data(task, size), method, seed, steps if method.rates else 0)


def wordings_of(task: str) -> list[str]:
    """The names of a task's wordings; the last one, "bare", is x alone."""
    of = {"translation": words.TRANSLATION, "sentiment": words.SENTIMENT}
    return [*of.get(task, words.TABLE_TO_TEXT), "bare"]


def wordings() -> Iterator[Run]:
    for task in WORDED:
        yield from grid((SMALL, MIDDLE, LARGE), [task], [Hard(name) for name in wordings_of(task)], seeds=[0])


def search() -> Iterator[Run]:
    yield from grid(tasks=WORDED, methods=(Searched(), Searched(guided=False), Paraphrased()))


def methods() -> Iterator[Run]:
    for task in STEPS:
        yield from grid(tasks=[task], methods=[Hard(name) for name in wordings_of(task)], seeds=[0])
    yield from grid(tasks=STEPS, methods=TRAINED.values())


def few_examples() -> Iterator[Run]:
    yield from grid(tasks=("translation", "house style"), methods=(PrefixTuning(), Full()), sizes=SIZES)


def scale() -> Iterator[Run]:
    yield from grid((SMALL, MIDDLE, LARGE), ["house style"], (Soft(), PrefixTuning(), Full()))


def length() -> Iterator[Run]:
    lengths = [method(length=number) for method in (Soft, PrefixTuning) for number in LENGTHS]
    yield from grid(tasks=["house style"], methods=lengths)


def initial_value() -> Iterator[Run]:
    soft = [Soft(start=start) for start in ("random", "vocabulary", "text")]
    prefix = [PrefixTuning(bottleneck=None, start=start) for start in ("random", "tokens", "text")]
    yield from grid(tasks=["translation"], methods=[*soft, *prefix], sizes=[20, None])
    yield from grid(tasks=["sentiment"], methods=[*soft, Soft(start="labels"), *prefix], sizes=[20, None])


def perceptron() -> Iterator[Run]:
    rates = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    for bottleneck, rate, seed in product((None, 64), rates, SEEDS):
        yield Run(MIDDLE, Data("house style"), PrefixTuning(bottleneck=bottleneck), seed, 160, learning_rate=rate)


def where() -> Iterator[Run]:
    layers = [(0, 1), (2, 3), (0,), (1,), (2,), (3,)]
    in_front = [Soft(length=10), Soft(length=10, behind=True), PrefixTuning()]
    yield from grid(tasks=["house style"], methods=[*in_front, *(PrefixTuning(layers=each) for each in layers)])
    stacks = [("encoder",), ("decoder",), ("encoder", "decoder"), ("encoder", "decoder", "cross")]
    yield from grid([T5], ["translation"], [Soft(length=10), *(PrefixTuning(stacks=each) for each in stacks)])


def shift() -> Iterator[Run]:
    compared = (Soft(), PrefixTuning(), Full())
    for task, method, seed in product(("translation", "sentiment", "house style"), compared, SEEDS):
        yield Run(MIDDLE, Data(task, one_domain=True), method, seed, STEPS[task])


def ensembles() -> Iterator[Run]:
    yield from grid(tasks=("sentiment", "house style"), methods=[Ensemble()])


def e2e() -> Iterator[Run]:
    compared = (PrefixTuning(length=20), Soft(), LowRank(), Full())
    for size, method, seed in product(E2E_STEPS, compared, range(3)):
        yield Run(LARGE, Data("e2e", size), method, seed, E2E_STEPS[size])


STUDIES = {
    study.name: study
    for study in (
        Study("wordings", "How far apart are wordings of one request, by task and model size?", wordings),
        Study("search", "Does a gradient find better words than people write, and do they carry over?", search),
        Study("methods", "What does each method reach, and with how many parameters?", methods),
        Study("few-examples", "With few examples, does a prefix beat fine-tuning?", few_examples),
        Study("scale", "Does the gap between prompts and fine-tuning close with the model's size?", scale),
        Study("length", "How many virtual tokens are enough?", length),
        Study("initial-value", "Does it matter where the vectors start?", initial_value),
        Study("perceptron", "Is it hard to learn P_θ directly, and does the perceptron mend it?", perceptron),
        Study("where", "Where must the vectors stand?", where),
        Study("shift", "Does a prompt carry over to another domain better than other weights?", shift),
        Study("ensembles", "Do five prompts answer better than the best of them?", ensembles),
    )
}
E2E = Study("e2e", "What do the methods reach on real data, from 50 examples to all?", e2e)
ALL_STUDIES = STUDIES | {E2E.name: E2E}
