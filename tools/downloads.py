"""Puts the book's other shapes beside its pages, and links them on the first page. Called by `make downloads`."""

import shutil
import sys
from pathlib import Path

import archive
import epub
import pdf

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from shapes import link  # noqa: E402

SHAPES = (pdf.PDF, epub.EPUB, archive.ARCHIVE)


def publish(built: Path, shapes: tuple[Path, ...] = SHAPES) -> None:
    folder = built / "downloads"
    folder.mkdir(exist_ok=True)
    for shape in shapes:
        shutil.copy(shape, folder)
    link(built)


if __name__ == "__main__":
    publish(archive.BUILT)
    print(f"The book's other shapes are in {archive.BUILT / 'downloads'}, and linked on its first page.")
