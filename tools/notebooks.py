"""Keeps the notebooks canonical, so that a diff shows a change of content and nothing else.

notebooks.py run [FILE ...]      execute in place and store the outputs
notebooks.py check [FILE ...]    say what is not canonical; exit 1 if anything is
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from execution import COSTS, ENVIRONMENT  # noqa: E402

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
IMAGE_BUDGET = 200_000  # bytes of stored pictures in a notebook, as base64 or SVG
# What nbval does not see, or what would make a wrong notebook pass.
FORBIDDEN = ("clear_output", "input(", "NBVAL_", "# noqa")
FORBIDDEN_TAGS = {"raises-exception", "nbval-skip", "nbval-ignore-output", "nbval-raises-exception"}
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"  # kilobytes, on Linux
SETUP = """\
# On Colab this installs the course; elsewhere it does nothing.
import importlib.util

if importlib.util.find_spec("peft_course") is None:
    %pip install --quiet peft-course"""


def all_notebooks() -> list[Path]:
    folders = (ROOT / "book", ROOT / "solutions")
    return sorted(p for f in folders for p in f.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def canonical(nb: NotebookNode) -> NotebookNode:
    """A copy without what differs from run to run: times, warnings, progress bars, editors' settings."""
    nb = nbformat.from_dict(nb)
    nb.nbformat_minor = 5
    kept = {key: nb.metadata[key] for key in ("mystnb",) if key in nb.metadata}
    nb.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"}, **kept)
    count = 0
    for cell in nb.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in ("tags", "mystnb") and v})
        if cell.cell_type != "code":
            continue
        executed = cell.execution_count is not None
        count += executed
        cell.execution_count = count if executed else None
        cell.outputs = canonical_outputs(cell.outputs, cell.execution_count)
    strip_pictures(nb)
    return nb


def canonical_outputs(outputs: list[NotebookNode], count: int | None) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
        elif "data" in output:
            if "application/vnd.jupyter.widget-view+json" in output.data:
                continue
            output.metadata = NotebookNode()
        if output.output_type == "execute_result":
            output.execution_count = count
        kept.append(output)
    return merged_streams(kept)


def merged_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What a cell prints in a row as one text. It comes in pieces, cut anywhere, and each would be a box on a page."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if kept and output.output_type == kept[-1].output_type == "stream" and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def strip_pictures(nb: NotebookNode) -> None:
    """Drops the largest stored pictures until the rest fits the budget; the built book draws them all again."""
    bundles = [o.data for c in nb.cells if c.cell_type == "code" for o in c.outputs if "data" in o]
    pictures = sorted((len(data[kind]), i, kind) for i, data in enumerate(bundles) for kind in IMAGES if kind in data)
    total = sum(size for size, _, _ in pictures)
    while total > IMAGE_BUDGET:
        size, i, kind = pictures.pop()
        del bundles[i][kind]
        total -= size


def execute(path: Path) -> None:
    """Runs the notebook in its own folder and stores it, outputs included, in canonical form; and what that cost."""
    os.environ.update(ENVIRONMENT)
    nb = read(path)
    nb.cells.append(nbformat.v4.new_code_cell(PEAK))
    started = time.perf_counter()
    NotebookClient(nb, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    seconds, peak = time.perf_counter() - started, int(nb.cells.pop().outputs[0].text) / 1000
    if ROOT / "book" in path.resolve().parents:  # the book says what its chapters cost
        note_cost(path, seconds, peak)
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                print(f"note: {path.name} wrote to stderr (not stored): {output.text.strip()}", file=sys.stderr)
    nbformat.write(canonical(nb), path)


def note_cost(path: Path, seconds: float, megabytes: float) -> None:
    """Keeps the seconds and the peak memory of a run, rounded up: the next run's differ a little."""
    known = json.loads(COSTS.read_text()) if COSTS.is_file() else {}
    known[path.stem] = {"seconds": -int(-seconds // 5) * 5, "megabytes": -int(-megabytes // 100) * 100}
    COSTS.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def problems(path: Path) -> list[str]:
    """What keeps a notebook from being canonical and fully compared by nbval, a sentence each."""
    nb = read(path)
    found = []
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    if path.read_text(encoding="utf8") != nbformat.writes(canonical(nb)) + "\n":
        found.append(f"the file is not in canonical form: tools/notebooks.py run {path}")
    if not code or code[0].source.strip() != SETUP or "remove-cell" not in code[0].metadata.get("tags", []):
        found.append('the first code cell must be tagged "remove-cell" and read:\n' + SETUP)
    for number, cell in enumerate(code, start=1):
        if cell.execution_count is None:
            found.append(f"code cell {number} has no stored execution, so nbval would not compare it")
        found += [f"code cell {number} uses {word!r}" for word in FORBIDDEN if word in cell.source]
        if cell.source.rstrip().endswith(";"):
            found.append(f"code cell {number} ends in ';', which nbval does not honour: assign the value to _ instead")
        tags = FORBIDDEN_TAGS & set(cell.metadata.get("tags", []))
        found += [f"code cell {number} has the tag {tag!r}" for tag in sorted(tags)]
        if any(output.output_type == "error" for output in cell.outputs):
            found.append(f"code cell {number} stores an error")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["run", "check"])
    parser.add_argument("files", nargs="*", type=Path, help="notebooks (default: all of the book)")
    arguments = parser.parse_args()
    failed = False
    for path in arguments.files or all_notebooks():
        print(path)
        if arguments.verb == "run":
            execute(path)
        for problem in problems(path):
            failed = True
            print(f"  {problem}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
