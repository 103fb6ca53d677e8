"""The doctor finds each fault that is planted, names its mend, and leaves a healthy prompt alone and as it was."""

import copy
import functools

import pytest
import torch
from datasets import Dataset
from random_models import DECODERS, ENCODER_DECODERS, random_lm
from torch import nn

from peft_course import FineTuning, HardPrompt, Prefix, SoftPrompt, checkpoints, doctor, fit, initial
from peft_course.conditions import Condition

EXAMPLES = {"x": ["ab", "abc b", "c"], "y": ["ba", "c", "aab"]}
KINDS = [
    "soft",
    "random soft",
    "soft of labels",
    "soft from words",
    "hard",
    "few-shot",
    "flat prefix",
    "prefix from words",
    "prefix through a perceptron",
    "prefix on cross-attention too",
    "full fine-tuning",
    "soft behind the input",
    "prefix and soft",
]


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
        case "soft behind the input":
            return SoftPrompt(lm, 3, template="ab {x}{prompt}")
        case "prefix and soft":
            return Prefix(lm, 4, bottleneck=5) + SoftPrompt(lm, 3)
        case "full fine-tuning":
            return FineTuning(lm)


@pytest.fixture
def lm():
    return random_lm("llama")


@pytest.fixture
def own_lm():
    """A model that a test may spoil."""
    return copy.deepcopy(random_lm("gpt2"))


def collate(lm, examples=EXAMPLES, left=False):
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
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("architecture", DECODERS + ENCODER_DECODERS)
def test_a_healthy_prompt_has_nothing(architecture, name):
    lm = random_lm(architecture)
    prompt = healthy(lm, name)
    report = doctor(prompt, lm, EXAMPLES, learning_rate=prompt.learning_rate)
    assert not report and len(report) == 0 and list(report) == [], report


@pytest.mark.parametrize("name", ["soft", "prefix through a perceptron", "full fine-tuning"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
def test_a_healthy_prompt_has_nothing_in_bfloat16(architecture, name):
    lm = copy.deepcopy(random_lm(architecture))
    lm.model.to(torch.bfloat16)
    assert not doctor(healthy(lm, name), lm, EXAMPLES)


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
    """A prompt that hands on only its first two rows."""

    def around(self):
        return [self.embeddings[:2]], []


class Unused(SoftPrompt):
    """A prompt with a parameter that nothing reads."""

    def __init__(self, lm, num_virtual_tokens):
        super().__init__(lm, num_virtual_tokens)
        self.forgotten = nn.Parameter(torch.ones(7))


class Detached(Prefix):
    """A prefix that leaves the graph on its way to the model."""

    @torch.no_grad()
    def condition(self, lm):
        return Condition(prefixes={name: p.detach() for name, p in super().condition(lm).prefixes.items()})


class Shared(Prefix):
    """A prefix of which only the first layer's keys and values are read: all layers share them."""

    def condition(self, lm):
        prefixes = super().condition(lm).prefixes
        return Condition(prefixes={name: p[:1].expand(len(p), -1, -1, -1, -1, -1) for name, p in prefixes.items()})


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        (HalfRead, "2 of the 4 rows of embeddings (2, 3)"),
        (Unused, "forgotten [7]"),
        (Detached, "stacks.decoder.rows [4, 64]"),
        (Shared, "32 of the 64 columns of stacks.decoder.rows"),
    ],
)
def test_a_parameter_without_a_gradient_is_dead(kind, part, lm):
    finding = only(doctor(kind(lm, 4), lm, EXAMPLES), "dead")
    assert finding.what == f"No gradient from this batch reaches {part}, so training cannot change it."


def test_a_perceptron_that_nothing_gets_through_is_dead_and_not_only_young(lm):
    prefix = Prefix(lm, 4, bottleneck=6)
    prefix.stacks["decoder"].mlp[1] = nn.Threshold(1e9, 0.0)
    found = str([finding.what for finding in doctor(prefix, lm, EXAMPLES) if finding.name == "dead"])
    names = ("reduced", "mlp.0.weight", "mlp.0.bias", "mlp.2.weight", "mlp.2.bias")
    assert [name for name in names if name in found] == ["reduced", "mlp.0.weight", "mlp.0.bias", "mlp.2.weight"]


def test_numbers_that_are_none_are_found(lm):
    soft = SoftPrompt(lm, 3)
    soft.embeddings.data[0, 0] = torch.nan
    assert "not finite" in [finding.name for finding in doctor(soft, lm, EXAMPLES)]


def test_two_parameters_in_one_memory_are_tied():
    lm = random_lm("t5")
    prefix = Prefix(lm, 4)
    prefix.stacks["decoder"].rows = prefix.stacks["encoder"].rows
    finding = only(doctor(prefix, lm, EXAMPLES), "tied")
    assert finding.what == (
        "stacks.encoder.rows and stacks.decoder.rows share memory, so a change of one changes both."
    )


def test_a_prompt_in_the_memory_of_the_frozen_model_is_tied(own_lm):
    soft = SoftPrompt(own_lm, 3)
    soft.embeddings = nn.Parameter(own_lm.embedding_matrix.data[5:8])
    finding = only(doctor(soft, own_lm, EXAMPLES), "tied")
    assert "embeddings and gpt2's transformer.wte.weight share memory" in finding.what


def test_a_row_expanded_to_all_virtual_tokens_is_tied(lm):
    soft = SoftPrompt(lm, 3)
    soft.embeddings = nn.Parameter(soft.embeddings.data[:1].expand(3, -1))
    assert "are one row in memory" in only(doctor(soft, lm, EXAMPLES), "tied").what


def test_equal_rows_of_a_prefix_stay_equal(lm):
    prefix = Prefix(lm, 4)
    prefix.stacks["decoder"].rows.data[2] = prefix.stacks["decoder"].rows.data[0]
    finding = only(doctor(prefix, lm, EXAMPLES), "tied")
    assert finding.what == "Rows 0, 2 of stacks.decoder.rows are equal and get equal gradients, so they stay equal."


def test_equal_rows_of_a_soft_prompt_part_because_each_has_its_position(lm):
    assert not doctor(SoftPrompt.from_text(lm, "aaa"), lm, EXAMPLES)


# -- 2: padding -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("argument", "architecture", "sides"),
    [
        ("position_ids", "gpt2", ["left"]),
        ("position_ids", "opt", ["left"]),
        ("attention_mask", "llama", ["left"]),  # what stands right of a token, a decoder never sees
        ("attention_mask", "t5", ["right"]),
        ("attention_mask", "bart", ["right"]),
    ],
)
@pytest.mark.parametrize("name", ["soft", "flat prefix"])
def test_a_model_that_ignores_positions_or_mask_is_found_by_padding(name, argument, architecture, sides, monkeypatch):
    lm = copy.deepcopy(random_lm(architecture))
    forward = lm.model.forward

    @functools.wraps(forward)
    def ignoring(*args, **options):
        ids = options.get("inputs_embeds")[..., 0]
        ignored = torch.arange(ids.shape[1]).expand(ids.shape) if argument == "position_ids" else torch.ones_like(ids)
        return forward(*args, **{**options, argument: ignored})

    prompt = healthy(lm, name)
    monkeypatch.setattr(lm.model, "forward", ignoring)
    report = [finding for finding in doctor(prompt, lm, EXAMPLES) if finding.name == "padding"]
    assert [finding.what.split(" change")[0] for finding in report] == [f"4 pads on a text's {side}" for side in sides]
    assert "position_ids" in report[0].mend


# -- 3: scale ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("factor", [1.0, 0.001])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5", "bart"])
def test_vectors_at_another_scale_than_the_embeddings_are_found(architecture, factor):
    lm = random_lm(architecture)
    rows = factor * torch.randn(6, 32, generator=torch.Generator().manual_seed(1))
    finding = only(doctor(SoftPrompt(lm, value=rows), lm, EXAMPLES), "scale")
    assert f"a norm of {rows.norm(dim=1).median():.3g} (median)" in finding.what and "initial.random" in finding.mend


@pytest.mark.parametrize("factor", [20.0, 0.001])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5", "bart"])
def test_a_prefix_at_another_scale_than_the_models_own_keys_is_found(architecture, factor):
    lm = random_lm(architecture)
    prefix = Prefix(lm, 4)
    for rows in prefix.parameters():
        rows.data = factor * torch.randn(rows.shape, generator=torch.Generator().manual_seed(1))
    finding = only(doctor(prefix, lm, EXAMPLES), "scale")
    assert "the keys of" in finding.what and "Prefix.from_text" in finding.mend


# -- 4: the learning rate ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "rate", "what"),
    [
        ("soft", 5e-5, "5e-05 is 2,000 times below the 0.1 of a SoftPrompt"),
        ("flat prefix", 3.0, "3 is 30 times above the 0.1 of a Prefix"),
        ("prefix through a perceptron", 1e-5, "1e-05 is 1,000 times below the 0.01 of a Prefix"),
        ("full fine-tuning", 0.1, "0.1 is 100 times above the 0.001 of a FineTuning"),
        ("soft", 0.0, "The learning rate is 0, so nothing is learnt"),
    ],
)
def test_a_learning_rate_of_another_method_is_found(name, rate, what, lm):
    finding = only(doctor(healthy(lm, name), lm, EXAMPLES, learning_rate=rate), "learning rate")
    assert what in finding.what and "Search around" in finding.mend


@pytest.mark.parametrize(
    ("name", "rate"),
    [("soft", 0.3), ("soft", 1e-3), ("prefix through a perceptron", 5e-5), ("full fine-tuning", 2e-5)],
)
def test_a_learning_rate_that_a_paper_used_is_no_finding(name, rate, lm):
    assert not doctor(healthy(lm, name), lm, EXAMPLES, learning_rate=rate)


# -- 5: labels --------------------------------------------------------------------------------------------------------
def longer_by_p(ids, labels, mask):
    return torch.cat([torch.full((len(labels), 4), -100), labels], dim=1)


def right_by_p(ids, labels, mask):
    return longer_by_p(ids, labels, mask)[:, : ids.shape[1]]


def next_tokens(ids, labels, mask):
    return torch.cat([labels[:, 1:], torch.full((len(labels), 1), -100)], dim=1)


def other_tokens(ids, labels, mask):
    return labels.where(labels == -100, (labels + torch.arange(labels.shape[1])) % 250)


def without(ids, labels, mask):
    return torch.full_like(labels, -100)


def pads_too(ids, labels, mask):
    return labels.where(mask == 1, ids)


def x_too(ids, labels, mask):
    return ids.where(mask == 1, -100)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (longer_by_p, "[3, 12] and input_ids [3, 8], longer by the prompt's 4 virtual tokens"),
        (right_by_p, "4 columns right of the tokens that they name, as many as the prompt has virtual tokens (4)"),
        (next_tokens, "every label names the next token"),
        (other_tokens, "name another token than the one in input_ids above them"),
        (without, "all 24 labels are -100"),
        (pads_too, "stand under pads"),
        (x_too, "every token carries a loss, x as well as y"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("name", ["flat prefix", "soft of four"])
def test_labels_that_are_off_are_named(name, fault, what, left, lm):
    prompt = SoftPrompt(lm, 4) if name == "soft of four" else healthy(lm, name)
    batch = collate(lm, left=left)
    batch["labels"] = fault(batch["input_ids"], batch["labels"], batch["attention_mask"])
    assert what in only(doctor(prompt, lm, batch), "labels").what


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (lambda ids, labels: ids, "they are input_ids"),
        (lambda ids, labels: labels.where(labels != -100, 1), "stand under pads"),
        (lambda ids, labels: torch.full_like(labels, -100), "labels are -100"),
        (lambda ids, labels: torch.cat([torch.full((3, 1), 1), labels], dim=1), "begin with the decoder's start token"),
    ],
)
def test_an_encoder_decoders_labels_that_are_off_are_named(fault, what):
    lm = random_lm("t5")
    batch = lm.batch(EXAMPLES["x"], EXAMPLES["y"])
    tensors = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    assert (
        what
        in only(
            doctor(SoftPrompt(lm, 3), lm, tensors | {"labels": fault(batch.input_ids, batch.labels)}), "labels"
        ).what
    )


# -- 6: dropout and what is not frozen --------------------------------------------------------------------------------
@pytest.mark.parametrize("architecture", ["gpt2", "opt", "t5", "bart"])
def test_dropout_left_on_is_found(architecture):
    lm = copy.deepcopy(random_lm(architecture))
    lm.model.train()
    finding = only(doctor(SoftPrompt(lm, 3), lm, EXAMPLES), "dropout")
    assert "(p = 0.1 in" in finding.what and "lm.model.eval()" in finding.mend


def test_training_mode_without_dropout_is_no_finding(lm):
    own = copy.deepcopy(lm)
    own.model.train()
    assert not doctor(SoftPrompt(own, 3), own, EXAMPLES)


def test_frozen_weights_that_take_gradients_are_found(own_lm):
    own_lm.model.transformer.wpe.requires_grad_(True)
    finding = only(doctor(SoftPrompt(own_lm, 3), own_lm, EXAMPLES), "not frozen")
    assert finding.what.startswith("8,192 of the frozen model's")


# -- 7: another model -------------------------------------------------------------------------------------------------
def test_a_prompt_of_another_width_is_for_another_model(own_lm):
    soft = SoftPrompt(own_lm, 3)
    soft.embeddings = nn.Parameter(torch.zeros(3, 48))
    report = doctor(soft, own_lm, EXAMPLES)
    assert "its vectors are 48 wide, the embeddings of gpt2 32" in only(report, "other model").what
    assert report.not_checked["padding"] == "mend first: other model"


@pytest.mark.parametrize(
    ("made_for", "used_on", "what"),
    [
        (
            "llama",
            "gpt2",
            "its decoder prefix has 2 layers, 2 heads of size 8, and gpt2 has 2 layers, 4 heads",
        ),
        ("t5", "gpt2", "its encoder prefix has 2 layers, 4 heads of size 8, and gpt2 has no such stack"),
    ],
)
def test_a_prefix_of_another_shape_is_for_another_model(made_for, used_on, what):
    report = doctor(Prefix(random_lm(made_for), 3), random_lm(used_on), EXAMPLES)
    assert what in report.findings[0].what and {finding.name for finding in report} == {"other model"}


@pytest.mark.parametrize("kind", [SoftPrompt, Prefix])
@pytest.mark.filterwarnings("ignore:the prompt in")  # loading says it, too
def test_a_prompt_that_fits_but_was_saved_for_other_weights_is_found(kind, lm, tmp_path):
    kind(lm, 3).save_pretrained(tmp_path)
    assert not doctor(kind.from_pretrained(tmp_path, lm), lm, EXAMPLES)
    other = random_lm("llama", seed=1)
    finding = only(doctor(kind.from_pretrained(tmp_path, other), other, EXAMPLES), "other weights")
    assert checkpoints.fingerprint(lm) in finding.what and checkpoints.fingerprint(other) in finding.what


def test_a_part_that_was_made_for_other_weights_is_found(lm):
    other = random_lm("llama", seed=1)
    only(doctor(Prefix(lm, 3) + SoftPrompt(other, 2), other, EXAMPLES), "other weights")


# -- what else is cheap -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("prompt", [lambda lm: SoftPrompt(lm, 250), lambda lm: Prefix(lm, 250)], ids=["soft", "prefix"])
def test_what_does_not_fit_the_models_positions_is_too_long(prompt, lm):
    report = doctor(prompt(lm), lm, EXAMPLES)
    assert "need 258 positions, and llama has 256" in only(report, "too long").what


def test_a_space_at_the_end_of_a_template_is_found(lm):
    finding = only(doctor(HardPrompt("ab: {x} ba: "), lm, EXAMPLES), "space")
    assert finding.what == "3 of 3 texts end with a space ('ab: ab ba: '); answers begin with one."


def test_several_faults_are_all_found(own_lm):
    own_lm.model.train()
    soft = SoftPrompt(own_lm, value=torch.randn(3, 32, generator=torch.Generator().manual_seed(0)))
    report = doctor(soft, own_lm, EXAMPLES, learning_rate=1e-5)
    assert [finding.name for finding in report] == ["dropout", "learning rate", "scale"]
    assert repr(report).startswith("SoftPrompt on gpt2: 3 findings\n")


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"text": ["a"]}, "with x and y, or with input_ids and labels, got one with text; give examples"),
        (["a", "b"], "with x and y, or with input_ids and labels, got list"),
        ({"x": [], "y": []}, "the batch is empty; give at least one example"),
        ({"input_ids": [[1, 2]], "attention_mask": [[1, 1, 1]], "labels": [[1, 2]]}, "mask the text alone"),
    ],
)
def test_a_batch_of_neither_kind_is_refused(batch, message, lm):
    with pytest.raises(ValueError, match=message):
        doctor(SoftPrompt(lm, 3), lm, batch)
