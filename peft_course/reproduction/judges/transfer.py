"""What prompts do beyond their own test set: another domain, and the votes of several."""

from collections.abc import Callable, Sequence

import numpy as np

from ..methods import Ensemble, Full, PrefixTuning, Soft
from ..results import MAIN, Results, Value, elsewhere
from ..runs import Record, Run
from ..statistics import difference
from ..verdicts import Finding, Verdict
from .bounds import listed


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
            + "; ".join(f"{name} {listed(each)}" for name, each in other.items()),
            "A prefix leaves the model its knowledge of clauses and of places, and both are needed outside. "
            "Fine-tuning that has never seen a record with another place learns to say only those that it saw. A soft "
            "prompt leaves the model as much, but has little to carry over: the house style it never learnt, and on "
            "translation its seeds lie far apart outside.",
            Verdict.IN_PART,
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
            "points gained: " + listed(gains),
            "Votes help where members are about equally good and err on different examples. On sentiment all members "
            "are near the top, and the best of them is nearer to it than the vote. Of the house style hardly a text of "
            "any member is right, so there is nothing to agree on. Five votes are level with the mean member; whoever "
            "has five prompts and a validation set does as well with one of them.",
            Verdict.NOT_HERE,
            {f"{name}: better": each.above(0) for name, each in gains.items()},
        )
    ]
