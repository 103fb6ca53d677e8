"""What the studies say of the papers' claims. Every sentence about our runs is computed from them.

A part of a claim holds when the whole 95 % interval of a paired difference says so, and not the mean alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .engine import missing
from .methods import Ensemble, Full, Hard, LowRank, Method, PrefixTuning, Soft
from .results import MAIN, Results, Value, elsewhere, loss, stored
from .runs import Record, Run
from .statistics import Interval, difference, interval
from .store import Store
from .studies import E2E, E2E_STEPS, LARGE, LENGTHS, MIDDLE, SIZES, SMALL, STEPS, STUDIES, T5, wordings_of
from .verdicts import Finding, Verdict

LEVEL = 2.0  # points: two methods so close are level
LITTLE = 5.0  # points: "a little worse"
MUCH = 30.0  # points: a spread that nobody would overlook
HOLDS, IN_PART, NOT_HERE = Verdict.HOLDS, Verdict.IN_PART, Verdict.NOT_HERE


def findings(names: Sequence[str], store: Store) -> list[Finding]:
    """The verdicts of those of the studies `names` whose runs are all stored."""
    studies = STUDIES | {E2E.name: E2E}
    complete = [name for name in names if not missing(studies[name].runs(), store)]
    return [found for name in complete for found in JUDGES[name](Results(studies[name].runs(), store))]


# -- hard prompts ---------------------------------------------------------------------------------------------------
def spread(runs: Results, task: str, model: str) -> float:
    """Points between the best and the worst wording; x alone is no wording."""
    values = [runs.of(task, Hard(name), model)[0] for name in wordings_of(task)[:-1]]
    return max(values) - min(values)


def best_wording(runs: Results, task: str, model: str = MIDDLE) -> Hard:
    """The wording with the lowest validation loss: the test set has no say."""
    return min(map(Hard, wordings_of(task)), key=lambda hard: runs.of(task, hard, model, value=loss)[0])


def wordings(runs: Results) -> list[Finding]:
    tasks = ("translation", "sentiment", "seen style")
    middle, large = ({task: spread(runs, task, model) for task in tasks} for model in (MIDDLE, LARGE))
    return [
        Finding(
            "wordings",
            "Which words ask for a task decides how well it is done.",
            "GPT-3: from chance to near the state of the art, by the prompt's form",
            "zhao2021calibrate",
            "best to worst wording: " + _list({task: f"{points:.0f} points" for task, points in middle.items()}),
            "A model continues texts. The wordings that do well are those that its corpus had in front of such texts; "
            "the others begin another kind of text, however plainly they put the request to a person.",
            HOLDS,
            {f"{task}: more than {MUCH:.0f} points apart": points > MUCH for task, points in middle.items()},
        ),
        Finding(
            "wordings",
            "A larger model does not mend that.",
            "up to 76 points with a 13B Llama 2; larger models, more examples and tuning to instructions do not end it",
            "sclar2024quantifying",
            "best to worst wording, largest model: "
            + _list({task: f"{points:.0f} points" for task, points in large.items()}),
            "Where the answer is a text, the distance stays: the largest model has read the same corpus, in which a "
            "wording either stands for the task or does not. Where the answer is one of two words, it falls away: the "
            "model only has to prefer the right word, and the largest does so under every wording.",
            IN_PART,
            {f"{task}: still more than {MUCH:.0f} points apart": points > MUCH for task, points in large.items()},
        ),
    ]


# -- what the methods reach -----------------------------------------------------------------------------------------
def methods(runs: Results) -> list[Finding]:
    tuned = {task: runs.of(task, Full()) for task in STEPS}
    soft = {task: difference(tuned[task], runs.of(task, Soft())) for task in STEPS}
    prefix = {task: difference(tuned[task], runs.of(task, PrefixTuning())) for task in STEPS}
    lora = {task: difference(runs.of(task, LowRank()), runs.of(task, PrefixTuning())) for task in STEPS}
    words = {task: runs.of(task, best_wording(runs, task))[0] for task in STEPS}
    vectors = {task: interval([value - words[task] for value in runs.of(task, Soft())]) for task in STEPS}
    share = {
        method.name: runs.of("translation", method, value=stored)[0] / runs.of("translation", Full(), value=stored)[0]
        for method in (Soft(), PrefixTuning())
    }
    return [
        Finding(
            "methods",
            "Learnt vectors do better than the best words.",
            "a prompt-tuned T5-Large beats GPT-3 175B prompted with words (SuperGLUE)",
            "lester2021power",
            "soft prompt − best wording, points: " + _list(vectors),
            "Where the best wording is one that the corpus had, nothing is left to gain: words already ask for the "
            "translation. Where no words ask for what is wanted, vectors reach what words do not.",
            IN_PART,
            {f"{task}: soft prompt above the best wording": each.above(0) for task, each in vectors.items()},
        ),
        Finding(
            "methods",
            "A soft prompt is far cheaper than fine-tuning, and a little worse.",
            "at T5-Base and T5-Large some points below model tuning; at most 0.01 % of the parameters from 1B on",
            "lester2021power",
            f"{100 * share['soft prompt']:.2f} % stored; fine-tuning − soft prompt, points: {_list(soft)}",
            "Cheap it is everywhere. A little worse it is where the model knows the task already and only has to be "
            "told; on a style that it has never read, twenty vectors at its input are far too little for a model of "
            "this size.",
            IN_PART,
            {"stored: less than 1 % of the model": share["soft prompt"] < 0.01}
            | {f"{task}: less than {LITTLE:.0f} points worse": each.below(LITTLE) for task, each in soft.items()},
        ),
        Finding(
            "methods",
            "A prefix matches fine-tuning on all data.",
            "E2E, GPT-2 medium: 69.7 BLEU against 68.2, with 0.1 % of the parameters",
            "li2021prefix",
            f"{100 * share['prefix']:.2f} % stored; fine-tuning − prefix, points: {_list(prefix)}",
            "Level on translation and on the style that the model had read. Behind by a few points on the new style, "
            "where something has to be learnt. On sentiment some seeds end far below the others: the answer is one "
            "word, so a batch of 16 teaches 16 tokens a step, and 200 steps are too few for some starts.",
            IN_PART,
            {f"{task}: less than {LEVEL:.0f} points behind": each.below(LEVEL) for task, each in prefix.items()},
        ),
        Finding(
            "methods",
            "LoRA is at least level with a prefix.",
            "E2E, GPT-2 medium: 70.4 BLEU against 69.7",
            "hu2022lora",
            "LoRA − prefix, points: " + _list(lora),
            "A low-rank change of the weights acts on every word that is read and written, and a prefix only where "
            "attention looks at it. LoRA had 1.6 % of the parameters here, though, and a prefix 1.0 %.",
            HOLDS,
            {f"{task}: less than {LEVEL:.0f} points behind": each.above(-LEVEL) for task, each in lora.items()},
        ),
    ]


def few_examples(runs: Results) -> list[Finding]:
    sizes = [size for size in SIZES if size is not None and 50 <= size <= 500]  # those that the paper averages
    ahead = {}
    for task in ("translation", "house style"):
        both = [[runs.of(task, method, examples=size) for size in sizes] for method in (PrefixTuning(), Full())]
        ahead[task] = difference(*(np.mean(each, axis=0).tolist() for each in both))
    fewest = {
        task: difference(*(runs.of(task, method, examples=10) for method in (PrefixTuning(), Full()))) for task in ahead
    }
    return [
        Finding(
            "few-examples",
            "With few examples a prefix beats fine-tuning.",
            "+2.9 BLEU on average over 50 to 500 examples",
            "li2021prefix",
            f"prefix − fine-tuning over 50 to 500 examples, points: {_list(ahead)}; with 10: {_list(fewest)}",
            "Translation is in the frozen model; a prefix cannot unlearn it, while ten examples are enough for "
            "fine-tuning to spoil it. The house style is in no part of the model: there fine-tuning learns more from "
            "every example. What few examples favour depends on how much of the task the model knows.",
            IN_PART,
            {f"{task}: ahead on average over 50 to 500": each.above(0) for task, each in ahead.items()}
            | {f"{task}: ahead with 10": each.above(0) for task, each in fewest.items()},
        )
    ]


def scale(runs: Results) -> list[Finding]:
    sizes = (SMALL, MIDDLE, LARGE)
    gaps = {
        method: {
            model: [a - b for a, b in zip(runs.of("house style", Full(), model), ours, strict=True)]
            for model in sizes
            for ours in [runs.of("house style", method, model)]
        }
        for method in (Soft(), PrefixTuning())
    }
    shown = {method.name: _list({size: interval(gap[size]) for size in sizes}) for method, gap in gaps.items()}
    parts: dict[str, bool] = {}
    for method, gap in gaps.items():
        small, middle, large = gap.values()
        parts |= {
            f"{method.name}: smaller in the middle than in the smallest": difference(small, middle).above(0),
            f"{method.name}: smaller in the largest than in the middle": difference(middle, large).above(0),
            f"{method.name}: closed in the largest ({LEVEL:.0f} points)": interval(large).below(LEVEL),
        }
    return [
        Finding(
            "scale",
            "The gap between prompts and fine-tuning closes as models grow.",
            "soft prompts far behind at T5-Small, level at T5-XXL (11B)",
            "lester2021power",
            "points behind fine-tuning: " + "; ".join(f"{name} {text}" for name, text in shown.items()),
            "From the middle size to the largest, both gaps close fast, and a prefix's is gone. Below, the gap says "
            "little: the smallest model writes the style badly even with all of its weights tuned, so there is not "
            "much to be behind of.",
            IN_PART,
            parts,
        )
    ]


# -- how they are set up --------------------------------------------------------------------------------------------
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
            "exact match: " + _list({number: interval(values) for number, values in soft.items()}),
            "One vector asks for nothing here, and twenty are better. But they are not enough: on a style that has to "
            "be learnt every doubling brings more, since each vector is one more thing that the layers can look at.",
            IN_PART,
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
            "exact match: " + _list({number: interval(values) for number, values in prefix.items()}),
            "A prefix has a key and a value in every layer for each of its tokens, so a few carry much: one alone does "
            "what a hundred vectors at the input do. Ten get most of what there is, and more still add a little, since "
            "the style is new to the model and there are 1,000 examples to learn it from.",
            IN_PART,
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
            "against random, points: " + _list(soft),
            "Our random numbers have the scale of the embeddings, and the learning rate suits them; then a soft "
            "prompt gets away from wherever it began. With 20 reviews the seeds differ so much that no start stands "
            "out from them.",
            NOT_HERE,
            {f"{name} is better": each.above(0) for name, each in soft.items()},
        ),
        Finding(
            "initial-value",
            "A prefix learns better from the activations of real words than from random numbers, with few examples.",
            "random numbers: low and varying results; words of the task best (low-data setting)",
            "li2021prefix",
            "against random, points: " + _list(prefix),
            "The keys and values of real words are places that the model's queries already look at. Random ones of "
            "the same scale are not, and a flat prefix takes long to find such places.",
            IN_PART,
            {f"{name} is better": each.above(0) for name, each in prefix.items()},
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
            + _list({names[width]: f"{100 * value:.0f} % of runs" for width, value in share.items()})
            + "; seeds apart at the best rate: "
            + _list({names[width]: f"{value:.0f} points" for width, value in spread.items()}),
            "The perceptron multiplies: a step of its weights moves all rows of P_θ far, so it learns at rates at "
            "which a flat prefix stands still, and breaks at rates that a flat prefix needs. At the rate that suits "
            "each, both arrive. Whoever keeps the rate of fine-tuning, or of the other one, sees the paper's picture.",
            IN_PART,
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
            f"ten vectors at the input {interval(front)}, prefix of ten {interval(whole)}",
            "The rows of a prefix are free in each layer; what stands at the input must get through all the layers "
            "of a model that was not trained to carry it.",
            HOLDS,
            {"the prefix is better": difference(whole, front).above(0)},
        ),
        Finding(
            "where",
            "Behind x the vectors do less than in front of it.",
            "infix 67.2 BLEU, prefix 69.7 (E2E, ten tokens)",
            "li2021prefix",
            f"ten vectors behind x {interval(behind)}, in front {interval(front)}",
            "The paper moved activations in every layer, and we move vectors at the input, so this tests the same "
            "idea on the weaker method. Here the place behind x is the better one: vectors there can look at the "
            "record before the text begins, those in front change only how it is read.",
            NOT_HERE,
            {"in front is better": difference(front, behind).above(0)},
        ),
        Finding(
            "where",
            "Upper layers matter more than lower ones.",
            "a prompt in the last layers comes near one in all of them (P-tuning v2)",
            "liu2022ptuning",
            f"upper half {interval(upper)}, lower half {interval(lower)}, all {interval(whole)}",
            "The style is decided where the next word is chosen. The last block alone takes the prefix most of the "
            "way; the first alone gets nowhere.",
            HOLDS,
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
            "For translating, what has to be said is said by the encoder, which reads x: its prefix alone does all "
            "that both do. The decoder's alone leaves the encoder guessing what x is wanted for.",
            IN_PART,
            {
                "both are better than the encoder's alone": difference(both, encoder).above(0),
                "both are better than the decoder's alone": difference(both, decoder).above(0),
            },
        ),
    ]


def shift(runs: Results) -> list[Finding]:
    tasks = ("translation", "sentiment", "house style")
    other = {
        method.name: {
            task: difference(runs.of(task, method, value=elsewhere), runs.of(task, Full(), value=elsewhere))
            for task in tasks
        }
        for method in (Soft(), PrefixTuning())
    }
    return [
        Finding(
            "shift",
            "A prompt carries over to another domain better than tuned weights.",
            "trained on SQuAD, tested on TextbookQA: F1 66.8 against 54.3",
            "lester2021power",
            "in the other domain, against fine-tuning, points: "
            + "; ".join(f"{name} {_list(each)}" for name, each in other.items()),
            "A prefix leaves the model its knowledge of clauses and of places, and both are needed outside. "
            "Fine-tuning that has never seen a record with another place learns to say only those that it saw. A soft "
            "prompt that has to work hard inside its domain fits itself to it as well.",
            IN_PART,
            {
                f"{task}: {name} is better": each.above(0)
                for name, by_task in other.items()
                for task, each in by_task.items()
            },
        )
    ]


def members_scores() -> dict[str, Value]:
    """Three ways to speak of the members: their mean, the one that validation chooses, the one that the test set does.

    The last one is the paper's, and unfair to the ensemble: nobody knows beforehand which it will be.
    """

    def value(which: Callable[[Sequence[float], Sequence[float]], float]) -> Value:
        def read(run: Run, record: Record) -> float:
            metric = MAIN.get(run.data.name, "exact_match")
            scores = [each[metric][0] for each in record.result["members"]]
            return which(scores, record.result["validation losses of members"])

        return read

    return {
        "mean member": value(lambda scores, _: float(np.mean(scores))),
        "member chosen on validation": value(lambda scores, losses: scores[int(np.argmin(losses))]),
        "best member on the test set": value(lambda scores, _: max(scores)),
    }


def ensembles(runs: Results) -> list[Finding]:
    gains = {
        f"{task}, against the {name}": difference(runs.of(task, Ensemble()), runs.of(task, Ensemble(), value=value))
        for task in ("sentiment", "house style")
        for name, value in members_scores().items()
    }
    return [
        Finding(
            "ensembles",
            "Five prompts that vote are better than the best of them.",
            "SuperGLUE, T5-XXL: 91.3 against 91.0 for the best member and 90.5 on average",
            "lester2021power",
            "points gained: " + _list(gains),
            "Votes help where members err on different examples. Texts that must be right to the last letter agree "
            "only when they are right, so there the vote is hardly more than its best member.",
            IN_PART,
            {f"{name}: better": each.above(0) for name, each in gains.items()},
        )
    ]


def e2e(runs: Results) -> list[Finding]:
    def bleu(method: Method, examples: int | None) -> list[float]:
        return runs.of("e2e", method, LARGE, examples)

    prefix, few = PrefixTuning(length=20), (50, 500)
    ahead = {size: difference(bleu(prefix, size), bleu(Full(), size)) for size in E2E_STEPS}
    shown = {method.name: interval(bleu(method, None)) for method in (Soft(), prefix, LowRank(), Full())}
    return [
        Finding(
            "e2e",
            "On real data a prefix does as well as fine-tuning.",
            "E2E, GPT-2 medium: prefix 69.7 BLEU, fine-tuning 68.2, LoRA 70.4 (Hu et al.)",
            "li2021prefix",
            "BLEU with all examples: " + _list(shown) + f"; prefix − fine-tuning: {ahead[None]}",
            E2E_WHY,
            NOT_HERE,
            {"with all examples: less than 1 BLEU behind": ahead[None].above(-1)},
        ),
        Finding(
            "e2e",
            "On real data a prefix is ahead where examples are few.",
            "+2.9 BLEU on average over 50 to 500 examples",
            "li2021prefix",
            "prefix − fine-tuning, BLEU: " + _list({f"{size or 'all'}:": each for size, each in ahead.items()}),
            E2E_WHY,
            NOT_HERE,
            {f"with {size}: ahead": ahead[size].above(0) for size in few},
        ),
    ]


E2E_WHY = (
    "GPT-2 had read eight million pages of English, restaurants among them. Our models have read of a made-up world, "
    "in few words, so E2E is to them a new language more than a new task; that has to be learnt, and weights learn it "
    "better than a prefix in front of frozen ones."
)

JUDGES: Mapping[str, Callable[[Results], list[Finding]]] = {
    "wordings": wordings,
    "methods": methods,
    "few-examples": few_examples,
    "scale": scale,
    "length": length,
    "initial-value": initial_value,
    "perceptron": perceptron,
    "where": where,
    "shift": shift,
    "ensembles": ensembles,
    "e2e": e2e,
}


def _list(values: Mapping[Any, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _width_and_rate(run: Run) -> tuple[int | None, float | None]:
    assert isinstance(run.method, PrefixTuning)
    return run.method.bottleneck, run.learning_rate


def _share(scores: Mapping[tuple[int | None, float | None], Sequence[float]], width: int | None, bound: float) -> float:
    """How many of the runs of a width, at any rate, reach `bound`."""
    return float(np.mean([value >= bound for key, values in scores.items() if key[0] == width for value in values]))
