"""Where runs are kept: one line of JSON each, in the order in which they ended, found again by their keys."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from .runs import Record, Run

RUNS = "runs.jsonl"
SHIPPED = Path(__file__).parent / "results"


class Store:
    """The runs in `folder`. A line is written whole or, when killed, is no line; it counts once, however often it came.

    Raises ValueError where a line, but the last, is damaged.
    """

    def __init__(self, folder: str | Path = SHIPPED) -> None:
        self.path = Path(folder) / RUNS
        self.records: dict[str, Record] = {}
        lines = self.path.read_text("utf-8").split("\n") if self.path.is_file() else []
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                record = Record(**json.loads(line))
            except (ValueError, TypeError) as error:
                if number == len(lines):  # killed while it wrote: the run is not stored, and is carried out again
                    continue
                raise ValueError(
                    f"line {number} of {str(self.path)!r} is no run ({error}); delete it, and it is carried out again"
                ) from error
            self.records.setdefault(record.key, record)
        self._torn = bool(lines and lines[-1])

    def __contains__(self, run: Run) -> bool:
        return run.key in self.records

    def __getitem__(self, run: Run) -> Record:
        return self.records[run.key]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records.values())

    def add(self, record: Record) -> None:
        """Keep `record`, on disk before this returns; a second one of the same key changes nothing."""
        if record.key in self.records:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(record), ensure_ascii=False, sort_keys=True) + "\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * self._torn + line)
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self.records[record.key] = record
