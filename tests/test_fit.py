"""The training loop: what it keeps, when it stops, and what it says."""

import copy
import math

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from random_models import random_lm

from peft_course import LM, FineTuning, Prefix, SoftPrompt, fit
from peft_course import fit as fit_function
from peft_course.devices import team
from peft_course.losses import Gradient
from peft_course.training import DivergenceError, mean_loss, validation_loss

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


# -- parts and precision ----------------------------------------------------------------------------------------------
ANSWERS = st.lists(st.text("abc", min_size=1, max_size=20), min_size=1, max_size=7)


@given(answers=ANSWERS, accumulate=st.integers(1, 7))
def test_a_batch_in_parts_has_the_gradient_of_the_mean_over_all_its_answer_tokens(answers, accumulate):
    lm, whole, parts = random_lm("llama"), *(SoftPrompt(random_lm("llama"), 2) for _ in range(2))
    examples = Dataset.from_dict({"x": ["ab"] * len(answers), "y": answers})
    rows = list(range(len(answers)))
    loss = mean_loss(whole, lm, examples, rows)
    loss.backward()
    found, _ = Gradient(parts, lm, team(lm.device), accumulate, "no").backward(examples, rows, interrupted=False)
    assert found == pytest.approx(loss.item(), abs=1e-5)
    torch.testing.assert_close(parts.embeddings.grad, whole.embeddings.grad, rtol=1e-4, atol=1e-6)


def test_a_batch_in_one_part_has_exactly_the_gradient_of_its_mean_loss():
    lm, whole, same = random_lm("llama"), *(SoftPrompt(random_lm("llama"), 2) for _ in range(2))
    mean_loss(whole, lm, PAIRS, [0, 1, 2]).backward()
    Gradient(same, lm, team(lm.device), 1, "no").backward(PAIRS, [0, 1, 2], interrupted=False)
    assert torch.equal(same.embeddings.grad, whole.embeddings.grad)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("make", [SoftPrompt, Prefix, FineTuning])
def test_mixed_precision_trains_to_about_where_float32_does(make, precision):
    lm = random_lm("llama")
    runs = {}
    for name in ("no", precision):
        rate = 1e-3 if make is FineTuning else 0.02
        runs[name] = fit(make(lm), lm, PAIRS, steps=30, learning_rate=rate, mixed_precision=name, progress=False)
    losses = runs["no"].losses
    assert runs[precision].losses != losses, "nothing was computed in lower precision"
    assert runs[precision].losses[0] == pytest.approx(losses[0], rel=0.02)
    assert runs[precision].losses[-1] == pytest.approx(losses[-1], abs=0.1 * (losses[0] - losses[-1]) + 0.05)


@pytest.mark.parametrize(("dtype", "precision"), [(torch.bfloat16, "bf16"), (torch.float16, "fp16")])
@pytest.mark.parametrize("mixed", [True, False])
def test_a_frozen_model_in_half_precision_trains_a_prompt_to_about_where_float32_does(dtype, precision, mixed):
    losses = {}
    for name, lm in {"whole": random_lm("llama"), "half": in_dtype(random_lm("llama"), dtype)}.items():
        mode = precision if mixed and name == "half" else "no"
        prompt = SoftPrompt(lm, 3)
        losses[name] = fit(prompt, lm, PAIRS, steps=30, learning_rate=0.02, mixed_precision=mode, progress=False).losses
        assert prompt.embeddings.dtype == torch.float32
    assert losses["half"] != losses["whole"]
    assert losses["half"][-1] == pytest.approx(losses["whole"][-1], rel=0.05)


def in_dtype(lm, dtype):
    return LM(copy.deepcopy(lm.model).to(dtype), lm.tokenizer, lm.name)


def test_two_kinds_of_half_precision_are_not_mixed():
    lm = in_dtype(random_lm("llama"), torch.bfloat16)
    with pytest.raises(ValueError, match=r"'fp16' does not go with a model in torch.bfloat16; choose 'bf16', or load"):
        fit(SoftPrompt(lm, 2), lm, PAIRS, mixed_precision="fp16")


def test_mixed_precision_is_what_accelerate_launch_was_told(monkeypatch):
    lm = random_lm("llama")
    told = {"steps": 3, "progress": False}
    expected = fit(SoftPrompt(lm, 2), lm, PAIRS, mixed_precision="bf16", **told)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert fit(SoftPrompt(lm, 2), lm, PAIRS, **told).losses == expected.losses
    assert fit(SoftPrompt(lm, 2), lm, PAIRS, mixed_precision="no", **told).losses != expected.losses


def test_training_disturbs_nobody_s_random_numbers():
    lm = random_lm("gpt2")
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    fit(FineTuning(lm), lm, PAIRS, steps=2, progress=False)
    assert torch.equal(torch.rand(2), expected)


def test_the_same_seed_gives_the_same_noise_of_dropout():
    lm = random_lm("gpt2")
    runs = []
    for elsewhere, seed in enumerate((0, 0, 1)):
        torch.manual_seed(elsewhere)
        runs.append(fit(FineTuning(lm), lm, PAIRS.select([0]), steps=3, seed=seed, progress=False).losses)
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0], "there is one example, so nothing but the noise differs"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mixed_precision": "fp8"}, "mixed_precision 'fp8' is not known; choose 'no', 'bf16' or 'fp16'"),
        ({"accumulate": 5, "batch_size": 4}, "a batch of 4 has no 5 parts; choose accumulate from 1 to 4"),
        ({"accumulate": 0, "batch_size": 4}, "a batch of 4 has no 0 parts"),
        ({"checkpoint_every": 0}, "checkpoint_every is a number of steps, 1 or more, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        fit(SoftPrompt(random_lm("llama"), 3), random_lm("llama"), PAIRS, **wrong)


def test_fit_is_the_function_and_not_its_module():
    assert callable(fit_function)
