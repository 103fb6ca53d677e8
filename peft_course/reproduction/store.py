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

    Raises ValueError where a whole line is damaged.
    """

    def __init__(self, folder: str | Path = SHIPPED) -> None:
        self.path = Path(folder) / RUNS
        self.records: dict[str, Record] = {}
        content = self.path.read_bytes() if self.path.is_file() else b""
        self._whole = content.rfind(b"\n") + 1  # what follows was cut short: the run is carried out again
        self._is_torn = self._whole < len(content)
        for number, line in enumerate(content[: self._whole].splitlines(), start=1):
            try:
                record = Record(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"line {number} of {str(self.path)!r} is no run ({error}); delete it, and it is carried out again"
                ) from error
            self.records.setdefault(record.key, record)

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
        if self._is_torn:
            os.truncate(self.path, self._whole)
            self._is_torn = False
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self.records[record.key] = record
