"""The command line: what a user types, and the sentence they read when it goes wrong."""

import json

import pytest
from random_models import random_lm

from peft_course import cli, training


@pytest.fixture
def model(tmp_path):
    """A folder with a small random model, as somebody would have one of their own."""
    lm = random_lm("llama")
    lm.model.save_pretrained(tmp_path / "model")
    lm.tokenizer.save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        rows = [f'"name[{split} {n}], eatType[pub]",{split} {n} is a pub.' for n in range(3)]
        (folder / f"{split}.csv").write_text("mr,ref\n" + "\n".join(rows) + "\n")
    return str(folder)


@pytest.mark.parametrize("prompt", ["soft", "prefix", "fine-tuning"])
def test_a_prompt_is_trained_saved_and_evaluated(prompt, model, data, tmp_path, capsys):
    out = str(tmp_path / "out")
    train = ["train", "--task", "e2e", "--data", data, "--model", model, "--prompt", prompt, "--out", out]
    assert cli.main([*train, "--steps", "3", "--num-virtual-tokens", "2"]) == 0
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (run["task"], run["prompt"], run["steps"]) == ("e2e", prompt, 3)
    capsys.readouterr()
    assert cli.main(["evaluate", out, "--data", data, "--max-new-tokens", "4"]) == 0
    printed = capsys.readouterr().out
    assert "3 examples" in printed
    assert "bleu" in printed


def test_words_are_evaluated_too(model, data, capsys):
    words = ["evaluate", "Record: {x}\\nText:", "--task", "e2e", "--data", data, "--model", model]
    assert cli.main([*words, "--max-new-tokens", "4", "--limit", "2"]) == 0
    assert "2 examples" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nowhere"], "no run.json in 'nowhere'"),
        (["evaluate", "{x}"], "name a task with --task"),
        (["train", "--task", "translation", "--model", "nobody", "--out", "o"], "no model 'nobody' here"),
        (["train", "--task", "e2e", "--data", "nowhere", "--out", "o"], "nowhere"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(arguments, message, capsys):
    assert cli.main(arguments) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("peft-course: ")
    assert message in lines[-1]


def test_a_bottleneck_without_a_prefix_is_refused(model, data, tmp_path, capsys):
    train = ["train", "--task", "e2e", "--data", data, "--model", model, "--out", str(tmp_path / "o")]
    assert cli.main([*train, "--bottleneck", "4"]) == 1
    assert "--bottleneck is for a prefix, not for --prompt soft" in capsys.readouterr().err


def test_a_rank_without_lora_is_refused(model, data, tmp_path, capsys):
    train = ["train", "--task", "e2e", "--data", data, "--model", model, "--out", str(tmp_path / "o")]
    assert cli.main([*train, "--rank", "4"]) == 1
    assert "--rank is for LoRA, not for --prompt soft" in capsys.readouterr().err


def test_the_same_seed_trains_the_same_prompt(model, data, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        train = ["train", "--task", "e2e", "--data", data, "--model", model, "--out", str(folder)]
        assert cli.main([*train, "--steps", "3", "--seed", "5"]) == 0
    first, second = ((folder / "adapter_model.safetensors").read_bytes() for folder in folders)
    assert first == second


def test_training_that_was_stopped_goes_on_and_saves_the_same_prompt(model, data, tmp_path, monkeypatch, capsys):
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    train = ["train", "--task", "e2e", "--data", data, "--model", model, "--steps", "6", "--batch-size", "2"]
    assert cli.main([*train, "--checkpoint-every", "2", "--accumulate", "2", "--out", str(whole)]) == 0
    monkeypatch.setattr(training, "_refuse_divergence", stop_after(5))
    assert cli.main([*train, "--checkpoint-every", "2", "--accumulate", "2", "--out", str(resumed)]) == 130
    assert capsys.readouterr().err.endswith("peft-course: interrupted\n")
    monkeypatch.undo()
    assert cli.main([*train, "--checkpoint-every", "2", "--accumulate", "2", "--out", str(resumed)]) == 0
    first, second = ((folder / "adapter_model.safetensors").read_bytes() for folder in (whole, resumed))
    assert first == second
    assert json.loads((resumed / "run.json").read_text())["steps"] == 6
    assert cli.main([*train, "--checkpoint-every", "2", "--seed", "1", "--out", str(resumed)]) == 1
    assert "was begun with seed 0, and this call has 1" in capsys.readouterr().err


def stop_after(steps):
    def check(losses, rate):
        if len(losses) > steps:
            raise KeyboardInterrupt

    return check


def test_mixed_precision_is_an_option(model, data, tmp_path):
    train = ["train", "--task", "e2e", "--data", data, "--model", model, "--out", str(tmp_path / "out")]
    assert cli.main([*train, "--steps", "2", "--mixed-precision", "bf16"]) == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["mixed_precision"] == "bf16"
