"""The cheat sheet's numbers, read from its page and computed again with the package."""

import inspect
import re
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from peft_course import FineTuning, LoRA, Prefix, SoftPrompt, fit, load_lm
from peft_course.lm import LM
from peft_course.prompts.prompt import Prompt
from peft_course.reproduction import STUDIES, Store
from peft_course.reproduction.methods import PrefixTuning
from peft_course.reproduction.results import Results
from peft_course.reproduction.statistics import difference

SHEET = (Path(__file__).resolve().parents[1] / "book" / "back" / "cheat-sheet.md").read_text(encoding="utf8")
ROWS = {cells[0].strip(): cells[1:] for line in SHEET.splitlines() if len(cells := line.strip("| ").split(" | ")) == 6}
K = 16  # a perceptron's width


@pytest.fixture(scope="module")
def lm() -> LM:
    return load_lm("course-gpt")


@pytest.fixture(scope="module")
def t5() -> LM:
    return load_lm("course-t5")


def methods(lm: LM) -> dict[str, Prompt]:
    return {
        "`SoftPrompt(lm)`": SoftPrompt(lm),
        "`Prefix(lm)`": Prefix(lm),
        "`Prefix(lm, bottleneck=k)`": Prefix(lm, bottleneck=K),
        "`LoRA(lm)`": LoRA(lm),
        "`FineTuning(lm)`": FineTuning(lm),
    }


def said(pattern: str) -> tuple[str, ...]:
    """The numbers in the one place of the page that reads so."""
    (found,) = re.findall(pattern, " ".join(SHEET.split()))
    return found if isinstance(found, tuple) else (found,)


def test_the_table_has_the_lengths_and_rates_that_the_package_takes_if_nothing_is_said(lm: LM) -> None:
    for name, prompt in methods(lm).items():
        size, rate = ROWS[name][3].rsplit(",", 1)
        assert float(rate) == prompt.learning_rate, name
        expected = {LoRA: "$r$ = 8", FineTuning: "–"}.get(type(prompt), str(getattr(prompt, "num_virtual_tokens", "")))
        assert size == expected, name
    assert LoRA(lm).num_trained == LoRA(lm, rank=8).num_trained


def test_the_formulas_count_what_is_trained_and_stored(lm: LM) -> None:
    stack = lm.stacks["decoder"]
    D = lm.embedding_matrix.shape[1]
    L, H, d = len(stack.blocks), stack.heads, stack.head_size
    row, r, k, m = 2 * L * H * d, 8, K, K
    through = 10 * k + (k * m + m) + (row * m + row)
    assert "$PD$" in ROWS["`SoftPrompt(lm)`"][2] and "$2PLHd$" in ROWS["`Prefix(lm)`"][2]
    assert r"$\lvert\theta\rvert = Pk + (km + m) + (2LHd \cdot m + 2LHd)$" in SHEET
    counted = {name: (prompt.num_trained, prompt.num_stored) for name, prompt in methods(lm).items()}
    assert counted == {
        "`SoftPrompt(lm)`": (20 * D, 20 * D),
        "`Prefix(lm)`": (10 * row, 10 * row),
        "`Prefix(lm, bottleneck=k)`": (through, 10 * row),
        "`LoRA(lm)`": (2 * L * r * (D + D), 2 * L * r * (D + D)),  # queries and values
        "`FineTuning(lm)`": (lm.num_parameters, lm.num_parameters),
    }


def test_an_encoder_decoder_counts_a_prefix_twice_and_with_cross_attention_three_times(t5: LM) -> None:
    assert "counts twice in an **encoder–decoder**, with `cross_attention=True` three times" in " ".join(SHEET.split())
    both, one = Prefix(t5), Prefix(t5, stacks=["decoder"])
    assert both.num_stored == 2 * one.num_stored
    assert Prefix(t5, cross_attention=True).num_stored == 3 * one.num_stored


def test_ten_rows_are_the_share_of_gpt_2_medium_that_is_said() -> None:
    with torch.device("meta"):
        model = GPT2LMHeadModel(GPT2Config(n_layer=24, n_embd=1024, n_head=16))
    P, row = 10, 2 * 24 * 1024
    assert said(r"10 rows are ([\d.]+) % of GPT-2 medium") == (f"{100 * P * row / model.num_parameters():.2f}",)
    (times,) = said(r"about \$P / (\d+)D\$ of a decoder's blocks")
    blocks = sum(weight.numel() for weight in model.transformer.h.parameters())
    assert P * row / blocks == pytest.approx(P / (int(times) * 1024), rel=0.01)


def test_a_step_has_the_number_of_examples_that_is_said() -> None:
    (examples,) = said(r"AdamW, (\d+) examples a step")
    parameters = inspect.signature(fit).parameters
    assert (parameters["batch_size"].default, parameters["optimizer"].default) == (int(examples), "adamw")


def test_the_package_s_rates_lie_where_the_first_mistake_says(lm: LM) -> None:
    low, high = (int(number.replace(",", "")) for number in said(r"a prompt wants ([\d,]+) to ([\d,]+) times that"))
    tuned = FineTuning.learning_rate
    for prompt in (SoftPrompt(lm), Prefix(lm), Prefix(lm, bottleneck=K)):
        assert low <= round(prompt.learning_rate / tuned) <= high


def test_zeros_are_not_no_prefix(lm: LM) -> None:
    assert 'zeros are not "no prefix"' in SHEET
    ids = torch.tensor([lm.encode("The old dog sees a cat.")])
    zeros = Prefix(lm, values={"decoder": torch.zeros_like(Prefix(lm).stacks["decoder"]())})
    with torch.no_grad():
        assert (lm.logits(ids, prompt=zeros) - lm.logits(ids)).abs().max() > 0.1


def test_tokens_are_ahead_of_random_numbers_by_the_points_that_are_said() -> None:
    runs = Results(STUDIES["initial-value"].runs(), Store())
    stored = runs.by(lambda run: (run.data.name, run.method, run.data.examples))

    def gain(task: str) -> tuple[float, float, float]:
        tokens, noise = (stored[task, PrefixTuning(bottleneck=None, start=start), 20] for start in ("tokens", "random"))
        found = difference(tokens, noise)
        return found.low, found.mean, found.high

    points, examples = said(r"that gave (\d+) points on translation with (\d+) examples")
    assert examples == "20" and round(gain("translation")[1]) == int(points)
    low, _, high = gain("sentiment")
    assert low < 0 < high, "nothing clear on sentiment"
