"""The benchmarks compare like with like: same tokens, same losses, same answers. Nothing here looks at a clock."""

import pytest

from benchmarks import arithmetic, report
from benchmarks.rows import Row
from benchmarks.setting import (
    LARGE,
    PREFIX,
    SOFT,
    TINY,
    Method,
    as_lm,
    batches,
    end_of_text,
    frozen_model,
    ids,
    inputs,
    text,
)
from benchmarks.sides import both
from benchmarks.training import optimizer, step


@pytest.mark.parametrize("method", [SOFT, PREFIX], ids=str)
@pytest.mark.parametrize("model", [TINY, LARGE])
def test_both_sides_train_with_the_same_losses(model: str, method: Method) -> None:
    ours, theirs = both(model, method)
    descents = [optimizer(ours), optimizer(theirs)]
    for batch in batches(ours.model, 2 if model == TINY else 1):
        losses = [step(side, descent, batch[:4]) for side, descent in zip((ours, theirs), descents, strict=True)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)


@pytest.mark.parametrize("method", [SOFT, PREFIX], ids=str)
def test_both_sides_write_the_same_answers(method: Method) -> None:
    ours, theirs = both(TINY, method, tasks=3)
    theirs.model.eval()
    xs, tasks = inputs(ours.model, 5), [2, 0, 1, 0, 2]
    for chosen in (None, tasks):
        answers = ours.generate(xs, 6, chosen)
        assert answers == theirs.generate(xs, 6, chosen)
        assert [len(answer) for answer in answers] == [6] * 5


@pytest.mark.parametrize("name", [TINY, LARGE])
def test_a_text_stands_for_exactly_the_ids_it_was_made_of(name: str) -> None:
    model = frozen_model(name)
    lm = as_lm(model, name)
    for x, y in batches(model, 1)[0]:
        assert lm.encode(text(x)) == x and ids(text(x)) == x
        assert [*lm.encode(" " + text(y[:-1])), lm.eos] == y
        assert end_of_text(model) == lm.eos and lm.eos not in x


def test_batches_by_length_are_of_the_same_kind_of_examples_with_less_padding() -> None:
    model = frozen_model(TINY)

    def padding(by_length: bool) -> float:
        lengths = [[len(x) + len(y) for x, y in batch] for batch in batches(model, 20, by_length)]
        return sum(max(batch) * len(batch) for batch in lengths) / sum(map(sum, lengths))

    assert padding(by_length=True) < 1.05 < 1.2 < padding(by_length=False)


def test_the_work_of_a_step_counts_every_matrix_of_the_blocks_once() -> None:
    model = frozen_model(TINY)
    blocks, head = arithmetic.matrices(model)
    inside = [parameter.numel() for name, parameter in model.transformer.h.named_parameters() if parameter.ndim == 2]
    assert sum(count * width * height for (width, height), count in blocks.items()) == sum(inside)
    assert head == (32, 300)
    assert arithmetic.operations(5, blocks) == 4 * 5 * sum(inside)


def test_a_row_s_verdict_comes_from_its_median_ratio() -> None:
    row = Row("speed", "a model", "tokens/s", [20.0, 30.0, 26.0], [10.0, 10.0, 10.0], at_least=2.5)
    assert (row.value, row.target, row.verdict) == (2.6, "≥ 2.5", "pass")
    assert row.interval[0] >= 2.0 and row.interval[1] <= 3.0
    assert Row("memory", "a model", "MB", [7.0], [10.0], at_most=0.6).verdict == "fail"
    assert Row("time", "a model", "s", [7.0]).verdict == ""


def test_the_table_in_the_readme_is_that_of_the_kept_results() -> None:
    written = report.README.read_text(encoding="utf8")
    assert report.START in written and report.END in written
    runs = report.kept_runs()
    assert all(report.table(run) in written for run in runs)
    if runs:
        assert report.alternative_text(runs) in written and report.PLOT.exists()


def test_a_model_that_is_not_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="no model 'gpt5' to measure; choose"):
        frozen_model("gpt5")
