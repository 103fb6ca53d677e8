"""Builds the book into _build/html; a warning or a failing cell fails the build. Called by `make book`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Each notebook's kernel says so when it starts; it speaks with this machine alone.
NOISE = "Kernel is running over TCP without encryption"


def main() -> int:
    # --all reads every page anew (executions come from the cache): a page that failed in an earlier build would
    # otherwise be taken over from there, and the failure with it would be forgotten.
    options = ["--all", "--warningiserror", "--nitpick", "--keep-going"]
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "book", *options]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as build:
        for line in build.stderr or ():
            if NOISE not in line:
                print(line, end="", file=sys.stderr, flush=True)
    if build.returncode:
        print("\nerror: the book was not built; the warnings above say why.", file=sys.stderr)
        print("A failing cell's traceback is in _build/html/reports.", file=sys.stderr)
        return 1
    print(f"\nThe book is built: {ROOT / '_build' / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
