"""Exercises for the chapter *Making soft prompts work*."""

import math
from typing import Any

import torch
from torch import Tensor

from ..models import model
from ..task import Draw, Mistake, Task, value
from ..varied import varied

EDITION = 1


# -- 5.1 Predict: half as long -----------------------------------------------------------------------------------------
def _halving(rates: tuple[float, float], decay: float = 0.1) -> dict[str, int]:
    names = ("soft prompt", "fine-tuning")
    return {name: math.ceil(math.log(0.5) / math.log1p(-rate * decay)) for name, rate in zip(names, rates, strict=True)}


def _halved(large: float = 0.1, small: float = 0.0001) -> Task:
    straight = {"soft prompt": math.ceil(round(5 / large, 6)), "fine-tuning": math.ceil(round(5 / small, 6))}
    return Task(
        number="5.1",
        title="half as long",
        name="halved",
        reference=_halving((large, small)),
        probe=value,
        tolerance=1e-6,  # whole numbers
        phrases=(f"at $\\eta = {large}$, a rate for a soft prompt", f"at $\\eta = {small}$, a rate for fine-tuning"),
        mistakes=(
            Mistake("You left the learning rate out. AdamW shrinks by the rate times λ a step.", _halving((1.0, 1.0))),
            Mistake("You took the same amount away at every step. The factor applies to what is left.", straight),
            Mistake("The two are swapped: the higher rate shrinks faster.", _halving((small, large))),
            Mistake(
                "Rounded down: after so many steps a little more than half is left.",
                {name: steps - 1 for name, steps in _halving((large, small)).items()},
            ),
        ),
    )


HALVED = varied(
    _halved,
    large=[place / 100 for place in range(12, 61, 2)],
    small=(0.0002, 0.0003, 0.0004, 0.0005, 0.0006, 0.0007, 0.0008, 0.0009),
)


# -- 5.2 Start from the labels -----------------------------------------------------------------------------------------
def label_start(lm: Any, labels: list[str], num_virtual_tokens: int) -> Tensor:
    """A row for each label, over and over: ``[P, D]``."""
    rows = [lm.embedding_matrix[lm.encode(" " + label)].mean(dim=0) for label in labels]
    return torch.stack([rows[i % len(rows)] for i in range(num_virtual_tokens)])


def _a_row_for_each_token(lm: Any, labels: list[str], num_virtual_tokens: int) -> Tensor:
    tokens = [token for label in labels for token in lm.encode(" " + label)]
    return lm.embedding_matrix[[tokens[i % len(tokens)] for i in range(num_virtual_tokens)]]


def _summed(lm: Any, labels: list[str], num_virtual_tokens: int) -> Tensor:
    rows = [lm.embedding_matrix[lm.encode(" " + label)].sum(dim=0) for label in labels]
    return torch.stack([rows[i % len(rows)] for i in range(num_virtual_tokens)])


def _without_a_space(lm: Any, labels: list[str], num_virtual_tokens: int) -> Tensor:
    rows = [lm.embedding_matrix[lm.encode(label)].mean(dim=0) for label in labels]
    return torch.stack([rows[i % len(rows)] for i in range(num_virtual_tokens)])


def _in_blocks(lm: Any, labels: list[str], num_virtual_tokens: int) -> Tensor:
    rows = label_start(lm, labels, len(labels))
    return rows.repeat_interleave(-(-num_virtual_tokens // len(labels)), dim=0)[:num_virtual_tokens]


def _first_token(lm: Any, labels: list[str], num_virtual_tokens: int) -> Tensor:
    rows = [lm.embedding_matrix[lm.encode(" " + label)[0]] for label in labels]
    return torch.stack([rows[i % len(rows)] for i in range(num_virtual_tokens)])


def _draw_labels(draw: Draw) -> tuple[Any, ...]:
    labels = draw.choice([["tea room", "very good", "terrible"], ["very good", "terrible"], ["terrible", "tea room"]])
    return model("course-gpt"), labels, draw.integer(5, 9)


LABEL_START = Task(
    number="5.2",
    title="start from the labels",
    name="label_start",
    reference=label_start,
    draw=_draw_labels,
    models=("course-gpt",),
    mistakes=(
        Mistake("Every token got a row of its own. A label is one row, the mean of its tokens.", _a_row_for_each_token),
        Mistake(
            "The tokens were added up. A sum is longer than an embedding; take the mean, which has their scale.",
            _summed,
        ),
        Mistake(
            "The labels were encoded without the space in front. Those are other tokens than the model writes.",
            _without_a_space,
        ),
        Mistake(
            "The labels stand in blocks, one after the other. Go through all of them, then begin again.", _in_blocks
        ),
        Mistake("Only the first token of each label is used. Take the mean of all of its tokens.", _first_token),
    ),
)


# -- 5.3 Find the bug: behind each text --------------------------------------------------------------------------------
def behind(vectors: Tensor, embedded: Tensor, lengths: Tensor) -> Tensor:
    """``[P, D]``, ``[B, T, D]`` padded on the right, ``[B]`` → ``[B, T + P, D]``."""
    rows = [torch.cat([row[:n], vectors, row[n:]]) for row, n in zip(embedded, lengths.tolist(), strict=True)]
    return torch.stack(rows)


def _behind_the_pads(vectors: Tensor, embedded: Tensor, lengths: Tensor) -> Tensor:
    return torch.cat([embedded, vectors.expand(len(embedded), -1, -1)], dim=1)


def _in_front(vectors: Tensor, embedded: Tensor, lengths: Tensor) -> Tensor:
    return torch.cat([vectors.expand(len(embedded), -1, -1), embedded], dim=1)


def _over_the_last_token(vectors: Tensor, embedded: Tensor, lengths: Tensor) -> Tensor:
    return behind(vectors, embedded, lengths - 1)


def _overwritten(vectors: Tensor, embedded: Tensor, lengths: Tensor) -> Tensor:
    rows = torch.cat([embedded, embedded.new_zeros(len(embedded), len(vectors), embedded.shape[2])], dim=1)
    for row, n in zip(rows, lengths.tolist(), strict=True):
        row[n - 1 : n - 1 + len(vectors)] = vectors
    return rows


def _behind_the_shortest(vectors: Tensor, embedded: Tensor, lengths: Tensor) -> Tensor:
    return behind(vectors, embedded, lengths.min().expand(len(lengths)))


def _draw_padded(draw: Draw) -> tuple[Any, ...]:
    P, T = draw.integer(2, 4), draw.integer(6, 8)
    shorter = sorted({draw.integer(2, T - 2) for _ in range(3)})
    lengths = torch.tensor([*shorter, T])[draw.permutation(len(shorter) + 1)]
    embedded = draw.normal(len(lengths), T, 8)
    embedded[torch.arange(T) >= lengths[:, None]] = 0
    return draw.normal(P, 8), embedded, lengths


BEHIND = Task(
    number="5.3",
    title="behind each text",
    name="behind",
    reference=behind,
    draw=_draw_padded,
    mistakes=(
        Mistake(
            "The bug is still there: in the shorter rows the pads stand between the text and its vectors.",
            _behind_the_pads,
        ),
        Mistake("The vectors stand in front. Here they belong behind the text.", _in_front),
        Mistake(
            "Off by one: each text's last token stands behind the vectors.",
            _over_the_last_token,
        ),
        Mistake("The vectors overwrite the last token of each text.", _overwritten),
        Mistake(
            "The vectors stand at the same place in every row. Each row has a length of its own.", _behind_the_shortest
        ),
    ),
)


# -- 5.4 Five prompts, one batch ---------------------------------------------------------------------------------------
def one_batch(prompts: Tensor, embedded: Tensor) -> Tensor:
    """``[N, P, D]``, ``[B, T, D]`` → ``[N·B, P + T, D]``, the first prompt with all texts first."""
    N, B = len(prompts), len(embedded)
    return torch.cat([prompts.repeat_interleave(B, dim=0), embedded.repeat(N, 1, 1)], dim=1)


def _text_by_text(prompts: Tensor, embedded: Tensor) -> Tensor:
    N, B = len(prompts), len(embedded)
    return torch.cat([prompts.repeat(B, 1, 1), embedded.repeat_interleave(N, dim=0)], dim=1)


def _both_repeated_alike(prompts: Tensor, embedded: Tensor) -> Tensor:
    N, B = len(prompts), len(embedded)
    return torch.cat([prompts.repeat(B, 1, 1), embedded.repeat(N, 1, 1)], dim=1)


def _averaged(prompts: Tensor, embedded: Tensor) -> Tensor:
    return torch.cat([prompts.mean(dim=0).expand(len(embedded), -1, -1), embedded], dim=1)


def _end_to_end(prompts: Tensor, embedded: Tensor) -> Tensor:
    return torch.cat([prompts.flatten(0, 1).expand(len(embedded), -1, -1), embedded], dim=1)


def _draw_prompts(draw: Draw) -> tuple[Any, ...]:
    B = draw.choice([2, 4])  # N and B share a divisor, so that repeating both alike leaves pairs out
    return draw.normal(draw.choice([2, 4]), draw.integer(2, 3), 6), draw.normal(B, draw.integer(4, 6), 6)


ONE_BATCH = Task(
    number="5.4",
    title="several prompts, one batch",
    name="one_batch",
    reference=one_batch,
    draw=_draw_prompts,
    mistakes=(
        Mistake(
            "All pairs are there, but text by text. Asked for is prompt by prompt: first all texts with prompt 0.",
            _text_by_text,
        ),
        Mistake(
            "Both were repeated in the same way, so some prompts never meet some texts. "
            "One must go round while the other waits.",
            _both_repeated_alike,
        ),
        Mistake("The prompts were averaged. A mean of prompts is another prompt, and no vote.", _averaged),
        Mistake(
            "All prompts stand in the same row. Each pair of a prompt and a text is a row of its own.", _end_to_end
        ),
    ),
)


# -- 5.5 Worse than each of its voters ---------------------------------------------------------------------------------
def votes_probe(answer):
    """How many texts each member and the majority get right, for each of the two tables."""
    seen = {}
    for name in ("worst", "best"):
        table = torch.as_tensor(answer[name])
        if list(table.shape) != [3, 5] or not bool(((table == 0) | (table == 1)).all()):
            raise ValueError(f"{name!r} must be 3 rows of 5 numbers, each 0 or 1")
        seen[name] = {"right of each member": table.sum(1).tolist(), "right by vote": int((table.sum(0) >= 2).sum())}
    return seen


_WORST = [[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1, 1, 0, 0, 1]]
_BEST = [[1, 1, 0, 0, 1], [1, 0, 1, 1, 0], [0, 1, 1, 1, 0]]
_ALIKE = [[1, 1, 1, 0, 0]] * 3

TABLES = Task(
    number="5.5",
    title="worse than each of its voters",
    name="tables",
    reference={"worst": _WORST, "best": _BEST},
    probe=votes_probe,
    cases=1,
    points=2,
    mistakes=(
        Mistake(
            "The two are swapped: `worst` is the table whose vote is right least often.",
            {"worst": _BEST, "best": _WORST},
        ),
        Mistake(
            "In both tables the vote is right three times, as often as each member. A right answer that stands alone "
            "in its column, or as the third, changes no vote: which table wants many of those?",
            {"worst": _ALIKE, "best": _ALIKE},
        ),
        Mistake(
            "The vote is at its worst, but it can be better in `best`: where all three are right, one vote is wasted.",
            {"worst": _WORST, "best": _ALIKE},
        ),
        Mistake(
            "The vote is at its best, but it can be worse in `worst`: a lone right answer is outvoted.",
            {"worst": _ALIKE, "best": _BEST},
        ),
    ),
)


# -- 5.6 Design: seed by seed ------------------------------------------------------------------------------------------
T_OF_FIVE = 2.776  # the 97.5 % point of Student's t with 4 degrees of freedom


def paired_interval(a: Tensor, b: Tensor) -> Tensor:
    """Scores of two methods with the same five seeds ``[5]`` each → ``[low, high]`` for the mean of a − b."""
    difference = a - b
    half = T_OF_FIVE * difference.std() / 5**0.5
    return torch.stack([difference.mean() - half, difference.mean() + half])


def _unpaired(a: Tensor, b: Tensor) -> Tensor:
    half = T_OF_FIVE * ((a.var() + b.var()) / 5) ** 0.5
    middle = a.mean() - b.mean()
    return torch.stack([middle - half, middle + half])


def _of_single_runs(a: Tensor, b: Tensor) -> Tensor:
    difference = a - b
    half = T_OF_FIVE * difference.std()
    return torch.stack([difference.mean() - half, difference.mean() + half])


def _divided_by_n(a: Tensor, b: Tensor) -> Tensor:
    difference = a - b
    half = T_OF_FIVE * difference.std(unbiased=False) / 5**0.5
    return torch.stack([difference.mean() - half, difference.mean() + half])


def _with_two(a: Tensor, b: Tensor) -> Tensor:
    difference = a - b
    half = 1.96 * difference.std() / 5**0.5
    return torch.stack([difference.mean() - half, difference.mean() + half])


def _draw_scores(draw: Draw) -> tuple[Any, ...]:
    luck = 70 + 10 * draw.normal(5)  # what a seed does to both methods
    return luck + 3 + draw.normal(5), luck + draw.normal(5)


PAIRED_INTERVAL = Task(
    number="5.6",
    title="seed by seed",
    name="paired_interval",
    reference=paired_interval,
    draw=_draw_scores,
    mistakes=(
        Mistake(
            "The two methods were taken as independent. Their runs share seeds: "
            "take the difference seed by seed first.",
            _unpaired,
        ),
        Mistake(
            "This is about one run. The mean of five spreads less, by a factor of √5.",
            _of_single_runs,
        ),
        Mistake(
            "The standard deviation was divided by n. From five runs it is estimated with n − 1.",
            _divided_by_n,
        ),
        Mistake("1.96 is for a known standard deviation. With five seeds it is 2.776.", _with_two),
    ),
)

TASKS = (HALVED, LABEL_START, BEHIND, ONE_BATCH, TABLES, PAIRED_INTERVAL)
