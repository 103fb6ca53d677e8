"""The frozen model: what it reads, scores and writes does not depend on padding, batches or caches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import DECODERS, ENCODER_DECODERS, random_lm

from peft_course import Prefix, SoftPrompt, load_lm
from peft_course.reading import IGNORE

ARCHITECTURES = DECODERS + ENCODER_DECODERS
texts = st.lists(st.text(alphabet="abc ", min_size=1, max_size=9), min_size=1, max_size=4)


@pytest.fixture(params=ARCHITECTURES)
def lm(request):
    return random_lm(request.param)


def prompts(lm):
    """One prompt of each kind, far from its initial value."""
    made = [None, SoftPrompt(lm, 3), Prefix(lm, 4), Prefix(lm, 2, bottleneck=5, cross_attention=True)]
    for number, prompt in enumerate(made[1:]):
        for parameter in prompt.parameters():
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
    return made


def padded(lm, ids, width, left):
    pads = torch.full((width - len(ids),), lm.pad)
    zeros, ones = torch.zeros(width - len(ids)).long(), torch.ones(len(ids)).long()
    if left:
        return torch.cat([pads, ids])[None], torch.cat([zeros, ones])[None]
    return torch.cat([ids, pads])[None], torch.cat([ones, zeros])[None]


@settings(max_examples=8)
@given(ids=st.lists(st.integers(2, 257), min_size=1, max_size=8), extra=st.integers(1, 5))
@pytest.mark.parametrize("architecture", DECODERS)
def test_padding_on_either_side_changes_no_logit(architecture, ids, extra):
    lm, ids = random_lm(architecture), torch.tensor(ids)
    for prompt in prompts(lm):
        with torch.no_grad():
            alone = lm.logits(ids[None], prompt)[0]
            padded_ids, mask = padded(lm, ids, len(ids) + extra, left=True)
            left = lm.logits(padded_ids, prompt, mask)[0, extra:]
            padded_ids, mask = padded(lm, ids, len(ids) + extra, left=False)
            right = lm.logits(padded_ids, prompt, mask)[0, : len(ids)]
        torch.testing.assert_close(left, alone, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(right, alone, atol=1e-5, rtol=1e-5)


@settings(max_examples=6)
@given(texts=texts)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_text_gets_the_same_answer_alone_and_in_a_batch(architecture, texts):
    lm = random_lm(architecture)
    for prompt in prompts(lm):
        together = lm.log_probabilities(texts, ["ab"] * len(texts), prompt)
        alone = torch.cat([lm.log_probabilities([text], ["ab"], prompt) for text in texts])
        torch.testing.assert_close(together, alone, atol=2e-5, rtol=1e-5)


def stepwise_argmax(lm, start, next_logits, steps=6):
    """Greedy decoding as the definition says it: the likeliest next token, again and again, until the text ends."""
    ids = start
    for _ in range(steps):
        with torch.no_grad():
            ids = torch.cat([ids, next_logits(ids)[:, -1:].argmax(dim=-1)], dim=1)
        if ids[0, -1] in (lm.eos, *lm.encode("\n")):
            break
    return lm.decode(ids[0, start.shape[1] :]).strip()


@pytest.mark.parametrize("architecture", DECODERS)
def test_generate_takes_the_likeliest_token_at_every_step(architecture):
    lm = random_lm(architecture)
    for prompt in prompts(lm):
        for text in ("ab ca", "c"):
            ids = lm.batch([text]).input_ids
            expected = stepwise_argmax(lm, ids, lambda ids, prompt=prompt: lm.logits(ids, prompt))
            assert lm.generate([text, "a much longer text"], prompt, max_new_tokens=6)[0] == expected


@pytest.mark.parametrize("architecture", ENCODER_DECODERS)
def test_generate_takes_the_likeliest_token_in_a_decoder_behind_an_encoder(architecture):
    lm = random_lm(architecture)
    ids = lm.batch(["ab ca"]).input_ids
    start = torch.tensor([[lm.model.config.decoder_start_token_id]])
    for prompt in prompts(lm):
        expected = stepwise_argmax(
            lm, start, lambda decoded, prompt=prompt: lm.logits(ids, prompt, decoder_input_ids=decoded)
        )
        assert lm.generate(["ab ca", "a longer text"], prompt, max_new_tokens=6)[0] == expected


def test_beams_and_samples_take_a_prompt_too(lm):
    for prompt in prompts(lm):
        beams = lm.generate(["ab", "abc"], prompt, max_new_tokens=5, num_beams=3)
        drawn = [lm.generate(["ab", "abc"], prompt, max_new_tokens=5, sample=True, seed=3) for _ in range(2)]
        assert len(beams) == 2
        assert drawn[0] == drawn[1]


def test_beams_find_an_answer_at_least_as_likely_as_the_greedy_one():
    lm = random_lm("llama")
    prompt = prompts(lm)[2]
    scores = [
        lm.log_probabilities(["ab"], lm.generate(["ab"], prompt, max_new_tokens=3, num_beams=beams), prompt, end=False)
        for beams in (1, 8)
    ]
    assert scores[1] >= scores[0] - 1e-4


def test_the_loss_is_on_the_answer_alone():
    lm = random_lm("llama")
    batch = lm.batch(["ab", "abcd"], ["c", "ba"])
    counted = [[lm.tokenizer.decode([token]) for token in row[row != IGNORE]] for row in batch.labels]
    assert counted == [[" ", "c", "<|endoftext|>"], [" ", "b", "a", "<|endoftext|>"]]


def test_answer_losses_are_the_cross_entropy_of_the_aligned_logits():
    lm = random_lm("gpt2")
    batch = lm.batch(["ab", "abcd"], ["c", "ba"])
    for prompt in prompts(lm)[1:]:
        with torch.no_grad():
            logits = lm.logits(batch.input_ids, prompt, batch.attention_mask)
            expected = torch.nn.functional.cross_entropy(
                logits[:, :-1].flatten(0, 1), batch.labels[:, 1:].flatten(), ignore_index=IGNORE, reduction="sum"
            )
            losses, tokens = lm.answer_losses(["ab", "abcd"], ["c", "ba"], prompt)
        torch.testing.assert_close(losses.sum(), expected, atol=1e-4, rtol=1e-5)
        assert torch.equal(tokens, batch.labels[:, -tokens.shape[1] :])


def test_a_single_string_is_refused_with_the_mend():
    with pytest.raises(ValueError, match=r"list of texts, got the string 'ab'; write \['ab'\]"):
        random_lm("llama").generate("ab")


def test_an_unknown_name_lists_the_embedded_models_and_what_a_hub_id_needs(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match=r"no model 'course-gpd' here: .*course-gpt.*connection to the Hugging"):
        load_lm("course-gpd")


def test_a_folder_without_a_model_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="holds no model that transformers can load"):
        load_lm(str(tmp_path))


def test_a_local_folder_loads_frozen_and_in_evaluation_mode(tmp_path):
    lm = random_lm("gpt2")
    lm.model.save_pretrained(tmp_path)
    lm.tokenizer.save_pretrained(tmp_path)
    loaded = load_lm(str(tmp_path), device="cpu")
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    ids = torch.tensor([[5, 6, 7]])
    torch.testing.assert_close(loaded.logits(ids), lm.logits(ids))
