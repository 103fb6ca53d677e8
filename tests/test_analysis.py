"""Where attention goes, which words a vector is near, and what several prompts say together."""

import pytest
import torch
from random_models import random_lm

from peft_course import HardPrompt, Prefix, SoftPrompt, load_lm
from peft_course.analysis import answers_of_each, attention_on_prefix, attention_weights, nearest_tokens, vote


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5", "bart"])
def test_recorded_attention_gives_the_weights_that_the_model_used(architecture):
    lm = random_lm(architecture)
    ids = torch.tensor([[5, 6, 7]])
    decoder_ids = torch.tensor([[8, 9]]) if lm.is_encoder_decoder else None
    found = [attention_weights(seen) for seen in lm.record(ids, decoder_ids)]
    lm.model.set_attn_implementation("eager")
    try:
        more = {} if decoder_ids is None else {"decoder_input_ids": decoder_ids}
        outputs = lm.model(ids, output_attentions=True, **more)
    finally:
        lm.model.set_attn_implementation("peft_course")
    if decoder_ids is None:
        expected = list(outputs.attentions)
    else:
        pairs = zip(outputs.decoder_attentions, outputs.cross_attentions, strict=True)
        expected = [*outputs.encoder_attentions, *(weights for pair in pairs for weights in pair)]
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_attention_on_a_prefix_is_the_attention_on_the_words_it_came_from():
    lm = random_lm("llama")
    shares = attention_on_prefix(lm, Prefix.from_text(lm, "abba"), "cab")
    whole = lm.record(torch.tensor([lm.encode("abba" + "cab")]))
    expected = torch.stack([attention_weights(seen)[0, :, 4:, :4].sum(-1).mean(-1) for seen in whole])
    torch.testing.assert_close(torch.tensor(shares), expected, atol=1e-5, rtol=1e-5)


def test_a_word_is_the_nearest_token_of_its_own_vector():
    lm = random_lm("gpt2")
    soft = SoftPrompt.from_hard_prompt(lm, HardPrompt("ab {x}"))
    assert [rows[0] for rows in nearest_tokens(lm, soft)] == [("a", 1.0), ("b", 1.0)]


# -- ensembles --------------------------------------------------------------------------------------------------------
def test_the_answers_of_an_ensemble_are_those_of_its_prompts_alone():
    lm, texts = load_lm("course-gpt-small"), ["The old dog sees a cat.", "I sleep."]
    prompts = [SoftPrompt(lm, 3, seed=seed) for seed in range(3)]
    alone = [lm.generate(texts, prompt=prompt, max_new_tokens=8) for prompt in prompts]
    assert answers_of_each(prompts, lm, texts, max_new_tokens=8) == alone
    with pytest.raises(ValueError, match="at least one prompt"):
        answers_of_each([], lm, texts)


def test_a_vote_takes_what_most_say_and_in_doubt_what_the_first_says():
    assert vote([["a", "b", "d"], ["b", "b", "e"], ["b", "c", "f"]]) == ["b", "b", "d"]
