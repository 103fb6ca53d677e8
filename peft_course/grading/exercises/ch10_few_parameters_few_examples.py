"""Exercises for the chapter *Few parameters, few examples*."""

import itertools
import random
from typing import Any

import torch
from torch import Tensor

from ..task import Draw, Mistake, Task, value
from ..varied import varied, without

EDITION = 1


# -- 10.1 Predict: three counts of one file ----------------------------------------------------------------------------
def _counts(perceptron: int = 71_360, directions: int = 256) -> Task:
    rows, vectors = 10 * 2 * 4 * 128, 10 * 128

    def counts(folded: list[int], made: list[int], along: list[int]) -> dict[str, list[int]]:
        return {"folded": folded, "perceptron": made, "along": along}

    return Task(
        number="10.1",
        title="three counts of one file",
        name="counts",
        reference=counts([vectors, rows, vectors], [perceptron, rows, rows], [directions, rows, directions]),
        probe=value,
        phrases=(f"a wide perceptron with {perceptron:,} trained numbers", f"{directions} random directions"),
        mistakes=(
            Mistake(
                "You took what is trained for what is effective. A perceptron cannot move the rows in more directions "
                "than the rows have numbers.",
                counts([vectors, rows, vectors], [perceptron, rows, perceptron], [directions, rows, directions]),
            ),
            Mistake(
                "You took what is stored for what is effective. Few trained numbers cannot move many stored ones "
                "independently.",
                counts([vectors, rows, rows], [perceptron, rows, rows], [directions, rows, rows]),
            ),
            Mistake(
                "You took what is trained for what is stored. All three are kept as ten rows of a prefix.",
                counts([vectors, vectors, vectors], [perceptron, perceptron, rows], [directions] * 3),
            ),
            Mistake(
                "What is kept is trained no more. Asked is how many numbers were trained before the folding.",
                counts([0, rows, vectors], [perceptron, rows, rows], [directions, rows, directions]),
            ),
            Mistake(
                "A row has a key and a value in each layer. You counted one of the two.",
                counts(
                    [vectors, rows // 2, vectors],
                    [perceptron, rows // 2, rows // 2],
                    [directions, rows // 2, directions],
                ),
            ),
        ),
    )


COUNTS = varied(_counts, perceptron=range(60_960, 99_000, 160), directions=without(range(130, 900, 2), 256))


# -- 10.2 The same budget twice ----------------------------------------------------------------------------------------
def budget(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    """The rows of a prefix and the rank of a LoRA that are `share` of a GPT-2."""
    return _budget(share, layers, width, vocabulary + positions)


def _budget(
    share: float, layers: int, width: int, embeddings: int, block: int = 13, last: int = 2, row: int = 2, rank: int = 4
) -> tuple[float, float]:
    total = layers * (12 * width**2 + block * width) + last * width + embeddings * width
    return share * total / (row * layers * width), share * total / (rank * layers * width)


def _blocks_alone(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    return _budget(share, layers, width, embeddings=0)


def _rule_of_thumb(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    return _budget(share, layers, width, embeddings=0, block=0)


def _head_again(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    return _budget(share, layers, width, 2 * vocabulary + positions)


def _no_positions(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    return _budget(share, layers, width, vocabulary)


def _no_last_norm(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    return _budget(share, layers, width, vocabulary + positions, last=0)


def _vectors(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    rows, rank = budget(share, layers, width, vocabulary, positions)
    return rows * 2 * layers, rank


def _one_half(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    return _budget(share, layers, width, vocabulary + positions, row=1)


def _one_matrix(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    return _budget(share, layers, width, vocabulary + positions, rank=2)


def _one_side(share: float, layers: int, width: int, vocabulary: int, positions: int) -> tuple[float, float]:
    rows, rank = budget(share, layers, width, vocabulary, positions)
    return rows, rank * 4 / width  # in · out for each of the two


def _draw_shape(draw: Draw) -> tuple[Any, ...]:
    shape = draw.integer(4, 30), 64 * draw.integer(3, 16), draw.integer(10_000, 60_000), 256 * draw.integer(2, 8)
    return draw.choice([0.001, 0.002, 0.01]), *shape


BUDGET = Task(
    number="10.2",
    title="the same budget twice",
    name="budget",
    reference=budget,
    draw=_draw_shape,
    tolerance=1e-6,
    mistakes=(
        Mistake("The model has embeddings too, of words and of positions. You counted its blocks.", _blocks_alone),
        Mistake(
            "This is the rule of thumb, 12 L D² for the blocks. The table has more parts, above all the embeddings.",
            _rule_of_thumb,
        ),
        Mistake(
            "The matrix of word embeddings is also the output layer of a GPT-2. It is one matrix: count it once.",
            _head_again,
        ),
        Mistake("The positions have embeddings too.", _no_positions),
        Mistake("The last normalisation is missing: 2D numbers behind all blocks.", _no_last_norm),
        Mistake(
            "The rank is right. For the rows you counted vectors of a soft prompt; a row has a key and a value "
            "in every layer.",
            _vectors,
        ),
        Mistake("The rank is right. A row has two parts in each layer, a key and a value.", _one_half),
        Mistake(
            "The rows are right. LoRA has four thin matrices in each layer: two beside the queries' weights "
            "and two beside the values'.",
            _one_matrix,
        ),
        Mistake(
            "The rows are right. For the rank you counted the weights that LoRA stands beside, "
            "not its own thin matrices.",
            _one_side,
        ),
    ),
)


# -- 10.3 Find the bug: nested draws -----------------------------------------------------------------------------------
def subsets(n: int, sizes: list[int], seed: int) -> list[Tensor]:
    """For each size, that many places of n, each set within the next."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return [order[:size] for size in sizes]


def _new_draw_each(n: int, sizes: list[int], seed: int) -> list[Tensor]:
    return [subsets(n, [size], seed + size)[0] for size in sizes]


def _one_stream(n: int, sizes: list[int], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator)
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [order[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def _always_the_first(n: int, sizes: list[int], seed: int) -> list[Tensor]:
    return [torch.arange(size) for size in sizes]


def _with_replacement(n: int, sizes: list[int], seed: int) -> list[Tensor]:
    drawn = torch.randint(n, (max(sizes),), generator=torch.Generator().manual_seed(seed))
    return [drawn[:size] for size in sizes]


def _no_seed(n: int, sizes: list[int], seed: int) -> list[list[int]]:
    order = random.sample(range(n), n)
    return [order[:size] for size in sizes]


def subsets_probe(answer, n, sizes, seed):
    """What makes the subsets good: which places they are is the answer's choice."""

    from itertools import pairwise

    def drawn(seed):
        return [[int(i) for i in subset] for subset in answer(n, list(sizes), seed)]

    mine = drawn(seed)
    shared = [len(set(a) & set(b)) for a, b in pairwise(mine)]
    smaller = [len(set(a)) for a in mine[:-1]]
    found = "all" if shared == smaller else "some" if any(shared) else "none"
    return {
        "sizes": [len(subset) for subset in mine],
        "places from 0 to n - 1": all(0 <= i < n for subset in mine for i in subset),
        "each place once": all(len(set(subset)) == len(subset) for subset in mine),
        "the same again with the same seed": drawn(seed) == mine,
        "another set with another seed": set(drawn(seed + 1)[-1]) != set(mine[-1]),
        "found again in the next larger set": found,
    }


def _draw_sizes(draw: Draw) -> tuple[Any, ...]:
    smallest = draw.integer(10, 14)
    return draw.integer(150, 200), [smallest, 2 * smallest, 4 * smallest], draw.integer(0, 1000)


SUBSETS = Task(
    number="10.3",
    title="the jagged curve",
    name="subsets",
    reference=subsets,
    probe=subsets_probe,
    draw=_draw_sizes,
    mistakes=(
        Mistake(
            "The bug is still there: each size is a new draw, so the curve goes up or down with luck as well.",
            _new_draw_each,
        ),
        Mistake(
            "The sets lie one behind the other and share nothing. The larger is to contain the smaller.", _one_stream
        ),
        Mistake(
            "Each seed gets the same examples. Then five seeds say nothing about the choice of examples.",
            _always_the_first,
        ),
        Mistake("Some examples occur twice, so there are fewer than the size says.", _with_replacement),
        Mistake(
            "The same seed gives other examples the next time: two methods would not be compared on the same ones.",
            _no_seed,
        ),
    ),
)


# -- 10.4 An interval of pairs -----------------------------------------------------------------------------------------
def paired(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    """The bootstrap interval of the mean of a − b, with the given draws ``[R, n]`` of seeds."""
    return _paired(a, b, draws)


def _paired(
    a: Tensor, b: Tensor, draws: Tensor, cut: float = 0.025, below: int = 0, above: int = 0
) -> tuple[Tensor, Tensor]:
    k = round(cut * len(draws))
    means = (a - b)[draws].mean(dim=1).sort().values
    return means[k - below], means[len(means) - 1 - k + above]


def _columns(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    (a_low, a_high), (b_low, b_high) = (paired(each, torch.zeros_like(each), draws) for each in (a, b))
    return a_low - b_high, a_high - b_low


def _columns_in_order(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    (a_low, a_high), (b_low, b_high) = (paired(each, torch.zeros_like(each), draws) for each in (a, b))
    return a_low - b_low, a_high - b_high


def _other_sign(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    return paired(b, a, draws)


def _five_a_side(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    return _paired(a, b, draws, cut=0.05)


def _nothing_dropped(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    return _paired(a, b, draws, cut=0.0)


def _in_between(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    means = (a - b)[draws].mean(dim=1)
    return means.quantile(0.025), means.quantile(0.975)


def _inverted_cdf(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    return _paired(a, b, draws, below=1)


def _one_too_high(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    return _paired(a, b, draws, above=1)


def _single_differences(a: Tensor, b: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    return (a - b).min(), (a - b).max()


def _draw_scores(draw: Draw) -> tuple[Any, ...]:
    n = draw.integer(6, 9)
    easy = 5 * draw.normal(n)
    a, b = 70 + easy + draw.normal(n), 68 + easy + draw.normal(n)
    return a, b, draw.tokens(draw.choice([80, 120]), n, vocabulary=n)


PAIRED = Task(
    number="10.4",
    title="an interval of pairs",
    name="paired",
    reference=paired,
    draw=_draw_scores,
    points=2,
    mistakes=(
        Mistake(
            "You compared two separate intervals. The seeds are common to both methods: subtract first, then draw.",
            _columns,
        ),
        Mistake(
            "You subtracted the bounds of two intervals from each other. Subtract the scores first, then draw.",
            _columns_in_order,
        ),
        Mistake("The sign is turned: asked for is a − b.", _other_sign),
        Mistake("You dropped 5 % on each side, which leaves 90 %. Both sides together are 5 %.", _five_a_side),
        Mistake("These are the lowest and the highest mean of all. The outer 5 % have to go.", _nothing_dropped),
        Mistake(
            "Nearly: a quantile function usually gives a number between two of the means. "
            "Asked for are two of the means themselves, by counting.",
            _in_between,
        ),
        Mistake(
            "Nearly: your lower bound is the last of those to be left out, as with the chapter's `inverted_cdf`. "
            "Here R / 40 means go on either side, and the next one is the bound.",
            _inverted_cdf,
        ),
        Mistake(
            "Nearly: your upper bound is the first of those to be left out. Counted from the end it stands at −k − 1.",
            _one_too_high,
        ),
        Mistake(
            "These are bounds of single differences. The interval is one of their mean: take a mean of each draw.",
            _single_differences,
        ),
    ),
)


# -- 10.5 The referee --------------------------------------------------------------------------------------------------
OBJECTIONS = (  # in the order of the book's letters
    "something else was changed along with what is compared",
    "more examples were used than the sentence says",
    "the test is too easy to show a difference",
    "the sentence speaks of tasks that nobody measured",
    "what belongs together was not compared together",
    "none: the sentence may stand",
)


def _referee(letters: str = "abcdef") -> Task:
    right = dict(zip(("R4", "R5", "R3", "R6", "R2", "R1"), letters, strict=True))

    def exchanged(one: str, other: str) -> dict[str, str]:
        return right | {one: right[other], other: right[one]}

    lines = sorted(f"- `{letter}` {objection}" for letter, objection in zip(letters, OBJECTIONS, strict=True))
    return Task(
        number="10.5",
        title="the referee",
        name="objections",
        reference=right,
        probe=value,
        phrases=("\n".join(lines),),
        mistakes=(
            Mistake(
                "Compare R1 and R6: which of them speaks only of the task that was measured?", exchanged("R1", "R6")
            ),
            Mistake("Compare R1 and R5: which of them tells all the examples that were used?", exchanged("R1", "R5")),
            Mistake("Look at R2 once more, seed by seed. In how many seeds is A ahead?", exchanged("R1", "R2")),
            Mistake("Subtract in R2 and in R3, seed by seed. In which of them does that help?", exchanged("R2", "R3")),
            Mistake("In R3, ask what a method that is better would have had to score.", exchanged("R1", "R3")),
            Mistake("Compare R1 and R4: in which of them does a second thing change?", exchanged("R1", "R4")),
            Mistake(
                "Exchange two letters: R4 tells all its examples and R5 has nothing to compare.", exchanged("R4", "R5")
            ),
        ),
    )


REFEREE = varied(_referee, letters=without(["".join(order) for order in itertools.permutations("abcdef")], "abcdef"))

TASKS = (COUNTS, BUDGET, SUBSETS, PAIRED, REFEREE)
