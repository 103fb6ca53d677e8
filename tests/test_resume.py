"""Training that was stopped goes on to exactly where it would have come."""

import dataclasses
import json

import pytest
import torch
from datasets import Dataset
from random_models import random_lm
from safetensors import safe_open
from several_processes import losses_that

from peft_course import FineTuning, HardPrompt, Prefix, SoftPrompt, fit
from peft_course.checkpoints import TRAINING

PAIRS = Dataset.from_dict({"x": ["ab", "abc b", "c", "bb", "ca"], "y": ["ba", "c", "aab", "b", "accc"]})
ADAFACTOR = {"optimizer": "adafactor", "learning_rate": 0.05}
VALIDATED = {"validation": PAIRS, "validate_every": 2}


def resumable(folder, **settings):
    return {"steps": 10, "batch_size": 2, "checkpoint": folder, "checkpoint_every": 3, "progress": False} | settings


def stopped_in(lm, number, error, prompt, **settings):
    """Train until `error` comes in the loss of that `number`, as a crash or a person would stop it."""

    def stop(call, given):
        if call == number:
            raise error
        return given

    with losses_that(lm, stop):
        try:
            return fit(prompt, lm, PAIRS, **settings)
        except RuntimeError:
            return None


def facts_of(history):
    return {name: value for name, value in dataclasses.asdict(history).items() if name != "seconds"}


@pytest.mark.parametrize(
    ("architecture", "make", "settings"),
    [
        ("llama", lambda lm: SoftPrompt(lm, 3), {}),
        ("llama", lambda lm: SoftPrompt(lm, 3), ADAFACTOR),
        ("t5", lambda lm: Prefix(lm, 3), {"accumulate": 2}),
        ("gpt2", lambda lm: Prefix(lm, 3, bottleneck=4), ADAFACTOR | VALIDATED),
        ("gpt2", FineTuning, {"weight_decay": 0.1}),  # with dropout: the noise has to be the same too
        ("llama", lambda lm: SoftPrompt(lm, 3), {"mixed_precision": "fp16"}),  # losses are scaled by a factor
        ("llama", lambda lm: SoftPrompt(lm, 3), VALIDATED | {"learning_rate": 1.0, "patience": 4, "validate_every": 1}),
    ],
)
@pytest.mark.parametrize("number", [5, 8, 9])
def test_a_resumed_run_ends_with_the_same_bits_as_an_uninterrupted_one(architecture, make, settings, number, tmp_path):
    lm = random_lm(architecture)
    whole, resumed = make(lm), make(lm)
    expected = fit(whole, lm, PAIRS, **resumable(None, **settings))
    stopped_in(lm, number, RuntimeError("no power"), make(lm), **resumable(tmp_path, **settings))
    torch.manual_seed(number)  # whatever else happens in between
    history = fit(resumed, lm, PAIRS, **resumable(tmp_path, **settings))
    assert facts_of(history) == facts_of(expected)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_after_ctrl_c_the_same_call_goes_on_from_the_last_checkpoint(tmp_path):
    lm, whole = random_lm("llama"), SoftPrompt(random_lm("llama"), 3)
    fit(whole, lm, PAIRS, **resumable(None))
    prompt = SoftPrompt(lm, 3)
    assert stopped_in(lm, 8, KeyboardInterrupt(), prompt, **resumable(tmp_path)).stopped.startswith("interrupted")
    assert not torch.equal(prompt.embeddings, whole.embeddings)
    assert fit(prompt, lm, PAIRS, **resumable(tmp_path)).stopped == "all steps done"
    assert torch.equal(prompt.embeddings, whole.embeddings)


def test_a_checkpoint_is_a_prompt_that_can_be_loaded(tmp_path):
    lm, prompt = random_lm("llama"), SoftPrompt(random_lm("llama"), 3, template="In: {x}")
    stopped_in(lm, 8, RuntimeError(), prompt, **resumable(tmp_path))
    at_six = SoftPrompt.from_pretrained(tmp_path, lm)
    assert at_six.template == "In: {x}"
    with safe_open(tmp_path / TRAINING, "pt") as file:
        assert len(json.loads(file.metadata()["training"])["history"]["losses"]) == 6
        assert torch.equal(file.get_tensor("prompt.embeddings"), at_six.embeddings)


def test_a_finished_run_is_read_and_not_made_again(tmp_path, monkeypatch):
    lm, first, second = random_lm("llama"), *(SoftPrompt(random_lm("llama"), 3) for _ in range(2))
    expected = fit(first, lm, PAIRS, **resumable(tmp_path, **VALIDATED))
    monkeypatch.setattr(lm, "answer_losses", None)
    assert fit(second, lm, PAIRS, **resumable(tmp_path, **VALIDATED)) == expected
    assert torch.equal(first.embeddings, second.embeddings)
    assert torch.equal(SoftPrompt.from_pretrained(tmp_path, lm).embeddings, first.embeddings)


OTHER_DATA = Dataset.from_dict({"x": ["ab"] * 5, "y": ["ba"] * 5})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"learning_rate": 0.2}, "begun with learning_rate 0.1, and this call has 0.2"),
        ({"steps": 11}, "begun with steps 10, and this call has 11"),
        ({"batch_size": 3}, "begun with examples a step 2, and this call has 3"),
        ({"seed": 1}, "begun with seed 0, and this call has 1"),
        ({"mixed_precision": "bf16"}, "begun with mixed_precision 'no', and this call has 'bf16'"),
        ({"examples": OTHER_DATA}, "begun with the examples '5 with the hash"),
        ({"validation": PAIRS}, "begun with the validation examples 'none'"),
        ({"lm": random_lm("llama", seed=1)}, "begun with the model 'llama-"),
        ({"prompt": SoftPrompt(random_lm("llama"), 4)}, "begun with a prompt 'SoftPrompt of 96 numbers'"),
        ({"prompt": SoftPrompt(random_lm("llama"), 3, template="In: {x}")}, "begun with the template '{x}'"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_other_settings_is_refused_and_nothing_changes(other, message, finished, tmp_path):
    lm, prompt = random_lm("llama"), SoftPrompt(random_lm("llama"), 3)
    stopped_in(lm, 99 if finished else 8, RuntimeError(), prompt, **resumable(tmp_path))
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    call = resumable(tmp_path) | {"prompt": SoftPrompt(lm, 3), "lm": lm, "examples": PAIRS} | other
    before = call["prompt"].embeddings.detach().clone()
    with pytest.raises(ValueError, match="give the same to go on with it, or another folder") as refusal:
        fit(**call)
    assert message in str(refusal.value)
    assert torch.equal(call["prompt"].embeddings, before)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_a_larger_number_of_parts_may_go_on_with_a_run(tmp_path):
    lm, whole, resumed = random_lm("llama"), *(SoftPrompt(random_lm("llama"), 3) for _ in range(2))
    fit(whole, lm, PAIRS, **resumable(None))
    stopped_in(lm, 8, RuntimeError(), SoftPrompt(lm, 3), **resumable(tmp_path))
    fit(resumed, lm, PAIRS, **resumable(tmp_path, accumulate=2))
    torch.testing.assert_close(resumed.embeddings, whole.embeddings, rtol=0, atol=1e-3)


@pytest.mark.parametrize("damage", ["half", "empty", "pickle"])
def test_a_damaged_state_is_told_in_one_sentence(damage, tmp_path):
    lm, prompt = random_lm("llama"), SoftPrompt(random_lm("llama"), 3)
    stopped_in(lm, 8, RuntimeError(), SoftPrompt(lm, 3), **resumable(tmp_path))
    path = tmp_path / TRAINING
    whole = path.read_bytes()
    path.write_bytes({"half": whole[: len(whole) // 2], "empty": b"", "pickle": b"\x80\x04K\x01."}[damage])
    before = prompt.embeddings.detach().clone()
    with pytest.raises(ValueError, match="damaged"):
        fit(prompt, lm, PAIRS, **resumable(tmp_path))
    assert torch.equal(prompt.embeddings, before)


def test_a_state_that_fit_did_not_write_is_told_in_one_sentence(tmp_path):
    from safetensors.torch import save_file

    lm = random_lm("llama")
    for metadata in (None, {"training": "{"}, {"training": "[1]"}, {"training": '{"settings": {}}'}):
        save_file({"prompt.embeddings": torch.zeros(3, 32)}, tmp_path / TRAINING, metadata)
        with pytest.raises(ValueError, match=r"is not what fit writes .* delete it to begin anew"):
            fit(SoftPrompt(lm, 3), lm, PAIRS, **resumable(tmp_path))


def test_a_prompt_that_cannot_be_saved_says_so_before_training(tmp_path, monkeypatch):
    lm = random_lm("llama")
    monkeypatch.setattr(lm, "answer_losses", None)
    with pytest.raises(TypeError, match="saved part by part"):
        fit(Prefix(lm, 2) + SoftPrompt(lm, 2), lm, PAIRS, **resumable(tmp_path))
    with pytest.raises(ValueError, match="has nothing to train"):
        fit(HardPrompt("{x}"), lm, PAIRS, **resumable(tmp_path))

