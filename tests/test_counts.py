"""Counting without a model: as the package trains and stores, as transformers builds, as the page's script counts."""

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import random_lm
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from peft_course import LM, FineTuning, LoRA, Prefix, SoftPrompt
from peft_course.analysis import MODELS, Shape, Sizes, counts
from peft_course.widgets.calculator import significant

SCRIPT = Path(__file__).resolve().parents[1] / "book" / "_assets" / "interactive" / "counts.js"
SIZES = Sizes(num_virtual_tokens=5, bottleneck=6, hidden=7, rank=3)


def shape_of(lm: LM) -> Shape:
    config, decoder = lm.model.config, lm.stacks["decoder"]
    encoder = len(lm.stacks["encoder"].blocks) if "encoder" in lm.stacks else 0
    width = lm.embedding_matrix.shape[1]
    heads = config.num_attention_heads
    return Shape(len(decoder.blocks), width, heads, decoder.heads, decoder.head_size, lm.num_parameters, encoder)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "mistral", "qwen2", "t5"])
def test_each_method_trains_and_stores_as_many_numbers_as_are_counted(architecture: str) -> None:
    lm = random_lm(architecture)
    prompts = {
        "soft prompt": SoftPrompt(lm, 5),
        "prefix, flat": Prefix(lm, 5),
        "prefix, perceptron": Prefix(lm, 5, bottleneck=6, hidden=7),
        "LoRA": LoRA(lm, 3),
        "fine-tuning": FineTuning(lm),
    }
    found = counts(shape_of(lm), SIZES)
    assert {n: (c.trained, c.stored) for n, c in found.items()} == {
        name: (prompt.num_trained, prompt.num_stored) for name, prompt in prompts.items()
    }


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_a_prompt_of_a_decoder_takes_as_much_cache_as_is_counted(architecture: str) -> None:
    lm = random_lm(architecture)
    taken = [cache_of(lm.model(inputs_embeds=torch.zeros(1, length, 32), use_cache=True)) for length in (4, 9)]
    assert taken[1] - taken[0] == counts(shape_of(lm), SIZES)["soft prompt"].cached
    assert counts(shape_of(lm), SIZES)["prefix, flat"].cached == Prefix(lm, 5).num_stored


def test_a_soft_prompt_of_an_encoder_takes_cache_in_cross_attention() -> None:
    lm = random_lm("t5")
    start = torch.zeros(1, 1, dtype=torch.long)
    taken = [
        cache_of(lm.model(inputs_embeds=torch.zeros(1, length, 32), decoder_input_ids=start, use_cache=True))
        for length in (4, 9)
    ]
    assert taken[1] - taken[0] == counts(shape_of(lm), SIZES)["soft prompt"].cached


def cache_of(output: Any) -> int:
    """The numbers in a cache, cross-attention's included."""
    cache = output.past_key_values
    caches = [getattr(cache, "self_attention_cache", cache), getattr(cache, "cross_attention_cache", None)]
    return sum(
        layer.keys.numel() + layer.values.numel() for each in caches if each is not None for layer in each.layers
    )


FEED_FORWARD = {
    "Llama 2 7B": 11008,
    "Llama 2 13B": 13824,
    "Llama 2 70B": 28672,
    "Llama 3 8B": 14336,
    "Llama 3 70B": 28672,
}
T5_FEED_FORWARD = {"T5 small": 2048, "T5 base": 3072, "T5 large": 4096, "T5 3B": 16384, "T5 11B": 65536}


def built(name: str) -> torch.nn.Module:
    """The model of this name as transformers builds it, without numbers."""
    shape = MODELS[name]
    with torch.device("meta"):
        if name.startswith("GPT-2"):
            return GPT2LMHeadModel(GPT2Config(n_layer=shape.layers, n_embd=shape.width, n_head=shape.heads))
        if name.startswith("Llama"):
            return LlamaForCausalLM(
                LlamaConfig(
                    vocab_size=32_000 if name.startswith("Llama 2") else 128_256,
                    hidden_size=shape.width,
                    intermediate_size=FEED_FORWARD[name],
                    num_hidden_layers=shape.layers,
                    num_attention_heads=shape.heads,
                    num_key_value_heads=shape.kv_heads,
                    tie_word_embeddings=False,
                )
            )
        return T5ForConditionalGeneration(
            T5Config(
                vocab_size=32_128,
                d_model=shape.width,
                d_kv=shape.head_size,
                d_ff=T5_FEED_FORWARD[name],
                num_layers=shape.layers,
                num_heads=shape.heads,
            )
        )


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("course")])
def test_the_listed_models_have_as_many_parameters_as_transformers_builds(name: str) -> None:
    assert built(name).num_parameters() == MODELS[name].parameters


@pytest.mark.parametrize("name", ["course-gpt", "course-t5"])
def test_the_course_s_models_have_the_listed_shapes(name: str) -> None:
    from peft_course import load_lm

    assert shape_of(load_lm(name)) == MODELS[name]


def test_published_sizes_come_out() -> None:
    row = counts(MODELS["GPT-2 medium"], Sizes(1))["prefix, flat"].stored
    assert round(0.35e6 / row) == 7  # Hu et al. 2021 list the prefix of GPT-2 medium with 0.35M
    authors = counts(MODELS["GPT-2 medium"], Sizes(10, bottleneck=1024, hidden=512))
    assert authors["prefix, perceptron"].trained == 25_750_016
    ten = counts(MODELS["Llama 3 8B"], Sizes(10))["prefix, flat"]
    assert 2 * ten.stored / 1024 == 1280  # kilobytes in half precision


@pytest.mark.parametrize(
    ("changes", "says"), [({"layers": 0}, "layers is 1 or more, got 0"), ({"kv_heads": 5}, "not a multiple of 5")]
)
def test_a_shape_that_no_model_has_is_refused(changes: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Shape(**(asdict(MODELS["GPT-2 small"]) | changes))


NODE = which("node")
numbers = st.integers(1, 2000)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, int]:
    kv_heads = draw(st.integers(1, 16))
    heads = kv_heads * draw(st.integers(1, 8))
    layers, encoder = draw(st.integers(1, 100)), draw(st.integers(0, 50))
    shape = Shape(
        layers, draw(numbers), heads, kv_heads, draw(st.integers(1, 256)), draw(st.integers(1, 10**12)), encoder
    )
    return asdict(shape) | asdict(Sizes(draw(numbers), draw(numbers), draw(numbers), draw(numbers)))


def in_node(program: str, given: Any) -> Any:
    command = [NODE or "node", "-e", f"require({json.dumps(str(SCRIPT))}); {program}"]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason="there is no node here")
@settings(max_examples=5)
@given(st.lists(cases(), min_size=40, max_size=60))
def test_the_page_s_script_counts_as_the_package_does(drawn: list[dict[str, int]]) -> None:
    program = (
        "const given = JSON.parse(require('fs').readFileSync(0));"
        "console.log(JSON.stringify(given.map(interactive.counts.counts)));"
    )
    ours = []
    for case in drawn:
        shape = Shape(**{key: case[key] for key in asdict(MODELS["T5 base"])})
        sizes = Sizes(**{key: case[key] for key in asdict(Sizes())})
        ours.append({name: asdict(each) for name, each in counts(shape, sizes).items()})
    assert in_node(program, drawn) == ours


@pytest.mark.skipif(NODE is None, reason="there is no node here")
@settings(max_examples=5)
@given(st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=50, max_size=80))
def test_the_page_s_script_rounds_as_the_package_does(drawn: list[float]) -> None:
    values = [*drawn, 0.0, 0.125, 0.9375, 9.95, 10.25, 1e-9, 1234.56]
    program = (
        "const given = JSON.parse(require('fs').readFileSync(0));"
        "console.log(JSON.stringify(given.map(interactive.counts.significant)));"
    )
    assert in_node(program, values) == [significant(value) for value in values]


@pytest.mark.skipif(NODE is None, reason="there is no node here")
def test_the_page_s_script_refuses_what_the_package_refuses() -> None:
    program = (
        "const given = JSON.parse(require('fs').readFileSync(0));"
        "const said = (each) => {"
        "  try { interactive.counts.counts(each); return ''; } catch (error) { return error.message; }"
        "};"
        "console.log(JSON.stringify(given.map(said)));"
    )
    good = asdict(MODELS["GPT-2 small"]) | asdict(Sizes())
    wrong = [good | {"layers": 0}, good | {"kv_heads": 5}, good | {"width": 1.5}, good | {"num_virtual_tokens": None}]
    refused = in_node(program, [good, *wrong])
    assert refused[0] == ""
    assert refused[1].startswith("“Layers L” is a whole number of 1 or more")
    assert "not a multiple of 5" in refused[2]
    assert "“Width D”" in refused[3] and "“Virtual tokens P”" in refused[4]
