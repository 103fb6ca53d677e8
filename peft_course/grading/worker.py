"""Where a learner's code runs: a process that has torch and the models in memory, and none of the right answers.

Where the system can fork, one such process waits and forks for every task, so a task costs no import; elsewhere each
task starts a process of its own. It runs the cells in IPython (magics work), then answers the grader's questions: the
arguments come in, the values go out as `values` writes them. What it prints goes nowhere.
"""

import contextlib
import io
import json
import os
import pickle
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import wire
from .failures import failed
from .needs import load
from .seal import seal
from .values import NOTHING, Failure, blank, encode

PROJECT = Path(__file__).parents[2]  # where the course is not installed, but checked out
HIDDEN = (
    Path(__file__).parent / "exercises",
    *(PROJECT / folder for folder in ("solutions", "book/exercises", "tests/answers")),
)


class _Unpickler(pickle.Unpickler):
    """Reads what the grader, which is trusted, sends; a model arrives as its name."""

    def persistent_load(self, name: str) -> Any:
        from .models import model

        return model(name)


def serve_forks(control: socket.socket, wanted: Iterable[str]) -> None:
    """For every socket that comes in, fork a process that serves it, and end that process when told to.

    With the socket comes what its answer needs. That is loaded here, where it stays.
    """
    _prepare(wanted)
    shell = _shell()
    control.sendall(b"r")
    while True:
        needs, descriptors, _, _ = socket.recv_fds(control, wire.WORDS, 1)
        if not descriptors:
            return  # the grader is gone
        load(needs.decode().split())
        control.sendall(b"f")
        if (pid := os.fork()) == 0:
            control.close()
            os.setsid()
            try:
                serve(socket.socket(fileno=descriptors[0]), shell)
            except ConnectionError:
                pass  # the grader hung up
            except BaseException:
                traceback.print_exc()  # to the log that the grader keeps
            os._exit(0)
        os.close(descriptors[0])
        if not control.recv(1):
            os.killpg(pid, signal.SIGKILL)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # before it had a group of its own
        _, status = os.waitpid(pid, 0)
        if os.getpid() == 1:
            _sweep()
        control.sendall(json.dumps(os.waitstatus_to_exitcode(status)).encode().ljust(8))


def _sweep() -> None:
    """In a sandbox, where this is the first process: ends all others, and deletes what the answer left."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    for left in Path(tempfile.gettempdir()).iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _prepare(wanted: Iterable[str] = ()) -> None:
    os.environ["MPLBACKEND"] = "Agg"
    import torch

    torch.set_num_threads(1)  # a process that has started threads cannot be forked
    with contextlib.suppress(RuntimeError):
        torch.set_num_interop_threads(1)
    load(wanted)


def _shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.cache_size = 0
    shell = InteractiveShell.instance(config=settings)
    vars(shell)["enable_gui"] = lambda gui=None: None  # `%matplotlib inline` asks for one
    vars(shell)["system"] = lambda command: None  # `!pip install …` in a cell is no part of an answer
    return shell


def serve(connection: socket.socket, shell: Any) -> None:
    """Run the cells of a job, then answer questions until the grader hangs up."""
    job = pickle.loads(wire.receive(connection))
    folder = Path(job["folder"])
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    os.environ.update(HOME=str(folder), TMPDIR=str(folder), TEMP=str(folder), TMP=str(folder))
    seal(folder, HIDDEN)
    with _Here():
        failure = _run(shell, job["cells"])
        answer = shell.user_ns.get(job["name"])
        if failure is None and job["name"] not in shell.user_ns:
            failure = Failure("NameError", f"the answer does not define {job['name']!r}", final=True)
        elif failure is None and blank(answer):
            failure = Failure("NotImplementedError", NOTHING, final=True)
        wire.send(connection, encode(failure))
        if failure is not None:
            return
        scope: dict[str, Any] = {}
        exec("from __future__ import annotations\nimport torch\nimport peft_course\n" + job["probe"], scope)
        probe = scope[job["probe_name"]]
        while (question := wire.receive(connection)) != b"":
            arguments = _Unpickler(io.BytesIO(question)).load()
            try:
                reply = encode(probe(answer, *arguments))
            except BaseException as error:
                reply = encode(failed(error))
            wire.send(connection, reply)


def _run(shell: Any, cells: list[str]) -> Failure | None:
    for cell in cells:
        result = shell.run_cell(cell, store_history=False, silent=True)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            return failed(error, final=True)
    return None


class _Here:
    """While it lasts, code that names a GPU runs on the CPU where there is no GPU."""

    def __enter__(self) -> None:
        import torch
        from torch.overrides import TorchFunctionMode

        def here(thing: Any) -> Any:
            names_gpu = isinstance(thing, str | torch.device) and str(thing).startswith(("cuda", "mps"))
            return "cpu" if names_gpu else thing

        class OnCPU(TorchFunctionMode):
            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                if func is torch.Tensor.cuda:
                    return args[0]
                kwargs = {name: here(item) for name, item in (kwargs or {}).items()}
                return func(*(here(item) for item in args), **kwargs)

        self.mode = contextlib.nullcontext() if torch.cuda.is_available() else OnCPU()
        self.mode.__enter__()

    def __exit__(self, *details: Any) -> None:
        self.mode.__exit__(*details)


def main(arguments: list[str]) -> None:
    sys.dont_write_bytecode = True
    kind, address, *wanted = arguments
    if kind == "forks":
        serve_forks(socket.socket(fileno=int(address)), wanted)
    elif kind == "inside":
        grader = socket.socket(socket.AF_UNIX)
        grader.connect(address)
        serve_forks(grader, wanted)
    else:
        _prepare(wanted)
        shell = _shell()
        port, token = address.split(":")
        connection = socket.create_connection(("127.0.0.1", int(port)))  # from here on the answer's time runs
        connection.sendall(bytes.fromhex(token))
        serve(connection, shell)
