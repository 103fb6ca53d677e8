"""Prompts on disk: Hugging Face PEFT's format both ways, and files that are damaged, hostile or another model's."""

import json
import os
import shutil
import struct
import subprocess
import sys
import warnings
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import DECODERS, ENCODER_DECODERS, random_lm
from safetensors.torch import load_file, save, save_file

import peft_course
from peft_course import FineTuning, HardPrompt, Prefix, SoftPrompt, checkpoints, load_prompt

peft = pytest.importorskip("peft")

ARCHITECTURES = DECODERS + ENCODER_DECODERS
CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
OUR_CONFIG, OUR_TENSORS, SEAL = "peft_course.json", "peft_course.safetensors", "peft_course.sha256"
CLOSE = {"atol": 1e-6, "rtol": 1e-6}
IDS, DECODER_IDS = torch.tensor([[5, 6, 7, 8], [9, 5, 3, 4]]), torch.tensor([[1, 6, 7], [1, 4, 4]])


def all_kinds(lm):
    made = {
        "soft": SoftPrompt(lm, 3),
        "flat prefix": Prefix(lm, 4),
        "prefix through a perceptron": Prefix(lm, 4, bottleneck=6, hidden=5),
        "full fine-tuning": FineTuning(lm),
    }
    if lm.is_encoder_decoder:
        made["prefix on cross-attention too"] = Prefix(lm, 4, cross_attention=True)
    return made


@torch.no_grad()
def logits(lm, prompt):
    return lm.logits(IDS, prompt, decoder_input_ids=DECODER_IDS if lm.is_encoder_decoder else None)


@torch.no_grad()
def peft_logits(lm, model):
    """What PEFT's model computes, through transformers' own attention."""
    more = {"decoder_input_ids": DECODER_IDS} if lm.is_encoder_decoder else {}
    lm.model.set_attn_implementation("sdpa")
    try:
        found = model.eval()(input_ids=IDS, attention_mask=torch.ones_like(IDS), **more).logits
    finally:
        lm.model.set_attn_implementation("peft_course")
    return found if lm.is_encoder_decoder else found[:, -IDS.shape[1] :]


def saved_by_peft(lm, config, folder):
    """PEFT's own model with random values, saved by PEFT; its logits."""
    task = "SEQ_2_SEQ_LM" if lm.is_encoder_decoder else "CAUSAL_LM"
    config.task_type = getattr(peft.TaskType, task)
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = peft.get_peft_model(lm.model, config)
        for parameter in model.prompt_encoder.parameters():
            parameter.data.normal_(std=0.3)
        found = peft_logits(lm, model)
        model.save_pretrained(folder)
    lm.model.requires_grad_(False)
    return found


def edited(folder, **changes):
    path = folder / CONFIG
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not ...}))
    (folder / SEAL).unlink(missing_ok=True)


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# -- here and back ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
def test_a_saved_prompt_comes_back_with_the_same_logits_and_words(architecture, tmp_path):
    lm = random_lm(architecture)
    for name, prompt in all_kinds(lm).items():
        prompt.template = "ab {x} c"
        prompt.save_pretrained(tmp_path / name)
        expected = lm.log_probabilities(["ab"], ["c"], prompt)
        for loaded in (type(prompt).from_pretrained(tmp_path / name, lm), load_prompt(tmp_path / name, lm)):
            assert type(loaded) is type(prompt)
            torch.testing.assert_close(lm.log_probabilities(["ab"], ["c"], loaded), expected, msg=name)


def test_what_is_loaded_and_saved_again_is_the_same_to_the_byte(tmp_path):
    lm = random_lm("t5")
    for name, prompt in all_kinds(lm).items():
        prompt.save_pretrained(tmp_path / name)
        first = snapshot(tmp_path / name)
        load_prompt(tmp_path / name, lm).save_pretrained(tmp_path / name)
        assert snapshot(tmp_path / name) == first, name


def test_a_prompt_of_text_alone_has_nothing_to_save(tmp_path):
    with pytest.raises(TypeError, match="is text alone; keep its template"):
        HardPrompt("a {x}").save_pretrained(tmp_path)


def test_a_folder_holds_one_prompt_and_the_users_own_files(tmp_path):
    lm = random_lm("t5")
    (tmp_path / "run.json").write_text("mine")
    (tmp_path / "adapter_model.bin").write_bytes(b"an old pickle")
    SoftPrompt(lm, 2).save_pretrained(tmp_path)
    Prefix(lm, 2).save_pretrained(tmp_path)
    assert set(snapshot(tmp_path)) == {OUR_CONFIG, OUR_TENSORS, SEAL, "run.json"}
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_the_prefixs_perceptron_comes_back_where_it_was_saved_for_training_on(tmp_path):
    lm = random_lm("bart")
    prefix = Prefix(lm, 3, bottleneck=5, hidden=7, cross_attention=True)
    for parameter in prefix.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    state = {f"prompt.{name}": tensor for name, tensor in prefix.state_dict().items()}
    side = {checkpoints.TRAINING: save(state | {"optimizer.0.step": torch.tensor(3)})}
    checkpoints.write(tmp_path, prefix.files() | side)
    loaded = Prefix.from_pretrained(tmp_path, lm)
    assert loaded.has_perceptron
    assert all(torch.equal(tensor, prefix.state_dict()[name]) for name, tensor in loaded.state_dict().items())
    Prefix(lm, 3, seed=8).save_pretrained(tmp_path)  # another prompt: the side file goes with the old one
    assert not Prefix.from_pretrained(tmp_path, lm).has_perceptron


@pytest.mark.parametrize("other", [{"bottleneck": 5, "seed": 9}, {"bottleneck": 5, "num_virtual_tokens": 2}])
def test_a_side_file_of_another_prompt_is_refused(other, tmp_path):
    lm = random_lm("llama")
    prefix, another = Prefix(lm, 3, bottleneck=5), Prefix(lm, **({"num_virtual_tokens": 3} | other))
    state = save({f"prompt.{name}": tensor for name, tensor in another.state_dict().items()})
    checkpoints.write(tmp_path, prefix.files() | {checkpoints.TRAINING: state})
    with pytest.raises(ValueError, match="belongs to another prompt than the one there; delete it"):
        Prefix.from_pretrained(tmp_path, lm)
    (tmp_path / checkpoints.TRAINING).unlink()
    assert not Prefix.from_pretrained(tmp_path, lm).has_perceptron


# -- PEFT reads ours --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING"])
def test_peft_reads_what_is_saved_and_computes_the_same_logits(architecture, kind, tmp_path):
    lm = random_lm(architecture, seed=9)
    if kind == "PREFIX_TUNING" and lm.is_encoder_decoder:
        pytest.skip("an encoder's prefix has no place in PEFT's format")
    prompt = Prefix(lm, 3, bottleneck=4, seed=4) if kind == "PREFIX_TUNING" else SoftPrompt(lm, 3, seed=4)
    for parameter in prompt.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    prompt.peft_type = kind
    prompt.save_pretrained(tmp_path)
    theirs = peft.PeftModel.from_pretrained(lm.model, tmp_path)
    assert theirs.peft_config["default"].peft_type == kind
    torch.testing.assert_close(peft_logits(lm, theirs), logits(lm, prompt), **CLOSE)
    loaded = load_prompt(tmp_path, lm)
    torch.testing.assert_close(logits(lm, loaded), logits(lm, prompt), **CLOSE)


@pytest.mark.parametrize("architecture", ["llama", "t5"])
def test_the_files_are_the_ones_that_peft_itself_would_write(architecture, tmp_path):
    lm = random_lm(architecture, seed=9)
    prompts = {"soft": SoftPrompt(lm, 3), "p-tuning": SoftPrompt(lm, 3)}
    prompts["p-tuning"].peft_type = "P_TUNING"
    if not lm.is_encoder_decoder:
        prompts["prefix"] = Prefix(lm, 3)
    for name, prompt in prompts.items():
        prompt.save_pretrained(tmp_path / name)
        peft.PeftModel.from_pretrained(lm.model, tmp_path / name).save_pretrained(tmp_path / "theirs")
        theirs = json.loads((tmp_path / "theirs" / CONFIG).read_text())
        theirs.pop("peft_version")
        assert (tmp_path / name / CONFIG).read_text() == json.dumps(theirs, indent=2, sort_keys=True)
        assert (tmp_path / name / TENSORS).read_bytes() == (tmp_path / "theirs" / TENSORS).read_bytes()


def test_vectors_behind_words_are_not_written_where_peft_would_put_them_in_front(tmp_path):
    lm = random_lm("t5")
    soft = SoftPrompt(lm, 3)
    for template in ("{x}{prompt}", "ab {prompt} {x}"):
        soft.template = template
        soft.save_pretrained(tmp_path)
        assert not (tmp_path / CONFIG).exists()
        loaded = load_prompt(tmp_path, lm)
        assert loaded.template == template
        assert torch.equal(loaded.embeddings, soft.embeddings)
    soft.template = "{prompt}ab {x}"
    soft.save_pretrained(tmp_path)
    assert (tmp_path / CONFIG).exists()


# -- ours reads PEFT's ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: peft.PromptTuningConfig(num_virtual_tokens=3), id="prompt tuning"),
        pytest.param(lambda: peft.PromptEncoderConfig(num_virtual_tokens=3, encoder_hidden_size=7), id="p-tuning, mlp"),
        pytest.param(
            lambda: peft.PromptEncoderConfig(
                num_virtual_tokens=3, encoder_hidden_size=7, encoder_reparameterization_type="LSTM"
            ),
            id="p-tuning, lstm",
        ),
    ],
)
def test_a_soft_prompt_that_peft_saved_has_the_same_logits(architecture, make, tmp_path):
    lm = random_lm(architecture, seed=9)
    expected = saved_by_peft(lm, make(), tmp_path)
    loaded = load_prompt(tmp_path, lm)
    assert (type(loaded), loaded.num_virtual_tokens, loaded.made_for) == (SoftPrompt, 3, None)
    torch.testing.assert_close(logits(lm, loaded), expected, **CLOSE)


@pytest.mark.parametrize("architecture", DECODERS)
@pytest.mark.parametrize("projection", [False, True])
def test_a_prefix_that_peft_saved_has_the_same_logits(architecture, projection, tmp_path):
    lm = random_lm(architecture, seed=9)
    config = peft.PrefixTuningConfig(num_virtual_tokens=3, prefix_projection=projection, encoder_hidden_size=7)
    expected = saved_by_peft(lm, config, tmp_path)
    torch.testing.assert_close(logits(lm, Prefix.from_pretrained(tmp_path, lm)), expected, **CLOSE)


@pytest.mark.parametrize("architecture", ENCODER_DECODERS)
def test_pefts_prefix_for_an_encoder_decoder_is_refused_with_the_reason(architecture, tmp_path):
    lm = random_lm(architecture, seed=9)
    saved_by_peft(random_lm("gpt2", seed=9), peft.PrefixTuningConfig(num_virtual_tokens=3), tmp_path)
    edited(tmp_path, task_type="SEQ_2_SEQ_LM", num_transformer_submodules=2)
    with pytest.raises(ValueError, match="has none for the encoder and shares the decoder's between layers"):
        Prefix.from_pretrained(tmp_path, lm)


def test_a_configuration_that_lacks_newer_names_or_has_unknown_ones_is_read(tmp_path):
    lm = random_lm("t5")
    soft = SoftPrompt(lm, 3)
    soft.save_pretrained(tmp_path)
    minimal = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3, "of_the_future": [1]}
    (tmp_path / CONFIG).write_text(json.dumps(minimal))
    (tmp_path / SEAL).unlink()
    assert torch.equal(SoftPrompt.from_pretrained(tmp_path, lm).embeddings, soft.embeddings)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_another_precision_are_read_as_float32(dtype, tmp_path):
    lm = random_lm("gpt2")
    soft = SoftPrompt(lm, 3)
    soft.save_pretrained(tmp_path)
    (tmp_path / SEAL).unlink()
    save_file({"prompt_embeddings": soft.embeddings.detach().to(dtype)}, tmp_path / TENSORS)
    loaded = SoftPrompt.from_pretrained(tmp_path, lm)
    assert loaded.embeddings.dtype == torch.float32
    assert torch.equal(loaded.embeddings, soft.embeddings.to(dtype).float())
