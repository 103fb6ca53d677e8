"""How prompts are set up: their length, where they start, the perceptron, and where they stand."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..methods import Method, PrefixTuning, Soft
from ..results import Results, loss
from ..runs import Run
from ..statistics import Interval, difference, interval
from ..studies import LENGTHS, T5
from ..verdicts import Finding, Verdict
from .bounds import LEVEL, LITTLE, listed


def length(runs: Results) -> list[Finding]:
    soft, prefix = (
        {number: runs.of("house style", method(length=number)) for number in LENGTHS} for method in (Soft, PrefixTuning)
    )
    best = max(prefix, key=lambda number: float(np.mean(prefix[number])))
    return [
        Finding(
            "length",
            "A soft prompt needs some twenty tokens, and more of them add little.",
            "beyond 20 tokens only marginal gains, and the largest model does well with one",
            "lester2021power",
            "exact match by tokens, " + listed({f"{number}:": interval(values) for number, values in soft.items()}),
            "One vector asks for nothing here, and twenty are better. But they are not enough: on a style that has to "
            "be learnt, 50 bring more, and 100 more again, since each vector is one more thing that the layers can "
            "look at.",
            Verdict.IN_PART,
            {
                "20 are better than 1": difference(soft[20], soft[1]).above(0),
                f"100 bring less than {LITTLE:.0f} points more than 20": difference(soft[100], soft[20]).below(LITTLE),
            },
        ),
        Finding(
            "length",
            "A prefix of ten is enough for table-to-text.",
            "best length about 10 for table-to-text, 200 for summaries",
            "li2021prefix",
            "exact match by tokens, " + listed({f"{number}:": interval(values) for number, values in prefix.items()}),
            "A prefix has a key and a value in every layer for each of its tokens, so a few carry much: one alone does "
            "more than a hundred vectors at the input. Ten get most of what there is, and more still add a little, "
            "since the style is new to the model and there are 1,000 examples to learn it from.",
            Verdict.IN_PART,
            {
                "10 are better than 1": difference(prefix[10], prefix[1]).above(0),
                f"10 are less than {LEVEL:.0f} points behind the best ({best})": difference(
                    prefix[best], prefix[10]
                ).below(LEVEL),
            },
        ),
    ]


def initial_value(runs: Results) -> list[Finding]:
    def gain(task: str, better: Method, random: Method, examples: int | None) -> Interval:
        return difference(runs.of(task, better, examples=examples), runs.of(task, random, examples=examples))

    tasks, amounts = ("translation", "sentiment"), {20: "20 examples", None: "all"}
    soft = {
        f"{task}, {amounts[size]}: {start}": gain(task, Soft(start=start), Soft(start="random"), size)
        for task in tasks
        for size in amounts
        for start in (("vocabulary", "labels") if task == "sentiment" else ("vocabulary",))
    }

    def flat(start: str) -> Method:
        return PrefixTuning(bottleneck=None, start=start)

    prefix = {
        f"{task}, {amounts[size]}: {start}": gain(task, flat(start), flat("random"), size)
        for task in tasks
        for size in amounts
        for start in ("tokens", "text")
    }
    return [
        Finding(
            "initial-value",
            "A soft prompt learns better from words of the vocabulary, or from the labels, than from random numbers.",
            "large differences for small models, none at T5-XXL",
            "lester2021power",
            "against random, points: " + listed(soft),
            "Our random numbers have the scale of the embeddings, and the learning rate suits them; then a soft "
            "prompt gets away from wherever it began. With 20 reviews the seeds differ so much that no start stands "
            "out from them.",
            Verdict.NOT_HERE,
            {f"{name} ahead of random": each.above(0) for name, each in soft.items()},
        ),
        Finding(
            "initial-value",
            "A prefix learns better from the activations of real words than from random numbers, with few examples.",
            "random numbers: low and varying results; words of the task best (low-data setting)",
            "li2021prefix",
            "against random, points: " + listed(prefix),
            "The keys and values of real words are places that the model's queries already look at. Random ones of "
            "the same scale are not, and a flat prefix takes long to find such places. On translation that "
            "costs it 70 to 87 points. On sentiment 20 examples leave every start at chance, so they decide nothing. "
            "With all examples a text is ahead, though two thirds right is still little.",
            Verdict.IN_PART,
            {f"{name} ahead of random": each.above(0) for name, each in prefix.items()},
        ),
    ]


def perceptron(runs: Results) -> list[Finding]:
    names = {None: "flat", 64: "perceptron"}
    scores = runs.by(_width_and_rate)
    losses = runs.by(_width_and_rate, loss)
    best = {
        width: min((key for key in scores if key[0] == width), key=lambda key: np.mean(losses[key])) for width in names
    }
    reach = max(float(np.mean(scores[key])) for key in best.values()) - 2 * LITTLE
    share = {width: _share(scores, width, reach) for width in names}
    spread = {width: max(scores[best[width]]) - min(scores[best[width]]) for width in names}
    gain = difference(scores[best[64]], scores[best[None]])
    return [
        Finding(
            "perceptron",
            "Learning P_θ directly is unstable, and the perceptron mends it.",
            "unstable optimisation and a slight drop without it; very sensitive to the learning rate and the start",
            "li2021prefix",
            f"perceptron − flat, each at its best rate: {gain} points; within {2 * LITTLE:.0f} points of the best: "
            + listed({names[width]: f"{100 * value:.0f} % of runs" for width, value in share.items()})
            + "; seeds apart at the best rate: "
            + listed({names[width]: f"{value:.0f} points" for width, value in spread.items()}),
            "The perceptron multiplies: a step of its weights moves all rows of P_θ far, so it learns at rates at "
            "which a flat prefix stands still, and breaks at rates that a flat prefix needs. Each at a rate that "
            "suits it, the flat one is ahead, and its seeds lie as close together. Whoever tries both at the rates "
            "of fine-tuning sees the paper's picture.",
            Verdict.NOT_HERE,
            {
                "at its best rate the perceptron is better": gain.above(0),
                "more of its runs come near the best": share[64] > share[None],
                "at the best rate its seeds lie closer together": spread[64] < spread[None],
            },
        )
    ]


def where(runs: Results) -> list[Finding]:
    def house(method: Method) -> list[float]:
        return runs.of("house style", method)

    def t5(*stacks: str) -> list[float]:
        return runs.of("translation", PrefixTuning(stacks=stacks), T5)

    whole, front, behind = house(PrefixTuning()), house(Soft(length=10)), house(Soft(length=10, behind=True))
    upper, lower = house(PrefixTuning(layers=(2, 3))), house(PrefixTuning(layers=(0, 1)))
    encoder, decoder, both = t5("encoder"), t5("decoder"), t5("encoder", "decoder")
    cross = t5("encoder", "decoder", "cross")
    return [
        Finding(
            "where",
            "Vectors at the input alone do less than a prefix in every layer.",
            "E2E: 62.2 BLEU with 10 vectors at the input, 69.7 with a prefix",
            "li2021prefix",
            f"house style, exact match: ten vectors at the input {interval(front)}; prefix of ten {interval(whole)}",
            "The rows of a prefix are free in each layer; what stands at the input must get through all the layers "
            "of a model that was not trained to carry it.",
            Verdict.HOLDS,
            {"the prefix is better": difference(whole, front).above(0)},
        ),
        Finding(
            "where",
            "Behind x the vectors do less than in front of it.",
            "E2E: infix 67.2 BLEU with ten tokens, prefix 69.7",
            "li2021prefix",
            f"house style, exact match: ten vectors behind x {interval(behind)}; in front {interval(front)}",
            "The paper moved activations in every layer, and we move vectors at the input, so this tests the same "
            "idea on the weaker method. Here the place behind x is the better one: vectors there can look at the "
            "record before the text begins; those in front come before it, so their own keys and values are the same "
            "for every record.",
            Verdict.NOT_HERE,
            {"in front is better": difference(front, behind).above(0)},
        ),
        Finding(
            "where",
            "Upper layers matter more than lower ones.",
            "a prompt in the last layers comes near one in all of them (P-tuning v2)",
            "liu2022ptuning",
            f"house style, exact match: upper half {interval(upper)}; lower {interval(lower)}; all {interval(whole)}",
            "The style is decided where the next word is chosen: the upper half alone comes within some five points "
            "of all layers, and the lower half gets a sixth of the way. The last points want all of them.",
            Verdict.IN_PART,
            {
                "the upper half is better than the lower": difference(upper, lower).above(0),
                f"the upper half is less than {LITTLE:.0f} points behind all": difference(whole, upper).below(LITTLE),
            },
        ),
        Finding(
            "where",
            "An encoder–decoder wants a prefix on both sides.",
            "BART has one in the encoder and one in the decoder, z = [Prefix; x; Prefix′; y]",
            "li2021prefix",
            f"encoder {interval(encoder)}, decoder {interval(decoder)}, both {interval(both)}, "
            f"and in cross-attention {interval(cross)}",
            "For translating, what has to be said is said by the encoder, which reads x: in three of five seeds its "
            "prefix alone does about as well as both; one ends some twenty points lower, and one, at this learning "
            "rate, gets nothing right. With a decoder's beside it, each seed gets more than 85 %. The decoder's alone "
            "leaves the encoder guessing what x is wanted for. Both together are steadier rather than better.",
            Verdict.IN_PART,
            {
                "both are better than the encoder's alone": difference(both, encoder).above(0),
                "both are better than the decoder's alone": difference(both, decoder).above(0),
            },
        ),
    ]


def _width_and_rate(run: Run) -> tuple[int | None, float | None]:
    assert isinstance(run.method, PrefixTuning)
    return run.method.bottleneck, run.learning_rate


def _share(scores: Mapping[tuple[int | None, float | None], Sequence[float]], width: int | None, bound: float) -> float:
    """How many of the runs of a width, at any rate, reach `bound`."""
    return float(np.mean([value >= bound for key, values in scores.items() if key[0] == width for value in values]))
