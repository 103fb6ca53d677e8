"""Executes notebooks on all cores and keeps what they print in jupyter-cache. Called by `tools/book.py`.

jupyter-cache has an executor for that, but each of its processes writes into the cache, and where the disk is slow one
of them finds the database locked and loses what its notebook has printed. Here one thread alone writes. Nor does Ctrl-C
end that executor: nbclient's handlers of signals keep its processes alive, and in a thread it has none.
"""

import os
import sys
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import single_nb_execution
from notebooks import merged_streams, read

QUIET = ["--log-level=ERROR"]  # a kernel warns that it speaks without encryption; it speaks with this machine alone


def execute_ahead(notebooks: list[Path], folder: Path, timeout: int) -> None:
    """Executes those of `notebooks` that the cache in `folder` does not have, each in its own folder.

    A cell may take `timeout` seconds. A notebook that fails is named; the build executes it again, and says why.
    """
    cache = get_cache(folder)
    waiting = [path for path in notebooks if not is_cached(path, cache)]
    with ThreadPool() as pool:
        for number, executed in enumerate(pool.imap_unordered(partial(execute, timeout=timeout), waiting), start=1):
            if executed:
                cache.cache_notebook_bundle(executed, check_validity=False, overwrite=True)
                print(f"executed {os.path.relpath(executed.uri)} ({number} of {len(waiting)})", flush=True)


def is_cached(path: Path, cache: JupyterCacheAbstract) -> bool:
    try:
        cache.match_cache_notebook(read(path))
    except KeyError:
        return False
    return True


def execute(path: Path, timeout: int) -> CacheBundleIn | None:
    notebook = read(path)
    try:
        result = single_nb_execution(notebook, str(path.parent), timeout, allow_errors=False, extra_arguments=QUIET)
    except Exception as error:  # a kernel that does not start, or dies
        problem = str(error)
    else:
        if not result.err:
            for cell in notebook.cells:
                if "outputs" in cell:
                    cell.outputs = merged_streams(cell.outputs)
            return CacheBundleIn(notebook, str(path), data={"execution_seconds": result.time})
        problem = type(result.err).__name__
    print(f"{os.path.relpath(path)} is left to the build: {problem}", file=sys.stderr, flush=True)
    return None
