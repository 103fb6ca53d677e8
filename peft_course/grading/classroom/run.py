"""Grades what a class handed in: each file once, by its content, side by side, and going on after any interruption.

A result is kept as a line of JSON as soon as it is there. A worker that is killed, by the system or by what it reads,
costs its own file a second try, and then says so; the others go on.
"""

import contextlib
import hashlib
import json
import multiprocessing
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ... import __version__
from ...cluster import connect
from ..exercises import EXERCISES
from ..grade import Report, grade, opened
from ..process import START
from ..report import as_data
from ..sandbox import Sandbox
from ..submission import NotAnExerciseError
from .handed_in import HandedIn

KEPT = 2  # raised when something else is kept of a result
LONGEST = 20_000  # characters of an answer that are kept
Result = dict[str, Any]  # of one file: what `report.as_data` says, and the code of its answers
Submit = Callable[[Sequence[HandedIn]], Iterator[tuple[str, Result]]]  # gives keys and results as they end


class Results:
    """The results in a file, by the content's key. A line that a kill cut short does not count."""

    def __init__(self, path: Path, seed: int | None = None) -> None:
        self.path, self.found = path, {}  # type: Path, dict[str, Result]
        lines = path.read_text(encoding="utf8").splitlines() if path.is_file() else []
        for line in lines:
            with contextlib.suppress(ValueError, KeyError):
                kept = json.loads(line)
                if kept["grader"] == _grader() and seed in (None, kept["result"]["seed"]):
                    self.found[kept["key"]] = kept["result"]
        seeds = [result["seed"] for result in self.found.values()]
        self.seed = seed if seed is not None else (seeds or [random.SystemRandom().randrange(10**6)])[0]

    def add(self, key: str, result: Result) -> None:
        self.found[key] = result
        line = json.dumps({"key": key, "grader": _grader(), "result": result}, ensure_ascii=False)
        with self.path.open("a", encoding="utf8") as file:
            file.write(line + "\n")


def _grader() -> str:
    """Another version of the course, or of an exercise, grades anew."""
    editions = ",".join(f"{exercise.name}:{exercise.edition}" for exercise in EXERCISES)
    return f"{__version__}-{KEPT}-{hashlib.sha256(editions.encode()).hexdigest()[:8]}"


def grade_class(handed_in: Sequence[HandedIn], results: Results, submit: Submit) -> None:
    """Grades what has no result yet; files of equal content are one."""
    todo = {each.key: each for each in handed_in if each.key not in results.found}
    for key, result in submit(list(todo.values())):
        results.add(key, result)


def grade_one(
    path: Path, where: str, seed: int, sandbox: Sandbox | None, variant: str | None, others: Sequence[str]
) -> Result:
    """In a process of its own, because the file is a stranger's, and reading it is work too."""
    report = grade(path, seed=seed, sandbox=sandbox, variant=variant, others=others)
    return as_data(report) | {"file": where, "answers": answers(path)}


def answers(path: Path) -> dict[str, str]:
    """By its number, the code that answers each task of the notebook; nothing where it is none of the exercises."""
    try:
        submission, exercise = opened(path)
    except NotAnExerciseError:
        return {}
    cells = {task.number: submission.code(task) for task in exercise.tasks}
    return {number: "\n\n".join(filter(_says, sources))[:LONGEST] for number, sources in cells.items() if sources}


def _says(source: str) -> bool:
    """Whether a cell does more than import."""
    lines = (line.strip() for line in source.split("\n"))
    return any(line and not line.startswith(("import ", "from ", "#", "%")) for line in lines)


def side_by_side(jobs: int, seed: int, sandbox: Sandbox | None, others: Sequence[str] = ()) -> Submit:
    """`jobs` processes on this machine; `others` are the variants of the class."""

    def submit(files: Sequence[HandedIn]) -> Iterator[tuple[str, Result]]:
        with ThreadPoolExecutor(jobs) as threads, contextlib.ExitStack() as stack:
            idle: SimpleQueue[_Worker] = SimpleQueue()
            for _ in range(min(jobs, len(files))):
                worker = _Worker()
                stack.callback(worker.end)
                idle.put(worker)

            def work(file: HandedIn) -> tuple[str, Result]:
                worker = idle.get()
                try:
                    return file.key, worker.grade(file, seed, sandbox, others)
                finally:
                    idle.put(worker)

            futures = [threads.submit(work, file) for file in files]
            try:
                yield from (future.result() for future in as_completed(futures))
            finally:
                for future in futures:
                    future.cancel()

    return submit


class _Worker:
    """A process that can be lost and made again."""

    def __init__(self) -> None:
        self.pool: ProcessPoolExecutor | None = None

    def grade(self, file: HandedIn, seed: int, sandbox: Sandbox | None, others: Sequence[str]) -> Result:
        for _ in range(2):
            self.pool = self.pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
            try:
                about = (file.path, file.where, seed, sandbox, file.variant, others)
                future: Future[Result] = self.pool.submit(grade_one, *about)
                return future.result(timeout=_limit())
            except TimeoutError:
                self.end()
                return refused(file, seed, "grading it took longer than all its tasks together may take")
            except BrokenProcessPool:
                self.end()
        return refused(file, seed, "the process that graded it was killed, twice")

    def end(self) -> None:
        if self.pool is not None:
            for process in list((self.pool._processes or {}).values()):
                process.kill()
            self.pool.shutdown(wait=False, cancel_futures=True)
        self.pool = None


def _limit() -> float:
    """Seconds that one file may take: the start, and all time that its tasks may use."""
    return 2 * START + max(sum(task.seconds for task in exercise.tasks) for exercise in EXERCISES)


def refused(file: HandedIn, seed: int, why: str) -> Result:
    return as_data(Report(Path(file.where), None, refused=f"{file.where}: {why}", seed=seed))


@contextlib.contextmanager
def on_a_cluster(address: str, seed: int, sandbox: Sandbox | None, others: Sequence[str] = ()) -> Iterator[Submit]:
    """The workers of the Dask cluster at `address`. Each must be able to make the sandbox.

    Raises ValueError where dask.distributed is not installed, or no scheduler answers.
    """
    with connect(address) as client:
        import distributed

        def submit(files: Sequence[HandedIn]) -> Iterator[tuple[str, Result]]:
            sent = {
                client.submit(
                    _grade_sent, f.path.read_bytes(), f.path.name, f.where, seed, sandbox, f.variant, others, retries=2
                ): f
                for f in files
            }
            for future in distributed.as_completed(sent):
                file = sent.pop(future)  # else a worker that is lost later would cost it a second time
                if future.status == "error":
                    yield file.key, refused(file, seed, f"the cluster lost it: {future.exception()}")
                else:
                    yield file.key, future.result()

        yield submit


def _grade_sent(content: bytes, name: str, where: str, *how: Any) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        return grade_one(path, where, *how)
