"""Hard prompts: how much hangs on the wording, and whether a better one can be searched for."""

from ..methods import Hard, Paraphrased, Searched
from ..results import Results, chosen_on, loss
from ..statistics import difference, interval
from ..studies import LARGE, MIDDLE, WORDED, wordings_of
from ..verdicts import Finding, Verdict
from .bounds import LITTLE, MUCH, listed


def spread(runs: Results, task: str, model: str) -> float:
    """Points between the best and the worst wording; x alone is no wording."""
    values = [runs.of(task, Hard(name), model)[0] for name in wordings_of(task)[:-1]]
    return max(values) - min(values)


def best_wording(runs: Results, task: str, model: str = MIDDLE) -> Hard:
    """The wording with the lowest validation loss: the test set has no say."""
    return min(map(Hard, wordings_of(task)), key=lambda hard: runs.of(task, hard, model, value=loss)[0])


def wordings(runs: Results) -> list[Finding]:
    middle, large = ({task: spread(runs, task, model) for task in WORDED} for model in (MIDDLE, LARGE))
    return [
        Finding(
            "wordings",
            "Which words ask for a task decides how well it is done.",
            "GPT-3: from chance to near the state of the art, by the prompt's form",
            "zhao2021calibrate",
            "best to worst wording: " + listed({task: f"{points:.0f} points" for task, points in middle.items()}),
            "A model continues texts. The wordings that do well are those that its corpus had in front of such texts; "
            "the others begin another kind of text, however plainly they put the request to a person.",
            Verdict.HOLDS,
            {f"{task}: more than {MUCH:.0f} points apart": points > MUCH for task, points in middle.items()},
        ),
        Finding(
            "wordings",
            "A larger model does not mend that.",
            "up to 76 points with a 13B Llama 2; larger models, more examples and tuning to instructions do not end it",
            "sclar2024quantifying",
            "best to worst wording, largest model: "
            + listed({task: f"{points:.0f} points" for task, points in large.items()}),
            "Where the answer is a text, the distance stays: the largest model has read the same corpus, in which a "
            "wording either stands for the task or does not. Where the answer is one of two words, it falls away: the "
            "model only has to prefer the right word, and the largest does so under every wording.",
            Verdict.IN_PART,
            {f"{task}: still more than {MUCH:.0f} points apart": points > MUCH for task, points in large.items()},
        ),
    ]


def search(runs: Results) -> list[Finding]:
    guided, blind = Searched(), Searched(guided=False)
    scores = {method: {task: runs.of(task, method) for task in WORDED} for method in (guided, blind, Paraphrased())}
    against_people = {task: difference(scores[guided][task], scores[Paraphrased()][task]) for task in WORDED}
    losses = {method: {task: runs.of(task, method, value=loss) for task in WORDED} for method in (guided, blind)}
    against_chance = {task: difference(losses[blind][task], losses[guided][task]) for task in WORDED}
    lost = {task: difference(runs.of(task, guided, value=chosen_on), scores[guided][task]) for task in WORDED}
    shown = {
        task: f"{interval(scores[guided][task])} against {interval(scores[Paraphrased()][task])}" for task in WORDED
    }
    return [
        Finding(
            "search",
            "Words that a gradient finds do better than words that people write.",
            "LAMA: 43.3 % of facts right; with people's wordings 31.1 %, with paraphrases of them 34.1 %",
            "shin2020autoprompt",
            "searched against the best of 25 paraphrases: " + listed(shown),
            "The people who wrote these paraphrases know what the model has read, and some of their wordings stood "
            "in its corpus with just this meaning. A search starts from five random tokens and measures a thousand "
            "prompts out of 2,048⁵. It may come upon the word German and do as well as people, or end in a valley "
            "without it. Where nobody knows what the model has read, as with the paper's models, people have no such "
            "lead.",
            Verdict.NOT_HERE,
            {f"{task}: searched words are better": each.above(0) for task, each in against_people.items()},
        ),
        Finding(
            "search",
            "The gradient knows which word to put in.",
            "the best swap is estimated from one backward pass, in place of a forward pass for each swap",
            "ebrahimi2018hotflip",
            "blind − guided after equally many measured swaps, nats per token: "
            + listed(
                {task: f"{each.mean:.2f} ({each.low:.2f} to {each.high:.2f})" for task, each in against_chance.items()}
            ),
            "Both searches measure equally many prompts, and the guided one ends lower on all tasks. A gradient "
            "foretells single losses badly, but it points to better words often enough. On the seen style, where "
            "many words will do, the two lie close together. A lower loss is not yet a better answer, though: on "
            "sentiment the blind search, with the higher loss, chooses the right label at least as often.",
            Verdict.HOLDS,
            {f"{task}: a lower loss than blind search finds": each.above(0) for task, each in against_chance.items()},
        ),
        Finding(
            "search",
            "What was found on some examples carries over to others.",
            "prompts are chosen on a development set and reported on the test set",
            "shin2020autoprompt",
            "validation set − test set, points: " + listed(lost),
            "The best of some sixty prompts on a hundred examples owes a part of its lead there to luck, and luck does "
            "not carry over. That costs a few points, most on sentiment, where one prompt's score differs from the "
            "next one's the most. Five tokens are too few to learn examples by heart.",
            Verdict.IN_PART,
            {f"{task}: less than {LITTLE:.0f} points are lost": each.below(LITTLE) for task, each in lost.items()},
        ),
    ]
