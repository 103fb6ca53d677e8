"""LoRA: the frozen model plus a product of two thin matrices, in PEFT's files."""

import copy
import json

import peft
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import DECODERS, ENCODER_DECODERS, random_lm
from torch import nn
from transformers.pytorch_utils import Conv1D

from peft_course import LoRA, Prefix, SoftPrompt, doctor, fit, load_prompt
from peft_course.checkpoints import CONFIG

ARCHITECTURES = DECODERS + ENCODER_DECODERS
PAIRS = Dataset.from_dict({"x": ["ab", "abc b", "c"], "y": ["ba", "c", "aab"]})


def moved(lora, seed=0):
    """The same LoRA, with B no longer zero."""
    for number, parameter in enumerate(lora.parameters()):
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed + number))
    return lora


def logits(lm, prompt, model=None):
    ids, decoder_ids = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[1, 6, 7]]) if lm.is_encoder_decoder else None
    with torch.no_grad():
        if model is None:
            return lm.logits(ids, prompt, decoder_input_ids=decoder_ids)
        extra = {"decoder_input_ids": decoder_ids} if lm.is_encoder_decoder else {}
        return model(input_ids=ids, **extra).logits


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_training_begins_at_the_frozen_model_exactly(architecture):
    lm = random_lm(architecture)
    assert torch.equal(logits(lm, LoRA(lm, seed=3)), logits(lm, None))


@settings(max_examples=6)
@given(rank=st.integers(1, 6), alpha=st.floats(0.5, 32))
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
def test_it_computes_what_the_model_with_changed_matrices_computes(architecture, rank, alpha):
    lm = random_lm(architecture)
    lora = moved(LoRA(lm, rank, alpha))
    expected_weights = {name: weight.clone() for name, weight in lm.model.state_dict().items()}
    for name, a, b in zip(lora.names, lora.a, lora.b, strict=True):
        change = alpha / rank * (b @ a).detach()  # [out, in]
        layer = lm.model.get_submodule(name)
        expected_weights[f"{name}.weight"] += change.T if isinstance(layer, Conv1D) else change
    before = {name: weight.clone() for name, weight in lm.model.state_dict().items()}
    ours = logits(lm, lora)
    lm.model.load_state_dict(expected_weights)
    expected = logits(lm, None)
    lm.model.load_state_dict(before)
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_only_a_and_b_learn_and_the_frozen_weights_stay_as_they_are(architecture):
    lm = random_lm(architecture)
    lora, before = LoRA(lm, rank=2), {name: weight.clone() for name, weight in lm.model.state_dict().items()}
    a, b = lora.a[0].clone(), lora.b[0].clone()
    fit(lora, lm, PAIRS, steps=3, batch_size=2, learning_rate=0.1, progress=False)
    assert all(torch.equal(weight, before[name]) for name, weight in lm.model.state_dict().items())
    assert not torch.equal(lora.a[0], a)
    assert not torch.equal(lora.b[0], b)
    assert logits(lm, lora).ne(logits(lm, None)).any()


def test_its_numbers_are_rank_times_inputs_and_outputs():
    lm = random_lm("llama")
    lora = LoRA(lm, rank=3)
    layers = [lm.model.get_submodule(name) for name in lora.names]
    expected = sum(3 * (layer.in_features + layer.out_features) for layer in layers)
    assert lora.num_trained == lora.num_stored == expected
    assert {name.rpartition(".")[2] for name in lora.names} == {"q_proj", "v_proj"}


def test_the_frozen_weights_are_shared_not_copied():
    lm = random_lm("gpt2")
    adapted = LoRA(lm).condition(lm).model
    own = {parameter.data_ptr() for parameter in lm.model.parameters()}
    assert own == {parameter.data_ptr() for parameter in adapted.parameters()}
    assert not any("change" in name or "lora" in name for name, _ in lm.model.named_modules())


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "qwen2", "t5", "bart"])
def test_peft_reads_what_is_saved_and_computes_the_same_logits(architecture, tmp_path):
    lm = random_lm(architecture)
    lora = moved(LoRA(lm, rank=3, alpha=5.0))
    lora.save_pretrained(tmp_path)
    expected = logits(lm, lora)
    again = copy.deepcopy(random_lm(architecture))  # PEFT puts its layers into the model itself
    theirs = peft.PeftModel.from_pretrained(again.model, str(tmp_path)).eval()
    torch.testing.assert_close(logits(again, None, theirs), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
def test_what_peft_saved_is_read_with_the_same_logits(architecture, tmp_path):
    lm = random_lm(architecture)
    config = peft.LoraConfig(r=3, lora_alpha=7, task_type="SEQ_2_SEQ_LM" if lm.is_encoder_decoder else "CAUSAL_LM")
    theirs = peft.get_peft_model(copy.deepcopy(random_lm(architecture).model), config).eval()
    for name, parameter in theirs.named_parameters():
        if "lora_" in name:
            nn.init.normal_(parameter, std=0.2)
    theirs.save_pretrained(tmp_path)
    expected = logits(lm, None, theirs)
    torch.testing.assert_close(logits(lm, load_prompt(tmp_path, lm)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("use_dora", True, "a LoRA with ['use_dora'], expected plain matrices A and B"),
        ("bias", "all", "a LoRA with ['bias'], expected plain matrices A and B"),
        ("r", 0, "the rank r 0, expected a positive number"),
        ("r", 5, "tensors of the shapes"),
        ("lora_alpha", "much", "lora_alpha 'much', expected a number"),
        ("target_modules", "all-linear", "target_modules 'all-linear', expected a list of names of layers"),
        ("target_modules", ["nowhere"], "has no linear layer 'nowhere'; its layers are "),
    ],
)
def test_what_is_more_or_less_than_lora_is_refused_in_one_sentence(field, value, sentence, tmp_path):
    lm = random_lm("llama")
    files = LoRA(lm, rank=2).files()
    files[CONFIG] = json.dumps(json.loads(files[CONFIG]) | {field: value}).encode()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 (the message follows)
        LoRA.from_pretrained(tmp_path, lm)
    assert sentence in str(refusal.value)


def test_a_layer_that_is_not_there_is_answered_by_those_that_are():
    with pytest.raises(ValueError, match=r"has no linear layer 'k_porj'; its layers are .*k_proj"):
        LoRA(random_lm("llama"), targets=["k_porj"])
    with pytest.raises(ValueError, match="a rank of at least 1, got 0"):
        LoRA(random_lm("llama"), rank=0)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
def test_it_goes_together_with_a_prefix_and_with_a_soft_prompt(architecture):
    lm = random_lm(architecture)
    lora, prefix, soft = moved(LoRA(lm)), Prefix(lm, 3), SoftPrompt(lm, 2)
    both = prefix + soft + lora
    assert both.num_trained == lora.num_trained + prefix.num_trained + soft.num_trained
    assert logits(lm, both).ne(logits(lm, prefix + soft)).any()
    fit(both, lm, PAIRS, steps=2, batch_size=2, learning_rate=0.01, progress=False)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_doctor_finds_nothing_wrong_with_it(architecture):
    lm = random_lm(architecture)
    assert not len(doctor(moved(LoRA(lm, rank=2)), lm, PAIRS)), doctor(moved(LoRA(lm, rank=2)), lm, PAIRS)
