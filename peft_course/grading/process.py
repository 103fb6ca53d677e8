"""The grader's side of the process where a learner's code runs: start it, ask it, end it in time."""

import contextlib
import inspect
import io
import json
import os
import pickle
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..lm import LM
from . import wire
from .sandbox import QUIET, TEMPORARY, Sandbox
from .task import Task
from .values import Failure, decode

START = 120  # seconds that torch and the models may take to load
PACKAGE = Path(__file__).parents[2]
PASSED_ON = ("PATH", "SYSTEMROOT", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")  # of the environment


class _Pickler(pickle.Pickler):
    """Writes a case's arguments; a model goes as its name."""

    def persistent_id(self, thing: Any) -> str | None:
        return thing.name if isinstance(thing, LM) else None


class Workshop:
    """A place where answers are tried, one after the other, each in a process of its own.

    With `forks` a waiting process forks for each answer, in milliseconds; without it each answer waits some seconds for
    its own imports. With a `sandbox` the waiting process is in there, and all that it forks.
    """

    def __init__(
        self, forks: bool = hasattr(os, "fork") and hasattr(socket, "recv_fds"), sandbox: Sandbox | None = None
    ) -> None:
        self.forks, self.sandbox = forks, sandbox
        self.waiting: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *details: Any) -> None:
        self.close()

    def close(self) -> None:
        if self.control is not None:
            self.control.close()
        if self.waiting is not None:
            self.waiting.kill()
            self.waiting.wait()
        self.control = self.waiting = None

    @contextlib.contextmanager
    def answer(self, task: Task, cells: list[str]) -> Iterator["RemoteAnswer"]:
        """The answer that the cells define, ready to be asked; its process ends when the block does."""
        folder = Path(tempfile.mkdtemp(prefix="grading-")) if self.sandbox is None else TEMPORARY / "answer"
        job = {
            "cells": cells,
            "name": task.name,
            "probe": textwrap.dedent(inspect.getsource(task.probe)),
            "probe_name": task.probe.__name__,
            "models": task.models,
            "folder": str(folder),
        }
        start = self._fork if self.forks or self.sandbox else self._spawn
        connection, end = start()
        try:
            yield RemoteAnswer(connection, end, job, task.seconds)
        finally:
            connection.close()
            end()
            if self.sandbox is None:
                shutil.rmtree(folder, ignore_errors=True)

    # -- one that forks -----------------------------------------------------------------------------------------------
    def _fork(self) -> tuple[socket.socket, Any]:
        if self.waiting is None or self.waiting.poll() is not None:
            self._wait_for_work()
        assert self.control is not None
        ours, theirs = socket.socketpair()
        socket.send_fds(self.control, [b"j"], [theirs.fileno()])
        theirs.close()
        status: list[int | None] = []

        def end() -> int | None:
            if not status:
                status.append(self._end())
            return status[0]

        return ours, end

    def _wait_for_work(self) -> None:
        self.close()
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self.control = self._reach() if self.sandbox is None else self._reach_inside(self.sandbox)
        self.control.settimeout(START)
        try:
            ready = self.control.recv(1)
        except TimeoutError:
            ready = b""
        if not ready:
            self.close()
            self.log.seek(0)
            last = self.log.read().decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
            raise RuntimeError(f"the process that tries answers does not start: {last[0]}")
        self.control.settimeout(30)

    def _reach(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        self.waiting = self._start([sys.executable], "forks", str(theirs.fileno()), pass_fds=[theirs.fileno()])
        theirs.close()
        return ours

    def _reach_inside(self, sandbox: Sandbox) -> socket.socket:
        """The process in the sandbox comes to a socket, in a folder whose name nobody else on this machine knows."""
        with tempfile.TemporaryDirectory(prefix="grading-") as above, socket.socket(socket.AF_UNIX) as server:
            folder = Path(above, secrets.token_hex(16))
            folder.mkdir()
            server.bind(str(folder / "control"))
            for path, mode in ((Path(above), 0o711), (folder, 0o755), (folder / "control", 0o666)):
                path.chmod(mode)  # another user comes through
            server.listen(1)
            server.settimeout(0.2)
            self.waiting = self._start(sandbox.command(folder), "inside", str(sandbox.seen(folder) / "control"))
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
    def _spawn(self) -> tuple[socket.socket, Any]:
        token = secrets.token_bytes(16)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(START)
            self.log = tempfile.TemporaryFile()  # noqa: SIM115
            process = self._start([sys.executable], "one", f"{server.getsockname()[1]}:{token.hex()}")
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


class RemoteAnswer:
    """An answer in another process. Asking it gives values or a `Failure`, and takes no longer than the task allows."""

    def __init__(self, connection: socket.socket, end: Any, job: dict[str, Any], seconds: float) -> None:
        self.connection, self.end, self.seconds = connection, end, seconds
        self.used = 0.0  # seconds in which this process waited for the answer's code
        self.failure: Failure | None = None
        self.failure = self._ask(pickle.dumps(job))

    def __call__(self, *arguments: Any) -> Any:
        """The answer's values for these arguments."""
        if self.failure is not None:
            return self.failure
        question = io.BytesIO()
        _Pickler(question).dump(arguments)
        reply = self._ask(question.getvalue())
        if isinstance(reply, Failure) and reply.final:
            self.failure = reply
        return reply

    def _ask(self, message: bytes) -> Any:
        begin = time.monotonic()
        deadline = begin + self.seconds - self.used
        try:
            wire.send(self.connection, message, deadline)
            return decode(wire.receive(self.connection, deadline))
        except TimeoutError:
            return Failure("TimeoutError", f"took longer than {self.seconds:g} s", final=True)
        except ValueError:
            return Failure(
                "ValueError", "gave back what cannot be read as numbers, texts, lists or tensors", final=True
            )
        except OSError:
            status = self.end()
            how = f", with exit status {status}" if status is not None and status >= 0 else ""
            how = f", killed by signal {-status}" if status is not None and status < 0 else how
            return Failure("Ended", f"the code ended the process that it ran in{how}", final=True)
        finally:
            self.used += time.monotonic() - begin
