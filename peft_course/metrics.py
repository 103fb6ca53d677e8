"""Metrics with intervals: exact match, accuracy, BLEU, chrF, slot error.

Every metric here is a formula on sums over the examples (for BLEU: matching and possible n-grams, lengths). So its
interval costs little: 1,000 bootstrap samples are 1,000 weighted sums (Koehn 2004, "Statistical significance tests for
machine translation evaluation", section 3).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from peft_course.world.records import Record, slot_errors

RESAMPLES = 1000
LOWER_IS_BETTER = ("slot_error",)
MOST_LABELS = 10  # more different answers than this are no classification
Example = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """A metric in per cent, and the bounds of its 95 % bootstrap interval (no width where all examples score alike)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f}–{self.high:.1f})"

    def __float__(self) -> float:
        return self.value


def references(example: Example) -> list[str]:
    """All right answers to an example."""
    return list(example["references"]) if "references" in example else [example["y"]]


def all_scores(answers: Sequence[str], rows: Sequence[Example]) -> dict[str, Score]:
    """The scores of answers by metric; which metrics there are depends on the examples' columns (see `evaluate`)."""
    expected = [references(row) for row in rows]
    right = [answer in every for answer, every in zip(answers, expected, strict=True)]
    scores = {"exact_match": _share(right)}
    labels = {row["y"] for row in rows}
    if len(labels) <= MOST_LABELS and 2 * len(labels) <= len(rows):
        scores = {"accuracy": scores["exact_match"], **scores}
    if "references" in rows[0]:
        scores["bleu"] = _corpus_score(BLEU(lowercase=True), answers, expected)
    scores["chrf"] = _corpus_score(CHRF(), answers, expected)
    if "record" in rows[0]:
        records = [Record.parse(row["record"]) for row in rows]
        scores["slot_error"] = _share([slot_errors(record, answer) > 0
                                       for record, answer in zip(records, answers, strict=True)])
    return scores


def _share(true: Sequence[bool]) -> Score:
    return _interval(np.array(true, dtype=np.float64)[:, None], lambda sums: 100 * sums[0] / len(true))


def _corpus_score(metric: BLEU | CHRF, answers: Sequence[str], expected: Sequence[Sequence[str]]) -> Score:
    """Corpus BLEU or chrF through sacrebleu: statistics of each sentence once, its formula on their sums."""
    most = max(map(len, expected))
    streams: Any = [[every[k] if k < len(every) else None for every in expected] for k in range(most)]
    statistics = np.array(metric._extract_corpus_statistics(answers, streams), dtype=np.float64)
    return _interval(statistics, lambda sums: metric._compute_score_from_stats(sums.astype(int).tolist()).score)


def _interval(statistics: np.ndarray, formula: Callable[[np.ndarray], float]) -> Score:
    """A formula on the sums of the examples' statistics `[N, K]`, with its 95 % percentile bootstrap interval."""
    count = len(statistics)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    resampled = [formula(sums) for sums in weights @ statistics]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Score(float(formula(statistics.sum(axis=0))), float(low), float(high))
