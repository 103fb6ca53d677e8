"""Several processes, each with its part of a batch: the same prompt as one process with the whole of it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import several_processes
import torch
from random_models import random_lm
from safetensors.torch import load_file

from peft_course import load_lm, loading
from peft_course.devices import default_device, team

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two CPU processes that `accelerate launch` started found, and the folder with their prompts."""
    folder = tmp_path_factory.mktemp("two")
    launch = [str(Path(sys.executable).with_name("accelerate")), "launch", "--multi_gpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    command = [*launch, str(TESTS / "several_processes.py"), str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment, start_new_session=True, **pipes) as launched:
        try:
            said, _ = launched.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(launched.pid, signal.SIGKILL)  # the launcher, and the processes that wait for each other
            raise
    assert launched.returncode == 0, said
    return folder, [json.loads((folder / f"found-{process}.json").read_text()) for process in (0, 1)]


def prompts_of(folder, case):
    return [load_file(folder / f"{case}-{process}.safetensors") for process in (0, 1)]


@pytest.mark.slow
def test_two_processes_were_launched(two):
    assert [found["processes"] for found in two[1]] == [2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("kind", several_processes.PROMPTS)
def test_two_processes_train_the_prompt_of_one_with_the_doubled_batch(two, kind):
    folder, found = two
    prompt, history = several_processes.train(kind, processes=1, progress=False)
    for losses, validation_losses, _ in (found[0][kind], found[1][kind]):
        assert losses == pytest.approx(history.losses, abs=1e-5)
        assert validation_losses == pytest.approx(history.validation_losses, abs=1e-5)
    for values in prompts_of(folder, kind):
        for name, tensor in prompt.state_dict().items():
            torch.testing.assert_close(values[name], tensor, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("case", [*several_processes.PROMPTS, "in parts", "other seeds", "ctrl-c", "early stop"])
def test_all_processes_end_with_the_same_bits(two, case):
    folder, found = two
    assert found[0][case] == found[1][case]
    first, second = prompts_of(folder, case)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_parts_of_a_process_s_share_change_nothing(two):
    found = two[1]
    assert found[0]["in parts"][0] == pytest.approx(found[0]["soft"][0], abs=1e-5)


@pytest.mark.slow
def test_ctrl_c_in_one_process_stops_all_at_the_same_step(two):
    losses, _, stopped = two[1][0]["ctrl-c"]
    assert stopped.startswith("interrupted")
    assert len(losses) < 50


@pytest.mark.slow
def test_a_loss_that_explodes_in_one_process_is_told_by_all(two):
    assert [found["diverging"] for found in two[1]] == [two[1][0]["diverging"]] * 2
    assert "try a learning rate below" in two[1][0]["diverging"]


@pytest.mark.slow
def test_early_stopping_is_the_same_in_all_processes(two):
    losses, _, stopped = two[1][0]["early stop"]
    assert stopped.startswith("stopped early")
    assert len(losses) < 50


@pytest.mark.slow
def test_two_processes_resume_bit_for_bit(two):
    folder, found = two
    assert found[0]["killed"] == "killed"
    for process in (0, 1):
        assert found[process]["resumed"] == found[process]["not interrupted"]
        resumed, whole = (prompts_of(folder, case)[process] for case in ("resumed", "not interrupted"))
        assert all(torch.equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.slow
def test_one_process_goes_on_with_what_two_have_begun_if_the_batch_is_as_large(two):
    folder, found = two
    whole = {"examples": several_processes.PAIRS.select(range(8)), "validation": None}
    prompt, history = several_processes.train("soft", 1, checkpoint=folder / "unfinished", **whole)
    losses = found[0]["not interrupted"][0]
    assert history.losses[:4] == losses[:4]  # from the checkpoint, to the last digit
    assert history.losses == pytest.approx(losses, abs=1e-5)
    values = prompts_of(folder, "not interrupted")[0]
    torch.testing.assert_close(prompt.embeddings.detach(), values["embeddings"], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_checkpoint_that_not_every_process_sees_is_refused_by_all(two):
    for found in two[1]:
        assert found["not shared"].startswith("1 of 2 processes find")
        assert "a file system that all of them share" in found["not shared"]


# -- which device ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("gpus", "environment", "device"),
    [
        (0, {}, "cpu"),
        (0, {"LOCAL_RANK": "1"}, "cpu"),
        (2, {}, "cuda"),
        (2, {"LOCAL_RANK": "0"}, "cuda:0"),
        (2, {"LOCAL_RANK": "1"}, "cuda:1"),
        (1, {"LOCAL_RANK": "1"}, "cuda:0"),  # each process was shown one GPU, its own
        (2, {"LOCAL_RANK": "1", "ACCELERATE_USE_CPU": "True"}, "cpu"),
    ],
)
def test_each_process_has_a_gpu_of_its_own(monkeypatch, gpus, environment, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    for name in ("LOCAL_RANK", "ACCELERATE_USE_CPU"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_device() == device


def test_a_model_is_loaded_to_the_process_s_own_device_unless_another_is_named(monkeypatch):
    asked = []
    monkeypatch.setattr(loading, "default_device", lambda: asked.append("asked") or "cpu")
    assert load_lm("course-gpt-small").device.type == "cpu"
    assert load_lm("course-gpt-small", device="cpu").device.type == "cpu"
    assert asked == ["asked"]


def test_nothing_launched_is_one_process():
    alone = team(random_lm("llama").device)
    assert (alone.num_processes, alone.is_main_process) == (1, True)


@pytest.mark.parametrize(("computes", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_that_only_imitates_bfloat16_gets_float16(monkeypatch, computes, dtype):
    known = lambda including_emulation=True: including_emulation or computes  # noqa: E731
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", known)
    assert loading._dtype_on_gpu() == dtype
