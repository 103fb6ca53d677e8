"""The grader's side of the process where a learner's code runs: start it, hand it an answer, end it.

This module needs the standard library alone. So that process can begin to load torch before the grader does, and both
load side by side.
"""

import contextlib
import inspect
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import wire
from .sandbox import QUIET, TEMPORARY, Sandbox

if TYPE_CHECKING:
    from .remote import RemoteAnswer
    from .task import Task

START = 120  # seconds that torch and the models may take to load
PACKAGE = Path(__file__).parents[2]
PASSED_ON = ("PATH", "SYSTEMROOT", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")  # of the environment


class Workshop:
    """A place where answers are tried, one after the other, each in a process of its own.

    With `forks` a waiting process forks for each answer, in milliseconds; without it each answer waits some seconds for
    its own imports. With a `sandbox` the waiting process is in there, and all that it forks. After `close` the next
    answer has a new one.
    """

    def __init__(
        self, forks: bool = hasattr(os, "fork") and hasattr(socket, "recv_fds"), sandbox: Sandbox | None = None
    ) -> None:
        self.forks, self.sandbox = forks or sandbox is not None, sandbox
        self.ready = False  # whether the waiting process has loaded what answers need
        self.waiting: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *details: Any) -> None:
        self.close()

    def begin(self, needs: Sequence[str] = ()) -> None:
        """Start the process that waits, where there is one, and do not wait for it. It loads torch and the `needs`."""
        if not self.forks:
            return
        self.close()
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self.control = self._reach(needs) if self.sandbox is None else self._reach_inside(self.sandbox, needs)

    def close(self) -> None:
        if self.control is not None:
            self.control.close()
        if self.waiting is not None:
            self.waiting.kill()
            self.waiting.wait()
        self.control = self.waiting = None
        self.ready = False

    @contextlib.contextmanager
    def answer(self, task: "Task", cells: list[str], needs: Sequence[str] = ()) -> Iterator["RemoteAnswer"]:
        """The answer that the cells define, ready to be asked; its process ends when the block does.

        `needs` (of `grading.needs`) and the task's models are loaded before the answer's time runs.
        """
        from .remote import RemoteAnswer

        folder = Path(tempfile.mkdtemp(prefix="grading-")) if self.sandbox is None else TEMPORARY / "answer"
        job = {
            "cells": cells,
            "name": task.name,
            "probe": textwrap.dedent(inspect.getsource(task.probe)),
            "probe_name": task.probe.__name__,
            "folder": str(folder),
        }
        start = self._fork if self.forks else self._spawn
        connection, end = start([*needs, *(f"model.{name}" for name in task.models)])
        try:
            yield RemoteAnswer(connection, end, job, task.seconds)
        finally:
            connection.close()
            end()
            if self.sandbox is None:
                shutil.rmtree(folder, ignore_errors=True)

    # -- one that forks -----------------------------------------------------------------------------------------------
    def _fork(self, needs: Sequence[str]) -> tuple[socket.socket, Any]:
        if self.waiting is None or self.waiting.poll() is not None:
            self.begin(needs)
        if not self.ready:
            self._wait_until_it_has_loaded()
            self.ready = True
        assert self.control is not None
        ours, theirs = socket.socketpair()
        socket.send_fds(self.control, ["\n".join(needs).encode() or b"\n"], [theirs.fileno()])
        theirs.close()
        self._wait_until_it_has_loaded()
        status: list[int | None] = []

        def end() -> int | None:
            if not status:
                status.append(self._end())
            return status[0]

        return ours, end

    def _wait_until_it_has_loaded(self) -> None:
        assert self.control is not None
        self.control.settimeout(START)
        try:
            loaded = self.control.recv(1)
        except (TimeoutError, ConnectionError):
            loaded = b""
        if not loaded:
            self.close()
            self.log.seek(0)
            last = self.log.read().decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
            raise RuntimeError(f"the process that tries answers does not start: {last[0]}")
        self.control.settimeout(30)

    def _reach(self, needs: Sequence[str]) -> socket.socket:
        ours, theirs = socket.socketpair()
        self.waiting = self._start([sys.executable], "forks", str(theirs.fileno()), *needs, pass_fds=[theirs.fileno()])
        theirs.close()
        return ours

    def _reach_inside(self, sandbox: Sandbox, needs: Sequence[str]) -> socket.socket:
        """The process in the sandbox comes to a socket, in a folder whose name nobody else on this machine knows."""
        with tempfile.TemporaryDirectory(prefix="grading-") as above, socket.socket(socket.AF_UNIX) as server:
            folder = Path(above, secrets.token_hex(16))
            folder.mkdir()
            server.bind(str(folder / "control"))
            for path, mode in ((Path(above), 0o711), (folder, 0o755), (folder / "control", 0o666)):
                path.chmod(mode)  # another user comes through
            server.listen(1)
            server.settimeout(0.2)
            self.waiting = self._start(sandbox.command(folder), "inside", str(sandbox.seen(folder) / "control"), *needs)
            deadline = time.monotonic() + START
            while self.waiting.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(TimeoutError):
                    return server.accept()[0]
        return socket.socketpair()[0]  # whose other end is gone: nobody comes

    def _end(self) -> int | None:
        """The exit status of the fork, which is over now; None if that process itself was lost."""
        assert self.control is not None
        try:
            self.control.sendall(b"e")
            return int(json.loads(wire.exactly(self.control, 8, time.monotonic() + 30)))
        except (OSError, ValueError):
            self.close()
            return None

    # -- one process each ---------------------------------------------------------------------------------------------
    def _spawn(self, needs: Sequence[str]) -> tuple[socket.socket, Any]:
        token = secrets.token_bytes(16)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(START)
            self.log = tempfile.TemporaryFile()  # noqa: SIM115
            process = self._start([sys.executable], "one", f"{server.getsockname()[1]}:{token.hex()}", *needs)
            while True:
                connection, _ = server.accept()
                connection.settimeout(START)
                if secrets.compare_digest(wire.exactly(connection, 16, time.monotonic() + START), token):
                    break
                connection.close()

        def end() -> int | None:
            process.kill()
            return process.wait()

        return connection, end

    def _start(self, python: list[str], *arguments: str, pass_fds: Any = ()) -> "subprocess.Popen[bytes]":
        code = (
            f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); from peft_course.grading.worker import main; "
            "main(sys.argv[1:])"
        )
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return subprocess.Popen(
            [*python, "-P", "-B", "-c", code, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.log,
            env=environment | QUIET,
            cwd=tempfile.gettempdir(),
            pass_fds=pass_fds,
            start_new_session=True,
        )
