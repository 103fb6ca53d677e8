"""Prompts on disk: Hugging Face PEFT's format both ways, and files that are damaged, hostile or another model's."""

import copy
import json
import os
import shutil
import struct
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import DECODERS, ENCODER_DECODERS, prompts_of_each_kind, random_lm
from safetensors.torch import save, save_file

from peft_course import LM, FineTuning, HardPrompt, Prefix, SoftPrompt, checkpoints, load_prompt

peft = pytest.importorskip("peft")

ARCHITECTURES = DECODERS + ENCODER_DECODERS
CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
OUR_CONFIG, OUR_TENSORS, SEAL = "peft_course.json", "peft_course.safetensors", "peft_course.sha256"
CLOSE = {"atol": 1e-6, "rtol": 0}
IDS, DECODER_IDS = torch.tensor([[5, 6, 7, 8], [9, 5, 3, 4]]), torch.tensor([[1, 6, 7], [1, 4, 4]])


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
    """PEFT's own model with random values, saved by PEFT; what PEFT computes once it has read it again."""
    task = "SEQ_2_SEQ_LM" if lm.is_encoder_decoder else "CAUSAL_LM"
    config.task_type = getattr(peft.TaskType, task)
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = peft.get_peft_model(lm.model, config)
        for parameter in model.prompt_encoder.parameters():
            parameter.data.normal_(std=0.3)
        trained = peft_logits(lm, model)
        model.save_pretrained(folder)
    lm.model.requires_grad_(False)
    found = peft_logits(lm, peft.PeftModel.from_pretrained(lm.model, folder))
    torch.testing.assert_close(found, trained, atol=1e-5, rtol=1e-5)  # its LSTM's output depends a little on the batch
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
    for name, prompt in prompts_of_each_kind(lm).items():
        prompt.template = "ab {x} c"
        prompt.save_pretrained(tmp_path / name)
        expected = lm.log_probabilities(["ab"], ["c"], prompt)
        for loaded in (type(prompt).from_pretrained(tmp_path / name, lm), load_prompt(tmp_path / name, lm)):
            assert type(loaded) is type(prompt)
            torch.testing.assert_close(lm.log_probabilities(["ab"], ["c"], loaded), expected, msg=name)


def test_what_is_loaded_and_saved_again_is_the_same_to_the_byte(tmp_path):
    lm = random_lm("t5")
    for name, prompt in prompts_of_each_kind(lm).items():
        prompt.save_pretrained(tmp_path / name)
        first = snapshot(tmp_path / name)
        load_prompt(tmp_path / name, lm).save_pretrained(tmp_path / name)
        assert snapshot(tmp_path / name) == first, name


def test_a_prompt_of_text_alone_has_nothing_to_save(tmp_path):
    with pytest.raises(TypeError, match="is text alone; keep its template"):
        HardPrompt("a {x}").save_pretrained(tmp_path)


def test_what_cannot_be_saved_is_refused_and_the_old_prompt_stays(tmp_path):
    soft = SoftPrompt(random_lm("gpt2"), 3)
    soft.save_pretrained(tmp_path)
    before = snapshot(tmp_path)
    soft.peft_type = "LORA"
    with pytest.raises(ValueError, match="peft_type is one of PROMPT_TUNING, P_TUNING, got 'LORA'"):
        soft.save_pretrained(tmp_path)
    soft.peft_type = "P_TUNING"
    soft.embeddings.data[1, 2] = float("nan")
    with pytest.raises(ValueError, match="'prompt_embeddings' holds infinite or undefined numbers, so it is not saved"):
        soft.save_pretrained(tmp_path)
    assert snapshot(tmp_path) == before


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


@pytest.mark.parametrize(
    ("template", "peft_reads_it"),
    [("{x}{prompt}", False), ("ab {prompt} {x}", False), ("{prompt}ab {x}", True), ("ab {x}", True)],
)
def test_vectors_behind_words_are_not_written_where_peft_would_put_them_in_front(template, peft_reads_it, tmp_path):
    for lm in (random_lm("llama"), random_lm("t5")):
        soft = SoftPrompt(lm, 3, template=template)
        soft.save_pretrained(tmp_path)
        assert (tmp_path / CONFIG).exists() is peft_reads_it
        expected = lm.log_probabilities(["ab"], ["c"], soft)
        assert torch.equal(lm.log_probabilities(["ab"], ["c"], load_prompt(tmp_path, lm)), expected)


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


# -- damaged, foreign and hostile files -------------------------------------------------------------------------------
def header(**entries):
    """A safetensors file of this header and no data."""
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


def tensor_file(*shape, dtype=torch.float32, name="prompt_embeddings", value=0.1):
    return save({name: torch.full(shape, value).to(dtype)})


HUGE = {"dtype": "F32", "shape": [1 << 40, 32], "data_offsets": [0, 1 << 47]}
SPOILT_TENSORS = {
    "no safetensors": (b"{}", "is damaged"),
    "empty": (b"", "is damaged"),
    "a length of its header beyond all memory": (b"\xff" * 7 + b"\x7f{}", "is damaged"),
    "a shape beyond the file": (header(prompt_embeddings=HUGE), "is damaged"),
    "a shape without numbers": (tensor_file(0, 32), r"is empty \(\[0, 32\]\)"),
    "a type that there is not": (header(prompt_embeddings=HUGE | {"dtype": "F3"}), "is damaged"),
    "another model's weights": (tensor_file(3, 32, name="lm_head.weight"), "holds 'lm_head.weight', expected"),
    "integers": (tensor_file(3, 32, dtype=torch.int64), "is of torch.int64, expected floating-point"),
    "undefined numbers": (tensor_file(3, 32, value=float("nan")), "holds 96 infinite or undefined numbers"),
    "infinite numbers": (tensor_file(3, 32, value=float("inf")), "holds 96 infinite or undefined numbers"),
    "another number of rows": (tensor_file(4, 32), "the number of rows of 'prompt_embeddings' 4, expected 3"),
    "another width": (tensor_file(3, 48), "vectors of the width 48, expected 32"),
    "one dimension": (tensor_file(96), "the number of dimensions of 'prompt_embeddings' 1, expected 2"),
}
SPOILT_CONFIGS = {
    "half of it": (b'{"peft_type": "PROMPT', "is damaged"),
    "no text": (b"\xff\xfe\x00", "is damaged"),
    "no object": (b'["PROMPT_TUNING"]', r"is damaged \(no object, but a list\)"),
    "nested without end": (b'{"a":' * 100_000, "is damaged"),
    "one name twice": (b'{"peft_type": "LORA", "peft_type": "PROMPT_TUNING"}', "a name stands twice"),
    "two million spaces": (b" " * 2_000_000 + b"{}", "has 2,000,002 bytes, expected at most 1,048,576"),
    "a number of 5,000 digits": (b'{"num_virtual_tokens": ' + b"9" * 5_000 + b"}", "is damaged"),
}
SPOILT_FIELDS = {
    "another method": ({"peft_type": "LORA"}, "has the type 'LORA', expected 'PROMPT_TUNING' or 'P_TUNING'"),
    "a type that is a list": ({"peft_type": ["PROMPT_TUNING"]}, "has the type"),
    "no length": ({"num_virtual_tokens": ...}, "has num_virtual_tokens None, expected a positive number"),
    "a length in words": ({"num_virtual_tokens": "a positive number"}, "expected a positive number"),
    "a negative length": ({"num_virtual_tokens": -3}, "has num_virtual_tokens -3"),
    "a length that is true": ({"num_virtual_tokens": True}, "has num_virtual_tokens True"),
    "more rows": ({"num_virtual_tokens": 10**30}, "the number of rows"),
    "two submodules": ({"num_transformer_submodules": 2}, "the num_transformer_submodules 2, expected 1"),
    "another task": ({"task_type": "SEQ_2_SEQ_LM"}, "the task_type 'SEQ_2_SEQ_LM', expected 'CAUSAL_LM'"),
}


def refused(folder, lm, message, kind=SoftPrompt):
    """Reading raises one sentence, and nothing in the folder changes."""
    before = snapshot(folder)
    with pytest.raises(ValueError, match=message) as caught:
        kind.from_pretrained(folder, lm)
    assert "\n" not in str(caught.value)
    assert snapshot(folder) == before


@pytest.mark.parametrize("name", SPOILT_TENSORS)
def test_spoilt_tensors_are_refused_in_one_sentence(name, tmp_path):
    lm, (data, message) = random_lm("gpt2"), SPOILT_TENSORS[name]
    SoftPrompt(lm, 3).save_pretrained(tmp_path)
    (tmp_path / TENSORS).write_bytes(data)
    refused(tmp_path, lm, f"{TENSORS} in .* is damaged, or from another save")
    (tmp_path / SEAL).unlink()
    refused(tmp_path, lm, message)


@pytest.mark.parametrize("name", SPOILT_CONFIGS)
@pytest.mark.parametrize("file", [CONFIG, OUR_CONFIG])
def test_a_spoilt_configuration_is_refused_in_one_sentence(file, name, tmp_path):
    lm, (data, message) = random_lm("gpt2"), SPOILT_CONFIGS[name]
    SoftPrompt(lm, 3).save_pretrained(tmp_path)
    (tmp_path / SEAL).unlink()
    (tmp_path / file).write_bytes(data)
    refused(tmp_path, lm, message)


@pytest.mark.parametrize("name", SPOILT_FIELDS)
def test_a_configuration_that_does_not_fit_is_refused_in_one_sentence(name, tmp_path):
    lm, (changes, message) = random_lm("gpt2"), SPOILT_FIELDS[name]
    SoftPrompt(lm, 3).save_pretrained(tmp_path)
    edited(tmp_path, **changes)
    refused(tmp_path, lm, message)


@pytest.mark.parametrize("own", [{"template": "no slot"}, {"template": 3}, {"template": "{x}", "made_for": [1]}])
def test_a_spoilt_template_is_refused_in_one_sentence(own, tmp_path):
    lm = random_lm("gpt2")
    SoftPrompt(lm, 3).save_pretrained(tmp_path)
    (tmp_path / SEAL).unlink()
    (tmp_path / OUR_CONFIG).write_text(json.dumps(own))
    refused(tmp_path, lm, "needs the slot {x} once|is not what save_pretrained writes")


@pytest.mark.parametrize("fields", [{"num_layers": 3}, {"num_attention_heads": 4}, {"token_dim": 32}])
def test_a_prefix_for_another_shape_is_refused_even_where_its_width_fits(fields, tmp_path):
    lm = random_lm("llama")
    Prefix(lm, 2).save_pretrained(tmp_path)
    edited(tmp_path, **fields)
    (name,) = fields
    refused(tmp_path, lm, f"has the {name} .*, expected .*; load another one", Prefix)


def test_a_prompt_of_another_kind_or_for_another_architecture_is_refused(tmp_path):
    gpt2, llama, t5 = map(random_lm, ("gpt2", "llama", "t5"))
    SoftPrompt(gpt2, 2).save_pretrained(tmp_path)
    refused(tmp_path, gpt2, "has the type 'PROMPT_TUNING', expected 'PREFIX_TUNING'", Prefix)
    refused(tmp_path, gpt2, "has the type 'PROMPT_TUNING', expected 'FINE_TUNING'", FineTuning)
    refused(tmp_path, t5, "has the task_type 'CAUSAL_LM', expected 'SEQ_2_SEQ_LM'")
    Prefix(llama, 2).save_pretrained(tmp_path)
    refused(tmp_path, gpt2, "has the num_attention_heads 2, expected 4", Prefix)
    Prefix(t5, 2).save_pretrained(tmp_path)
    refused(tmp_path, llama, "has the task_type 'SEQ_2_SEQ_LM', expected 'CAUSAL_LM'", Prefix)
    FineTuning(gpt2).save_pretrained(tmp_path)
    refused(tmp_path, llama, "do not fit llama; load the model that they came from", FineTuning)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("pickle-was-read",)


def test_a_pickle_is_never_read_and_the_way_to_convert_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lm = random_lm("gpt2")
    folder = tmp_path / "prompt"
    SoftPrompt(lm, 3).save_pretrained(folder)
    torch.save({"prompt_embeddings": Bomb()}, folder / "adapter_model.bin")
    SoftPrompt.from_pretrained(folder, lm)  # beside safetensors it is no concern
    (folder / TENSORS).unlink()
    (folder / SEAL).unlink()
    refused(folder, lm, r"is a pickle \(adapter_model.bin\).*convert it: safetensors.torch.save_file")
    assert not (tmp_path / "pickle-was-read").exists()


def test_no_name_in_a_configuration_is_followed(tmp_path):
    lm = random_lm("gpt2")
    SoftPrompt(lm, 3).save_pretrained(tmp_path / "prompt")
    trap = tmp_path / "trap"
    trap.mkdir()
    os.mkfifo(trap / "config.json")  # whoever opens it waits for ever
    names = {"base_model_name_or_path": str(trap), "tokenizer_name_or_path": str(trap), "revision": "../../trap"}
    more = {"prompt_tuning_init": "TEXT", "prompt_tuning_init_text": "words", "auto_mapping": {"parent_library": "os"}}
    edited(tmp_path / "prompt", **names, **more)
    assert SoftPrompt.from_pretrained(tmp_path / "prompt", lm).num_virtual_tokens == 3


@pytest.mark.parametrize("name", [CONFIG, TENSORS, OUR_CONFIG, SEAL])
def test_a_link_out_of_the_folder_and_a_pipe_are_refused(name, tmp_path):
    lm, folder = random_lm("gpt2"), tmp_path / "prompt"
    SoftPrompt(lm, 3).save_pretrained(folder)
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is a link out of its folder; put the file itself there"):
        SoftPrompt.from_pretrained(folder, lm)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(ValueError, match="is no regular file"):
        SoftPrompt.from_pretrained(folder, lm)
    SoftPrompt(lm, 3, seed=5).save_pretrained(folder)  # saving replaces a link, and not what it leads to
    assert (folder / name).is_file()


@pytest.mark.parametrize("sealed", [True, False])
def test_whatever_bytes_are_flipped_or_cut_the_prompt_is_the_same_or_refused(sealed, tmp_path):
    lm = random_lm("gpt2")
    original = SoftPrompt(lm, 3, template="ab {x}")
    original.save_pretrained(tmp_path)
    if not sealed:
        (tmp_path / SEAL).unlink()
    files = snapshot(tmp_path)

    @settings(max_examples=150)
    @given(
        name=st.sampled_from(sorted(files)),
        flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=3),
        end=st.one_of(st.just(1.0), st.floats(0, 1)),
    )
    def read_spoilt(name, flips, end):
        content = bytearray(files[name])
        for where, bits in flips:
            content[int(where * min(len(content), 400))] ^= bits
        (tmp_path / name).write_bytes(content[: round(end * len(content))])
        try:
            loaded, sentence = load_prompt(tmp_path, lm), ""
        except ValueError as error:
            loaded, sentence = None, str(error)
        (tmp_path / name).write_bytes(files[name])
        assert "\n" not in sentence
        assert loaded is None or loaded.embeddings.shape == original.embeddings.shape
        if loaded is not None and sealed:
            assert torch.equal(loaded.embeddings, original.embeddings)
            assert loaded.template == original.template

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another model, where a letter of its fingerprint was flipped
        read_spoilt()


def test_files_of_two_saves_do_not_pass_for_a_prompt(tmp_path):
    lm = random_lm("gpt2")
    SoftPrompt(lm, 3, template="one {x}").save_pretrained(tmp_path / "one")
    SoftPrompt(lm, 3, seed=1, template="two {x}").save_pretrained(tmp_path / "two")
    shutil.copy(tmp_path / "two" / TENSORS, tmp_path / "one" / TENSORS)
    refused(tmp_path / "one", lm, "or from another save: it is not the one that peft_course.sha256 names")
    (tmp_path / "two" / OUR_CONFIG).unlink()
    refused(tmp_path / "two", lm, "no file peft_course.json in .*; copy all of the folder")


def test_where_there_is_no_prompt_the_sentence_says_what_was_expected(tmp_path):
    lm = random_lm("gpt2")
    refused(tmp_path, lm, "no prompt in .*: expected adapter_config.json with adapter_model.safetensors, or")
    with pytest.raises(ValueError, match="no prompt in"):
        load_prompt(tmp_path / "nowhere", lm)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is no folder, but a file; name another folder to save to"):
        SoftPrompt(lm, 3).save_pretrained(tmp_path / "file")


def test_the_side_file_alone_is_read_with_its_metadata_or_refused(tmp_path):
    path = tmp_path / checkpoints.TRAINING
    save_file({"optimizer.0.step": torch.tensor(3)}, path, {"steps": "3"})
    tensors, metadata = checkpoints.read_tensors(path)
    assert (tensors["optimizer.0.step"].item(), metadata) == (3, {"steps": "3"})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="is damaged"):
        checkpoints.read_tensors(path)
    path.unlink()
    with pytest.raises(ValueError, match=r"no file .*; name a folder whose training state was saved"):
        checkpoints.read_tensors(path)


# -- the model that a prompt was made for -----------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", ["gpt2", "t5"])
def test_a_fingerprint_is_the_same_in_every_precision_and_differs_between_weights(architecture):
    lm = random_lm(architecture)
    expected = checkpoints.fingerprint(lm)
    assert expected != checkpoints.fingerprint(random_lm(architecture, seed=1))
    for dtype in (torch.bfloat16, torch.float16):
        again = LM(copy.deepcopy(lm.model).to(dtype), lm.tokenizer, "another name")
        assert checkpoints.fingerprint(again) == expected


@pytest.mark.parametrize("kind", [SoftPrompt, Prefix])
def test_a_prompt_saved_for_other_weights_of_the_same_shape_is_loaded_with_a_warning(kind, tmp_path):
    lm, other = random_lm("llama"), random_lm("llama", seed=1)
    kind(lm, 2).save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kind.from_pretrained(tmp_path, lm).made_for == checkpoints.fingerprint(lm)
    with pytest.warns(UserWarning, match="was saved for another model than llama: it fits, but the weights differ"):
        assert kind.from_pretrained(tmp_path, other).made_for == checkpoints.fingerprint(lm)
    for name in (OUR_CONFIG, SEAL):
        (tmp_path / name).unlink()
    assert kind.from_pretrained(tmp_path, other).made_for is None


@pytest.mark.parametrize("stacks", [["encoder"], ["decoder"], ["cross", "encoder"]])
def test_a_prefix_of_some_stacks_comes_back_in_these_alone(stacks, tmp_path):
    lm = random_lm("t5")
    prefix = Prefix(lm, 3, stacks=stacks)
    prefix.save_pretrained(tmp_path)
    again = Prefix.from_pretrained(tmp_path, lm)
    assert set(again.stacks) == set(stacks)
    assert all(torch.equal(again.stacks[name](), prefix.stacks[name]()) for name in stacks)


def test_a_prefix_in_some_layers_says_that_it_has_no_file_format(tmp_path):
    with pytest.raises(ValueError, match=r"a prefix in the layers \[1\] alone has no file format"):
        Prefix(random_lm("llama"), 3, layers=[1]).save_pretrained(tmp_path)
