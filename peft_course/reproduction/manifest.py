"""What stored results were made with, beside them as ``manifest.json``."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from ..loading import embedded_models
from .engine import decided
from .runs import sweep, weights
from .store import Store
from .studies import ALL_STUDIES, Study

MANIFEST = "manifest.json"


def manifest(store: Store) -> dict[str, Any]:
    """Versions, machines, seconds on one core, and by study the runs there are (with those of its sweeps)."""
    counts = {name: _counts(store, study) for name, study in ALL_STUDIES.items()}
    return {
        "runs": len(store),
        "seconds": round(sum(record.seconds for record in store)),
        "machines": dict(Counter(record.machine for record in store)),
        "versions": dict(Counter(" ".join(map(" ".join, sorted(record.versions.items()))) for record in store)),
        "models": {name: weights(name) for name in embedded_models()},
        "studies": {name: count for name, count in counts.items() if count["runs"]},
    }


def write_manifest(store: Store) -> None:
    """Write it, with the date (UTC)."""
    content = {"written": datetime.now(UTC).date().isoformat()} | manifest(store)
    store.path.with_name(MANIFEST).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _counts(store: Store, study: Study) -> dict[str, int]:
    wanted = {}
    for run in study.runs():
        ready = decided(run, store)
        for each in ([] if run.tuned else sweep(run)) + ([ready] if ready else []):
            wanted[each.key] = each
    there = [store.records[key] for key in wanted if key in store.records]
    return {"runs": len(there), "seconds": round(sum(record.seconds for record in there))}
