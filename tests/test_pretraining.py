"""The corpus is a function of its seed, and a training run that is interrupted ends where an uninterrupted one does."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from peft_course.loading import PRETRAINED, embedded_models, quietly
from peft_course.pretraining import RECIPES, Recipe, pretrain
from peft_course.pretraining.batches import IGNORE, Batches
from peft_course.pretraining.corpus import PRACTICE, READING, document, e2e_references
from peft_course.pretraining.pretrain import LOG, schedule
from peft_course.pretraining.recipes import build
from peft_course.pretraining.tokenizer import train_tokenizer
from peft_course.pretraining.warm_start import warm_start
from peft_course.world.held_out import is_held_out
from peft_course.world.wordings import REWRITING, SENTIMENT, TABLE_TO_TEXT, TRANSLATION

TINY = Recipe(
    "tiny",
    width=16,
    layers=1,
    heads=2,
    hidden=16,
    steps=40,
    rows=2,
    length=64,
    warm_up=4,
    cool_down=10,
    practice_from=32,
    bf16=False,
)
TINY_T5 = Recipe(
    "tiny-t5",
    width=16,
    layers=1,
    heads=2,
    hidden=16,
    steps=10,
    rows=4,
    encoder_decoder=True,
    warm_up=4,
    cool_down=4,
    bf16=False,
)
DOCUMENTS = [document(0, index) for index in range(3000)]
SHIPPED = embedded_models()
TOKENIZER = AutoTokenizer.from_pretrained(PRETRAINED / "course-gpt")


@given(st.integers(0, 1000), st.integers(0, 10**9))
def test_a_document_is_a_function_of_seed_and_index(seed: int, index: int) -> None:
    assert document(seed, index) == document(seed, index)
    assert document(seed, index) != document(seed + 1, index)


def test_every_wording_is_in_the_corpus_but_one_for_each_task() -> None:
    texts = [one.text for one in DOCUMENTS]
    for wordings in (TRANSLATION, REWRITING, TABLE_TO_TEXT, SENTIMENT):
        for name, wording in wordings.items():
            front, back = wording.template.split("{x}")
            occurs = any(front in text and back in text[text.index(front) + len(front) :] for text in texts)
            assert occurs == (wording.frequency > 0), name


def test_translation_has_six_seen_wordings_that_mean_german_and_their_frequencies_are_uneven() -> None:
    sure = [
        wording.frequency
        for wording in TRANSLATION.values()
        if wording.answers == {"german": 1.0} and wording.frequency
    ]
    assert len(sure) >= 6 and max(sure) > 10 * min(sure)
    assert sum(wording.frequency for wording in TRANSLATION.values()) == pytest.approx(1)


def test_held_out_sentences_records_and_reviews_never_occur() -> None:
    seen = 0
    for one in DOCUMENTS:
        for context, _ in one.parts:
            for wordings in (TRANSLATION, TABLE_TO_TEXT, SENTIMENT):
                for wording in wordings.values():
                    front, back = wording.template.split("{x}")
                    if front and context.startswith(front) and context.endswith(back):
                        seen += 1
                        assert not is_held_out(context.removeprefix(front).removesuffix(back)), context
    assert seen > 1000


def test_an_answer_is_one_line() -> None:
    assert all("\n" not in answer and answer for one in DOCUMENTS for _, answer in one.parts)


def test_shares_add_up() -> None:
    assert sum(READING.values()) == pytest.approx(1) and sum(PRACTICE.values()) == pytest.approx(1)


def test_e2e_brings_its_texts_and_not_its_records(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(
        'mr,ref\n"name[The Mill], food[Thai]",The Mill is Thai.\nname[Aromi],Aromi is old.\n'
    )
    references = e2e_references(tmp_path)
    assert references == ("Aromi is old.", "The Mill is Thai.")
    texts = [document(0, index, references).text for index in range(500)]
    assert 0.04 < sum(text in references for text in texts) / 500 < 0.12
    assert not any("[" in text for text in texts)


def test_a_folder_without_e2e_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train\.csv"):
        e2e_references(tmp_path)


@given(st.text())
def test_any_text_comes_back_from_the_tokenizer(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER(text)["input_ids"]) == text


def test_the_tokenizer_is_a_function_of_its_texts() -> None:
    first, second = (train_tokenizer(one.text for one in DOCUMENTS) for _ in range(2))
    assert first.get_vocab() == second.get_vocab() and len(first) == 2048


def test_an_answer_continues_its_context_in_the_same_tokens() -> None:
    for one in DOCUMENTS[:500]:
        if len(one.parts) == 1 and one.context:
            together = TOKENIZER(one.text)["input_ids"]
            assert together == TOKENIZER(one.context)["input_ids"] + TOKENIZER(" " + one.answer)["input_ids"]


@pytest.mark.parametrize("recipe", [TINY, TINY_T5], ids=lambda recipe: recipe.name)
def test_interrupted_and_resumed_equals_uninterrupted(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("peft_course.pretraining.pretrain"), "course_tokenizer", lambda _: TOKENIZER)
    whole = pretrain(recipe, tmp_path / "whole", save_every=3, log_every=2, progress=False)
    for stop in (7, 8):  # one of them between two saved states
        pretrain(recipe, tmp_path / "halves", stop_at=stop, save_every=3, log_every=2, progress=False)
    halves = pretrain(recipe, tmp_path / "halves", save_every=3, log_every=2, progress=False)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, halves.state_dict()[name]), name
    logs = [
        [json.loads(line) for line in (tmp_path / run / LOG).read_text().splitlines()] for run in ("whole", "halves")
    ]
    assert [line["step"] for line in logs[0]] == [line["step"] for line in logs[1]]
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == (
        tmp_path / "halves" / "model.safetensors"
    ).read_bytes()


def test_an_encoder_decoder_begins_with_a_decoders_matrices_in_both_stacks() -> None:
    decoder, model = build(TINY, TOKENIZER), build(TINY_T5, TOKENIZER)
    warm_start(model, decoder)
    for stack in (model.encoder, model.decoder):
        assert torch.equal(
            stack.block[0].layer[-1].DenseReluDense.wo.weight, decoder.model.layers[0].mlp.down_proj.weight
        )
        assert torch.equal(
            stack.block[0].layer[0].SelfAttention.v.weight, decoder.model.layers[0].self_attn.v_proj.weight
        )
    assert torch.equal(model.lm_head.weight, decoder.lm_head.weight)


def test_an_encoder_decoder_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="head size"):
        warm_start(build(replace(TINY_T5, width=32), TOKENIZER), build(TINY, TOKENIZER))


def test_practice_asks_for_answers_and_reading_for_everything() -> None:
    batches = Batches(TINY, TOKENIZER)
    reading, practice = batches(0), batches(32)
    pad = TOKENIZER.pad_token_id
    shares = [
        ((batch["labels"] != IGNORE).sum() / (batch["input_ids"] != pad).sum()).item() for batch in (reading, practice)
    ]
    assert shares[0] == 1 and 0.2 < shares[1] < 0.95
    for batch in (reading, practice):
        labelled = batch["labels"] != IGNORE
        assert torch.equal(batch["labels"][labelled], batch["input_ids"][labelled])


def test_batches_do_not_depend_on_the_order_they_are_asked_for() -> None:
    forth, back = Batches(TINY, TOKENIZER), Batches(TINY, TOKENIZER)
    wanted = {step: back(step) for step in (70, 3, 33)}
    for step in (3, 33, 70):
        assert torch.equal(forth(step)["input_ids"], wanted[step]["input_ids"])


def test_the_learning_rate_rises_stays_and_falls_to_zero() -> None:
    factors = [schedule(TINY, step) for step in range(TINY.steps)]
    assert factors[0] == 0.25 and factors[3] == factors[29] == 1 and factors[-1] == pytest.approx(0.1)


def test_an_unknown_model_is_refused_with_the_names_of_the_others(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="course-gpt-large"):
        pretrain("course-gtp", tmp_path)


def test_all_four_models_are_shipped_in_at_most_20_megabytes() -> None:
    assert sorted(RECIPES) == SHIPPED
    assert sum(file.stat().st_size for file in PRETRAINED.rglob("*") if file.is_file()) <= 20e6


@pytest.mark.parametrize("name", RECIPES)
def test_a_shipped_model_is_an_ordinary_checkpoint(name: str) -> None:
    folder, recipe = PRETRAINED / name, RECIPES[name]
    assert {file.name for file in folder.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
    }
    kind = AutoModelForSeq2SeqLM if recipe.encoder_decoder else AutoModelForCausalLM
    with quietly():
        model, tokenizer = kind.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.dtype == torch.float16 and all(weight.isfinite().all() for weight in model.parameters())
    assert tokenizer.get_vocab() == TOKENIZER.get_vocab()
    assert tokenizer.eos_token == tokenizer.bos_token == "<|endoftext|>" and tokenizer.pad_token == "<|pad|>"
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize("name", RECIPES)
def test_a_model_card_tells_data_training_licence_and_quality(name: str) -> None:
    card = (PRETRAINED / name / "README.md").read_text()
    for said in (
        "license: cc-by-sa-4.0",
        "Novikova",
        "CC BY-SA 4.0",
        f"pretrain {name}",
        "| wording |",
        "### Translation",
        "### Table to text",
        "### Sentiment",
        f"{RECIPES[name].steps:,} updates",
    ):
        assert said in card
    assert "None" not in card
