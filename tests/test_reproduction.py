"""The reproduction's machinery: runs as pure functions of their settings, carried out once, kept, and judged."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from peft_course.cli import main
from peft_course.reproduction import STUDIES, Record, Run, Store, carry_out, missing, processes, reproduce
from peft_course.reproduction.data import DOMAINS, Data
from peft_course.reproduction.engine import decided
from peft_course.reproduction.methods import TRAINED, Ensemble, Full, Hard, PrefixTuning, Soft
from peft_course.reproduction.runs import TUNING_SEED, sweep
from peft_course.reproduction.statistics import difference, interval
from peft_course.reproduction.verdicts import Finding, Verdict

SMALL = "course-gpt-small"
HARD = Run(SMALL, Data("sentiment"), Hard("labels"))
SHORT = Run(SMALL, Data("translation", 10), Soft(length=2), steps=2, learning_rate=0.1, scored=False)


def stored(run, loss=1.0):
    return Record(run.key, run.settings(), {"validation loss": loss}, 0.1)


def carried_out(run, folder=None):
    return stored(run)


# -- runs -------------------------------------------------------------------------------------------------------------
def test_a_run_carried_out_twice_gives_the_same_result():
    first, second = carry_out(SHORT), carry_out(SHORT)
    assert first.result == second.result
    assert first.key == second.key == SHORT.key


def test_a_run_uses_one_thread_and_gives_the_others_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        carry_out(SHORT)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_every_setting_changes_the_key():
    others = [
        replace(SHORT, model="course-gpt"),
        replace(SHORT, data=Data("translation", 20)),
        replace(SHORT, data=Data("sentiment", 10)),
        replace(SHORT, data=Data("translation", 10, one_domain=True)),
        replace(SHORT, method=Soft(length=3)),
        replace(SHORT, method=PrefixTuning(length=2)),
        replace(SHORT, seed=1),
        replace(SHORT, steps=3),
        replace(SHORT, learning_rate=0.2),
        replace(SHORT, scored=True),
    ]
    assert len({SHORT.key, *(other.key for other in others)}) == 1 + len(others)


def test_other_weights_by_the_same_name_make_another_key(monkeypatch):
    before = SHORT.key
    monkeypatch.setattr("peft_course.reproduction.runs.weights", lambda name: "others")
    assert SHORT.key != before


def test_a_setting_at_its_default_leaves_the_key_alone():
    assert replace(SHORT, method=Soft(length=2, start="vocabulary")).key == SHORT.key
    assert SHORT.settings()["method"] == {"method": "Soft", "length": 2}


def test_a_wording_of_sentiment_is_scored_by_its_own_words():
    good = carry_out(replace(HARD, method=Hard("was it good"))).result["scores"]["accuracy"][0]
    assert good > 60  # no answer is "positive" or "negative" there, so a comparison of texts would give 0


def test_an_ensemble_votes_among_members_trained_one_by_one():
    run = replace(SHORT, data=Data("sentiment", 10), method=Ensemble(members=2, of=Soft(length=2)), seed=1, scored=True)
    together = carry_out(run).result
    alone = carry_out(replace(run, method=Soft(length=2), seed=2)).result  # other data: a run draws them by its seed
    assert len(together["members"]) == 2
    assert together["stored"] == 2 * alone["stored"]
    assert together["members"][0].keys() == together["scores"].keys() == alone["scores"].keys()


@pytest.mark.parametrize("name", DOMAINS)
def test_one_domain_trains_and_tests_inside_and_has_a_test_set_outside(name):
    data, inside = Data(name, one_domain=True), DOMAINS[name]
    task, outside = data.load(), data.elsewhere()
    assert all(inside(row) for split in (task.train, task.validation, task.test) for row in split)
    assert not any(inside(row) for row in outside)
    assert (len(task.train), len(task.test), len(outside)) == (1000, 200, 200)


def test_few_examples_are_drawn_by_the_seed_and_the_test_set_is_not():
    one, other = Data("translation", 10).load(seed=0), Data("translation", 10).load(seed=1)
    assert len(one.train) == len(other.train) == 10
    assert set(one.train["x"]) != set(other.train["x"])
    assert one.test["x"] == other.test["x"]


def test_an_unknown_task_and_e2e_without_its_files_are_refused():
    with pytest.raises(ValueError, match="there is no task 'poems'; use one of translation"):
        Data("poems").load()
    with pytest.raises(ValueError, match="name their folder with --data"):
        Data("e2e").load()


# -- learning rates ---------------------------------------------------------------------------------------------------
def test_every_method_gets_the_same_number_of_trials_over_the_same_range():
    for method in TRAINED.values():
        assert len(method.rates) == 5
        assert max(method.rates) / min(method.rates) == pytest.approx(25)


def test_a_sweep_uses_a_seed_of_its_own_and_never_the_test_set():
    run = Run(SMALL, Data("translation", 20), Soft(length=7), seed=3, steps=50)
    trials = sweep(run)
    assert [trial.learning_rate for trial in trials] == list(Soft().rates)
    assert all(trial.seed == TUNING_SEED and not trial.scored for trial in trials)
    assert all(trial.data == Data("translation", 50) and trial.method == Soft() for trial in trials)


def test_runs_wait_for_their_sweep_and_take_its_best_rate(tmp_path):
    run, store = Run(SMALL, Data("translation"), Full(), steps=50), Store(tmp_path)
    todo = missing([run, replace(run, seed=1)], store)
    assert todo == sweep(run)
    assert decided(run, store) is None
    for trial in todo:
        store.add(stored(trial, loss=abs(trial.learning_rate - 0.002)))
    assert [each.learning_rate for each in missing([run, replace(run, seed=1)], store)] == [0.002, 0.002]


def test_a_run_without_a_learning_rate_is_refused():
    with pytest.raises(ValueError, match="has no learning rate yet"):
        carry_out(replace(SHORT, learning_rate=None))


# -- keeping ----------------------------------------------------------------------------------------------------------
def test_what_is_stored_is_not_carried_out_again(tmp_path):
    calls = []

    def submit(runs):
        calls.extend(runs)
        return map(carried_out, runs)

    runs = [replace(SHORT, seed=seed) for seed in (0, 1, 1, 2)]
    reproduce(runs[:2], Store(tmp_path), submit, progress=False)
    reproduce(runs, Store(tmp_path), submit, progress=False)
    assert [run.seed for run in calls] == [0, 1, 2]
    assert len(Store(tmp_path)) == 3


def test_an_interruption_keeps_what_had_ended(tmp_path):
    def submit(runs):
        yield carried_out(runs[0])
        raise KeyboardInterrupt

    runs = [replace(SHORT, seed=seed) for seed in range(3)]
    with pytest.raises(KeyboardInterrupt):
        reproduce(runs, Store(tmp_path), submit, progress=False)
    assert missing(runs, Store(tmp_path)) == runs[1:]


def test_a_line_cut_short_counts_as_never_written_and_costs_no_other(tmp_path):
    store = Store(tmp_path)
    for seed in range(3):
        store.add(stored(replace(SHORT, seed=seed)))
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:-20])
    again = Store(tmp_path)
    assert len(again) == 2
    again.add(stored(replace(SHORT, seed=2)))
    again.add(stored(replace(SHORT, seed=3)))
    assert sorted(record.settings.get("seed", 0) for record in Store(tmp_path)) == [0, 1, 2, 3]


def test_a_damaged_line_is_named(tmp_path):
    store = Store(tmp_path)
    store.add(stored(SHORT))
    store.path.write_text("no run\n" + store.path.read_text())
    with pytest.raises(ValueError, match=r"line 1 of '.*runs.jsonl' is no run"):
        Store(tmp_path)


def test_a_record_comes_back_as_it_was_stored(tmp_path):
    record = carry_out(HARD)
    Store(tmp_path).add(record)
    (again,) = Store(tmp_path)
    assert again == record


# -- engines ----------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_processes_give_the_results_that_one_call_gives(tmp_path):
    runs, store = [replace(SHORT, seed=seed) for seed in range(3)], Store(tmp_path)
    with processes(2) as submit:
        reproduce(runs, store, submit, progress=False)
    assert [store[run].result for run in runs] == [carry_out(run).result for run in runs]


@pytest.mark.slow
@pytest.mark.network
def test_a_dask_cluster_that_loses_a_worker_loses_no_run_and_stores_none_twice(tmp_path):
    from distributed import LocalCluster

    from peft_course.reproduction import dask

    runs, store = [replace(SHORT, seed=seed, steps=20) for seed in range(8)], Store(tmp_path)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        dask(cluster.scheduler_address) as submit,
    ):
        first = [worker.pid for worker in cluster.workers.values()]

        def one_is_killed(runs):
            for number, record in enumerate(submit(runs)):
                if number == 1:
                    os.kill(first[0], signal.SIGKILL)
                yield record

        reproduce(runs, store, one_is_killed, progress=False)
        assert first[0] not in [worker.pid for worker in cluster.workers.values()]
    lines = store.path.read_text().splitlines()
    assert len(lines) == len(runs)
    assert {json.loads(line)["key"] for line in lines} == {run.key for run in runs}
    assert store[runs[-1]].result == carry_out(runs[-1]).result


@pytest.mark.slow
def test_a_killed_command_goes_on_where_it_was(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while not (tmp_path / "runs.jsonl").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert 1 <= len(Store(tmp_path)) < 50
    subprocess.run(command, check=True)
    assert len(Store(tmp_path)) == 50


KILLED = """
import sys, time
from dataclasses import replace
from peft_course.reproduction import Store, reproduce
from tests.test_reproduction import SHORT, carried_out
def slowly(runs):
    for run in runs:
        time.sleep(0.05)
        yield carried_out(run)
reproduce([replace(SHORT, seed=seed) for seed in range(50)], Store(sys.argv[1]), slowly, progress=False)
"""


# -- studies ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_made_of_runs_that_can_be_told_apart(name):
    runs = list(STUDIES[name].runs())
    assert len(runs) == len({json.dumps(run.settings(), sort_keys=True) for run in runs})
    trained = [run for run in runs if run.method.rates]
    groups = {(run.model, run.data, run.method, run.learning_rate) for run in trained}
    assert {(*group, seed) for group, seed in product(groups, range(5))} == {
        (run.model, run.data, run.method, run.learning_rate, run.seed) for run in trained
    }, "five seeds each"


def test_an_unknown_claim_is_answered_by_those_there_are(capsys):
    assert main(["reproduce", "--claim", "magic"]) == 1
    assert "there is no study 'magic'; choose one of wordings, " in capsys.readouterr().err


def test_e2e_asks_for_its_files(capsys):
    assert main(["reproduce", "--claim", "e2e"]) == 1
    assert "name their folder with --data FOLDER" in capsys.readouterr().err


# -- statistics -------------------------------------------------------------------------------------------------------
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=6))
def test_an_interval_holds_its_mean_and_lies_within_the_values(values):
    found = interval(values)
    assert min(values) - 1e-9 <= found.low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.high <= max(values) + 1e-9


def test_an_interval_is_that_of_many_random_resamples():
    values = [3.0, 1.0, 4.0, 1.5, 9.0]
    draws = np.random.default_rng(0).choice(values, size=(200_000, 5)).mean(axis=1)
    found = interval(values)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(draws, [2.5, 97.5])), abs=0.05)


def test_a_paired_difference_leaves_out_what_both_owe_to_the_seed():
    luck = [0.0, 10.0, 20.0, 30.0, 40.0]
    found = difference([each + 1 for each in luck], luck)
    assert (found.low, found.mean, found.high) == (1, 1, 1)
    with pytest.raises(ValueError, match="as many results of either, got 1 and 2"):
        difference([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [((True, True), Verdict.HOLDS), ((True, False), Verdict.IN_PART), ((False, False), Verdict.NOT_HERE)],
)
def test_a_verdict_follows_from_the_parts_of_the_claim(parts, expected):
    named = {f"part {number}": part for number, part in enumerate(parts)}
    finding = Finding("study", "a claim", "1", "source", "2", "because", Verdict.HOLDS, named)
    assert finding.verdict is expected
    assert finding.is_explained == (expected is Verdict.HOLDS)
