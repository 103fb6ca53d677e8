"""When each file was handed in, from where that is known: first who received it, last the file's own time.

Known are Moodle's grading worksheet ("Last modified (submission)"), the names of a Canvas download (which say late or
not, without a time), nbgrader's ``timestamp.txt`` (``2026-11-09 21:14:03.123456 UTC``), the commit in a clone of git;
and, if nothing else is there, the time of a file or of a zip's member, which a copy or an unpacking changes.
"""

import contextlib
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from ..places.table import Table
from .commits import committed
from .handed_in import CANVAS, HandedIn, number_of
from .late import Arrival

MONTHS = "january february march april may june july august september october november december".split()
DATE = re.compile(r"(?:(?P<day>\d\d?)\.? (?P<month>[A-Za-z]+)|(?P<month2>[A-Za-z]+) (?P<day2>\d\d?)),? (?P<year>\d{4})")
CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::\d\d)?\s*(?P<half>[AP]\.?M\.?)?", re.IGNORECASE)
UNSURE = ("the file's own time", "the zip's time of the file")


def arrivals(
    place: Path, handed_in: Sequence[HandedIn], zone: ZoneInfo, worksheet: Path | None = None
) -> dict[str, Arrival]:
    """When each file of `handed_in`, found in `place`, came; by its `where`. Clocks without a zone are read in `zone`.

    Raises ValueError for a worksheet that is none, or one with a time that cannot be read.
    """
    rows = moodle(worksheet, zone) if worksheet else {}
    return {each.where: _arrival(place, each, zone, rows) for each in handed_in}


def _arrival(place: Path, file: HandedIn, zone: ZoneInfo, rows: dict[str, datetime]) -> Arrival:
    if when := rows.get(number_of(file.learner)):
        return Arrival(when, "Moodle's worksheet")
    for part in file.where.split("/"):
        if CANVAS.match(part):
            return Arrival(None, "Canvas", late=bool(re.match(r"[^_]+_LATE_", part)))
    on_disk, inside = _on_disk(place, file.where)
    if on_disk is None:
        return Arrival(None, "nothing", sure=False)
    if when := nbgrader(_beside(on_disk, inside)):
        return Arrival(when, "nbgrader's timestamp")
    if inside is None and (when := committed(on_disk, place)):
        return Arrival(when, "the commit")
    if inside is not None:
        return Arrival(_in_zip(on_disk, inside, zone), UNSURE[1], sure=False)
    return Arrival(datetime.fromtimestamp(on_disk.stat().st_mtime, UTC), UNSURE[0], sure=False)


def _on_disk(place: Path, where: str) -> tuple[Path | None, str | None]:
    """The file on this disk, and the path inside it where it is a zip."""
    if place.is_file():
        return place, where
    path, parts = place, where.split("/")
    for i, part in enumerate(parts):
        path = path / part
        if path.is_file():
            return path, "/".join(parts[i + 1 :]) or None
    return None, None


def _beside(on_disk: Path, inside: str | None) -> str:
    """The text of timestamp.txt in the same folder; empty where there is none."""
    with contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        if inside is None:
            beside = on_disk.with_name("timestamp.txt")
            return beside.read_text(encoding="utf8") if beside.stat().st_size < 200 else ""
        with zipfile.ZipFile(on_disk) as archive:
            member = archive.getinfo(str(PurePosixPath(inside).with_name("timestamp.txt")))
            return archive.read(member).decode() if member.file_size < 200 else ""
    return ""


def nbgrader(text: str) -> datetime | None:
    """The time in nbgrader's ``timestamp.txt``; without a zone it is UTC, as nbgrader reads it.

    >>> nbgrader("2026-11-09 21:14:03.123456 UTC\\n").isoformat()
    '2026-11-09T21:14:03.123456+00:00'
    """
    when, _, zone = text.strip().partition(" ")[2].partition(" ")
    with contextlib.suppress(OSError, ValueError, KeyError):
        read = datetime.fromisoformat(f"{text.split()[0]} {when}") if when else None
        return read if read is None or read.tzinfo else read.replace(tzinfo=ZoneInfo(zone or "UTC"))
    return None


def moodle(worksheet: Path, zone: ZoneInfo) -> dict[str, datetime]:
    """Moodle's grading worksheet → the time of submission by the participant's number."""
    table = Table.read(worksheet)
    who, when = table.column("Identifier"), table.column("Last modified (submission)")
    if who is None or when is None:
        raise ValueError(
            f'{worksheet} is no grading worksheet with times: it needs the columns "Identifier" and "Last modified '
            '(submission)"; download it with Moodle in English'
        )
    times = {}
    for row in range(1, len(table.rows)):
        number, text = re.search(r"(\d+)$", table.value(row, who)), table.value(row, when)
        if number and text not in ("", "-"):
            times[number[1]] = _moodle_s_time(text, worksheet).replace(tzinfo=zone)
    return times


def _moodle_s_time(text: str, worksheet: Path) -> datetime:
    """``Wednesday, 10 June 2026, 2:14 PM``, or month first, or with 24 hours."""
    date, clock = DATE.search(text), CLOCK.search(text)
    month = (date["month"] or date["month2"]).lower() if date else ""
    if date is None or clock is None or month not in MONTHS:
        raise ValueError(f"{worksheet}: no time in English in {text!r}; download the worksheet with Moodle in English")
    hour = int(clock["hour"])
    if clock["half"]:
        hour = hour % 12 + 12 * clock["half"].lower().startswith("p")
    day = int(date["day"] or date["day2"])
    return datetime(int(date["year"]), MONTHS.index(month) + 1, day, hour, int(clock["minute"]))


def _in_zip(archive: Path, inside: str, zone: ZoneInfo) -> datetime | None:
    """Of the member, or of the zip in the zip; its clock has no zone."""
    with contextlib.suppress(OSError, ValueError, zipfile.BadZipFile), zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            name = member.filename.replace("\\", "/")
            if inside == name or inside.startswith(name + "/"):
                return datetime(*member.date_time, tzinfo=zone)
    return None
