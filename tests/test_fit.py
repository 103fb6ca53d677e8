"""The training loop: what it keeps, when it stops, and what it says."""

import math

import pytest
import torch
from datasets import Dataset
from random_models import random_lm

from peft_course import FineTuning, Prefix, SoftPrompt, fit
from peft_course import fit as fit_function
from peft_course.fit import DivergenceError, validation_loss

PAIRS = Dataset.from_dict({"x": ["ab", "abc b", "c", "bb"], "y": ["ba", "c", "aab", "b"]})


def test_the_same_seed_gives_the_same_prompt_and_another_one_does_not():
    lm = random_lm("llama")
    made = {}
    for run, seed in {"first": 0, "again": 0, "other": 1}.items():
        made[run] = SoftPrompt(lm, 3)
        fit(made[run], lm, PAIRS, steps=6, batch_size=2, seed=seed, progress=False)
    assert torch.equal(made["first"].embeddings, made["again"].embeddings)
    assert not torch.equal(made["first"].embeddings, made["other"].embeddings)


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor"])
def test_both_optimizers_lower_the_loss(optimizer):
    lm = random_lm("llama")
    history = fit(SoftPrompt(lm, 3), lm, PAIRS, steps=40, optimizer=optimizer, learning_rate=0.05, progress=False)
    assert history.losses[-1] < 0.9 * history.losses[0]


def test_an_unknown_optimizer_is_named():
    with pytest.raises(ValueError, match="optimizer 'sgdd' is not known"):
        fit(SoftPrompt(random_lm("llama"), 3), random_lm("llama"), PAIRS, optimizer="sgdd", progress=False)


def test_the_prompt_with_the_lowest_validation_loss_is_kept():
    lm, prompt = random_lm("llama"), SoftPrompt(random_lm("llama"), 3)
    history = fit(prompt, lm, PAIRS, validation=PAIRS, validate_every=3, steps=30, learning_rate=1.0, progress=False)
    assert validation_loss(prompt, lm, PAIRS) == pytest.approx(min(history.validation_losses))


def test_training_stops_once_validation_no_longer_improves():
    lm = random_lm("llama")
    other = Dataset.from_dict({"x": ["ab"], "y": ["cccccc"]})
    history = fit(
        SoftPrompt(lm, 3), lm, PAIRS, validation=other, validate_every=1, patience=3, steps=500, progress=False
    )
    assert len(history.losses) < 500
    assert history.stopped == "stopped early: 3 validations in a row without a lower loss"


def test_a_diverging_loss_stops_with_a_sentence_that_says_what_to_try_and_keeps_the_prompt():
    lm = random_lm("llama")
    tuned = FineTuning(lm)
    with pytest.raises(DivergenceError, match="try a learning rate below 1e\\+30"):
        fit(tuned, lm, PAIRS, steps=20, learning_rate=1e30, warmup=0, progress=False)
    assert all(torch.equal(tensor, tuned.model.state_dict()[name]) for name, tensor in lm.model.state_dict().items())


def test_ctrl_c_keeps_the_best_so_far(monkeypatch):
    lm, prompt = random_lm("llama"), SoftPrompt(random_lm("llama"), 3)
    answer_losses, calls = lm.answer_losses, []

    def interrupted_in_the_end(*arguments):
        calls.append(1)
        if len(calls) == 25:
            raise KeyboardInterrupt
        return answer_losses(*arguments)

    monkeypatch.setattr(lm, "answer_losses", interrupted_in_the_end)
    history = fit(prompt, lm, PAIRS, validation=PAIRS, validate_every=5, steps=100, progress=False)
    assert history.stopped.startswith("interrupted")
    assert validation_loss(prompt, lm, PAIRS) == pytest.approx(min(history.validation_losses))


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="no examples to train on"):
        fit(SoftPrompt(random_lm("llama"), 3), random_lm("llama"), PAIRS.select([]))


def test_a_history_says_what_happened_and_plots_itself():
    lm = random_lm("llama")
    history = fit(Prefix(lm, 2), lm, PAIRS, validation=PAIRS, steps=4, validate_every=2, progress=False)
    assert repr(history).startswith("History(4 steps, last loss")
    ax = history.plot()
    assert ax.get_xlabel() == "step"
    assert len(ax.lines) == 3
    assert all(math.isfinite(loss) for loss in history.losses + history.validation_losses)


def test_fit_is_the_function_and_not_its_module():
    assert callable(fit_function)
