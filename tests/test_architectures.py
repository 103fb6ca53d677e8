"""Every method on every architecture: what must change nothing, changes nothing."""

import copy

import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import DECODERS, ENCODER_DECODERS, SIZES, byte_tokenizer, random_lm
from transformers import (
    BertConfig,
    BertLMHeadModel,
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GemmaConfig,
    GemmaForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    MambaConfig,
    MambaForCausalLM,
)

from peft_course import LM, Prefix, SoftPrompt, fit, frozen

ARCHITECTURES = DECODERS + ENCODER_DECODERS
METHODS = ["soft", "infix", "prefix", "prefix in one layer", "prefix through a perceptron", "prefix with soft"]
TEXTS, ANSWERS = ["ab ca", "c", "abcabc b"], ["ba", "caab", ""]


def made(method, lm, seed=0):
    """A prompt of the method, far from its initial value."""
    cross = lm.is_encoder_decoder
    match method:
        case "soft":
            prompt = SoftPrompt(lm, 3)
        case "infix":
            prompt = SoftPrompt(lm, 2, template="a {x} {prompt}b:")
        case "prefix":
            prompt = Prefix(lm, 4, cross_attention=cross)
        case "prefix in one layer":
            prompt = Prefix(lm, 3, layers=[1], cross_attention=cross)
        case "prefix through a perceptron":
            prompt = Prefix(lm, 2, bottleneck=5, cross_attention=cross)
        case _:
            prompt = Prefix(lm, 2) + SoftPrompt(lm, 3)
    for number, parameter in enumerate(prompt.parameters()):
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed + number))
    return prompt


def losses_and_gradients(lm, prompt, texts=TEXTS, answers=ANSWERS):
    prompt.zero_grad()
    losses, _ = lm.answer_losses(texts, answers, prompt)
    losses.sum().backward()
    return losses.detach(), [parameter.grad.clone() for parameter in prompt.parameters()]


def every(test):
    """Runs a test for each method on each architecture."""
    return pytest.mark.parametrize("architecture", ARCHITECTURES)(pytest.mark.parametrize("method", METHODS)(test))


@every
@settings(max_examples=4)
@given(ids=st.lists(st.integers(2, 257), min_size=1, max_size=7), extra=st.integers(1, 4))
def test_left_padded_is_right_padded_is_alone(architecture, method, ids, extra):
    lm = random_lm(architecture)
    prompt = made("soft" if method == "infix" else method, lm)
    pads, decoder_ids = [lm.pad] * extra, torch.tensor([[5, 6]]) if lm.is_encoder_decoder else None
    there, absent = [1] * len(ids), [0] * extra
    with torch.no_grad():
        alone = lm.logits(torch.tensor([ids]), prompt, decoder_input_ids=decoder_ids)
        left = lm.logits(torch.tensor([pads + ids]), prompt, torch.tensor([absent + there]), decoder_ids)
        right = lm.logits(torch.tensor([ids + pads]), prompt, torch.tensor([there + absent]), decoder_ids)
    if not lm.is_encoder_decoder:
        left, right = left[:, extra:], right[:, : len(ids)]
    torch.testing.assert_close(left, alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(right, alone, atol=1e-5, rtol=1e-5)


@every
def test_answers_written_with_a_cache_have_the_logits_computed_without_one(architecture, method):
    lm = random_lm(architecture)
    prompt, kept = made(method, lm), []
    hook = lm.model.register_forward_hook(lambda module, inputs, output: kept.append(output.logits[0, -1]))
    lm.generate(["ab ca"], prompt, max_new_tokens=5)
    hook.remove()
    batch, condition = lm.batch(["ab ca"], prompt=prompt), prompt.condition(lm)
    written = torch.stack(kept).argmax(dim=-1)
    for step, logits in enumerate(kept):
        with torch.no_grad():
            if lm.is_encoder_decoder:
                start = torch.tensor([lm.model.config.decoder_start_token_id])
                expected = lm.run(batch, condition, torch.cat([start, written[:step]])[None])[0, -1]
            else:
                ids = torch.cat([batch.input_ids[0], written[:step]])[None]
                places = None if batch.places is None else torch.nn.functional.pad(batch.places, (0, step), value=-1)
                longer = batch._replace(input_ids=ids, attention_mask=torch.ones_like(ids), places=places)
                expected = lm.run(longer, condition)[0, -1]
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


@every
def test_a_gradient_reaches_every_trained_number_and_no_frozen_one(architecture, method):
    lm = random_lm(architecture)
    prompt = made(method, lm)
    _, gradients = losses_and_gradients(lm, prompt)
    for (name, _), gradient in zip(prompt.named_parameters(), gradients, strict=True):
        assert (gradient.flatten() != 0).float().mean() > 0.95, name  # a zero may happen, a dead row or layer not
        assert (gradient.flatten(0, 0).reshape(len(gradient), -1).abs().sum(dim=1) > 0).all(), name
    assert all(parameter.grad is None for parameter in lm.model.parameters())


@every
def test_checkpointed_activations_change_no_loss_and_no_gradient(architecture, method):
    lm = random_lm(architecture)
    prompt = made(method, lm)
    expected = losses_and_gradients(lm, prompt)
    lm.checkpoint_activations()
    try:
        found = losses_and_gradients(lm, prompt)
    finally:
        lm.checkpoint_activations(on=False)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not any(module.training for module in lm.model.modules())


@pytest.mark.parametrize(("architecture", "made_by"), [("llama", "SiluBackward0"), ("gemma", "GeluBackward0")])
def test_an_activation_is_computed_again_instead_of_kept_and_no_bit_changes(architecture, made_by, monkeypatch):
    gemma = GemmaForCausalLM(GemmaConfig(**SIZES, head_dim=8))
    lm = lm_of(gemma) if architecture == "gemma" else random_lm(architecture)
    prompt, kept = made("prefix with soft", lm), []
    found = losses_and_gradients(lm, prompt)
    note = torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor)
    monkeypatch.setattr(frozen, "activations_from_inputs", lambda: note)
    expected = losses_and_gradients(lm, prompt)
    assert sum(tensor.grad_fn is not None and tensor.grad_fn.name() == made_by for tensor in kept) == 2  # a layer each
    torch.testing.assert_close(found, expected, atol=0, rtol=0)


@every
def test_bfloat16_lands_near_float32_and_trains_float32_numbers(architecture, method):
    lm = random_lm(architecture)
    half = LM(copy.deepcopy(lm.model).to(torch.bfloat16), lm.tokenizer, "half")
    prompt = made(method, lm)
    expected, _ = losses_and_gradients(lm, prompt)
    found, gradients = losses_and_gradients(half, prompt)
    assert found.dtype == torch.float32
    assert (found - expected).abs().mean() < 0.05 * expected.mean()
    assert all(gradient.dtype == torch.float32 and gradient.isfinite().all() for gradient in gradients)
    prompts = [made(method, half, seed) for seed in (0, 9)]
    together = half.log_probabilities(TEXTS[:2], ANSWERS[:2], prompts)
    alone = torch.cat([half.log_probabilities([x], [y], p) for x, y, p in zip(TEXTS, ANSWERS, prompts, strict=False)])
    assert (together - alone).abs().max() < 0.05 * alone.abs().max()


def test_a_prompt_learns_in_bfloat16():
    lm = random_lm("llama")
    half = LM(copy.deepcopy(lm.model).to(torch.bfloat16), lm.tokenizer, "half")
    history = fit(SoftPrompt(half, 3), half, Dataset.from_dict({"x": TEXTS, "y": ANSWERS}), steps=30, progress=False)
    assert history.losses[-1] < 0.9 * history.losses[0]


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_a_compiled_model_has_the_same_losses_and_gradients(architecture):
    lm = LM(copy.deepcopy(random_lm(architecture).model), random_lm(architecture).tokenizer, "compiled")
    prompt = made("prefix with soft", lm)
    expected = losses_and_gradients(lm, prompt)
    lm.model.compile(backend="aot_eager")  # all of the compiler but the machine's own, which needs a C++ compiler
    torch.testing.assert_close(losses_and_gradients(lm, prompt), expected, atol=1e-5, rtol=1e-5)


# -- what cannot carry a prompt ---------------------------------------------------------------------------------------
def lm_of(model):
    return LM(model, byte_tokenizer(), type(model).__name__)


def test_a_model_without_attention_is_refused_a_prefix_and_takes_a_soft_prompt():
    torch.manual_seed(0)
    lm = lm_of(MambaForCausalLM(MambaConfig(vocab_size=258, hidden_size=16, num_hidden_layers=2, state_size=4)))
    with pytest.raises(ValueError, match=r"MambaForCausalLM: a prefix needs attention blocks .* use a soft prompt"):
        Prefix(lm, 3)
    prompt = SoftPrompt(lm, 3)
    losses_and_gradients(lm, prompt)
    assert (prompt.embeddings.grad.abs().sum(dim=1) > 0).all()


def test_a_model_with_an_attention_of_its_own_is_refused_a_prefix():
    lm = lm_of(BloomForCausalLM(BloomConfig(vocab_size=258, hidden_size=32, n_layer=2, n_head=4)))
    with pytest.raises(ValueError, match="BloomForCausalLM: a prefix needs attention blocks"):
        Prefix(lm, 3)


@pytest.mark.parametrize(
    ("model", "lack"),
    [
        (Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=8)), "does not support `softcap`"),
        (
            GptOssForCausalLM(GptOssConfig(**SIZES, head_dim=8, num_local_experts=2, num_experts_per_tok=1)),
            "logits would differ by",
        ),
    ],
    ids=["capped scores", "sinks"],
)
def test_a_model_whose_attention_computes_something_else_is_refused_and_left_as_it_was(model, lack):
    own = model.config._attn_implementation
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.normal_(std=0.25)
    with pytest.raises(ValueError, match=f"has an attention that cannot carry a prompt here .*{lack}.*load another"):
        lm_of(model)
    assert model.config._attn_implementation == own


def test_a_model_that_reads_both_ways_is_refused():
    config = BertConfig(
        vocab_size=258, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    with pytest.raises(ValueError, match="BertLMHeadModel sees what comes after a token, so it cannot continue a text"):
        lm_of(BertLMHeadModel(config))
