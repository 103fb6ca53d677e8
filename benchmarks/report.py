"""What was measured, kept in `results.json` (one run a device), as a table in `README.md` and as `bench.svg`.

``python -m benchmarks.report`` writes the table and the plot again from the kept results, and measures nothing.
"""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch

from peft_course import plots

from .rows import Row
from .setting import DTYPE, GPU

FOLDER = Path(__file__).parent
RESULTS, README, PLOT = FOLDER / "results.json", FOLDER / "README.md", FOLDER / "bench.svg"
START, END = "<!-- results: written by benchmarks/report.py -->", "<!-- end of results -->"
Run = dict[str, Any]


def machine() -> dict[str, Any]:
    """Where and with what a run was made."""
    return {
        "device": torch.cuda.get_device_name() if GPU else processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "dtype": str(DTYPE).removeprefix("torch."),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("torch", "transformers", "peft")},
    }


def processor() -> str:
    """The processor's name as Linux tells it, else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines()
        found = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in lines if ":" in line}
        family = f"family {found['cpu family']}, model {found['model']}" if "cpu family" in found else ""
        return f"{found['model name']} ({family})" if family else found["model name"]
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


def keep(rows: Sequence[Row], seconds: float) -> None:
    """Add a run to the results, in place of an earlier one on this device, and write table and plot."""
    run = machine() | {"seconds": round(seconds), "rows": [row.as_json() for row in rows]}
    others = [kept for kept in kept_runs() if kept["device"] != run["device"]]
    RESULTS.write_text(json.dumps([*others, run], indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    write()


def kept_runs() -> list[Run]:
    return json.loads(RESULTS.read_text(encoding="utf8")) if RESULTS.exists() else []


def write() -> None:
    """The plot, and the part of the README between its two marks."""
    runs = kept_runs()
    draw(runs)
    before, _, rest = README.read_text(encoding="utf8").partition(START)
    after = rest.partition(END)[2]
    parts = [f"![{alternative_text(runs)}](bench.svg)", *map(table, runs)]
    if not any(run["dtype"] == "bfloat16" for run in runs):
        parts.append("No GPU was at hand; where there is one, `make bench` uses it and adds its table here.")
    README.write_text(f"{before}{START}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}", encoding="utf8")


def table(run: Run) -> str:
    """A run in Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    head = (
        f"**{run['device']}**, cores: {run['cores']}, threads: {run['threads']}, {run['dtype']}; {run['date']}; "
        f"{versions}; measured in {run['seconds'] / 60:.0f} minutes."
    )
    lines = ["| model | measure | ours | PEFT | ours / PEFT (95 %) | target | |", "|---|---|--:|--:|--:|--:|---|"]
    return "\n".join([head, "", *lines, *map(_line, run["rows"])])


def _line(kept: dict[str, Any]) -> str:
    row = _row(kept)
    unit, (low, high) = f" {row.unit}" if row.unit else "", row.interval
    spread = f"{row.value:.2f} ({low:.2f}–{high:.2f})"
    cells = [
        row.model,
        row.measure,
        f"{_number(np.median(row.ours))}{unit}" if row.theirs else f"{spread}{unit}",
        f"{_number(np.median(row.theirs))}{unit}" if row.theirs else "",
        spread if row.theirs else "",
        row.target,
        row.verdict,
    ]
    return f"| {' | '.join(cells)} |"


def _row(kept: dict[str, Any]) -> Row:
    return Row(**{name: kept[name] for name in Row.__dataclass_fields__})


def _number(value: Any) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw(runs: Sequence[Run]) -> None:
    """The ratios with their intervals, a colour a device, and the targets."""
    plt.rcParams["svg.hashsalt"] = "bench"  # the same numbers give the same file
    plots.style()
    names = _names(runs)
    figure, ax = plt.subplots(figsize=(8.5, 1.2 + 0.28 * len(names)))
    for run, colour in zip(runs, plots.PALETTE, strict=False):
        for kept in run["rows"]:
            row = _row(kept)
            if not row.theirs:
                continue
            place, (low, high) = names.index(f"{row.measure} · {row.model}"), row.interval
            ax.plot([low, high], [place, place], color=colour, linewidth=2)
            ax.plot(row.value, place, "o", color=colour, markersize=5, label=run["device"])
            if row.bound is not None:
                ax.plot(row.bound, place, "|", color=plots.RED, markersize=12, markeredgewidth=2, label="target")
    ax.axvline(1, color=plots.INK, linewidth=0.8)
    ax.set(xscale="log", xlabel="ours / PEFT")
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10]
    low, high = ax.get_xlim()
    ax.set_xticks([tick for tick in ticks if low <= tick <= high], [f"{t:g}" for t in ticks if low <= t <= high])
    ax.set_xticks([], minor=True)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(once.values(), once.keys(), loc="outside upper right", ncols=len(once))
    figure.savefig(PLOT, metadata={"Date": None})
    plt.close(figure)


def _names(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(f"{row['measure']} · {row['model']}" for run in runs for row in run["rows"]
                              if row["theirs"]))


def alternative_text(runs: Sequence[Run]) -> str:
    """The plot in words."""
    parts = []
    for run in runs:
        rows = [_row(kept) for kept in run["rows"] if kept["theirs"] and kept["verdict"]]
        ratios = "; ".join(f"{row.model}, {row.measure}: {row.value:.2f}" for row in rows)
        parts.append(f"On {run['device']}: {ratios}.")
    return "Ratios ours / PEFT with their intervals and targets. " + " ".join(parts)


if __name__ == "__main__":
    write()
