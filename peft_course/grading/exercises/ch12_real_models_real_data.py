"""Exercises for the chapter *Real models, real data*."""

import functools
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..task import Draw, Mistake, Task, value
from ..varied import varied, without

EDITION = 1
Pairs = list[tuple[str, str]]


# -- 12.1 A record and its texts ---------------------------------------------------------------------------------------
def grouped(pairs: Pairs) -> dict[str, list[str]]:
    """Pairs of a meaning representation and a text → the texts of each record, by its line."""
    texts: dict[str, list[str]] = {}
    for mr, text in pairs:
        texts.setdefault(_line(mr), []).append(text)
    return texts


def _line(mr: str) -> str:
    return " | ".join(f"{slot.strip()}: {value}" for slot, value in re.findall(r"([^,\[\]]+)\[([^\]]*)\]", mr))


def _cut_at_commas(pairs: Pairs) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for mr, text in pairs:
        line = " | ".join(part.replace("[", ": ").replace("]", "") for part in mr.split(", "))
        texts.setdefault(line, []).append(text)
    return texts


def _last_text(pairs: Pairs) -> dict[str, list[str]]:
    return {line: texts[-1:] for line, texts in grouped(pairs).items()}


def _neighbours_alone(pairs: Pairs) -> dict[str, list[str]]:
    runs = itertools.groupby(pairs, key=lambda pair: _line(pair[0]))
    return {line: [text for _, text in run] for line, run in runs}


def _each_text_once(pairs: Pairs) -> dict[str, list[str]]:
    return {line: list(dict.fromkeys(texts)) for line, texts in grouped(pairs).items()}


def _draw_pairs(draw: Draw) -> tuple[Any, ...]:
    names, kinds = ["The Mill", "Zizzi, the Old", "Blue Spice"], ["pub", "restaurant", "coffee shop"]
    records = [
        f"name[{name}], eatType[{draw.choice(kinds)}], customer rating[{draw.integer(1, 5)} out of 5]" for name in names
    ]
    order = [records[n] for n in draw.permutation(3)]
    first = order[0]
    chosen = [first, first, *order[1:], first, *(draw.choice(records) for _ in range(3))]
    pairs = [(mr, f"Text {n} of {mr[5:9]}.") for n, mr in enumerate(chosen)]
    return ([*pairs, (first, pairs[0][1])],)


GROUPED = Task(
    number="12.1",
    title="a record and its texts",
    name="grouped",
    reference=grouped,
    draw=_draw_pairs,
    mistakes=(
        Mistake("A comma may stand within a value. Slots end where a bracket closes.", _cut_at_commas),
        Mistake("Only the last text of each record is left. All of them are references.", _last_text),
        Mistake(
            "Only texts in neighbouring lines came together. A record may come back later in the file.",
            _neighbours_alone,
        ),
        Mistake("Two people wrote the same text, and one of the two is gone. Keep both.", _each_text_once),
    ),
)


# -- 12.2 The clipped count --------------------------------------------------------------------------------------------
def clipped(answer: str, references: Sequence[str], n: int) -> tuple[int, int]:
    """How many n-grams of the answer are found, each at most as often as in one reference; and of how many."""
    return _clipped(answer, references, n)


def _n_grams(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _clipped(
    answer: str,
    references: Sequence[str],
    n: int,
    limit: Callable[[list[int]], float] = max,
    lower: Callable[[str], str] = str.lower,
    once: bool = False,
) -> tuple[int, int]:
    own = _n_grams(lower(answer), n)
    theirs = [_n_grams(lower(reference), n) for reference in references]
    if once:
        own = Counter(set(own))
    found = sum(min(count, int(limit([each[gram] for each in theirs]))) for gram, count in own.items())
    return found, own.total()


def _not_clipped(answer: str, references: Sequence[str], n: int) -> tuple[int, int]:
    return _clipped(answer, references, n, limit=lambda counts: 10**6 if any(counts) else 0)


def _clipped_by_the_sum(answer: str, references: Sequence[str], n: int) -> tuple[int, int]:
    return _clipped(answer, references, n, limit=sum)


def _first_reference(answer: str, references: Sequence[str], n: int) -> tuple[int, int]:
    return _clipped(answer, references[:1], n)


def _large_letters(answer: str, references: Sequence[str], n: int) -> tuple[int, int]:
    return _clipped(answer, references, n, lower=lambda text: text)


def _kinds(answer: str, references: Sequence[str], n: int) -> tuple[int, int]:
    return _clipped(answer, references, n, once=True)


def clipped_probe(answer, text, references):
    return {n: answer(text, references, n) for n in (1, 2, 3)}


def _draw_texts(draw: Draw) -> tuple[Any, ...]:
    words = ["Mill", "is", "a", "cheap", "pub"]
    tail = " ".join(draw.choice(words) for _ in range(draw.integer(3, 5)))
    answer = f"The owl the owl the owl {tail}"
    first = "the Mill " + " ".join(draw.choice(words) for _ in range(draw.integer(3, 5)))
    second = "The owl " + " ".join(draw.choice(words) for _ in range(draw.integer(3, 5)))
    return answer, [first, second, f"there the owl {tail.lower()}"]


CLIPPED = Task(
    number="12.2",
    title="the the the",
    name="clipped",
    reference=clipped,
    probe=clipped_probe,
    draw=_draw_texts,
    mistakes=(
        Mistake(
            "An n-gram counts at most as often as it stands in a reference. Saying it three times must not pay.",
            _not_clipped,
        ),
        Mistake("The references were added up. The limit is the largest count in a single one.", _clipped_by_the_sum),
        Mistake("You looked at the first reference alone.", _first_reference),
        Mistake("Large and small letters count as the same: lower-case both sides.", _large_letters),
        Mistake("Each kind of n-gram counts once here. Count every one of them, up to the limit.", _kinds),
    ),
)


# -- 12.3 BLEU ---------------------------------------------------------------------------------------------------------
def bleu(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """BLEU of a whole test set, 0 to 100 (Papineni et al. 2002)."""
    return _bleu(answers, references)


def _nearest(own: int, others: list[int]) -> float:
    return min(others, key=lambda length: (abs(length - own), length))


def _bleu(
    answers: Sequence[str],
    references: Sequence[Sequence[str]],
    length: Callable[[int, list[int]], float] = _nearest,
    penalty: Callable[[float], float] = lambda ratio: min(1.0, math.exp(1 - ratio)),
    mean: Callable[[list[float]], float] = lambda p: math.exp(sum(map(math.log, p)) / 4) if min(p) > 0 else 0.0,
) -> float:
    counts = [[clipped(a, r, n) for a, r in zip(answers, references, strict=True)] for n in (1, 2, 3, 4)]
    precisions = [sum(found for found, _ in each) / sum(total for _, total in each) for each in counts]
    own = [len(answer.split()) for answer in answers]
    theirs = [length(n, [len(r.split()) for r in rs]) for n, rs in zip(own, references, strict=True)]
    return 100 * penalty(sum(theirs) / sum(own)) * mean(precisions)


def _mean_of_sentences(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    marks = [_bleu([a], [r]) for a, r in zip(answers, references, strict=True)]
    return sum(marks) / len(marks)


def _no_penalty(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    return _bleu(answers, references, penalty=lambda _: 1.0)


def _longest(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    return _bleu(answers, references, length=lambda _, others: max(others))


def _shortest(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    return _bleu(answers, references, length=lambda _, others: min(others))


def _longer_of_two(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    return _bleu(answers, references, length=lambda own, others: min(others, key=lambda n: (abs(n - own), -n)))


def _bonus(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    return _bleu(answers, references, penalty=lambda ratio: math.exp(1 - ratio))


def _first_length(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    return _bleu(answers, references, length=lambda _, others: others[0])


def _arithmetic(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    return _bleu(answers, references, mean=lambda p: sum(p) / 4)


def _a_share(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    return bleu(answers, references) / 100


def _draw_test_set(draw: Draw) -> tuple[Any, ...]:
    words = "the a mill owl river pub is cheap near dear in centre has rating of five three good food and".split()
    answers, references = [], []
    for row in range(draw.integer(3, 5)):
        T = draw.integer(9, 12)
        text = [draw.choice(words) for _ in range(T + 8)]
        own = text[2 : 2 + T]
        own[draw.integer(4, 5) if row else 1] = "bar"
        own[0] = own[0].capitalize()
        answers.append(" ".join(own))
        tie, nearest_in_the_middle = ((0, T + 2), (2, T), (0, T + 8)), ((0, T + 8), (0, T + 1), (2, T - 1))
        parts = (tie, nearest_in_the_middle, ((0, T + 5), (1, T + 5), (0, T + 8)))[min(row, 2)]
        references.append([" ".join(text[start:end]) for start, end in parts])
    return answers, references


def bleu_probe(answer, answers, references):
    """Of answers that are too short on the whole, and of the same ones, each said twice."""
    return {"short": answer(answers, references), "long": answer([f"{each} {each}" for each in answers], references)}


BLEU = Task(
    number="12.3",
    title="BLEU, as the papers count it",
    name="bleu",
    reference=bleu,
    probe=bleu_probe,
    draw=_draw_test_set,
    points=2,
    mistakes=(
        Mistake(
            "This is the mean over the texts. Add up the counts of all texts first, then divide.", _mean_of_sentences
        ),
        Mistake("Too short texts go unpunished: the brevity penalty is missing.", _no_penalty),
        Mistake("For the penalty the nearest reference counts. You took the longest.", _longest),
        Mistake("For the penalty the nearest reference counts. You took the first.", _first_length),
        Mistake("For the penalty the nearest reference counts. You took the shortest.", _shortest),
        Mistake(
            "Of two references that are equally near, the shorter one counts. You took the longer.", _longer_of_two
        ),
        Mistake("Long answers get a bonus here. The penalty's factor is never more than 1: min(1, …).", _bonus),
        Mistake("The four precisions were averaged by adding. Their geometric mean was asked for.", _arithmetic),
        Mistake("This is a share between 0 and 1. BLEU is given in points, up to 100.", _a_share),
    ),
)


# -- 12.4 Count a Llama ------------------------------------------------------------------------------------------------
def num_weights(config: dict[str, Any]) -> int:
    """How many weights a Llama-like model has."""
    return _num_weights(config)


def _num_weights(
    config: dict[str, Any],
    grouped: bool = True,
    forward: int = 3,
    norms: int = 2,
    last: bool = True,
    tables: int | None = None,
) -> int:
    V, D, L = config["vocab_size"], config["hidden_size"], config["num_hidden_layers"]
    D_kv = D * config["num_key_value_heads"] // config["num_attention_heads"] if grouped else D
    tables = tables or (1 if config["tie_word_embeddings"] else 2)
    block = 2 * D * D + 2 * D * D_kv + forward * D * config["intermediate_size"] + norms * D
    return tables * V * D + L * block + last * D


def _not_grouped(config: dict[str, Any]) -> int:
    return _num_weights(config, grouped=False)


def _two_forward(config: dict[str, Any]) -> int:
    return _num_weights(config, forward=2)


def _norms_forgotten(config: dict[str, Any]) -> int:
    return _num_weights(config, norms=0, last=False)


def _last_norm_forgotten(config: dict[str, Any]) -> int:
    return _num_weights(config, last=False)


def _always_tied(config: dict[str, Any]) -> int:
    return _num_weights(config, tables=1)


def _never_tied(config: dict[str, Any]) -> int:
    return _num_weights(config, tables=2)


def weights_probe(answer, config):
    """With one table for input and output, and with two."""
    return {
        "tied": answer({**config, "tie_word_embeddings": True}),
        "not tied": answer({**config, "tie_word_embeddings": False}),
    }


def _draw_llama(draw: Draw) -> tuple[Any, ...]:
    heads, size = draw.choice([8, 12, 16]), draw.choice([32, 64])
    return (
        {
            "vocab_size": draw.integer(1000, 50_000),
            "hidden_size": heads * size,
            "intermediate_size": draw.integer(500, 4000),
            "num_hidden_layers": draw.integer(4, 30),
            "num_attention_heads": heads,
            "num_key_value_heads": heads // draw.choice([2, 4]),
        },
    )


NUM_WEIGHTS = Task(
    number="12.4",
    title="weigh a Llama before you fetch it",
    name="num_weights",
    reference=num_weights,
    probe=weights_probe,
    draw=_draw_llama,
    tolerance=1e-12,
    mistakes=(
        Mistake("Keys and values have fewer heads than queries here: their matrices are narrower.", _not_grouped),
        Mistake("The feed-forward layer has three matrices: up, down, and the gate.", _two_forward),
        Mistake("The norms are missing: each has a vector of weights.", _norms_forgotten),
        Mistake("One norm is missing: there is a last one behind all blocks.", _last_norm_forgotten),
        Mistake("Without tying, the output has a table of its own, as large as the input's.", _always_tied),
        Mistake("A tied table was counted twice. Input and output share it.", _never_tied),
    ),
)


# -- 12.5 Find the bug: answers without an end -------------------------------------------------------------------------
def with_labels(x: list[list[int]], y: list[list[int]], eos: int) -> tuple[Tensor, Tensor]:
    """Tokens of B inputs and answers → ids ``[B, T]``, padded on the left, and labels ``[B, T]``."""
    return _with_labels(x, y, eos, lambda ids, place, start, end: place >= start)


def _with_labels(
    x: list[list[int]], y: list[list[int]], eos: int, learn: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    rows = [a + b + [eos] for a, b in zip(x, y, strict=True)]
    T = max(map(len, rows))
    ids = torch.tensor([[eos] * (T - len(row)) + row for row in rows])
    answer_starts = torch.tensor([[T - len(b) - 1] for b in y])
    text_starts = torch.tensor([[T - len(row)] for row in rows])
    wanted = learn(ids, torch.arange(T).expand_as(ids), answer_starts, text_starts)
    return ids, ids.masked_fill(~wanted, -100)


def _no_ends(x: list[list[int]], y: list[list[int]], eos: int) -> tuple[Tensor, Tensor]:
    return _with_labels(x, y, eos, lambda ids, place, start, text: ids != eos)


def _x_hidden_no_ends(x: list[list[int]], y: list[list[int]], eos: int) -> tuple[Tensor, Tensor]:
    return _with_labels(x, y, eos, lambda ids, place, start, text: (place >= start) & (ids != eos))


def _x_learnt(x: list[list[int]], y: list[list[int]], eos: int) -> tuple[Tensor, Tensor]:
    return _with_labels(x, y, eos, lambda ids, place, start, text: place >= text)


def _pads_learnt(x: list[list[int]], y: list[list[int]], eos: int) -> tuple[Tensor, Tensor]:
    return _with_labels(x, y, eos, lambda ids, place, start, text: (place >= start) | (place < text))


def _moved(x: list[list[int]], y: list[list[int]], eos: int) -> tuple[Tensor, Tensor]:
    ids, labels = with_labels(x, y, eos)
    return ids, torch.cat([labels[:, 1:], torch.full((len(ids), 1), -100)], dim=1)


def labels_probe(answer, x, y, eos):
    ids, labels = answer(x, y, eos)
    return {"ids": ids, "labels": labels}


def _draw_tokens(draw: Draw) -> tuple[Any, ...]:
    B, eos = draw.integer(2, 3), draw.integer(50, 60)
    lengths = [3 + n for n in draw.permutation(4)]
    x = [draw.tokens(lengths[row], vocabulary=50).tolist() for row in range(B)]
    return x, [draw.tokens(draw.integer(2, 3), vocabulary=50).tolist() for _ in range(B)], eos


WITH_LABELS = Task(
    number="12.5",
    title="answers that never end",
    name="with_labels",
    reference=with_labels,
    probe=labels_probe,
    draw=_draw_tokens,
    mistakes=(
        Mistake("The bug is still there: the ends of the answers look like pads, and nobody learns them.", _no_ends),
        Mistake("The input has no loss any more, but the answers' ends have none either.", _x_hidden_no_ends),
        Mistake("The ends are learnt, and so is the input x. Only the answer is to be learnt.", _x_learnt),
        Mistake("The pads have a loss now. They are no part of the answer.", _pads_learnt),
        Mistake("The labels are moved by one place. The model's loss moves them itself.", _moved),
    ),
)


# -- 12.6 Predict: where does it stand still? --------------------------------------------------------------------------
@functools.cache
def _after(steps: int) -> dict[str, float]:
    ends = {}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        number = torch.zeros((), dtype=dtype)
        for _ in range(steps):
            number += 1e-4
        ends[str(dtype).removeprefix("torch.")] = float(number)
    return ends


def _ends(steps: int = 10_000) -> Task:
    end = steps / 10_000

    def ends(half: float, brain: float) -> dict[str, float]:
        return {"float32": end, "float16": half, "bfloat16": brain}

    return Task(
        number="12.6",
        title="where does it stand still?",
        name="ends",
        reference=lambda: _after(steps),
        probe=value,
        phrases=(f"0.0001 in the same direction, {steps:,} times", f"in range({steps:_})"),
        mistakes=(
            Mistake(
                "In half precision a number has few digits: a sum that is large enough does not notice a small step.",
                ends(end, end),
            ),
            Mistake(
                "It does move at first: near zero the numbers of half precision stand close together.",
                ends(0.0, 0.0),
            ),
            Mistake(
                "You have mixed up the two: bfloat16 has fewer digits, and stands still sooner.",
                ends(0.03125, 0.25),
            ),
            Mistake(
                "float16 has three more bits than bfloat16 for its digits, and still too few for all of the way.",
                ends(end, 0.03125),
            ),
            Mistake(
                "One power of two too far: a step is lost as soon as it is less than half the distance to the next "
                "number.",
                ends(0.5, 0.0625),
            ),
        ),
    )


ENDS = varied(_ends, steps=without(range(6_000, 16_000, 50), 10_000))


# -- 12.7 Find the bug: small batches, one gradient --------------------------------------------------------------------
def gradient(weight: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    """``[D, V]``, parts of x ``[N, D]`` and labels ``[N]`` → the gradient ``[D, V]`` of the mean loss of all tokens."""
    return _gradient(weight, parts, lambda labels, all_labels: (all_labels != -100).sum())


def _gradient(weight: Tensor, parts: list[tuple[Tensor, Tensor]], divide: Callable[[Tensor, Tensor], Any]) -> Tensor:
    total = torch.zeros_like(weight)
    everything = torch.cat([labels for _, labels in parts])
    for x, labels in parts:
        leaf = weight.detach().clone().requires_grad_()
        loss = cross_entropy(x @ leaf, labels, reduction="sum") / divide(labels, everything)
        total += torch.autograd.grad(loss, leaf)[0]
    return total


def _mean_of_means(weight: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    return _gradient(weight, parts, lambda labels, everything: (labels != -100).sum() * len(parts))


def _sum_of_means(weight: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    return _gradient(weight, parts, lambda labels, everything: (labels != -100).sum())


def _sum_of_losses(weight: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    return _gradient(weight, parts, lambda labels, everything: 1)


def _all_places(weight: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    return _gradient(weight, parts, lambda labels, everything: len(everything))


def _last_part(weight: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    last = parts[-1][1]
    return _gradient(weight, parts, lambda labels, every: (every != -100).sum() if labels is last else torch.inf)


def _draw_parts(draw: Draw) -> tuple[Any, ...]:
    parts = []
    for _ in range(draw.integer(2, 4)):
        learnt, silent = draw.integer(1, 8), draw.integer(1, 5)
        labels = torch.cat([torch.full((silent,), -100), draw.tokens(learnt, vocabulary=7)])
        parts.append((draw.normal(silent + learnt, 5), labels))
    return draw.normal(5, 7), parts


GRADIENT = Task(
    number="12.7",
    title="small batches, one gradient",
    name="gradient",
    reference=gradient,
    draw=_draw_parts,
    mistakes=(
        Mistake(
            "The bug is still there: a token in a part with few answers counts more than one in a part with many.",
            _mean_of_means,
        ),
        Mistake("The parts' means are added up. The result grows with the number of parts.", _sum_of_means),
        Mistake("The losses are added up and nothing divides them. The mean was asked for.", _sum_of_losses),
        Mistake("You divided by all places. Those with the label −100 have no loss, and do not count.", _all_places),
        Mistake("Only the last part is left. The gradients of all parts add up.", _last_part),
    ),
)

TASKS = (GROUPED, CLIPPED, BLEU, NUM_WEIGHTS, WITH_LABELS, ENDS, GRADIENT)
