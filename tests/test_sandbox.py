"""The sandbox: hostile code reaches nothing outside, costs its own task alone, and leaves nothing behind."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE
from test_grading import OTHER, mark, notebook, written

import peft_course.grading.sandbox as sandbox_module
from peft_course.cli import main
from peft_course.grading.grade import grade
from peft_course.grading.process import Workshop
from peft_course.grading.sandbox import NOBODY, NoSandboxError, Sandbox, sandbox

GRADER = Path(sandbox_module.__file__).parent
ROOT = Path(__file__).resolve().parents[1]


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


def prepared(code: str, outside: Path, grader: Path = GRADER, parent: object = os.getpid()) -> str:
    places = {"OUTSIDE": outside, "GRADER": grader, "PORT": os.environ["TEST_PORT"], "PARENT": parent}
    for name, value in places.items():
        code = code.replace(name, str(value))
    return f"# {outside}\n{code}"


def state(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


def left_running(outside: Path) -> list[int]:
    """The processes whose command line has the code that was prepared with this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"# {outside}\n".encode() in process.joinpath("cmdline").read_bytes():
                found.append(int(process.name))
    return found


def said(command: list[str], code: str, **options: Any) -> bytes:
    command = [*command, "-c", code]
    program = subprocess.run(command, stdout=-1, stderr=subprocess.DEVNULL, timeout=100, check=False, **options)
    return bytes(program.stdout)


def inside() -> list[str]:
    return sandbox().command(Path(os.devnull))


# By root bubblewrap makes no user namespace, and can forbid none; Landlock makes one worthless.
SEALED = "import pathlib, runpy\nassert runpy.run_path('GRADER/seal.py')['_landlock'](pathlib.Path('/tmp'))\n"


@needs_bubblewrap
@pytest.mark.parametrize("name", HOSTILE)
def test_the_sandbox_alone_holds_hostile_code(name: str, outside: Path, knocks: list[bytes]) -> None:
    """Without the grader's other walls: the code runs as a plain program inside."""
    before = state(outside)
    code = SEALED * (name == "a namespace of its own" and os.geteuid() == 0) + HOSTILE[name]
    assert b"ESCAPED" not in said(inside(), prepared(code, outside).replace("sys.stdout", "sys.stderr"))
    assert state(outside) == before and knocks == [] and left_running(outside) == []
    assert Path.home().is_dir() and GRADER.joinpath("worker.py").is_file()


@needs_bubblewrap
def test_a_fork_bomb_leaves_other_sandboxes_their_processes(outside: Path, knocks: list[bytes]) -> None:
    code = prepared(HOSTILE["a fork bomb"], outside) + "\nprint(born, flush=True)\ntime.sleep(60)"
    with subprocess.Popen([*inside(), "-c", code], stdout=subprocess.PIPE) as bomb:
        assert bomb.stdout is not None and int(bomb.stdout.readline()) > 50
        assert said(inside(), "import os\nif os.fork():\n    print('forked')") == b"forked\n"
        bomb.kill()


# -- controls: where nothing keeps it from it, the same code does what it wants, so it is the sandbox that holds it ----
HARMLESS = (  # what may be run outside, too
    "read another submission",
    "read the right answers",
    "list the right answers",
    "write beside the grader",
    "out by a symbolic link",
    "out by /proc",
    "read the grader's environment",
    "connect to this machine",
    "listen where others connect",
    "a namespace of its own",
    "follow the grader's memory",
)
FOLLOWED = (
    "import ctypes, time\nctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1))\nprint(flush=True)\ntime.sleep(60)"
)


@pytest.mark.parametrize("name", HARMLESS)
def test_without_a_sandbox_the_same_code_does_what_it_wants(
    name: str, outside: Path, knocks: list[bytes], tmp_path: Path
) -> None:
    if name == "listen where others connect" and len(socket.if_nameindex()) == 1:
        pytest.skip("this machine has no network")
    if name == "a namespace of its own" and subprocess.run(["unshare", "-Um", "true"], check=False).returncode:
        pytest.skip("this machine lets nobody make namespaces")
    grader = shutil.copytree(GRADER, tmp_path / "grader")
    with subprocess.Popen([sys.executable, "-c", FOLLOWED], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None and parent.stdout.readline()  # now anybody may follow it
        code = prepared(HOSTILE[name], outside, grader, parent.pid)
        assert b"ESCAPED" in said([sys.executable], code, cwd=tmp_path)
        parent.kill()


BOX = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--unshare-pid", "--proc", "/proc", "--as-pid-1"]
OPEN = {  # what nothing happens to is a box with one thing open
    "write into the system": ["--tmpfs", "/usr/share"],
    "read who has an account": ["--ro-bind", "OUTSIDE/canary", "/etc/shadow"],
    "ask for a name": ["--ro-bind", "OUTSIDE/hosts", "/etc/hosts"],
    "become root": ["--unshare-user", "--uid", "0"],
}


@needs_bubblewrap
@pytest.mark.parametrize("name", OPEN)
def test_in_a_box_with_one_thing_open_the_same_code_gets_it(name: str, outside: Path, knocks: list[bytes]) -> None:
    (outside / "hosts").write_text("127.0.0.1 example.org\n")
    options = [option.replace("OUTSIDE", str(outside)) for option in OPEN[name]]
    assert b"ESCAPED" in said([*BOX, *options, sys.executable], prepared(HOSTILE[name], outside))


MORE = {"a fork bomb": ("PROCESSES", 1000), "fill the disk": ("DISK", 400 * 2**20)}


@needs_bubblewrap
@pytest.mark.parametrize("name", MORE)
def test_in_a_sandbox_with_a_higher_limit_the_same_code_goes_beyond_ours(
    name: str, outside: Path, knocks: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_module, *MORE[name])
    assert b"ESCAPED" in said(inside(), prepared(HOSTILE[name], outside))


@needs_bubblewrap
def test_memory_that_may_be_had_is_had(outside: Path, knocks: list[bytes]) -> None:
    code = HOSTILE["fill the memory"].replace("20 * 2**30", "100 * 2**20")
    assert b"ESCAPED" in said(inside(), prepared(code, outside))


SYSTEM_S_PYTHON = shutil.which("python3", path="/usr/bin")
needs_python = pytest.mark.skipif(SYSTEM_S_PYTHON is None, reason="the system has no Python of its own")


@needs_bubblewrap
@needs_python
def test_homes_that_can_be_deleted_are_deleted(outside: Path, knocks: list[bytes], tmp_path: Path) -> None:
    homes = [tmp_path / "root", tmp_path / "home", tmp_path / "mine", outside]
    for home in homes[:3]:
        home.joinpath("folder").mkdir(parents=True)
        home.joinpath("folder", "file").write_text("precious")
    seen_as = ("/root", "/home", str(homes[2]), str(outside))
    binds = [part for home, place in zip(homes, seen_as, strict=True) for part in ("--bind", str(home), place)]
    command = [*BOX, *binds, "--setenv", "HOME", str(homes[2]), str(SYSTEM_S_PYTHON)]
    said(command, prepared(HOSTILE["delete the home folder"], outside))
    assert [list(home.iterdir()) for home in homes] == [[]] * 4


# The first process of the box tells whom the code killed: what started it, the process that it was told of, all others.
WITNESS = """
import subprocess, sys
sleep = ['sleep', '60']
parent, other = subprocess.Popen(sleep), subprocess.Popen(sleep)
code = sys.argv[1].replace('PARENT', str(parent.pid))
shell = subprocess.Popen(['sh', '-c', '"$@"; sleep 60', 'sh', sys.executable, '-c', code])
print(shell.wait(), parent.wait(), other.wait())
"""


@needs_bubblewrap
def test_everybody_who_can_be_killed_is_killed(outside: Path, knocks: list[bytes]) -> None:
    code = prepared(HOSTILE["kill everybody"], outside, parent="PARENT")
    everybody = subprocess.run([*BOX, sys.executable, "-c", WITNESS, code], stdout=-1, timeout=30, check=True)
    assert everybody.stdout == b"-9 -9 -9\n"


def test_a_process_outlives_what_started_it(outside: Path, knocks: list[bytes]) -> None:
    code = prepared(HOSTILE["a process that outlives the answer"], outside)
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, timeout=30, check=True)
    time.sleep(1)
    (left,) = left_running(outside)
    os.kill(left, signal.SIGKILL)


def test_output_has_no_end(outside: Path, knocks: list[bytes]) -> None:
    code = prepared(HOSTILE["ten gigabytes of output"], outside)
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as program:
        assert program.stdout is not None
        read = 0
        while read < 2**30 and (more := program.stdout.read(2**20)):
            read += len(more)
        assert read >= 2**30 and program.poll() is None
        program.kill()


@needs_python
def test_a_program_of_root_s_runs_as_root(outside: Path, knocks: list[bytes]) -> None:
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    code = prepared(HOSTILE["a program that is somebody else's"], outside)
    assert b"ESCAPED" in said([*nobody, str(SYSTEM_S_PYTHON)], code, cwd="/")


def test_every_attack_has_its_control() -> None:
    alone = {
        "fill the memory",
        "delete the home folder",
        "kill everybody",
        "a process that outlives the answer",
        "ten gigabytes of output",
        "a program that is somebody else's",
    }
    assert {*HARMLESS, *OPEN, *MORE, *alone} == set(HOSTILE)


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
    assert os.fstat(workshop.log.fileno()).st_size < 100 * 2**20  # what an answer prints does not fill the disk


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


# -- containers, where an engine runs and has the image ---------------------------------------------------------------
@pytest.fixture(scope="module", params=["docker", "podman"])
def container(request: pytest.FixtureRequest) -> Sandbox:
    try:
        return sandbox(request.param)
    except NoSandboxError as error:
        pytest.skip(str(error).split(";")[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_container_alone_holds_hostile_code(
    name: str, container: Sandbox, outside: Path, knocks: list[bytes]
) -> None:
    if container.tool == "podman" and name == "a namespace of its own":
        pytest.skip("Podman allows it, and counts what is mounted there as the container's memory")
    before = state(outside)
    code = prepared(HOSTILE[name], outside).replace("sys.stdout", "sys.stderr").replace("10_000", "300")  # for speed
    assert b"ESCAPED" not in said(container.command(Path(os.devnull)), code, cwd=outside.parent)
    assert state(outside) == before and knocks == [] and left_running(outside) == []


@pytest.mark.slow
def test_a_container_grades_as_the_other_sandboxes_do(container: Sandbox, tmp_path: Path) -> None:
    right = grade(ROOT / "solutions" / "04-soft-prompts.ipynb", sandbox=container)
    assert right.full_marks, right
    forever = "# Task 4.2\ndef put_in_front(vectors, embedded):\n    while True: pass"
    graded = grade(written(tmp_path, notebook(forever, OTHER)), sandbox=container)
    assert "took longer" in mark(graded, "4.2").feedback and mark(graded, "4.7").passed


@pytest.mark.parametrize("tool", ["docker", "podman"])
def test_a_container_has_no_network_no_rights_and_limits(tool: str, tmp_path: Path) -> None:
    command = " ".join(Sandbox(tool).command(tmp_path))
    for option in ("--network none", "--read-only", "--cap-drop ALL", "--pids-limit 64", "--user 65534:65534"):
        assert option in command
    assert "--log-driver none" in command  # else the engine keeps all that is printed, on the disk
    assert f" {tool} run --rm" in command and command.endswith(f"{sandbox_module.IMAGE} python")


def test_an_engine_is_found_where_its_user_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that calls the tool gets few variables, and a service of one's own is known by a variable."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    command = Sandbox("docker").command(tmp_path)
    assert command[0] == "env" and "DOCKER_HOST=unix:///run/user/1000/docker.sock" in command[: command.index("docker")]
