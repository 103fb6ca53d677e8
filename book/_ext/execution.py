"""How the book's notebooks are executed: in which environment, and when a stored execution still counts.

Used by the Sphinx extension beside it, by `book/conftest.py` (nbval) and by `tools/notebooks.py`.
"""

import hashlib
import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COSTS = ROOT / "book" / "costs.json"  # by chapter, measured by tools/notebooks.py

ENVIRONMENT = {
    "TQDM_DISABLE": "1",  # a progress bar would become part of the page
    "HF_HUB_OFFLINE": "1",  # the course needs no model hub
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def execution_key(root: Path = ROOT) -> str:
    """Names everything outside a notebook that its outputs depend on: the package, the versions, Python itself.

    jupyter-cache compares a notebook's own code only, so a change in the package would leave the old outputs in the
    book. Each key gets its own cache folder instead.
    """
    digest = hashlib.sha256(platform.python_version().encode())
    files = [root / "constraints.txt", *sorted((root / "peft_course").rglob("*"))]
    for path in files:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
