"""Finds the notebooks that a class handed in: in a folder or a zip, of any nesting, under any names.

What names say about learners is different everywhere. Known are the downloads of Moodle (a folder a learner, ``Ada
Lovelace_123_assignsubmission_file_``) and Canvas (one folder for all, ``lovelaceada_123_456_04-soft-prompts.ipynb``),
and nbgrader's folders (``submitted/ada/…``). Elsewhere the first folder is the learner, or the file's name without the
exercise's.
"""

import hashlib
import lzma
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..exercises import EXERCISES
from ..submission import SIZE

DEPTH = 3  # zips in zips
MEMBERS = 100_000  # of a zip
TOTAL = 20 * 2**30  # bytes unpacked of one zip
DAMAGE = (  # what zipfile raises where a zip is damaged, encrypted, or of a kind that it does not know
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, NotImplementedError, EOFError, OSError, ValueError,
    struct.error,
)  # fmt: skip
HIDDEN = re.compile(r"(^|/)(\.(?!\.?/)|__MACOSX)")
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(file|onlinetext)")
CANVAS = re.compile(r"^(?P<name>[^_]+)_(LATE_)?(?P<id>\d+)_\d+_")


@dataclass(frozen=True)
class HandedIn:
    """A learner's file. `where` is its path for people, `path` a copy of it on this disk, `key` a hash of its bytes.

    variant: whose numbers its tasks have; None: those that the notebook says.
    """

    learner: str
    where: str
    path: Path
    key: str
    variant: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """What was handed in and is no notebook; `why` is for the teacher."""

    where: str
    why: str


def collect(place: Path, copies: Path) -> tuple[list[HandedIn], list[LeftOut]]:
    """All notebooks in `place`, a folder or a zip, copied to `copies` under the hash of their content.

    Raises ValueError if `place` is neither, and OSError where it cannot be read. Links are not followed.
    """
    copies.mkdir(parents=True, exist_ok=True)
    found: list[HandedIn | LeftOut] = []
    if place.is_dir():
        for path in sorted(place.rglob("*")):
            found += _file(path, _readable(path.relative_to(place).as_posix()), copies)
    elif zipfile.is_zipfile(place):
        with place.open("rb") as file:
            found += _unpacked(file, "", copies, DEPTH)
    else:
        raise ValueError(f"{str(place)!r} is neither a folder nor a zip; name what was downloaded")
    return [f for f in found if isinstance(f, HandedIn)], [f for f in found if isinstance(f, LeftOut)]


def _readable(name: str) -> str:
    """A name that can be written into a file: what no UTF-8 is becomes a question mark."""
    return name.encode(errors="replace").decode()


def _file(path: Path, where: str, copies: Path) -> Iterator[HandedIn | LeftOut]:
    if path.is_symlink():
        yield LeftOut(where, "a link, which is not followed")
    elif path.is_file() and not HIDDEN.search(where):
        with path.open("rb") as file:
            yield from _content(file, where, path.stat().st_size, copies, DEPTH)


def _content(file: BinaryIO, where: str, size: int, copies: Path, depth: int) -> Iterator[HandedIn | LeftOut]:
    kind = PurePosixPath(where).suffix.lower()
    if kind == ".zip":
        if depth == 0:
            yield LeftOut(where, f"a zip in a zip, more than {DEPTH} deep")
        else:
            yield from _unpacked(file, where + "/", copies, depth)
    elif kind != ".ipynb":
        yield LeftOut(where, "not a notebook")
    elif size > SIZE:
        yield LeftOut(where, f"larger than {SIZE >> 20} MB: clear its outputs")
    else:
        yield _kept(file, where, copies)


def _unpacked(file: BinaryIO, above: str, copies: Path, depth: int) -> Iterator[HandedIn | LeftOut]:
    """The members of a zip. No name in it becomes a path on this disk; one that is damaged costs no other."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = sorted(archive.infolist(), key=lambda member: member.filename)
            if len(members) > MEMBERS or sum(member.file_size for member in members) > TOTAL:
                yield LeftOut(above.rstrip("/"), "a zip of too many files, or of too many bytes")
                return
            for member in members:
                where = above + _readable(member.filename.replace("\\", "/"))
                if not (member.is_dir() or HIDDEN.search(where)):
                    yield from _member(archive, member, where, copies, depth)
    except DAMAGE as error:
        yield LeftOut(above.rstrip("/") or "the zip", f"cannot be unpacked: {error}")


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str, copies: Path, depth: int
) -> Iterator[HandedIn | LeftOut]:
    if stat.S_ISLNK(member.external_attr >> 16):
        yield LeftOut(where, "a link, which is not followed")
        return
    try:
        with archive.open(member) as content:
            yield from _content(content, where, member.file_size, copies, depth - 1)  # type: ignore[arg-type]
    except DAMAGE as error:
        yield LeftOut(where, f"cannot be unpacked: {error}")


def _kept(file: BinaryIO, where: str, copies: Path) -> HandedIn | LeftOut:
    """Copies the file, not more than SIZE of it whatever it claims, to a folder named by its hash."""
    partial = copies / "partial"
    digest, size = hashlib.sha256(), 0
    with partial.open("wb") as copy:
        while part := file.read(2**20):
            size += len(part)
            if size > SIZE:
                return LeftOut(where, f"larger than {SIZE >> 20} MB: clear its outputs")
            digest.update(part)
            copy.write(part)
    key = digest.hexdigest()
    folder = copies / key[:16]  # so that it keeps its name
    folder.mkdir(exist_ok=True)
    path = folder / (PurePosixPath(where).stem[:60].replace("\0", "") + ".ipynb")
    shutil.move(partial, path)
    return HandedIn(learner_of(where), where, path, key)


def number_of(learner: str) -> str:
    """What stands in brackets behind a learner's name, the platform's number; the name itself where nothing does."""
    return learner.rsplit("(", 1)[-1].removesuffix(")")


def learner_of(where: str) -> str:
    """Whose file this is, by its path.

    >>> learner_of("Ada Lovelace_77_assignsubmission_file_/04-soft-prompts.ipynb")
    'Ada Lovelace (77)'
    >>> learner_of("lovelaceada_LATE_77_912_04-soft-prompts.ipynb")
    'lovelaceada (77)'
    >>> learner_of("submitted/ada/week-4/04-soft-prompts.ipynb"), learner_of("ada-04-soft-prompts.ipynb")
    ('ada', 'ada')
    """
    *folders, name = [part for part in where.split("/") if part]
    folders = [folder.removesuffix(".zip") for folder in folders]
    for part in [*folders, name]:
        if known := MOODLE.match(part) or CANVAS.match(part):
            return f"{known['name']} ({known['id']})"
    if folders[:1] == ["submitted"] and len(folders) > 1:
        return folders[1]
    if folders:
        return folders[0]
    stem = name.rsplit(".", 1)[0]
    for exercise in EXERCISES:
        stem = stem.replace(exercise.name, "")
    return stem.strip(" -_.()") or "nobody in particular"
