"""The papers' claims as studies: tables of runs that anyone can carry out again, and verdicts computed of them."""

from .carrying_out import carry_out
from .engine import dask, missing, processes, reproduce
from .figures import figure
from .findings import findings
from .manifest import write_manifest
from .runs import Record, Run
from .scoreboard import explained, table
from .store import Store
from .studies import ALL_STUDIES, E2E, STUDIES, Study

__all__ = [
    "ALL_STUDIES",
    "E2E",
    "STUDIES",
    "Record",
    "Run",
    "Store",
    "Study",
    "carry_out",
    "dask",
    "explained",
    "figure",
    "findings",
    "missing",
    "processes",
    "reproduce",
    "table",
    "write_manifest",
]
