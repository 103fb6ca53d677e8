"""Losses straight from hidden states: what a table of logits would give, without keeping one."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from random_models import DECODERS, SIZES, byte_tokenizer, random_lm
from torch import nn
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
)

from peft_course import LM, FineTuning, Prefix, projection
from peft_course.projection import projected_losses, projects_plainly

TEXTS, ANSWERS = ["ab ca", "c", "abcabc b"], ["ba", "caab", ""]


def a_case(tokens, width, vocabulary, bias, seed):
    """Hidden states, a head and labels."""
    draw = torch.Generator().manual_seed(seed)
    head = nn.Linear(width, vocabulary, bias=bias).requires_grad_(False)
    for parameter in head.parameters():
        parameter.copy_(3 * torch.randn(parameter.shape, generator=draw))
    states = torch.randn(tokens, width, generator=draw, requires_grad=True)
    return states, head, torch.randint(vocabulary, (tokens,), generator=draw)


def with_gradient(losses, states):
    weights = torch.linspace(-1, 2, len(losses))  # an unequal share of each token in what is learnt from
    (gradient,) = torch.autograd.grad((losses * weights).sum(), states)
    return losses.detach(), gradient


@given(
    tokens=st.integers(1, 9),
    width=st.integers(1, 8),
    vocabulary=st.integers(1, 40),
    bias=st.booleans(),
    at_once=st.integers(1, 400),
    seed=st.integers(0, 1000),
)
def test_losses_and_gradients_are_those_of_cross_entropy(tokens, width, vocabulary, bias, at_once, seed):
    states, head, labels = a_case(tokens, width, vocabulary, bias, seed)
    expected = with_gradient(F.cross_entropy(head(states), labels, reduction="none"), states)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection, "AT_ONCE", at_once)
        found = with_gradient(projected_losses(states, head, labels), states)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def test_logits_far_apart_give_finite_losses():
    states, head, labels = a_case(4, 8, 30, True, seed=0)
    found = with_gradient(projected_losses(1000 * states, head, labels), states)
    expected = with_gradient(F.cross_entropy(head(1000 * states), labels, reduction="none"), states)
    assert all(tensor.isfinite().all() for tensor in found)
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=1e-5)


def test_half_precision_states_get_losses_in_float32_and_a_gradient_of_their_own_kind():
    states, head, labels = a_case(6, 8, 30, False, seed=1)
    half = states.detach().bfloat16().requires_grad_()
    losses = projected_losses(half, copy.deepcopy(head).bfloat16(), labels)
    losses.sum().backward()
    assert losses.dtype == torch.float32 and half.grad.dtype == torch.bfloat16
    torch.testing.assert_close(losses, projected_losses(states, head, labels), atol=0.3, rtol=0.02)


def test_nothing_as_wide_as_the_vocabulary_is_kept_for_the_way_back():
    states, head, labels = a_case(6, 8, 1000, True, seed=2)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.shape) or tensor, lambda t: t):
        projected_losses(states, head, labels)
    assert kept == [(6, 8)]


# -- which models project plainly -------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", DECODERS)
def test_our_architectures_project_plainly_and_their_losses_are_those_of_their_logits(architecture, monkeypatch):
    lm = random_lm(architecture)
    prompt = Prefix(lm, 3)
    assert lm.projects
    found, _ = lm.answer_losses(TEXTS, ANSWERS, prompt)
    monkeypatch.setattr(type(lm), "projects", False)
    expected, _ = lm.answer_losses(TEXTS, ANSWERS, prompt)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=8, final_logit_softcapping=2.0, attn_logit_softcapping=None)),
        GraniteForCausalLM(GraniteConfig(**SIZES, logits_scaling=4.0)),
        CohereForCausalLM(CohereConfig(**SIZES, logit_scale=0.5)),
    ],
    ids=["bent", "divided", "scaled"],
)
def test_a_model_that_changes_its_logits_keeps_its_own_way(model):
    assert not projects_plainly(model)
    lm = LM(model, byte_tokenizer(), "changed")
    losses, tokens = lm.answer_losses(TEXTS[:1], ANSWERS[:1])
    ids = torch.tensor([lm.encode(f"{TEXTS[0]} {ANSWERS[0]}") + [lm.eos]])
    logits = lm.logits(ids)[0, -tokens.shape[1] - 1 : -1]
    torch.testing.assert_close(losses[0], F.cross_entropy(logits, tokens[0], reduction="none"), atol=1e-5, rtol=1e-5)


def test_logits_that_are_changed_where_they_lie_are_changed():
    model = copy.deepcopy(random_lm("llama").model)
    model.register_forward_hook(lambda _, inputs, output: (output.logits.mul_(0.5), None)[1])
    assert not projects_plainly(model)


def test_a_lora_on_the_head_is_not_passed_by():
    peft = pytest.importorskip("peft")
    model = copy.deepcopy(random_lm("llama").model)
    wrapped = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["lm_head"], init_lora_weights=False))
    assert not LM(wrapped, byte_tokenizer(), "adapted").projects


def test_a_compiled_model_is_called_as_a_whole():
    lm = LM(copy.deepcopy(random_lm("llama").model), byte_tokenizer(), "compiled")
    assert lm.projects
    lm.model.compile(backend="eager")
    assert not lm.projects


def test_a_head_that_learns_gets_its_gradient():
    lm = random_lm("gpt2")
    tuned = FineTuning(lm)
    losses, _ = lm.answer_losses(TEXTS, ANSWERS, tuned)
    losses.sum().backward()
    assert tuned.condition(lm).model.get_output_embeddings().weight.grad.abs().sum() > 0
