"""Hard, soft and prefix prompts: the ladder between them, who learns, and what a checkpoint keeps."""

import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import DECODERS, ENCODER_DECODERS, prompts_of_each_kind, random_lm
from transformers import DynamicCache

from peft_course import FineTuning, HardPrompt, Prefix, SoftPrompt, Verbalizer, fit, initial
from peft_course.prompts.prefix import keys_and_values, random_rows
from peft_course.training import mean_loss

ARCHITECTURES = DECODERS + ENCODER_DECODERS
PAIRS = Dataset.from_dict({"x": ["ab", "abc b", "c"], "y": ["ba", "c", "aab"]})


def logits(lm, prompt, ids=((5, 6, 7, 8),), decoder_ids=((1, 6, 7),)):
    decoder_ids = torch.tensor(decoder_ids) if lm.is_encoder_decoder else None
    with torch.no_grad():
        return lm.logits(torch.tensor(ids), prompt, decoder_input_ids=decoder_ids)


# -- the ladder: hard is soft is prefix -------------------------------------------------------------------------------
@settings(max_examples=10)
@given(front=st.text(alphabet="abc:\n", min_size=1, max_size=8), behind=st.sampled_from(["", " c:", "\nb:"]))
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
def test_a_hard_prompt_is_a_soft_prompt(architecture, front, behind):
    lm = random_lm(architecture)
    hard = HardPrompt(front + " {x}" + behind)
    soft = SoftPrompt.from_hard_prompt(lm, hard)
    expected = lm.log_probabilities(["abc", "b"], ["cab", "aa"], hard)
    torch.testing.assert_close(lm.log_probabilities(["abc", "b"], ["cab", "aa"], soft), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", DECODERS)
def test_a_hard_prompt_with_examples_is_a_soft_prompt_with_the_same_logits(architecture):
    lm = random_lm(architecture)
    hard = HardPrompt("ab: {x}", examples=[("a", "b"), ("b", "c")])
    soft = SoftPrompt.from_hard_prompt(lm, hard)
    torch.testing.assert_close(logits(lm, soft), logits(lm, hard), atol=1e-5, rtol=1e-5)


@settings(max_examples=8)
@given(num_virtual_tokens=st.integers(1, 7), seed=st.integers(0, 99))
@pytest.mark.parametrize("architecture", DECODERS)
def test_a_soft_prompt_is_a_prefix(architecture, num_virtual_tokens, seed):
    lm = random_lm(architecture)
    soft = SoftPrompt(lm, num_virtual_tokens, value=initial.random(lm, num_virtual_tokens, seed))
    prefix = Prefix.from_soft_prompt(lm, soft)
    torch.testing.assert_close(logits(lm, prefix), logits(lm, soft), atol=1e-5, rtol=1e-5)
    assert lm.generate(["ab", "c"], prefix, max_new_tokens=5) == lm.generate(["ab", "c"], soft, max_new_tokens=5)


@pytest.mark.parametrize("architecture", DECODERS)
def test_a_prefix_from_a_text_equals_the_text_in_front(architecture):
    lm = random_lm(architecture)
    prefix = Prefix.from_text(lm, "abba")
    whole = logits(lm, None, ids=[[*lm.encode("abba"), 5, 6, 7, 8]])[:, 4:]
    torch.testing.assert_close(logits(lm, prefix), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gpt-neox"])
def test_a_prefix_equals_a_cache_of_the_same_keys_and_values(architecture):
    lm, prefix = random_lm(architecture), Prefix(random_lm(architecture), 4, seed=7)
    rows = prefix.tensors()["prompt_embeddings"].detach() + 0.1
    prefix = Prefix(lm, 4, values={"decoder": rows})
    stack = lm.stacks["decoder"]
    cache = DynamicCache()
    for layer in range(len(stack.blocks)):  # PEFT's layout: index 2l is layer l's key, 2l + 1 its value
        pair = rows.view(4, -1, stack.heads, stack.head_size)[:, 2 * layer : 2 * layer + 2].permute(1, 2, 0, 3)
        cache.update(pair[:1], pair[1:], layer)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        expected = lm.model(ids, attention_mask=torch.ones(1, 8).long(), past_key_values=cache).logits
    torch.testing.assert_close(logits(lm, prefix), expected, atol=1e-5, rtol=1e-5)


def test_no_prefix_equals_a_soft_prompt_where_the_input_is_read_both_ways():
    lm = random_lm("t5")
    with pytest.raises(ValueError, match="reads its input both ways"):
        Prefix.from_soft_prompt(lm, SoftPrompt(lm, 3))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_dropping_the_perceptron_changes_no_logit(architecture):
    lm = random_lm(architecture)
    prefix = Prefix(lm, 3, bottleneck=5, cross_attention=lm.is_encoder_decoder)
    for parameter in prefix.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    before = logits(lm, prefix)
    assert prefix.has_perceptron
    prefix.drop_perceptron()
    assert not prefix.has_perceptron
    torch.testing.assert_close(logits(lm, prefix), before, atol=1e-6, rtol=1e-6)


def test_the_perceptron_starts_at_the_initial_value_whatever_its_seed():
    lm = random_lm("llama")
    flat = Prefix.from_text(lm, "abba")
    for seed in (0, 1):
        reparametrised = Prefix.from_text(lm, "abba", bottleneck=6, seed=seed)
        torch.testing.assert_close(logits(lm, reparametrised), logits(lm, flat))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_prefix_in_all_layers_by_name_is_a_prefix(architecture):
    lm = random_lm(architecture)
    layers = range(len(lm.stacks["decoder"].blocks))
    assert torch.equal(logits(lm, Prefix(lm, 3, layers=layers)), logits(lm, Prefix(lm, 3)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_prefix_stands_in_its_own_layers_and_stacks_alone(architecture):
    lm, ids = random_lm(architecture), torch.tensor([[5, 6, 7, 8]])
    stack = "encoder" if lm.is_encoder_decoder else "decoder"
    prefix = Prefix(lm, 3, stacks=[stack], layers=[1])
    decoder_ids = ids if lm.is_encoder_decoder else None
    bare = {seen.module: seen.keys.shape[2] for seen in lm.record(ids, decoder_ids)}
    longer = [seen.module for seen in lm.record(ids, decoder_ids, prefix) if seen.keys.shape[2] > bare[seen.module]]
    assert longer == [lm.stacks[stack].blocks[1]]
    rows = Prefix(lm, 3).stacks[stack]()
    half = rows.shape[1] // len(lm.stacks[stack].blocks)
    assert torch.equal(prefix.stacks[stack](), rows[:, half : 2 * half])  # layer by layer in a row


def test_a_place_that_the_model_lacks_is_answered_by_those_it_has():
    lm = random_lm("llama")
    with pytest.raises(ValueError, match=r"has the stacks decoder, not \['encoder'\]"):
        Prefix(lm, 3, stacks=["encoder"])
    for wrong in ([2], [1, 0], [], [-1]):
        with pytest.raises(ValueError, match=r"has the layers 0 to 1, got \["):
            Prefix(lm, 3, layers=wrong)


def test_prefixes_in_different_layers_cannot_share_a_run():
    lm = random_lm("llama")
    with pytest.raises(ValueError, match=r"in the layers \(all\) and \[1\] of the decoder cannot share a run"):
        lm.generate(["a", "b"], [Prefix(lm, 3), Prefix(lm, 3, layers=[1])])


def test_rows_of_noise_have_the_scale_of_real_keys_and_values():
    lm = random_lm("llama")
    noise, real = random_rows(lm, 400)["decoder"], keys_and_values(lm, torch.arange(200))["decoder"]
    torch.testing.assert_close(noise.std(0), real.std(0), rtol=0.3, atol=0.0)


# -- who learns -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_gradient_reaches_every_trained_number_and_no_frozen_one(architecture):
    lm = random_lm(architecture)
    for name, prompt in prompts_of_each_kind(lm).items():
        for parameter in prompt.parameters():  # away from zeros, which stop a gradient
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
        mean_loss(prompt, lm, PAIRS, [0, 1, 2]).backward()
        without = [key for key, parameter in prompt.named_parameters() if not (parameter.grad.abs().sum() > 0)]
        unused = ["wpe", "embed_positions"]  # positions no text reached are rows, not whole tensors
        assert [key for key in without if not any(part in key for part in unused)] == [], name
        assert all(parameter.grad is None for parameter in lm.model.parameters())


@pytest.mark.parametrize("architecture", ["llama", "t5"])
def test_training_lowers_the_loss_and_leaves_the_frozen_weights_bit_identical(architecture):
    lm = random_lm(architecture)
    before = {name: tensor.clone() for name, tensor in lm.model.state_dict().items()}
    for name, prompt in prompts_of_each_kind(lm).items():
        history = fit(prompt, lm, PAIRS, steps=30, progress=False, learning_rate=0.01)
        assert history.losses[-1] < history.losses[0], name
    assert all(torch.equal(tensor, before[name]) for name, tensor in lm.model.state_dict().items())


def test_parameters_are_counted_as_trained_and_as_stored():
    lm = random_lm("llama")  # 2 layers, 2 key-value heads of size 8: a row of P_θ is 2·2·2·8 = 64 wide
    assert SoftPrompt(lm, 3).num_trained == SoftPrompt(lm, 3).num_stored == 3 * 32
    assert Prefix(lm, 3).num_trained == 3 * 64
    reparametrised = Prefix(lm, 3, bottleneck=5, hidden=7)
    assert reparametrised.num_trained == 3 * 5 + (5 * 7 + 7) + (7 * 64 + 64)
    assert reparametrised.num_stored == 3 * 64
    assert FineTuning(lm).num_trained == lm.num_parameters


# -- hard prompts -----------------------------------------------------------------------------------------------------
def test_a_template_fills_its_slots_and_puts_the_examples_in_front():
    hard = HardPrompt("{source}: {x}\n{target}:", [("dog", "Hund")], {"source": "English", "target": "German"})
    assert hard.text("cat") == "English: dog\nGerman: Hund\nEnglish: cat\nGerman:"


def test_braces_in_an_input_or_an_example_stay_as_they_are():
    hard = HardPrompt("in {x}", examples=[("{x}", "{y}")])
    assert hard.text("{x} {z}") == "in {x} {y}\nin {x} {z}"


@pytest.mark.parametrize("template", ["no slot", "{x} and {x}"])
def test_a_template_without_exactly_one_slot_for_the_input_is_refused(template):
    with pytest.raises(ValueError, match=r"needs the slot \{x\} exactly once"):
        HardPrompt(template)


def test_a_slot_that_the_template_lacks_is_named():
    with pytest.raises(ValueError, match=r"has no slot \{language\} for 'German'"):
        HardPrompt("{x}", slots={"language": "German"})


def test_words_behind_the_input_have_no_place_beside_token_ids():
    lm = random_lm("llama")
    with pytest.raises(ValueError, match="has no place beside token ids; let the model read the texts"):
        lm.logits(torch.tensor([[5]]), HardPrompt("a {x} b"))


def test_a_word_and_an_input_that_share_a_token_are_no_soft_prompt():
    lm = random_lm("llama")
    with pytest.raises(ValueError, match="no words in front"):
        SoftPrompt.from_hard_prompt(lm, HardPrompt("{x} b"))


def test_training_a_hard_prompt_is_refused_with_the_mend():
    with pytest.raises(ValueError, match="nothing to train; make a SoftPrompt"):
        fit(HardPrompt("a {x}"), random_lm("llama"), PAIRS)


# -- verbalizers ------------------------------------------------------------------------------------------------------
def test_label_probabilities_are_those_of_their_words_normalised():
    lm, prompt = random_lm("gpt2"), HardPrompt("{x} b:")
    verbalizer = Verbalizer({"good": ["ab", "c"], "bad": ["cab"]})
    words = {word: lm.log_probabilities(["ca"], [word], prompt, end=False).exp() for word in ("ab", "c", "cab")}
    good, bad = words["ab"] + words["c"], words["cab"]
    expected = torch.stack([good / (good + bad), bad / (good + bad)], dim=1)
    torch.testing.assert_close(verbalizer.probabilities(lm, ["ca"], prompt), expected)


def test_calibration_makes_an_input_without_content_neutral():
    lm = random_lm("gpt2")
    verbalizer = Verbalizer({"good": ["ab"], "bad": ["cab"]})
    prior = verbalizer.probabilities(lm, ["N/A", "", "..."]).mean(dim=0)
    raw = verbalizer.probabilities(lm, ["ca"])[0]
    expected = (raw / prior) / (raw / prior).sum()
    torch.testing.assert_close(verbalizer.probabilities(lm, ["ca"], calibrated=True)[0], expected)


def test_a_verbalizer_without_words_is_refused():
    with pytest.raises(ValueError, match="a list of one or more words"):
        Verbalizer({"good": "fine"})


# -- initial values ---------------------------------------------------------------------------------------------------
def test_initial_values_have_the_models_scale():
    lm = random_lm("gpt2")
    assert initial.random(lm, 2000).std() == pytest.approx(lm.embedding_matrix.std().item(), rel=0.1)


def test_a_text_is_repeated_to_the_length_asked_for():
    lm = random_lm("gpt2")
    a, b = lm.embedding_matrix[lm.encode("ab")]
    torch.testing.assert_close(initial.text(lm, "ab", 3), torch.stack([a, b, a]))


def test_labels_begin_as_the_mean_of_their_tokens():
    lm = random_lm("gpt2")
    rows = initial.labels(lm, ["ab", "c"], 5)
    assert rows.shape == (5, 32)
    torch.testing.assert_close(rows[1], lm.embedding_matrix[lm.encode(" c")].mean(dim=0))


def test_more_labels_than_virtual_tokens_are_refused():
    with pytest.raises(ValueError, match="2 labels do not fit 1 virtual tokens"):
        initial.labels(random_lm("gpt2"), ["a", "b"], 1)
