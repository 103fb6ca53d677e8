"""The papers' claims as studies: tables of runs that anyone can carry out again, and verdicts computed of them."""

from .carrying_out import carry_out
from .engine import dask, missing, processes, reproduce
from .findings import findings
from .runs import Record, Run
from .store import Store
from .studies import E2E, STUDIES, Study

__all__ = [
    "E2E",
    "STUDIES",
    "Record",
    "Run",
    "Store",
    "Study",
    "carry_out",
    "dask",
    "findings",
    "missing",
    "processes",
    "reproduce",
]
