"""The shipped results: complete, as the manifest says, explained, drawn, and the same when carried out again."""

import json
import random

import matplotlib.pyplot as plt
import pytest

from peft_course.reproduction import ALL_STUDIES, Record, Store, carry_out, explained, figure, findings, missing, table
from peft_course.reproduction.data import TEST, Data
from peft_course.reproduction.engine import decided
from peft_course.reproduction.figures import FIGURES
from peft_course.reproduction.findings import JUDGES
from peft_course.reproduction.manifest import MANIFEST, manifest
from peft_course.reproduction.methods import Ensemble, Full, Hard, Paraphrased, PrefixTuning, Soft
from peft_course.reproduction.results import MAIN
from peft_course.reproduction.runs import Run, sweep
from peft_course.reproduction.studies import FEW_STEPS, MIDDLE, SMALL, STEPS, wordings_of

RESULTS = Store()
ONE_EXAMPLE = 100 / TEST  # points
UNDER_WAY: set[str] = set()  # studies not yet carried out to the end


def made_up(run: Run) -> Record:
    """A record of the right form with random numbers in it."""
    draw = random.Random(run.key)

    def scores() -> dict[str, list[float]]:
        value = draw.uniform(0, 100)
        return {MAIN.get(run.data.name, "exact_match"): [value, max(0.0, value - 3), min(100.0, value + 3)]}

    result = {"stored": 50, "validation loss": draw.random()}
    places = ("scores", "scores elsewhere", "scores on validation") if run.scored else ()
    result |= {place: scores() for place in places}
    if isinstance(run.method, Ensemble):
        result["members"] = [scores() for _ in range(run.method.members)]
        result["validation losses of members"] = [draw.random() for _ in range(run.method.members)]
    return Record(run.key, run.settings(), result, 1.0)


@pytest.mark.parametrize("name", ALL_STUDIES)
def test_every_study_has_verdicts_and_a_figure_whatever_comes_out(name, tmp_path):
    store, runs = Store(tmp_path), list(ALL_STUDIES[name].runs())
    while todo := missing(runs, store):
        store.records |= {run.key: made_up(run) for run in todo}
    found = findings([name], store)
    assert found and all(finding.study == name and finding.parts for finding in found)
    assert all(str(finding.verdict) in explained(finding) for finding in found)
    assert table(found).count("\n") == 1 + len(found)
    assert figure(name, store) is not None
    plt.close("all")


def test_every_study_is_judged_and_drawn():
    assert list(JUDGES) == list(FIGURES) == list(ALL_STUDIES)


def test_a_study_without_stored_runs_says_how_to_carry_them_out(tmp_path):
    assert findings([*ALL_STUDIES], Store(tmp_path)) == []
    with pytest.raises(ValueError, match=r"no run of this study is stored in '.*'; carry it out with"):
        figure("length", Store(tmp_path))
    with pytest.raises(ValueError, match="there is no study 'magic'; the studies are wordings, search"):
        figure("magic", RESULTS)


# -- what is shipped --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ALL_STUDIES)
def test_every_run_of_the_study_is_stored_unless_it_is_under_way(name):
    assert (missing(ALL_STUDIES[name].runs(), RESULTS) == []) == (name not in UNDER_WAY)


def test_the_manifest_tells_of_these_results():
    stored = json.loads(RESULTS.path.with_name(MANIFEST).read_text("utf-8"))
    assert {key: value for key, value in stored.items() if key != "written"} == manifest(RESULTS)


def test_nothing_is_stored_that_no_study_asks_for():
    def asked_by(names):
        runs = [run for name in names for run in ALL_STUDIES[name].runs()]
        trials = {trial.key for run in runs if not run.tuned for trial in sweep(run)}
        return trials | {ready.key for run in runs if (ready := decided(run, RESULTS))}

    under_way, stored = asked_by(UNDER_WAY), {record.key for record in RESULTS}
    assert stored - under_way == asked_by(ALL_STUDIES.keys() - UNDER_WAY) - under_way


def test_every_explanation_speaks_of_the_verdict_that_the_data_have():
    assert [finding.claim for finding in findings([*ALL_STUDIES], RESULTS) if not finding.is_explained] == []


SLICE = [
    *(Run(SMALL, Data("translation"), Hard(name)) for name in wordings_of("translation")),
    Run(MIDDLE, Data("sentiment"), Paraphrased()),
    *(Run(MIDDLE, Data("translation"), method, steps=STEPS["translation"]) for method in (Soft(), PrefixTuning())),
    *(Run(MIDDLE, Data("translation", 10), method, steps=FEW_STEPS) for method in (PrefixTuning(), Full())),
]


@pytest.mark.slow
@pytest.mark.parametrize("run", SLICE, ids=lambda run: f"{run.model} {run.data.name} {run.method.name}")
def test_a_run_carried_out_again_scores_within_the_interval_of_the_stored_one(run):
    """Another processor adds in another order, and training enlarges that: hence the interval over the examples."""
    ready = decided(run, RESULTS)
    again = carry_out(ready).result["scores"]
    metric = MAIN.get(run.data.name, "exact_match")
    _, low, high = RESULTS[ready].result["scores"][metric]
    assert low - ONE_EXAMPLE <= again[metric][0] <= high + ONE_EXAMPLE
