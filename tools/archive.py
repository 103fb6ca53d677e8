"""Packs the built book into _build/peft-course-book.zip, to be read from a disk. Called by `make zip`.

The file is the same, bit for bit, whenever the pages are.
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from shapes import linked  # noqa: E402

BUILT, ARCHIVE = ROOT / "_build" / "html", ROOT / "_build" / "peft-course-book.zip"
FOLDER = "peft-course-book"  # in which it unpacks
# What Sphinx keeps for itself, what went wrong once, and the book's other shapes.
LEFT_OUT = (".buildinfo", ".nojekyll", "_print.html", "_sources", "downloads", "reports")


def write_zip(target: Path, files: dict[str, bytes], first: dict[str, bytes] | None = None) -> None:
    """Files in the order of their names, without times and owners; `first` stands before them, uncompressed."""
    entries = [*(first or {}).items(), *sorted(files.items())]
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if first and name in first else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)


def make(built: Path = BUILT, archive: Path = ARCHIVE) -> None:
    paths = [p for p in built.rglob("*") if p.is_file() and not set(p.relative_to(built).parts) & set(LEFT_OUT)]
    files = {path.relative_to(built).as_posix(): path.read_bytes() for path in paths}
    files["index.html"] = linked(files["index.html"].decode(), set(files)).encode()
    write_zip(archive, {f"{FOLDER}/{name}": data for name, data in files.items()})


if __name__ == "__main__":
    if not (BUILT / "index.html").is_file():
        sys.exit(f"error: there is no book in {BUILT}: make book")
    make()
    print(f"The zip is made: {ARCHIVE}")
