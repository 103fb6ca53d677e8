"""What each method reaches: on all data, on little, with models of three sizes, and on real data."""

import numpy as np

from ..methods import Full, LowRank, Method, PrefixTuning, Soft
from ..results import Results, stored
from ..statistics import difference, interval
from ..studies import E2E_STEPS, LARGE, MIDDLE, SIZES, SMALL, STEPS
from ..verdicts import Finding, Verdict
from .bounds import LEVEL, LITTLE, listed
from .words import best_wording


def methods(runs: Results) -> list[Finding]:
    tuned = {task: runs.of(task, Full()) for task in STEPS}
    soft = {task: difference(tuned[task], runs.of(task, Soft())) for task in STEPS}
    prefix = {task: difference(tuned[task], runs.of(task, PrefixTuning())) for task in STEPS}
    lora = {task: difference(runs.of(task, LowRank()), runs.of(task, PrefixTuning())) for task in STEPS}
    words = {task: runs.of(task, best_wording(runs, task))[0] for task in STEPS}
    vectors = {task: interval([value - words[task] for value in runs.of(task, Soft())]) for task in STEPS}
    share = {
        method.name: runs.of("translation", method, value=stored)[0] / runs.of("translation", Full(), value=stored)[0]
        for method in (Soft(), PrefixTuning(), LowRank())
    }
    return [
        Finding(
            "methods",
            "Learnt vectors do better than the best words.",
            "a prompt-tuned T5-Large beats GPT-3 175B prompted with words (SuperGLUE)",
            "lester2021power",
            "soft prompt − best wording, points: " + listed(vectors),
            "Where the best wording is one that the corpus had, nothing is left to gain: words already ask for the "
            "translation. Where no words ask for what is wanted, vectors reach what words do not.",
            Verdict.IN_PART,
            {f"{task}: soft prompt above the best wording": each.above(0) for task, each in vectors.items()},
        ),
        Finding(
            "methods",
            "A soft prompt is far cheaper than fine-tuning, and a little worse.",
            "at T5-Base and T5-Large some points below model tuning; at most 0.01 % of the parameters from 1B on",
            "lester2021power",
            f"{100 * share['soft prompt']:.2f} % stored; fine-tuning − soft prompt, points: {listed(soft)}",
            "Cheap it is everywhere. About level it is on translating and judging, which the model knows well "
            "and only has to be told. In this budget twenty vectors get four in five records right in a style that "
            "the model knows, no more than the best wording does, and next to none in a style that it has never read.",
            Verdict.IN_PART,
            {"stored: less than 1 % of the model": share["soft prompt"] < 0.01}
            | {f"{task}: less than {LITTLE:.0f} points worse": each.below(LITTLE) for task, each in soft.items()},
        ),
        Finding(
            "methods",
            "A prefix matches fine-tuning on all data.",
            "E2E, GPT-2 medium: 69.7 BLEU against 68.2, with 0.1 % of the parameters",
            "li2021prefix",
            f"{100 * share['prefix']:.2f} % stored; fine-tuning − prefix, points: {listed(prefix)}",
            "Level on translation. A few points behind on the style that the model had read, more on the new one, "
            "where something has to be learnt. On sentiment some seeds end far below the others: they hardly get away "
            "from the plateau on which every review is as likely good as bad.",
            Verdict.IN_PART,
            {f"{task}: less than {LEVEL:.0f} points behind": each.below(LEVEL) for task, each in prefix.items()},
        ),
        Finding(
            "methods",
            "LoRA is at least level with a prefix.",
            "E2E, GPT-2 medium: 70.4 BLEU against 69.7",
            "hu2022lora",
            "LoRA − prefix, points: " + listed(lora),
            "A low-rank change of the weights acts on every word that is read and written, and a prefix only where "
            f"attention looks at it. LoRA stored {100 * share['LoRA']:.1f} % of the model's parameters here, though, "
            f"and a prefix {100 * share['prefix']:.1f} %.",
            Verdict.HOLDS,
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
            f"prefix − fine-tuning over 50 to 500 examples, points: {listed(ahead)}; with 10: {listed(fewest)}",
            "Translation is in the frozen model; a prefix cannot unlearn it, while ten examples are enough for "
            "fine-tuning to spoil it. The house style is in no part of the model: there fine-tuning learns more from "
            "every example. Part of that is time: a prefix learns slowly, and up to 100 examples there are 100 steps. "
            "What few examples favour depends on how much of the task the model knows.",
            Verdict.IN_PART,
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
    shown = {method.name: listed({size: interval(gap[size]) for size in sizes}) for method, gap in gaps.items()}
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
            Verdict.IN_PART,
            parts,
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
            "E2E, GPT-2 medium: prefix 69.7 BLEU, fine-tuning 68.2, LoRA 70.4 as Hu et al. list them",
            "li2021prefix",
            "BLEU with all examples: " + listed(shown) + f"; prefix − fine-tuning: {ahead[None]}",
            "GPT-2 had read eight million pages of English, restaurants among them. Our models have read of a made-up "
            "world, in few words, so E2E is to them a new language more than a new task; that has to be learnt, and "
            "weights learn it better than a prefix in front of frozen ones. LoRA, which changes weights a little, lies "
            "between the two with all examples.",
            Verdict.NOT_HERE,
            {"with all examples: less than 1 BLEU behind": ahead[None].above(-1)},
        ),
        Finding(
            "e2e",
            "On real data a prefix is ahead where examples are few.",
            "+2.9 BLEU on average over 50 to 500 examples",
            "li2021prefix",
            "prefix − fine-tuning, BLEU: " + listed({f"{size or 'all'}:": each for size, each in ahead.items()}),
            "For the same reason. The prefix is behind with each number of examples, and by less where they are few: "
            "there fine-tuning, too, has hardly met the language.",
            Verdict.NOT_HERE,
            {f"with {size}: ahead": ahead[size].above(0) for size in few},
        ),
    ]
