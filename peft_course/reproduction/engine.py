"""Carrying out runs: those that are not stored yet, on all cores or on a Dask cluster, sweeps first.

A sweep decides a learning rate, so runs come in two rounds: the sweeps of all runs that need one, then the runs.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace

from tqdm.auto import tqdm

from ..cluster import connect
from .carrying_out import carry_out
from .runs import Record, Run, sweep
from .store import Store

Submit = Callable[[Sequence[Run]], Iterator[Record]]  # yields records in the order in which they end


def decided(run: Run, store: Store) -> Run | None:
    """`run` with its learning rate, the best of its sweep; None as long as the sweep is not stored."""
    if run.tuned:
        return run
    trials = sweep(run)
    if not all(trial in store for trial in trials):
        return None
    best = min(trials, key=lambda trial: store[trial].result["validation loss"])
    return replace(run, learning_rate=best.learning_rate)


def missing(runs: Iterable[Run], store: Store) -> list[Run]:
    """What is to be carried out now: each once, in order; the sweeps where a learning rate is not decided yet."""
    wanted: dict[str, Run] = {}
    for run in runs:
        ready = decided(run, store)
        for each in sweep(run) if ready is None else [ready]:
            if each not in store:
                wanted.setdefault(each.key, each)
    return list(wanted.values())


def reproduce(runs: Sequence[Run], store: Store, submit: Submit, progress: bool = True) -> None:
    """Carry out what is missing in `store`, and keep each run as soon as it ends.

    An interruption loses no more than what was under way: the next call goes on. Raises what a run raises.
    """
    while todo := missing(runs, store):
        with tqdm(total=len(todo), desc="runs", unit="run", disable=not progress, smoothing=0.05) as bar:
            for record in submit(todo):
                store.add(record)
                bar.update()


@contextmanager
def processes(workers: int | None = None, folder: str | None = None) -> Iterator[Submit]:
    """Runs side by side on this machine, one a core unless `workers` says otherwise."""
    count = workers or os.cpu_count()
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_quiet) as pool:

        def submit(runs: Sequence[Run]) -> Iterator[Record]:
            futures = [pool.submit(carry_out, run, folder) for run in runs]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BrokenProcessPool as error:
                raise OSError(
                    "a worker was killed, by the system for want of memory perhaps; what had ended is stored, and the "
                    "same command goes on from there (with --workers 1 it needs less memory)"
                ) from error
            finally:
                for future in futures:
                    future.cancel()

        yield submit


@contextmanager
def dask(address: str, folder: str | None = None) -> Iterator[Submit]:
    """Runs on the workers of a `dask.distributed` cluster; the run of a worker that dies is given to another one.

    Raises ValueError where dask.distributed is not installed or there is no scheduler at `address`.
    """
    with connect(address) as client:
        import distributed

        def submit(runs: Sequence[Run]) -> Iterator[Record]:
            futures = [client.submit(carry_out, run, folder, key=run.key, pure=True, retries=2) for run in runs]
            for future in distributed.as_completed(futures):
                yield future.result()

        yield submit


def _quiet() -> None:
    """A worker leaves Ctrl-C to the process that it works for."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
