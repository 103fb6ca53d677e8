"""A Dask cluster, reached by its scheduler's address: for those who have more machines than one."""

from typing import Any


def connect(address: str) -> Any:
    """The client of the scheduler at `address`, a context manager.

    Raises ValueError where dask.distributed is not installed or there is no scheduler at `address`.
    """
    try:
        import distributed
    except ImportError as error:
        raise ValueError("--dask needs dask.distributed: pip install 'peft-course[dask]'") from error
    try:
        return distributed.Client(address, timeout=10)
    except OSError as error:
        raise ValueError(
            f"there is no Dask scheduler at {address!r} ({error}); start one with `dask scheduler`"
        ) from error
