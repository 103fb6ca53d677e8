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
    its own imports.
    """

    def __init__(self, forks: bool = hasattr(os, "fork") and hasattr(socket, "recv_fds")) -> None:
        self.forks = forks
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
        folder = Path(tempfile.mkdtemp(prefix="grading-"))
        job = {
            "cells": cells,
            "name": task.name,
            "probe": textwrap.dedent(inspect.getsource(task.probe)),
            "probe_name": task.probe.__name__,
            "models": task.models,
            "folder": str(folder),
        }
        start = self._fork if self.forks else self._spawn
        connection, end = start()
        try:
            yield RemoteAnswer(connection, end, job, task.seconds)
        finally:
            connection.close()
            end()
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
        self.control, theirs = socket.socketpair()
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self.waiting = self._start("forks", str(theirs.fileno()), pass_fds=[theirs.fileno()])
        theirs.close()
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
            process = self._start("one", f"{server.getsockname()[1]}:{token.hex()}")
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

    def _start(self, *arguments: str, pass_fds: Any = ()) -> "subprocess.Popen[bytes]":
        code = (
            f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); from peft_course.grading.worker import main; "
            "main(sys.argv[1:])"
        )
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "MPLBACKEND": "Agg"}
        return subprocess.Popen(
            [sys.executable, "-P", "-B", "-c", code, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.log,
            env=environment | quiet,
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
