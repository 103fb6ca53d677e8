"""Metrics against independent truths, their intervals, and how evaluations and comparisons print."""

import math
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from datasets import Dataset
from sacrebleu.metrics import BLEU, CHRF

from peft_course.evaluation import Score, compare, evaluate, score
from peft_course.world import restaurants

WORDS = ["the", "a", "pub", "serves", "cheap", "good", "food", "near", "river", "and", "is", "it", "in", "town", "café"]


class Model:
    """Answers with what the prompt, here a function of x, gives; remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def generate(self, texts: list[str], prompt=None, max_new_tokens: int = 64) -> list[str]:
        self.batches.append(texts)
        return [prompt(x) if prompt else x for x in texts]


def numbers(count: int) -> Dataset:
    return Dataset.from_list([{"x": "n" * n, "y": str(n)} for n in range(1, count + 1)])


def count(x: str) -> str:
    return str(len(x))


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(4, 12)))


def translations(seed: int = 0, size: int = 40) -> tuple[list[str], list[dict]]:
    """Answers with one to four references each; an answer is a reference with a word in three replaced."""
    rng = random.Random(seed)
    rows, answers = [], []
    for _ in range(size):
        references = [sentence(rng) for _ in range(rng.randint(1, 4))]
        rows.append({"x": "x", "y": references[0], "references": references})
        answers.append(" ".join(rng.choice(WORDS).title() if rng.random() < 1 / 3 else word
                                for word in rng.choice(references).split()))
    return answers, rows


def reference_bleu(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Papineni et al. 2002: clipped n-gram precisions up to 4, brevity penalty against the closest reference."""
    matches, totals, length, closest = [0] * 4, [0] * 4, 0, 0
    for answer, expected in zip(answers, references, strict=True):
        words = answer.lower().split()
        length += len(words)
        closest += min((abs(len(each.split()) - len(words)), len(each.split())) for each in expected)[1]
        for n in range(4):
            def grams(text: list[str], n: int = n) -> Counter:
                return Counter(tuple(text[i:i + n + 1]) for i in range(len(text) - n))
            most: Counter = Counter()
            for each in expected:
                most |= grams(each.lower().split())
            matches[n] += (grams(words) & most).total()
            totals[n] += max(len(words) - n, 0)
    precision = math.exp(sum(math.log(match / total) for match, total in zip(matches, totals, strict=True)) / 4)
    return 100 * min(1.0, math.exp(1 - closest / length)) * precision


@pytest.mark.parametrize("seed", range(3))
def test_bleu_is_sacrebleu_s_and_the_paper_s(seed: int) -> None:
    answers, rows = translations(seed)
    references = [row["references"] for row in rows]
    streams = [[each[k] if k < len(each) else None for each in references] for k in range(4)]
    value = score(answers, rows)["bleu"].value
    assert value == pytest.approx(BLEU(lowercase=True).corpus_score(answers, streams).score, abs=1e-10)
    assert value == pytest.approx(reference_bleu(answers, references), abs=1e-10)
    assert score(answers, rows)["chrf"].value == pytest.approx(CHRF().corpus_score(answers, streams).score, abs=1e-10)


def test_any_reference_is_an_exact_match() -> None:
    rows = [{"x": "x", "y": "a", "references": ["a", "b"]}] * 2
    assert score(["b", "c"], rows)["exact_match"].value == 50


def test_the_columns_decide_the_metrics() -> None:
    answers, rows = translations()
    assert list(score(answers, rows)) == ["exact_match", "bleu", "chrf"]
    assert list(score(["1", "2"], numbers(2))) == ["exact_match", "chrf"]
    labels = [{"x": "x", "y": "yes"}, {"x": "y", "y": "no"}] * 3
    assert list(score(["yes"] * 6, labels)) == ["accuracy", "exact_match", "chrf"]
    assert score(["yes"] * 6, labels)["accuracy"].value == 50


def test_slot_error_is_the_share_of_records_told_wrongly() -> None:
    rng = random.Random(0)
    records = [restaurants.record(rng) for _ in range(10)]
    texts = [restaurants.style(rng).describe(record) for record in records]
    rows = [{"x": each.text(), "y": text, "record": each.text()} for each, text in zip(records, texts, strict=True)]
    assert score(texts, rows)["slot_error"].value == 0
    assert score([*texts[:8], "", "Nowhere."], rows)["slot_error"].value == 20


def test_the_interval_holds_the_value_and_narrows_with_more_examples() -> None:
    answers, rows = translations(size=50)
    few, many = score(answers, rows), score(answers * 9, rows * 9)
    for metric in ("bleu", "chrf"):
        assert few[metric].low < few[metric].value < few[metric].high
        assert many[metric].high - many[metric].low < 0.5 * (few[metric].high - few[metric].low)


def test_the_interval_of_a_share_is_the_binomial_one() -> None:
    rows = [{"x": "x", "y": "1"}] * 400
    result = score(["1"] * 300 + ["0"] * 100, rows)["exact_match"]
    half = 196 * math.sqrt(0.75 * 0.25 / 400)
    assert result.value == 75
    assert result.low == pytest.approx(75 - half, abs=1)
    assert result.high == pytest.approx(75 + half, abs=1)


def test_the_same_answers_have_the_same_scores() -> None:
    answers, rows = translations()
    assert dict(score(answers, rows)) == dict(score(answers, rows))


def test_evaluate_keeps_the_order_and_batches_by_length() -> None:
    model = Model()
    shuffled = numbers(10).shuffle(seed=1)
    result = evaluate(count, model, shuffled, batch_size=4)
    assert result.answers == shuffled["y"][:]
    assert [len(batch) for batch in model.batches] == [4, 4, 2]
    assert [len(x) for batch in model.batches for x in batch] == list(range(1, 11))
    assert result["exact_match"] == Score(100, 100, 100)


def test_evaluate_asks_a_verbalizer_for_the_likeliest_label() -> None:
    class Verbalizer:
        def classify(self, lm, texts, prompt, calibrated: bool) -> list[str]:
            return ["2" if calibrated else "1" for _ in texts]

    assert evaluate(None, Model(), numbers(3), verbalizer=Verbalizer()).answers == ["1"] * 3
    assert evaluate(None, Model(), numbers(3), verbalizer=Verbalizer(), calibrated=True).answers == ["2"] * 3


def test_an_evaluation_prints_a_table_and_shows_mistakes() -> None:
    result = evaluate(lambda x: str(min(len(x), 3)), Model(), numbers(4))
    assert str(result).splitlines()[:2] == ["4 examples   per cent  95 % interval",
                                            "exact_match      75.0     25.0–100.0"]
    assert result.mistakes() == [{"x": "nnnn", "answer": "3", "y": "4"}]
    assert result._repr_markdown_().startswith("| 4 examples | per cent | 95 % interval |\n| --- | ---: | ---: |\n")
    with pytest.raises(KeyError, match="there is no metric 'bleu'; these examples have exact_match, chrf"):
        result["bleu"]


def test_a_comparison_prints_best_first() -> None:
    table = compare({"none": None, "count": count, "one": lambda x: "1"}, Model(), numbers(4))
    assert [name for name, _ in table.rows] == ["count", "one", "none"]
    assert table.table(intervals=False, round_to=5).splitlines() == [
        "per cent  exact_match  chrf",
        "count             100   100",
        "one                25    25",
        "none                0     0"]
    assert "25.0 (0.0–75.0)" in str(table)
    assert table["count"]["exact_match"].value == 100


def test_prompts_equal_after_rounding_stay_in_their_order() -> None:
    table = compare({"worse": lambda x: "1", "better": lambda x: str(min(len(x), 2))}, Model(), numbers(100))
    assert [name for name, _ in table.rows] == ["better", "worse"]
    assert [line.split()[0] for line in table.table(round_to=10).splitlines()] == ["per", "worse", "better"]


def test_a_comparison_by_slot_error_puts_the_lowest_first() -> None:
    record = restaurants.Record("The Blue Lamp", kind="pub")
    rows = [{"x": record.text(), "y": "The Blue Lamp is a pub.", "record": record.text()}] * 2
    told = {"bad": lambda x: "A bar.", "good": lambda x: "The Blue Lamp is a pub."}
    table = compare(told, Model(), rows, metric="slot_error")
    assert [name for name, _ in table.rows] == ["good", "bad"]


@pytest.mark.parametrize(("examples", "complaint"), [
    ([], "there are no examples to evaluate on; give a data set with the columns x and y"),
    ([{"text": "a", "y": "b"}], "the examples have no column 'x', only text, y; they need x and y"),
    ([{"x": "a"}], "the examples have no column 'y', only x; they need x and y"),
    ("abc", "examples are a data set with the columns x and y, such as task.test; got 'abc'"),
])
def test_unusable_examples_are_refused_with_a_sentence(examples: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        evaluate(None, Model(), examples)  # type: ignore[arg-type]


def test_other_misuse_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="there are no prompts to compare; give a dictionary"):
        compare({}, Model(), numbers(2))
    with pytest.raises(ValueError, match="there is no metric 'bleu'; these examples have exact_match, chrf"):
        compare({"a": count}, Model(), numbers(2), metric="bleu")
    with pytest.raises(ValueError, match="there are 1 answers to 2 examples; give one answer an example"):
        score(["a"], numbers(2))
    with pytest.raises(ValueError, match=r"round_to is 0; give a positive step such as 0\.1 or 5"):
        compare({"a": count}, Model(), numbers(2)).table(round_to=0)
