"""A small set of files in a folder: written all together or not at all, and read back as they were written.

`write` puts the new files into a folder of their own inside the folder, and one rename makes them count; only then do
they take the old ones' places. Whoever is killed on the way leaves the old set or the new one. ``peft_course.sha256``
(the format of the command sha256sum) says which files belong together and what was in them, so that a damaged or a
mixed set is noticed.
"""

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

SAVING, SAVED = ".peft_course-saving", ".peft_course-saved"  # being written; complete, on the way to its places
SEAL = "peft_course.sha256"
SMALL = 1 << 20  # bytes: no configuration comes near it


def write(folder: str | Path, files: Mapping[str, bytes], known: Iterable[str], entry: str) -> None:
    """Make `files` the ones in `folder` among all `known` names; other files stay.

    `entry` is the file by which other programs find the set: it goes first and comes last, so that they never find a
    mixed one. Raises ValueError where the folder is a file, OSError where the disk is full or closed.
    """
    folder, known = Path(folder), {*known, SEAL}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(f"{str(folder)!r} is no folder, but a file; name another folder to save to") from error
    _put_in_place(folder, known, entry)  # what an interrupted call had completed
    new = folder / SAVING
    _remove(new)
    new.mkdir()
    try:
        for name, data in {**files, SEAL: seal(files)}.items():
            _write_file(new / name, data)
        _sync(new)
        new.rename(folder / SAVED)  # from here on, these are the files
    except BaseException:
        _remove(new)
        raise
    _sync(folder)
    _put_in_place(folder, known, entry)


def read(folder: str | Path, names: Iterable[str], optional: bool = False) -> dict[str, bytes]:
    """Those files among `names` that `folder` has, all from one call of `write`; nothing on disk changes.

    If they are `optional`, they may have been deleted since. Raises ValueError for files that are not as they were
    written, that are links to other folders, or no files at all.
    """
    folder, names = Path(folder), [*names]
    for attempt in range(100):
        time.sleep(attempt / 1000)  # out of step with a writer that is quick: 5 seconds in all
        before = _state(folder, names)
        source = folder / SAVED if _is_folder(folder / SAVED) else folder
        found = {name: data for name in [*names, SEAL] if (data := _read_file(source / name, folder)) is not None}
        if _state(folder, names) == before:  # nobody wrote meanwhile
            _check_seal(folder, names, found, optional)
        elif SEAL not in found or not _fits(names, found):  # somebody did; the seal tells whether these belong together
            continue
        found.pop(SEAL, None)
        return found
    raise ValueError(f"the files in {str(folder)!r} change while they are read; wait until the other program is done")


def _put_in_place(folder: Path, known: Iterable[str], entry: str) -> None:
    """Copy the completed files to their places; until all are there, the folder that holds them stays whole."""
    saved, copies = folder / SAVED, folder / SAVING
    if not _is_folder(saved):
        _remove(saved)
        return
    names = {path.name for path in saved.iterdir() if path.is_file() and not path.is_symlink()} & {*known}
    if entry not in names or not _same(saved / entry, folder / entry):
        (folder / entry).unlink(missing_ok=True)
    for stale in sorted({*known} - names):
        (folder / stale).unlink(missing_ok=True)
    _remove(copies)
    copies.mkdir()
    for name in sorted(names, key=lambda name: (name == entry, name)):
        _write_file(copies / name, (saved / name).read_bytes())
        os.replace(copies / name, folder / name)
    _sync(folder)
    copies.rmdir()
    saved.rename(copies)
    _remove(copies)


def seal(files: Mapping[str, bytes]) -> bytes:
    """The file that says which files belong together, and what is in them."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())]
    return "".join(lines).encode()


def _check_seal(folder: Path, names: Iterable[str], found: Mapping[str, bytes], optional: bool) -> None:
    if SEAL not in found:  # written by another program
        return
    sums = _sums(found[SEAL])
    for name in names:
        if name in sums and name not in found and not optional:
            raise ValueError(f"no file {name} in {str(folder)!r}, though one was saved there; copy all of the folder")
        if name in found and sums.get(name) != hashlib.sha256(found[name]).hexdigest():
            raise ValueError(
                f"the file {name} in {str(folder)!r} is damaged, or from another save: it is not the one that {SEAL} "
                f"names; save the prompt again, or delete {SEAL} if you changed the file on purpose"
            )


def _fits(names: Iterable[str], found: Mapping[str, bytes]) -> bool:
    """Whether those of `names` that were `found` are all that the seal names, as it names them."""
    sums = _sums(found[SEAL])
    return {name: hashlib.sha256(found[name]).hexdigest() for name in names if name in found} == {
        name: sums[name] for name in names if name in sums
    }


def _sums(content: bytes) -> dict[str, str]:
    """The digests in a seal, by the names of the files."""
    lines = [line.partition("  ") for line in content.decode(errors="replace").split("\n")]
    return {name: digest for digest, _, name in lines}


def _read_file(path: Path, folder: Path) -> bytes | None:
    """The file's bytes, or None where there is none. A link may lead within the folder or a Hub cache's blobs."""
    if not os.path.lexists(path):
        return None
    try:
        allowed, real = [folder.resolve()], path.resolve()
        if folder.absolute().parent.name == "snapshots":
            allowed.append(folder.absolute().parent.parent.resolve() / "blobs")
        if not any(real.is_relative_to(home) for home in allowed):
            raise ValueError(f"{str(path)!r} is a link out of its folder; put the file itself there")
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{str(path)!r} is no regular file; put a file there, or delete it")
        if path.suffix in (".json", ".sha256") and status.st_size > SMALL:
            raise ValueError(f"{str(path)!r} has {status.st_size:,} bytes, expected at most {SMALL:,}; save again")
        return real.read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        raise ValueError(f"{str(path)!r} cannot be read ({error})") from error


def _state(folder: Path, names: Iterable[str]) -> list[tuple[int, int, int] | None]:
    """What changes when someone writes."""
    state: list[tuple[int, int, int] | None] = []
    for name in [*names, SEAL, SAVED]:
        try:
            status = (folder / name).lstat()
            state.append((status.st_ino, status.st_mtime_ns, status.st_size))
        except OSError:
            state.append(None)
    return state


def _same(first: Path, second: Path) -> bool:
    return second.is_file() and not second.is_symlink() and first.read_bytes() == second.read_bytes()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, if there is one."""
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_file(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the folder's entries last through a loss of power. Windows has no such call for folders."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
