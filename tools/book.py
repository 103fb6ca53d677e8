"""Builds the book into _build/html; a warning or a failing cell fails the build. Called by `make book`.

What has not changed since the last whole book is taken over from it: outputs, and pages.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from execution import COSTS, ENVIRONMENT, cache_folder, execution_key, fingerprint  # noqa: E402

# Each notebook's kernel says so when it starts; it speaks with this machine alone.
NOISE = "Kernel is running over TCP without encryption"
WHOLE = ROOT / "_build" / "whole.json"  # there as long as the last book is whole; in it, what it was made of
PAGES = ROOT / "_build" / "html"
BUILT = f"The book is built: {PAGES / 'index.html'}"


def common() -> str:
    """A fingerprint of what every page depends on, and of which Sphinx takes no notice."""
    book = ROOT / "book"
    files = [ROOT / "_config.yml", ROOT / "constraints.txt", Path(__file__), book / "_toc.yml", COSTS]
    return fingerprint([*files, *sorted((book / "_ext").glob("*.py"))])


def code() -> str:
    """A fingerprint of what the notebooks' outputs depend on: the package, and their cells."""
    return hashed(execution_key(), [*notebooks().values()], os.environ.get("BOOK_EXECUTION"))


def sources() -> str:
    """A fingerprint of the pages' own files, and of the settings in the environment."""
    folders = (ROOT / name for name in ("book", "exercises", "solutions"))
    files = fingerprint(path for folder in folders for path in sorted(folder.rglob("*")))
    return hashed(files, sorted(item for item in os.environ.items() if item[0].startswith("BOOK_")))


def pages() -> int:
    """How many pages lie there: one that was lost is written again."""
    return sum(1 for _ in PAGES.rglob("*.html"))


def hashed(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def notebooks() -> dict[Path, list[object]]:
    """The notebooks and their code. Ends the program, in one sentence, where one cannot be read."""
    found = {}
    for path in sorted((ROOT / "book").rglob("*.ipynb")):
        try:
            cells = json.loads(path.read_text(encoding="utf8"))["cells"]
            found[path] = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        except (ValueError, LookupError, TypeError) as error:
            sys.exit(f"error: {path.relative_to(ROOT)} is no notebook ({error}); restore it, or finish its merge")
    return found


def last_build() -> dict[str, object]:
    """What the last book was made of, where it is whole."""
    try:
        return json.loads(WHOLE.read_text())
    except (FileNotFoundError, ValueError):  # a full disk leaves an empty file
        return {}


def main() -> int:
    last, now = last_build(), {"common": common(), "code": code(), "sources": sources()}
    if last == {**now, "pages": pages()}:
        print(f"Nothing has changed since the last build.\n{BUILT}")
        return 0
    if os.environ.get("BOOK_EXECUTION") != "off" and last.get("code") != now["code"]:
        from ahead import execute_ahead  # here, since it loads what a book that has not changed does not need

        os.environ.update(ENVIRONMENT)
        settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
        execute_ahead([*notebooks()], cache_folder(ROOT / "_build"), settings["execute"]["timeout"])
    options = ["--warningiserror", "--nitpick", "--keep-going"]
    if last.get("common") != now["common"]:
        # Every page is read anew (executions come from the cache): one that failed in an earlier build would otherwise
        # be taken over from there, and the failure with it would be forgotten.
        options.append("--all")
    WHOLE.unlink(missing_ok=True)
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "book", *options]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as build:
        try:
            for line in build.stderr or ():
                if NOISE not in line:
                    print(line, end="", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            build.kill()  # Sphinx would go on for seconds
            raise
    if build.returncode:
        print("\nerror: the book was not built; the warnings above say why.", file=sys.stderr)
        print("A failing cell's traceback is in _build/html/reports.", file=sys.stderr)
        return 1
    WHOLE.write_text(json.dumps({**now, "pages": pages()}))
    print(f"\n{BUILT}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped. What has been executed is kept, and the next build goes on from there.", flush=True)
        os._exit(130)  # at once; a kernel ends when its parent does
