"""How well a prompt does on a task, and several prompts side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peft_course.metrics import LOWER_IS_BETTER, Example, Score, all_scores, references

__all__ = ["Comparison", "Evaluation", "Score", "compare", "evaluate", "score"]


@dataclass(frozen=True, repr=False)
class Evaluation(Mapping[str, Score]):
    """The scores by metric, and the `answers` to the `examples` they come from, in order."""

    scores: Mapping[str, Score]
    answers: list[str]
    examples: list[Example]

    def __getitem__(self, metric: str) -> Score:
        if metric not in self.scores:
            raise KeyError(f"there is no metric {metric!r}; these examples have {', '.join(self.scores)}")
        return self.scores[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def main_metric(self) -> str:
        """The metric that orders a comparison: BLEU where there are several references, else exact match."""
        return "bleu" if "bleu" in self.scores else "exact_match"

    def mistakes(self, count: int = 5) -> list[dict[str, str]]:
        """The first `count` examples whose answer is none of the references: x, the answer, and y."""
        wrong = ({"x": example["x"], "answer": answer, "y": example["y"]}
                 for answer, example in zip(self.answers, self.examples, strict=True)
                 if answer not in references(example))
        return [mistake for mistake, _ in zip(wrong, range(count), strict=False)]

    def _lines(self) -> list[list[str]]:
        rows = [[metric, f"{each.value:.1f}", f"{each.low:.1f}–{each.high:.1f}"] for metric, each in self.items()]
        return [[f"{len(self.answers)} examples", "per cent", "95 % interval"], *rows]

    def __str__(self) -> str:
        return _table(self._lines())

    def _repr_markdown_(self) -> str:
        return _markdown(self._lines())

    __repr__ = __str__


def evaluate(prompt: Any, lm: Any, examples: Iterable[Example], batch_size: int = 64, max_new_tokens: int = 64,
             verbalizer: Any = None, calibrated: bool = False) -> Evaluation:
    """Let the model answer every x under `prompt` (None: no prompt) and score the answers.

    `examples` have the columns x and y. Always scored: exact_match (with y, or any of `references`) and chrf. With the
    column `references` also bleu, with `record` slot_error (records with a value left out or invented), and accuracy
    (another name of exact match) where the y are a few labels. With a `verbalizer` the model does not write: the
    likeliest label is its answer, `calibrated` or not.
    Raises ValueError where there are no examples or a column is missing.
    """
    rows = _rows(examples)
    answers = [""] * len(rows)
    by_length = sorted(range(len(rows)), key=lambda row: len(rows[row]["x"]))  # little padding in a batch
    for start in range(0, len(rows), batch_size):
        batch = by_length[start:start + batch_size]
        texts = [rows[row]["x"] for row in batch]
        if verbalizer is None:
            written = lm.generate(texts, prompt=prompt, max_new_tokens=max_new_tokens)
        else:
            written = verbalizer.classify(lm, texts, prompt, calibrated)
        for row, answer in zip(batch, written, strict=True):
            answers[row] = answer
    return score(answers, rows)


def score(answers: Sequence[str], examples: Iterable[Example]) -> Evaluation:
    """Score given answers by the metrics of `evaluate`. Raises ValueError where there is not one answer an example."""
    rows = _rows(examples)
    if len(answers) != len(rows):
        raise ValueError(f"there are {len(answers)} answers to {len(rows)} examples; give one answer an example")
    return Evaluation(all_scores(answers, rows), list(answers), rows)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Evaluations of several prompts on the same examples, by the prompts' names; `metric` orders them."""

    evaluations: Mapping[str, Evaluation]
    metric: str

    def __getitem__(self, name: str) -> Evaluation:
        return self.evaluations[name]

    @property
    def rows(self) -> list[tuple[str, Evaluation]]:
        """Names and evaluations, best first."""
        return self._ordered(round_to=0)

    def _ordered(self, round_to: float) -> list[tuple[str, Evaluation]]:
        sign = 1 if self.metric in LOWER_IS_BETTER else -1
        return sorted(self.evaluations.items(), key=lambda row: sign * _rounded(row[1][self.metric].value, round_to))

    def table(self, round_to: float = 0.1, intervals: bool = True) -> str:
        """The comparison as text, best first, values rounded to multiples of `round_to`.

        With a coarse rounding and no intervals the table is the same on every machine; what is equal after rounding
        stays in the order in which it was given. Raises ValueError where `round_to` is not positive.
        """
        if round_to <= 0:
            raise ValueError(f"round_to is {round_to}; give a positive step such as 0.1 or 5")
        return _table(self._lines(round_to, intervals))

    def _lines(self, round_to: float = 0.1, intervals: bool = True) -> list[list[str]]:
        ordered = self._ordered(round_to)
        metrics = [self.metric, *(metric for metric in ordered[0][1] if metric != self.metric)]
        digits = len(f"{round_to:g}".partition(".")[2])
        lines = [["per cent", *metrics]]
        for name, evaluation in ordered:
            shown = [[f"{_rounded(each, round_to):.{digits}f}" for each in (score.value, score.low, score.high)]
                     for score in map(evaluation.__getitem__, metrics)]
            cells = [f"{value} ({low}–{high})" if intervals else value for value, low, high in shown]
            lines.append([name, *cells])
        return lines

    def __str__(self) -> str:
        return self.table()

    def _repr_markdown_(self) -> str:
        return _markdown(self._lines())

    __repr__ = __str__


def compare(prompts: Mapping[str, Any], lm: Any, examples: Iterable[Example], metric: str | None = None,
            batch_size: int = 64, max_new_tokens: int = 64) -> Comparison:
    """Evaluate several prompts, given by name, on the same examples; best first by `metric` (None: the main one).

    Raises ValueError where there are no prompts or the examples have no such metric, and as `evaluate` does.
    """
    if not prompts:
        raise ValueError("there are no prompts to compare; give a dictionary such as {'soft': soft, 'prefix': prefix}")
    rows = _rows(examples)
    evaluations = {name: evaluate(prompt, lm, rows, batch_size, max_new_tokens) for name, prompt in prompts.items()}
    first = next(iter(evaluations.values()))
    if metric is not None and metric not in first:
        raise ValueError(f"there is no metric {metric!r}; these examples have {', '.join(first)}")
    return Comparison(evaluations, metric or first.main_metric)


def _rows(examples: Iterable[Example]) -> list[Example]:
    if not isinstance(examples, Iterable) or isinstance(examples, str | Mapping):
        raise ValueError(f"examples are a data set with the columns x and y, such as task.test; got {examples!r}")
    rows = list(examples)
    if not rows:
        raise ValueError("there are no examples to evaluate on; give a data set with the columns x and y")
    for column in ("x", "y"):
        if column not in rows[0]:
            raise ValueError(f"the examples have no column {column!r}, only {', '.join(rows[0])}; they need x and y")
    return rows


def _rounded(value: float, to: float) -> float:
    return round(value / to) * to if to else value


def _table(lines: list[list[str]]) -> str:
    """Text in columns: the first aligned left, the others right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) if column else cell.ljust(width)
                               for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
                     for line in lines)


def _markdown(lines: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])
