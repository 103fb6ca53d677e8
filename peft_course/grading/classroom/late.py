"""The late policy of a class: a small TOML file with deadlines, and what a file that came later still counts.

    timezone = "Europe/Berlin"
    grace = 15          # minutes that nobody asks about
    percent_a_day = 10  # of the points earned, for each day that has begun
    days = 5            # later than that, nothing counts

    [deadlines]
    04-soft-prompts = 2026-11-09T23:59:00  # on the clock of that time zone; a date alone means its end

    [extensions."Ada Lovelace (77)"]
    04-soft-prompts = 2026-11-12

A day later is the next day at the same time on the clock, also where clocks change in between. Grace moves no deadline:
who comes after it is late since the deadline. An extension is another deadline for one learner, never an earlier one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ..exercises import EXERCISES
from .handed_in import number_of

KEYS = ("timezone", "grace", "percent_a_day", "days", "deadlines", "extensions")


@dataclass(frozen=True)
class Arrival:
    """When a file was handed in (None: not known), and who says so. `late`: the place says that it was, not when."""

    when: datetime | None
    source: str
    late: bool = False
    sure: bool = True  # a file's own time is not: a copy changes it


@dataclass(frozen=True)
class Lateness:
    """Days that have begun since the deadline, the share of the points that is left, and both in words.

    `look`: a person should, because the time is not known or not sure.
    """

    days: int
    share: float
    note: str
    look: bool = False


@dataclass(frozen=True)
class Policy:
    """What a file of the module's form says; `deadlines` by exercise, `extensions` by learner, then by exercise."""

    zone: ZoneInfo
    deadlines: Mapping[str, datetime]
    percent_a_day: float
    days: int
    grace: timedelta = timedelta()
    extensions: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)

    def judge(self, learner: str, exercise: str, arrival: Arrival) -> Lateness:
        """How late the file is, and what is left of its points."""
        if exercise not in self.deadlines:
            return Lateness(0, 1.0, "no deadline")
        if arrival.when is None:
            return self._without_a_time(learner, exercise, arrival)
        days = self.days_late(learner, exercise, arrival.when)
        return self._after(days, "" if arrival.sure else f", by {arrival.source}", look=not arrival.sure)

    def _without_a_time(self, learner: str, exercise: str, arrival: Arrival) -> Lateness:
        if not arrival.late:
            note = f"on time, says {arrival.source}" if arrival.sure else "time not known, nothing taken off"
            return Lateness(0, 1.0, note, look=not arrival.sure)
        if exercise in self._extension(learner):
            return Lateness(0, 1.0, f"late, says {arrival.source}; has an extension, nothing taken off", look=True)
        return self._after(1, f" at least, says {arrival.source}", look=True)

    def _after(self, days: int, note: str, look: bool) -> Lateness:
        if days > self.days:
            return Lateness(days, 0.0, f"more than {self.days} days late{note}", look)
        share = max(0.0, 1 - self.percent_a_day * days / 100)
        words = f"{days} day{'s' * (days != 1)} late" if days else "on time"
        return Lateness(days, share, words + note, look)

    def days_late(self, learner: str, exercise: str, when: datetime) -> int:
        """0 on time, 1 within the first day after, at most `days` + 1. Raises ValueError for a time without a zone."""
        if when.tzinfo is None:
            raise ValueError(f"{when} has no time zone")
        if when <= self.end(learner, exercise) + self.grace:
            return 0
        return sum(when > self.end(learner, exercise, day) for day in range(self.days + 1))

    def end(self, learner: str, exercise: str, days: int = 0) -> datetime:
        """The deadline, or that many days later, in UTC: Python compares times of one zone by their clocks alone."""
        ends = [self.deadlines[exercise], self._extension(learner).get(exercise, self.deadlines[exercise])]
        return max(self._later(end, days) for end in ends)

    def _later(self, end: datetime, days: int) -> datetime:
        here = end.astimezone(self.zone)
        return (here + timedelta(days=days) if days else here).astimezone(UTC)

    def _extension(self, learner: str) -> Mapping[str, datetime]:
        """By the learner's name in marks.csv, or by the number in brackets behind it."""
        return self.extensions.get(learner, self.extensions.get(number_of(learner), {}))


# -- the file ---------------------------------------------------------------------------------------------------------
def read(path: Path) -> Policy:
    """Raises ValueError for whatever the file says that makes no sense, and OSError where it cannot be read."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    if unknown := set(content) - set(KEYS):
        raise ValueError(f"{path}: {', '.join(sorted(unknown))}: not known here; known are {', '.join(KEYS)}")
    zone = _zone(path, content.get("timezone"))
    deadlines = _times(path, "deadlines", content.get("deadlines"), zone)
    extensions = {
        learner: _times(path, f'extensions."{learner}"', times, zone)
        for learner, times in _table(path, "extensions", content.get("extensions", {})).items()
    }
    for learner, times in extensions.items():
        for exercise, end in times.items():
            if exercise not in deadlines:
                raise ValueError(f"{path}: {learner} has an extension for {exercise}, which has no deadline")
            if end < deadlines[exercise]:
                raise ValueError(f"{path}: the extension of {learner} for {exercise} ends before the deadline")
    percent, days = _number(path, content, "percent_a_day", 100), _number(path, content, "days", 366)
    grace = _number(path, content, "grace", 24 * 60, 0)
    if days != int(days):
        raise ValueError(f"{path}: days is a whole number, got {days}")
    return Policy(zone, deadlines, percent, int(days), timedelta(minutes=grace), extensions)


def _zone(path: Path, name: Any) -> ZoneInfo:
    if not isinstance(name, str):
        raise ValueError(f'{path}: timezone is missing; write timezone = "Europe/Berlin", or another one of its kind')
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(
            f'{path}: no time zone {name!r} here; names are such as "Europe/Berlin" or "UTC" (on Windows: '
            "pip install tzdata)"
        ) from None


def _table(path: Path, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{path}: [{name}] is missing, or no table")
    return value


def _times(path: Path, name: str, value: Any, zone: ZoneInfo) -> dict[str, datetime]:
    known = [exercise.name for exercise in EXERCISES]
    times = {}
    for exercise, end in _table(path, name, value).items():
        if exercise not in known:
            raise ValueError(f"{path}: [{name}] names {exercise!r}, which is no exercise; there are {', '.join(known)}")
        if isinstance(end, date) and not isinstance(end, datetime):
            end = datetime.combine(end, time.max)
        if not isinstance(end, datetime):
            raise ValueError(f"{path}: [{name}] {exercise} is a time such as 2026-11-09T23:59:00, got {end!r}")
        times[exercise] = (end if end.tzinfo else end.replace(tzinfo=zone)).astimezone(UTC)
    return times


def _number(path: Path, content: Mapping[str, Any], name: str, most: float, default: float | None = None) -> float:
    value = content.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{path}: {name} is a number from 0 to {most:g}, got {value!r}")
    return value
