"""The doctor finds each fault that is planted, names its mend, and leaves a healthy prompt alone and as it was."""

import copy

import pytest
import torch
from datasets import Dataset
from random_models import DECODERS, ENCODER_DECODERS, random_lm
from torch import nn

from peft_course import FineTuning, HardPrompt, Prefix, SoftPrompt, checkpoints, doctor, fit, initial, tasks

EXAMPLES = {"x": ["ab", "abc b", "c"], "y": ["ba", "c", "aab"]}
CLASSES = ["soft", "random soft", "soft of labels", "soft from words", "hard", "few-shot", "flat prefix",
           "prefix from words", "prefix through a perceptron", "prefix on cross-attention too", "full fine-tuning"]


def healthy(lm, name):
    match name:
        case "soft":
            return SoftPrompt(lm, 3, template="ab {x} c:")
        case "random soft":
            return SoftPrompt(lm, 3, value=initial.random(lm, 3))
        case "soft of labels":
            return SoftPrompt.from_labels(lm, ["a long label", "c"], 5)
        case "soft from words":
            return SoftPrompt.from_text(lm, "abba abba abba")
        case "hard":
            return HardPrompt("ab: {x}\nba:")
        case "few-shot":
            return HardPrompt("ab: {x}\nba:", [("a", "b")])
        case "flat prefix":
            return Prefix(lm, 4)
        case "prefix from words":
            return Prefix.from_text(lm, "abba abba abba")
        case "prefix through a perceptron":
            return Prefix(lm, 4, bottleneck=6, hidden=4)
        case "prefix on cross-attention too":
            return Prefix(lm, 4, bottleneck=6, cross_attention=True)
        case "full fine-tuning":
            return FineTuning(lm)


@pytest.fixture
def lm():
    return random_lm("llama")


@pytest.fixture
def own_lm():
    """A model that a test may spoil."""
    return copy.deepcopy(random_lm("gpt2"))


def collate(lm, examples=EXAMPLES, left=False, lengthen=0):
    """What a usual collator makes of examples: x and y in one row, ``IGNORE`` under x and pads."""
    rows = [(lm.encode(x), [*lm.encode(" " + y), lm.eos]) for x, y in zip(*examples.values(), strict=True)]
    width = max(len(x) + len(y) for x, y in rows)
    ids = torch.full((len(rows), width), lm.pad)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, (x, y) in enumerate(rows):
        start = width - len(x) - len(y) if left else 0
        ids[row, start : start + len(x) + len(y)] = torch.tensor(x + y)
        mask[row, start : start + len(x) + len(y)] = 1
        labels[row, start + len(x) : start + len(x) + len(y)] = torch.tensor(y)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def only(report, name):
    """The one finding, which is called `name`, on one line."""
    assert [finding.name for finding in report] == [name], report
    (finding,) = report
    assert finding.what.endswith(".") and finding.mend.endswith(".")
    return finding


# -- healthy prompts --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("architecture", DECODERS + ENCODER_DECODERS)
def test_a_healthy_prompt_has_nothing(architecture, name):
    lm = random_lm(architecture)
    prompt = healthy(lm, name)
    report = doctor(prompt, lm, EXAMPLES, learning_rate=prompt.learning_rate)
    assert not report and len(report) == 0 and list(report) == [], report


@pytest.mark.parametrize("name", ["soft", "flat prefix"])
@pytest.mark.parametrize("architecture", DECODERS)
@pytest.mark.parametrize("left", [True, False])
def test_a_collators_tensors_are_healthy_padded_on_either_side(architecture, name, left):
    lm = random_lm(architecture)
    report = doctor(healthy(lm, name), lm, collate(lm, left=left))
    assert not report and "labels" in report.checked, report


@pytest.mark.parametrize("architecture", ENCODER_DECODERS)
def test_an_encoder_decoders_tensors_are_healthy(architecture):
    lm = random_lm(architecture)
    batch = lm.batch(EXAMPLES["x"], EXAMPLES["y"])
    tensors = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "labels": batch.labels}
    assert not doctor(SoftPrompt(lm, 3), lm, tensors)


@pytest.mark.parametrize(
    "batch",
    [EXAMPLES, Dataset.from_dict(EXAMPLES), [{"x": "ab", "y": "c"}, {"x": "b", "y": "a"}]],
    ids=["columns", "data set", "rows"],
)
def test_examples_may_come_as_columns_rows_or_a_data_set(batch, lm):
    assert not doctor(SoftPrompt(lm, 3), lm, batch)


def test_a_trained_prompt_may_be_larger_than_any_word(lm):
    soft = SoftPrompt(lm, 3)
    fit(soft, lm, Dataset.from_dict(EXAMPLES), steps=120, learning_rate=0.3, progress=False)
    embeddings = lm.embedding_matrix.norm(dim=1)
    assert soft.embeddings.norm(dim=1).median() > 2 * embeddings.quantile(0.99)
    report = doctor(soft, lm, EXAMPLES)
    assert not report and report.not_checked["the initial scale"] == "the prompt is trained, and may have grown"


def test_the_report_says_what_was_checked_and_what_was_not(lm):
    report = repr(doctor(HardPrompt("ab {x}"), lm, EXAMPLES))
    assert report.startswith("HardPrompt on llama: nothing found\nchecked: ")
    assert "dead parameters (a HardPrompt has nothing to train)" in report
    assert "labels (the library makes them from x and y)" in report


def test_the_report_names_each_finding_with_its_mend(lm):
    report = doctor(SoftPrompt(lm, 3), lm, EXAMPLES, learning_rate=5e-5)
    (finding,) = report
    assert report and repr(report).startswith(f"SoftPrompt on llama: 1 finding\n{finding.name}: {finding.what}\n  ")
    assert finding.mend in repr(report)


@pytest.mark.parametrize("name", ["soft", "prefix through a perceptron", "full fine-tuning"])
def test_the_doctor_changes_nothing(name, own_lm):
    prompt = healthy(own_lm, name).train()
    own_lm.model.transformer.h[0].train()
    next(iter(prompt.parameters())).grad = torch.ones(1).expand_as(next(iter(prompt.parameters()))).clone()

    def everything():
        modules = [*own_lm.model.named_modules(), *prompt.named_modules()]
        parameters = [*own_lm.model.named_parameters(), *prompt.named_parameters()]
        return (
            [(name, module.training) for name, module in modules],
            [(name, parameter.requires_grad) for name, parameter in parameters],
            [parameter.grad if parameter.grad is None else parameter.grad.tolist() for _, parameter in parameters],
            [parameter.tolist() for _, parameter in parameters],
            torch.get_rng_state().tolist(),
            torch.is_grad_enabled(),
        )

    before = everything()
    assert doctor(prompt, own_lm, EXAMPLES)
    assert everything() == before


# -- 1: dead and tied -------------------------------------------------------------------------------------------------
class HalfRead(SoftPrompt):
    """A prompt that hands on only some of its rows."""

    def condition(self, lm):
        return copy.copy(SoftPrompt(lm, value=self.embeddings.detach()[:2])).condition(lm)


class Detached(Prefix):
    """A prefix whose values leave the graph."""

    def condition(self, lm):
        with torch.no_grad():
            return super().condition(lm)


class Unused(SoftPrompt):
    """A prompt with a parameter that nothing reads."""

    def __init__(self, lm, num_virtual_tokens):
        super().__init__(lm, num_virtual_tokens)
        self.forgotten = nn.Parameter(torch.ones(7))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (HalfRead, r"reaches embeddings \[4, 32\]"),
        (Detached, r"reaches stacks.decoder.rows \[4, 64\]"),
        (Unused, r"reaches forgotten \[7\]"),
    ],
)
def test_a_parameter_without_a_gradient_is_dead(kind, what, lm):
    pytest.importorskip("re")
    import re

    finding = only(doctor(kind(lm, 4), lm, EXAMPLES), "dead")
    assert re.search(what, finding.what)
