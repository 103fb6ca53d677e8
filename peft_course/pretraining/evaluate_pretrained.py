"""How good an embedded model is, measured on generated text that its corpus never showed, under every wording of the course."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.auto.configuration_auto import AutoConfig

from peft_course.world.held_out import is_held_out
from peft_course.world.restaurants import record, slot_errors
from peft_course.world.reviews import review
from peft_course.world.sentences import sentence
from peft_course.world.wordings import SENTIMENT, TABLE_TO_TEXT, TRANSLATION

Made = TypeVar("Made")
PRETRAINED = Path(__file__).parent.parent / "pretrained"
SEED = 2024


def evaluate_pretrained(name: str | Path, examples: int = 500) -> dict[str, dict[str, float]]:
    """Per cent of right answers for each task and wording: {"translation": {"labels": 97.2, ...}, "table to text": ..., ...}.

    name: an embedded model or a folder. Translation: exact match. Table to text: texts with every slot of the record and no other
    value. Sentiment: the right word, generated. Greedy decoding throughout. "bare" is x alone, without any words.
    """
    model, tokenizer = _load(name)
    sentences = [(one.english, one.german) for one in _held_out(sentence, lambda one: one.english, examples)]
    records = list(_held_out(record, lambda one: one.text(), examples))
    reviews = [(one.text, one.sentiment == "positive") for one in _held_out(review, lambda one: one.text, examples)]
    scores: dict[str, dict[str, float]] = {"translation": {}, "table to text": {}, "sentiment": {}}
    for wording, template in [*((key, value.template) for key, value in TRANSLATION.items()), ("bare", "{x}")]:
        given = answers(model, tokenizer, [template.format(x=x) for x, _ in sentences])
        scores["translation"][wording] = _per_cent(answer == y for answer, (_, y) in zip(given, sentences, strict=True))
    for wording, value in TABLE_TO_TEXT.items():
        given = answers(model, tokenizer, [value.template.format(x=one.text()) for one in records], max_new_tokens=120)
        scores["table to text"][wording] = _per_cent(slot_errors(one, text) == 0 for one, text in zip(records, given, strict=True))
    for wording, value in SENTIMENT.items():
        words = tuple(value.answers)
        given = answers(model, tokenizer, [value.template.format(x=x) for x, _ in reviews], max_new_tokens=8)
        scores["sentiment"][wording] = _per_cent(
            answer == words[0 if good else 1] for answer, (_, good) in zip(given, reviews, strict=True))
    return scores


@torch.inference_mode()
def answers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str], max_new_tokens: int = 64,
            batch_size: int = 100) -> list[str]:
    """The model's greedy answers, each one line, stripped."""
    found: dict[int, str] = {}
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    for start in range(0, len(order), batch_size):
        places = order[start:start + batch_size]
        batch = _batch(model, tokenizer, [texts[index] for index in places])
        # A newline ends an answer as well as the end of the document does.
        stops = [tokenizer.eos_token_id, *tokenizer("\n")["input_ids"][:1]]
        tokens = model.generate(**batch, max_new_tokens=max_new_tokens, do_sample=False, eos_token_id=stops)
        new = tokens[:, 1:] if model.config.is_encoder_decoder else tokens[:, batch["input_ids"].shape[1]:]
        for index, text in zip(places, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True):
            found[index] = text.split("\n")[0].strip()
    return [found[index] for index in range(len(texts))]


def _batch(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> dict[str, torch.Tensor]:
    rows, pad = tokenizer(texts)["input_ids"], tokenizer.pad_token_id
    if model.config.is_encoder_decoder:
        rows = [row + [tokenizer.eos_token_id] for row in rows]
    length = max(map(len, rows))
    padding = [[pad] * (length - len(row)) for row in rows]
    if model.config.is_encoder_decoder:
        ids = torch.tensor([row + pads for row, pads in zip(rows, padding, strict=True)])
    else:
        ids = torch.tensor([pads + row for row, pads in zip(rows, padding, strict=True)])
    return {"input_ids": ids, "attention_mask": (ids != pad).long()}


def _load(name: str | Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    folder = Path(name) if Path(name).is_dir() else PRETRAINED / name
    if not (folder / "config.json").is_file():
        raise ValueError(f"{str(name)!r} is neither an embedded model nor a folder with a model's config.json.")
    kind = AutoModelForSeq2SeqLM if AutoConfig.from_pretrained(folder).is_encoder_decoder else AutoModelForCausalLM
    return kind.from_pretrained(folder, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(folder)


def _held_out(make: Callable[[random.Random], Made], text: Callable[[Made], str], count: int) -> Iterator[Made]:
    rng = random.Random(SEED)
    while count:
        made = make(rng)
        if is_held_out(text(made)):
            count -= 1
            yield made


def _per_cent(right: Iterator[bool]) -> float:
    values = list(right)
    return round(100 * sum(values) / len(values), 1)
