"""When a file of a clone was committed, found out without believing the clone."""

import contextlib
import os
import re
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path


def committed(file: Path, place: Path) -> datetime | None:
    """The time of the last commit of a clone in `place` that changed the file; None where git does not know it.

    A learner's folder may come with a configuration of git that runs programs. It is not read: git looks at the
    objects alone, from an empty repository of ours.
    """
    above = [folder for folder in file.parents if folder.is_relative_to(place)]
    clones = (folder for folder in above if (folder / ".git").is_dir() and not (folder / ".git").is_symlink())
    clone = next(clones, None)
    head = _head(clone / ".git") if clone else None
    if clone is None or head is None:
        return None
    ours = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ.get("PATH", os.defpath)}
    with tempfile.TemporaryDirectory() as empty, contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        subprocess.run(["git", "init", "--quiet", "--bare", empty], env=ours, check=True, capture_output=True)
        there = ours | {"GIT_DIR": empty, "GIT_OBJECT_DIRECTORY": str((clone / ".git" / "objects").resolve())}
        name = file.relative_to(clone).as_posix()
        command = ["git", "--literal-pathspecs", "log", "-1", "--format=%cI", head, "--", name]
        said = subprocess.run(command, env=there, check=True, capture_output=True, text=True, timeout=60)
        return datetime.fromisoformat(said.stdout.strip())
    return None


def _head(git: Path) -> str | None:
    """The commit that is checked out."""
    with contextlib.suppress(OSError, ValueError):
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if head.startswith("ref: refs/heads/") and ".." not in head:
            name = head.removeprefix("ref: ")
            if (git / name).is_file():
                head = (git / name).read_text(encoding="ascii").strip()
            else:
                packed = (git / "packed-refs").read_text(encoding="utf8").splitlines()
                head = next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
        return head if re.fullmatch(r"[0-9a-f]{40}", head) else None
    return None
