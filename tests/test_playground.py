"""The playground's model is the package's, its prompts do what their names say, and its page says what they do.

Here the scripts run in Node; `browser/test_playground_page.py` operates the pages.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import playground
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from playground_experiments import EXPERIMENTS, GERMAN, SHIP, Experiment
from playground_prompts import catalogue, exactly_right, task_of

from peft_course import HardPrompt, load_lm, load_prompt, tasks
from peft_course.analysis import attention_on_prefix
from peft_course.world.held_out import is_held_out

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "book" / "_assets" / "playground"
NODE = shutil.which("node")
PROMPTS = catalogue()["prompts"]
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node here")
SENTENCE = "The old dog sees a cat."
AWKWARD = [
    "",
    " ",
    "a  b   c ",
    "\n\n x\t\r\n",
    "It's we're I'll they'd O'S 'tis",
    "Käse, größer, ÄÖÜ, naïve café",
    "1234 5.6 ½ ²",
    "日本語 한국어 العربية",
    "😀👩‍👩‍👧 é",
    "\u00a0\u2003x\u0085y\u2028z\ufeff",
    "<|endoftext|>x<|pad|>",
    "a<|endoftext|",
    "___ -> | {x} \\ /",
    "\x00\x1f\x7f\xad",
]


@pytest.fixture(scope="module")
def lm() -> Any:
    return load_lm("course-gpt")


@pytest.fixture(scope="module")
def in_node(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict]], list[Any]]:
    """Asks the engine several questions; gives the answers."""
    exported = tmp_path_factory.mktemp("playground") / "course-gpt.js"
    exported.write_text(playground.content(), encoding="utf8")

    def ask(questions: list[dict]) -> list[Any]:
        command = [str(NODE), str(ROOT / "tests" / "playground_in_node.js"), str(SCRIPTS), str(exported)]
        result = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return ask


def prompted(lm: Any, experiment: Experiment) -> Any:
    """The experiment's prompt, as the package has it."""
    if not experiment.trained:
        return HardPrompt(experiment.words)
    prompt = load_prompt(playground.FOLDER / experiment.trained, lm)
    prompt.template = experiment.words
    return prompt


# -- the engine -------------------------------------------------------------------------------------------------------
@needs_node
@pytest.mark.parametrize("name", ["", "translate-soft", "house-style"])
def test_logits_are_those_of_torch(name: str, lm: Any, in_node: Callable) -> None:
    tokens = lm.encode("name: The Hungry Owl | food: Greek\nText: Grüße, the owl")
    prompt = load_prompt(playground.FOLDER / name, lm) if name else None
    with torch.no_grad():
        expected = lm.logits(torch.tensor([tokens]), prompt=prompt)[0].numpy()
    (logits,) = in_node([{"kind": "logits", "tokens": tokens, "name": name}])
    np.testing.assert_allclose(np.array(logits), expected, atol=2e-3, rtol=0)


@needs_node
def test_every_half_is_read_exactly(in_node: Callable) -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    halves = bits.view(np.float16).astype(np.float32)
    finite = np.isfinite(halves)
    (read,) = in_node([{"kind": "halves", "bits": bits[finite].tolist()}])
    np.testing.assert_array_equal(np.array(read, dtype=np.float32), halves[finite])


@needs_node
def test_tokens_are_those_of_the_tokenizer(lm: Any, in_node: Callable) -> None:
    data = [tasks.translation(200, 1, 1), tasks.table_to_text("house", 50, 1, 1), tasks.sentiment(100, 1, 1)]
    texts = [*AWKWARD, *(row[side] for task in data for row in task.train for side in "xy"), *any_texts()]
    rows = [lm.encode(text) for text in texts]
    strange = np.random.default_rng(0).integers(0, 2048, (300, 6)).tolist()  # among them broken letters
    encoded, decoded = in_node([{"kind": "encode", "texts": texts}, {"kind": "decode", "rows": rows + strange}])
    assert encoded == rows
    assert decoded == [lm.decode(row) for row in rows + strange]


def any_texts() -> list[str]:
    """Five hundred texts of any letters that can be written as UTF-8."""
    found: list[str] = []

    @settings(max_examples=500, database=None)
    @given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cn", "Cs")), max_size=30))
    def collect(text: str) -> None:
        found.append(text)

    collect()
    return found


@needs_node
def test_attention_on_a_prefix_is_what_the_package_measures(lm: Any, in_node: Callable) -> None:
    text, prefix = (
        catalogue()["tasks"]["table-to-text"]["inputs"][0],
        load_prompt(playground.FOLDER / "house-style", lm),
    )
    (events,) = in_node([{"kind": "answer", "template": "{x}", "input": text, "name": "house-style"}])
    shares = [layer["prompt"] for layer in events[0]["attention"]]
    np.testing.assert_allclose(shares, attention_on_prefix(lm, prefix, text).mean(axis=1), atol=1e-4)
    assert all(sum(layer.values()) == pytest.approx(1, abs=1e-4) for layer in events[0]["attention"])
    assert all(layer["words"] == 0 for layer in events[0]["attention"]), "there are no words around a bare input"


@needs_node
def test_probabilities_are_those_of_torch(lm: Any, in_node: Callable) -> None:
    words = "English: {x}\nGerman:"
    (events,) = in_node([{"kind": "answer", "template": words, "input": SENTENCE, "name": ""}])
    with torch.no_grad():
        logits = lm.logits(torch.tensor([lm.encode(words.replace("{x}", SENTENCE))]))[0, -1]
    top = logits.softmax(dim=-1).topk(5)
    assert [each["number"] for each in events[1]["likeliest"]] == top.indices.tolist()
    np.testing.assert_allclose([each["probability"] for each in events[1]["likeliest"]], top.values, atol=1e-3)


@needs_node
@pytest.mark.parametrize(
    ("words", "text", "refusal"),
    [
        ("no slot", SENTENCE, "The words have the slot {x} 0 times; write it once, where the input goes."),
        ("{x} {x}", SENTENCE, "The words have the slot {x} 2 times; write it once, where the input goes."),
        ("{x}", "", "The input is empty; type a text or choose an example."),
        ("{x}", "dog " * 1000, "The model has 1024 positions, and this needs"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(words: str, text: str, refusal: str, in_node: Callable) -> None:
    (events,) = in_node([{"kind": "answer", "template": words, "input": text, "name": ""}])
    assert [event["kind"] for event in events] == ["refusal"]
    assert events[0]["text"].startswith(refusal)


# -- the page's experiments -------------------------------------------------------------------------------------------
@needs_node
def test_the_experiments_come_out_as_the_page_says(lm: Any, in_node: Callable) -> None:
    questions = [{"kind": "answer", "template": e.words, "input": e.input, "name": e.trained} for e in EXPERIMENTS]
    for experiment, events in zip(EXPERIMENTS, in_node(questions), strict=True):
        written = events[-2]["text"]
        assert written == lm.generate([experiment.input], prompt=prompted(lm, experiment))[0]
        assert written == experiment.answer, experiment


def test_the_page_quotes_every_answer_of_its_experiments() -> None:
    page = " ".join((ROOT / "book" / "playground.md").read_text(encoding="utf8").split())
    assert [e.answer for e in EXPERIMENTS if f"*{e.answer}*" not in page and f"*{e.answer[:-1]}*" not in page] == []


@needs_node
def test_a_trained_prompt_leaves_less_doubt_than_words(in_node: Callable) -> None:
    chosen = [e for e in EXPERIMENTS if e.answer == "Der alte Hund sieht eine Katze." and e.words in ("{x}", GERMAN)]
    chosen = [e for e in chosen if e.trained != "ask"]
    questions = [{"kind": "answer", "template": e.words, "input": e.input, "name": e.trained} for e in chosen]
    doubt = {}
    for experiment, events in zip(chosen, in_node(questions), strict=True):
        choices = [event["likeliest"] for event in events if event["kind"] == "choice"]
        doubt[experiment.trained] = min(choice[0]["probability"] for choice in choices)
    assert min(doubt["translate"], doubt["translate-soft"]) > doubt[""]


def test_the_house_style_gets_a_fifth_to_a_half_of_every_layers_attention(lm: Any) -> None:
    prefix = load_prompt(playground.FOLDER / "house-style", lm)
    shares = attention_on_prefix(lm, prefix, SHIP).mean(axis=1)
    assert shares.min() >= 0.2 and shares.max() <= 0.5


# -- the trained prompts ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", PROMPTS)
def test_the_prompt_does_what_its_name_says(name: str, lm: Any) -> None:
    prompt = load_prompt(playground.FOLDER / name, lm)
    assert prompt.num_virtual_tokens == PROMPTS[name]["num_virtual_tokens"]
    assert str(prompt.num_virtual_tokens) in PROMPTS[name]["label"]
    assert exactly_right(prompt, lm, task_of(PROMPTS[name]["task"], train=1, validation=1)) >= PROMPTS[name]["right"]


def test_the_prompts_are_small() -> None:
    files = [path for path in playground.FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 300_000
    assert {path.parent.name for path in files} == {playground.FOLDER.name, *PROMPTS}, (
        "every folder is in the catalogue"
    )


def test_the_inputs_were_never_read_by_the_model() -> None:
    seen = [text for task in catalogue()["tasks"].values() for text in task["inputs"] if not is_held_out(text)]
    assert seen == []


def test_what_the_browser_fetches_is_small() -> None:
    sent = len(playground.content()) + sum(path.stat().st_size for path in SCRIPTS.iterdir())
    assert sent <= 12_000_000
    assert sum(path.stat().st_size for path in SCRIPTS.iterdir()) <= 60_000, "before anybody touches it"


@pytest.mark.parametrize(
    ("options", "unknown"),
    [
        ({"hard": "labells"}, "wording 'labells'"),
        ({"prompts": "french"}, "trained prompt 'french'"),
        ({"prompts": "ask", "trained": "translate"}, "trained prompt on offer 'translate'"),
        ({"task": "chess"}, "task 'chess'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, str], unknown: str) -> None:
    with pytest.raises(KeyError, match=unknown):
        playground.interface("p", options)
