"""Several prompts in one batch, several prompts on one text, and how much fits into a model."""

import copy

import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import DECODERS, ENCODER_DECODERS, random_lm
from transformers import MistralConfig, MistralForCausalLM

from peft_course import LM, FineTuning, HardPrompt, Prefix, SoftPrompt, fit, frozen
from peft_course.architecture import max_positions
from peft_course.reading import IGNORE, Vectors, laid_out

ARCHITECTURES = DECODERS + ENCODER_DECODERS
TEXTS = ["ab ca", "c", "abcabc b", "b b", "ccc", "a", "bca"]
ANSWERS = ["ba", "c", "aab", "", "b", "cab", "ac"]


def moved(prompt, seed):
    """The same prompt, far from its initial value."""
    for parameter in prompt.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed))
    return prompt


def kinds(lm):
    """A prompt of every kind, of unequal lengths, and none."""
    return [
        None,
        HardPrompt("ab: {x}\nb:"),
        moved(SoftPrompt(lm, 3), 1),
        moved(SoftPrompt(lm, 2, template="a {x}{prompt} b:"), 2),
        moved(Prefix(lm, 4), 3),
        moved(Prefix(lm, 1, bottleneck=3, template="c {x}"), 4),
        moved(Prefix(lm, 2, cross_attention=lm.is_encoder_decoder), 5) + moved(SoftPrompt(lm, 5), 6),
    ]


# -- a batch of several tasks -----------------------------------------------------------------------------------------
@settings(max_examples=6)
@given(chosen=st.lists(st.integers(0, 6), min_size=1, max_size=5))
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_batch_of_several_prompts_equals_one_by_one(architecture, chosen):
    lm = random_lm(architecture)
    prompts = [kinds(lm)[kind] for kind in chosen]
    texts, answers = TEXTS[: len(chosen)], ANSWERS[: len(chosen)]
    together = lm.log_probabilities(texts, answers, prompts)
    alone = [lm.log_probabilities([x], [y], p) for x, y, p in zip(texts, answers, prompts, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone), atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_answers_to_a_batch_of_several_prompts_are_those_given_one_by_one(architecture):
    lm = random_lm(architecture)
    prompts = kinds(lm)
    alone = [lm.generate([x], p, max_new_tokens=6)[0] for x, p in zip(TEXTS, prompts, strict=True)]
    assert lm.generate(TEXTS, prompts, max_new_tokens=6) == alone


def test_texts_that_have_ended_leave_the_batch_and_the_others_notice_nothing():
    lm = random_lm("gpt2")
    prompts, texts = kinds(lm) * 2, TEXTS + [text + "a" for text in TEXTS]
    alone = [lm.generate([x], p, max_new_tokens=100)[0] for x, p in zip(texts, prompts, strict=True)]
    sizes = []
    hook = lm.model.register_forward_hook(lambda module, inputs, output: sizes.append(len(output.logits)))
    assert lm.generate(texts, prompts, max_new_tokens=100) == alone
    hook.remove()
    assert sizes[0] == 14 and sizes[-1] < 14


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_of_a_batch_of_several_prompts_are_those_one_by_one(architecture):
    lm = random_lm(architecture)
    prompts = [prompt for prompt in kinds(lm) if prompt is None or not prompt.around()[1]]
    ids = torch.randint(2, 258, (len(prompts), 4), generator=torch.Generator().manual_seed(0))
    decoder_ids = ids[:, :3].flip(1) if lm.is_encoder_decoder else None
    with torch.no_grad():
        together = lm.logits(ids, prompts, decoder_input_ids=decoder_ids)
        for row, prompt in enumerate(prompts):
            one = None if decoder_ids is None else decoder_ids[row : row + 1]
            alone = lm.logits(ids[row : row + 1], prompt, decoder_input_ids=one)
            torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)


def test_a_gradient_reaches_each_prompt_from_its_own_texts_alone():
    lm = random_lm("llama")
    first, second = SoftPrompt(lm, 3), Prefix(lm, 2)
    losses, _ = lm.answer_losses(["ab", "c"], ["b", "a"], [first, second])
    losses[0].sum().backward()
    assert first.embeddings.grad.abs().sum() > 0
    assert second.stacks["decoder"].rows.grad.abs().sum() == 0


def test_a_prompt_for_each_text_or_one_for_all():
    with pytest.raises(ValueError, match="there are 2 prompts for 3 texts; give one for each, or a single one"):
        random_lm("llama").generate(["a", "b", "c"], [None, None])


def test_fine_tuned_weights_share_no_batch_with_prompts():
    lm = random_lm("llama")
    with pytest.raises(ValueError, match="has a model of its own"):
        lm.generate(["a", "b"], [FineTuning(lm), SoftPrompt(lm, 2)])
    tuned = FineTuning(lm)
    assert lm.generate(["a", "b"], [tuned, tuned]) == lm.generate(["a", "b"])


# -- training without pads --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", DECODERS)
def test_texts_end_to_end_have_the_losses_and_gradients_of_padded_ones(architecture, monkeypatch):
    lm = random_lm(architecture)
    assert lm.packs
    for prompt in (kinds(lm)[2], kinds(lm)[4], kinds(lm)[6]):
        found = []
        for packs in (True, False):
            monkeypatch.setattr(lm, "packs", packs)
            prompt.zero_grad()
            losses, _ = lm.answer_losses(TEXTS, ANSWERS, prompt)
            losses.sum().backward()
            found.append([losses.detach(), *(parameter.grad.clone() for parameter in prompt.parameters())])
        torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=1e-4)


def test_a_model_whose_layers_mix_neighbours_is_not_packed():
    lm = random_lm("llama", seed=11)
    mixed = lm.model.model.layers[0].mlp
    mixing = mixed.register_forward_hook(lambda module, inputs, output: output + output.roll(1, dims=1))
    try:
        assert not lm.packs
    finally:
        mixing.remove()


def test_a_text_longer_than_the_window_of_attention_is_not_packed():
    torch.manual_seed(0)
    sizes = {"vocab_size": 258, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    config = MistralConfig(**sizes, num_attention_heads=4, num_key_value_heads=2, sliding_window=6, eos_token_id=0)
    lm = LM(MistralForCausalLM(config), random_lm("llama").tokenizer, "windowed")
    ids = lm.batch(["abcabc b"], ["aab"])
    with torch.no_grad():
        logits = lm.logits(ids.input_ids)[0].log_softmax(-1)
    expected = sum(logits[place - 1, ids.input_ids[0, place]] for place in range(8, ids.input_ids.shape[1]))
    torch.testing.assert_close(lm.log_probabilities(["abcabc b"], ["aab"])[0], expected, atol=1e-5, rtol=1e-5)


# -- what all texts begin with ----------------------------------------------------------------------------------------
SHARED = "ab: c\nca: bab\nabcab: c\n"


def beginnings(lm):
    """Prompts under which all texts begin alike."""
    return {
        "words": HardPrompt(SHARED + "{x}:"),
        "examples": HardPrompt("{x}:", examples=[("ab", "c"), ("ca", "bab"), ("abcab", "c")]),
        "vectors": moved(SoftPrompt(lm, 12), 1),
        "vectors among words": moved(SoftPrompt(lm, 9, template="ab {prompt} c {x}"), 2),
        "a prefix and vectors": moved(Prefix(lm, 2), 3) + moved(SoftPrompt(lm, 12), 4),
        "other weights": SoftPrompt(lm, 12) + FineTuning(lm),
    }


@pytest.mark.parametrize("architecture", DECODERS)
@pytest.mark.parametrize("kind", list(beginnings(random_lm("gpt2"))))
def test_a_common_beginning_is_read_once_and_nothing_else_changes(architecture, kind, monkeypatch):
    lm = random_lm(architecture)
    prompt, sizes = beginnings(lm)[kind], []
    parameters = [parameter for parameter in prompt.parameters() if parameter.requires_grad]

    def results():
        losses, _ = lm.answer_losses(TEXTS, ANSWERS, prompt)
        gradients = torch.autograd.grad(losses.sum(), parameters, allow_unused=True) if parameters else ()
        return losses.detach(), gradients, lm.generate(TEXTS, prompt, max_new_tokens=6)

    monkeypatch.setattr(frozen, "WORTH_A_RUN", float("inf"))
    expected = results()
    monkeypatch.undo()
    model = prompt.condition(lm).model or lm.model
    hook = model.get_input_embeddings().register_forward_hook(lambda module, ids, output: sizes.append(ids[0].shape))
    found = results()
    hook.remove()
    assert sizes[0][0] == 1 and sizes[0][1] >= 11 and sizes[1][0] == len(TEXTS)
    torch.testing.assert_close(found[:2], expected[:2], atol=5e-5, rtol=1e-4)
    assert found[2] == expected[2]


@given(
    rows=st.lists(st.lists(st.integers(2, 4), min_size=1, max_size=6), min_size=1, max_size=4), answered=st.booleans()
)
def test_a_batch_knows_with_how_much_all_its_texts_begin(rows, answered):
    batch = laid_out(rows, [[5, 6]] * len(rows) if answered else None, Vectors(), 0, decoder=True)
    alike = 0
    while alike < min(map(len, rows)) - 1 and len({row[alike] for row in rows}) == 1:
        alike += 1
    assert batch.common == alike
    front, rest = batch.cut(alike)
    assert front.input_ids.tolist() == [rows[0][:alike]]
    read = [ids[mask.bool()].tolist() for ids, mask in zip(rest.input_ids, rest.attention_mask, strict=True)]
    assert read == [row[alike:] + [5, 6] * answered for row in rows]
    assert (rest.labels != IGNORE).sum() == 2 * answered * len(rows)


def test_texts_with_a_common_beginning_and_different_prompts_are_read_whole():
    lm = random_lm("gpt2")
    prompts = [moved(Prefix(lm, 2), seed) + HardPrompt(SHARED + "{x}:") for seed in range(len(TEXTS))]
    alone = [lm.log_probabilities([x], [y], p) for x, y, p in zip(TEXTS, ANSWERS, prompts, strict=True)]
    torch.testing.assert_close(lm.log_probabilities(TEXTS, ANSWERS, prompts), torch.cat(alone), atol=2e-5, rtol=1e-5)


# -- composition ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", DECODERS)
def test_a_prefix_with_a_soft_prompt_behind_it_is_one_longer_prefix(architecture):
    lm = random_lm(architecture)
    outer, inner = Prefix(lm, 3, seed=1), SoftPrompt(lm, 2, seed=2)
    record = {seen.module: seen for seen in lm.record(torch.zeros(1, 0).long(), prompt=outer + inner)}
    blocks = lm.stacks["decoder"].blocks
    rows = torch.stack([torch.stack([record[b].keys[0], record[b].values[0]]) for b in blocks])  # [L, 2, H, P, d]
    longer = Prefix(lm, 5, values={"decoder": rows.permute(3, 0, 1, 2, 4).flatten(1)})
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        torch.testing.assert_close(lm.logits(ids, outer + inner), lm.logits(ids, longer), atol=1e-5, rtol=1e-5)


def test_two_prefixes_stand_one_behind_the_other():
    lm = random_lm("llama")
    first, second = Prefix(lm, 3, seed=1), Prefix(lm, 2, seed=2)
    both = torch.cat([first.tensors()["prompt_embeddings"], second.tensors()["prompt_embeddings"]])
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        expected = lm.logits(ids, Prefix(lm, 5, values={"decoder": both}))
        torch.testing.assert_close(lm.logits(ids, first + second), expected, atol=1e-5, rtol=1e-5)


def test_words_and_vectors_of_a_composition_are_read_from_the_outside_in():
    lm = random_lm("llama")
    outer, inner = SoftPrompt(lm, 2, template="a {x} b"), SoftPrompt(lm, 3, template="c {prompt} {x}")
    front, behind = (outer + inner).around()
    assert [piece if isinstance(piece, str) else len(piece) for piece in front] == [2, "a ", "c ", 3, " "]
    assert behind == [" b"]
    assert (outer + inner).text("x") == "a c  x b"


def test_prompts_compose_with_a_lora_adapted_model():
    peft = pytest.importorskip("peft")
    plain = random_lm("llama")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, lora_dropout=0.1)
    wrapped = peft.get_peft_model(copy.deepcopy(plain.model), config)
    adapted = LM(wrapped, plain.tokenizer, "adapted")
    merged = LM(copy.deepcopy(wrapped).merge_and_unload(), plain.tokenizer, "merged")
    prompt = moved(Prefix(adapted, 3) + SoftPrompt(adapted, 2), 1)
    found = adapted.log_probabilities(TEXTS, ANSWERS, prompt)
    torch.testing.assert_close(found, merged.log_probabilities(TEXTS, ANSWERS, prompt), atol=1e-4, rtol=1e-5)
    assert (found - plain.log_probabilities(TEXTS, ANSWERS, prompt)).abs().min() > 1e-3
    assert not any(parameter.requires_grad for parameter in adapted.model.parameters())


@pytest.mark.parametrize("architecture", ["llama", "bart"])
def test_a_prefix_stands_in_the_blocks_of_a_fine_tuned_model(architecture):
    lm = random_lm(architecture)
    prefix = moved(Prefix(lm, 3), 1)
    expected = lm.log_probabilities(TEXTS, ANSWERS, prefix)
    torch.testing.assert_close(lm.log_probabilities(TEXTS, ANSWERS, prefix + FineTuning(lm)), expected)
    answers = lm.generate(TEXTS, prefix, max_new_tokens=5)
    assert lm.generate(TEXTS, prefix + FineTuning(lm), max_new_tokens=5) == answers


def test_both_parts_of_a_composition_learn():
    lm = random_lm("llama")
    prompt = Prefix(lm, 3) + SoftPrompt(lm, 2)
    before = [parameter.detach().clone() for parameter in prompt.parameters()]
    history = fit(prompt, lm, Dataset.from_dict({"x": TEXTS, "y": ANSWERS}), steps=20, progress=False)
    assert history.losses[-1] < history.losses[0]
    assert not any(torch.equal(old, new) for old, new in zip(before, prompt.parameters(), strict=True))


# -- where the vectors stand ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
@pytest.mark.parametrize("template", ["{prompt}{x}", "ab {prompt}{x}", "{x}{prompt}", "a {x} b{prompt} c:"])
def test_vectors_that_are_embeddings_of_words_read_like_the_words_in_their_place(architecture, template):
    lm = random_lm(architecture)
    soft = SoftPrompt.from_text(lm, "cab")
    soft = SoftPrompt(lm, value=soft.embeddings.detach(), template=template)
    hard = HardPrompt(template.replace("{prompt}", "cab"))
    expected = lm.log_probabilities(TEXTS, ANSWERS, hard)
    torch.testing.assert_close(lm.log_probabilities(TEXTS, ANSWERS, soft), expected, atol=2e-5, rtol=1e-5)
    assert lm.generate(TEXTS, soft, max_new_tokens=5) == lm.generate(TEXTS, hard, max_new_tokens=5)


def test_vectors_stand_in_one_place():
    with pytest.raises(ValueError, match=r"has the slot \{prompt\} more than once"):
        SoftPrompt(random_lm("llama"), 2, template="{prompt}{x}{prompt}")


def test_vectors_behind_the_input_are_no_prefix():
    lm = random_lm("llama")
    with pytest.raises(ValueError, match="a prefix stands in front of all"):
        Prefix.from_soft_prompt(lm, SoftPrompt(lm, 2, template="{x}{prompt}"))


# -- what fits --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_more_than_a_models_positions_is_refused_before_computing(architecture, monkeypatch):
    lm = random_lm(architecture)
    prompt = Prefix(lm, 20) + SoftPrompt(lm, 10)
    expected = (
        rf"{architecture} has 256 positions, and this needs 261: at most 211 read \(10 of them vectors of a soft "
        "prompt\\), 20 of a prefix and 30 new; shorten the input or the prompt, or ask for fewer new tokens"
    )
    monkeypatch.setattr(type(lm.model), "forward", lambda *_, **__: pytest.fail("the model ran"))
    with pytest.raises(ValueError, match=expected):
        lm.generate(["a", "b" * 201], prompt, max_new_tokens=30)
    with pytest.raises(ValueError, match="has 256 positions, and this needs 257"):
        lm.logits(torch.full((1, 227), 5), prompt)
    with pytest.raises(ValueError, match="has 256 positions, and this needs"):
        lm.log_probabilities(["a" * 250], ["b" * 9], prompt)


def test_both_sides_of_an_encoder_decoder_have_their_own_positions():
    lm = random_lm("bart")
    with pytest.raises(ValueError, match="bart has 256 positions on either side, and this needs 300"):
        lm.generate(["a"], Prefix(lm, 20), max_new_tokens=300)
    assert max_positions(random_lm("t5").model) is None
