"""The sandbox: hostile code reaches nothing outside, costs its own task alone, and leaves nothing behind."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import HOSTILE
from test_grading import OTHER, mark, notebook, written

import peft_course.grading.sandbox as sandbox_module
from peft_course.cli import main
from peft_course.grading.grade import grade
from peft_course.grading.process import Workshop
from peft_course.grading.sandbox import NoSandboxError, Sandbox, sandbox

GRADER = Path(sandbox_module.__file__).parent


def here() -> bool:
    try:
        return bool(sandbox())
    except NoSandboxError:
        return False


needs_bubblewrap = pytest.mark.skipif(not here(), reason="bubblewrap is not installed, or cannot make a sandbox here")


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that must stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "canary").write_text("sings")
    (folder / "other.ipynb").write_text("{}")
    monkeypatch.setenv("TOP_SECRET", "TOP_SECRET")
    return folder


@pytest.fixture
def knocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What arrived at a port of this machine; its number is in the environment's TEST_PORT."""
    arrived: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    arrived.append(server.accept()[0].recv(100))

        thread = threading.Thread(target=listen)
        thread.start()
        monkeypatch.setenv("TEST_PORT", str(server.getsockname()[1]))
        yield arrived
        ended.set()
        thread.join()


def prepared(code: str, outside: Path) -> str:
    for name, value in (("OUTSIDE", outside), ("GRADER", GRADER), ("PORT", os.environ["TEST_PORT"])):
        code = code.replace(name, str(value))
    return code.replace("PARENT", str(os.getpid()))


def state(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


@needs_bubblewrap
@pytest.mark.parametrize("name", HOSTILE)
def test_the_sandbox_alone_holds_hostile_code(name: str, outside: Path, knocks: list[bytes]) -> None:
    """Without the grader's other walls: the code runs as a plain program inside."""
    before = state(outside)
    program = subprocess.run(
        [*sandbox().command(Path(os.devnull)), "-c", prepared(HOSTILE[name], outside)],
        stdout=subprocess.PIPE if "output" not in name else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=100,
        check=False,
    )
    assert b"ESCAPED" not in (program.stdout or b"")
    assert state(outside) == before and knocks == []
    assert Path.home().is_dir() and GRADER.joinpath("worker.py").is_file()


HARMLESS = (  # what may be run outside, too
    "read another submission",
    "read the right answers",
    "list the right answers",
    "out by a symbolic link",
    "out by /proc",
    "read the grader's environment",
    "connect to this machine",
)


@pytest.mark.parametrize("name", HARMLESS)
def test_without_a_sandbox_the_same_code_does_what_it_wants(
    name: str, outside: Path, knocks: list[bytes], tmp_path: Path
) -> None:
    """So it is the sandbox that holds it."""
    code = prepared(HOSTILE[name], outside)
    program = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=100, check=False)
    assert b"ESCAPED" in program.stdout


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with Workshop(sandbox=sandbox()) as workshop:
        yield workshop


@needs_bubblewrap
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_notebook_costs_its_own_task_alone(
    name: str, outside: Path, knocks: list[bytes], workshop: Workshop, tmp_path: Path
) -> None:
    before = state(outside)
    trick = "# Task 4.2\n" + prepared(HOSTILE[name], outside) + "\ndef put_in_front(vectors, embedded):\n    return 1\n"
    graded = grade(written(tmp_path, notebook(trick, OTHER)), workshop)
    assert not mark(graded, "4.2").passed
    assert mark(graded, "4.7").passed, mark(graded, "4.7")
    assert graded.points == 1
    assert state(outside) == before and knocks == []


@needs_bubblewrap
def test_nothing_is_left_when_the_sandbox_closes(tmp_path: Path) -> None:
    with Workshop(sandbox=sandbox()) as place:
        assert mark(grade(written(tmp_path, notebook(OTHER)), place), "4.7").passed
        assert place.waiting is not None
        running = place.waiting.pid
        assert children(running) != []
    time.sleep(1)
    assert children(running) == [] and not Path(f"/proc/{running}").exists()


def children(pid: int) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "ppid,pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(pid)]


def test_where_no_sandbox_can_be_had_nothing_is_graded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    path = str(written(tmp_path, notebook(OTHER)))
    assert main(["grade", path, "--sandbox"]) == 1
    said = capsys.readouterr()
    assert "bwrap is not installed (apt install bubblewrap)" in said.err and "--trust" in said.err and said.out == ""
    main(["grade", path, "--sandbox", "--trust"])
    said = capsys.readouterr()
    assert "without one" in said.err and "1 of" in said.out


@needs_bubblewrap
def test_a_tool_that_does_not_work_is_told_from_one_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(NoSandboxError, match="docker cannot make one here: Cannot connect to the Docker daemon"):
        sandbox("docker")


@pytest.mark.parametrize("tool", ["docker", "podman"])
def test_a_container_has_no_network_no_rights_and_limits(tool: str, tmp_path: Path) -> None:
    command = " ".join(Sandbox(tool).command(tmp_path))
    for option in ("--network none", "--read-only", "--cap-drop ALL", "--pids-limit 64", "--user 65534:65534"):
        assert option in command
    assert command.startswith(f"{tool} run --rm") and command.endswith(f"{sandbox_module.IMAGE} python")
