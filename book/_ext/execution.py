"""How the book's notebooks are executed: in which environment, and when a stored execution still counts.

Used by the Sphinx extension beside it, by `book/conftest.py` (nbval) and by `tools/`.
"""

import hashlib
import platform
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COSTS = ROOT / "book" / "costs.json"  # by chapter, measured by tools/notebooks.py

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # the models are tiny: a second thread wins nothing, and sums depend on their number
    "TQDM_DISABLE": "1",  # a progress bar would become part of the page
    "HF_HUB_OFFLINE": "1",  # the course needs no model hub
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PEFT_COURSE_FIGURES": "static",  # peft_course.widgets: nobody is there to operate them
}


def execution_key(root: Path = ROOT) -> str:
    """Names everything outside a notebook that its outputs depend on: the package, the versions, Python itself.

    jupyter-cache compares a notebook's own code only, so a change in the package would leave the old outputs in the
    book. Each key gets its own cache folder instead.
    """
    files = [root / "constraints.txt", *sorted((root / "peft_course").rglob("*"))]
    return f"{platform.python_version()}-{fingerprint(files, root)}"


def cache_folder(build: Path) -> Path:
    """Where the executions of the present package are kept, in the folder of the built book."""
    return build / "executed" / execution_key()


def fingerprint(files: Iterable[Path], root: Path = ROOT) -> str:
    """A hash of the names and contents of `files`, all in `root`; folders and what Python keeps are left out."""
    digest = hashlib.sha256()
    for path in files:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
