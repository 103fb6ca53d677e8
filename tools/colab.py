"""Runs the Colab edition as a reader does: each notebook alone, in an empty folder, with nothing but the wheel.

colab.py run [--edition FOLDER] [--instead FOLDER] [NAME ...]

NAME is a page, such as chapters/soft-prompts or exercises/04-soft-prompts; all of the edition by default. The edition
is what `make book` left in _build/html/colab. Exercises run with the answers of their solutions, and are graded.

The environment is fresh for each notebook. It has the packages of this one, but not the repository: the notebook's own
first cell installs the wheel, which is built here and stands in for the released one. pip may download nothing.
--instead has packages that take the place of this environment's: Colab's versions, put there by `pip install --target`.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from execution import ENVIRONMENT  # noqa: E402

EDITION = ROOT / "_build" / "html" / "colab"
OURS = re.compile(r"peft_course|__editable__")
KERNEL = "colab-edition"
WHERE = "import peft_course; print(peft_course.__file__)"


def build_wheel(folder: Path) -> Path:
    """The wheel of the repository, in `folder`."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "peft_course"):
        (source / name).symlink_to(ROOT / name)  # setuptools leaves its build folder here, not in the repository
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    return next(folder.glob("*.whl"))


def entry(path: Path) -> str:
    """What stands for one thing among the packages: two versions' metadata are of one distribution."""
    return path.name.split("-")[0].lower() + path.suffix if path.suffix == ".dist-info" else path.name


class FreshEnvironment:
    """A Python that sees the packages of this one, but neither the repository nor the course."""

    def __init__(self, folder: Path, wheel: Path, instead: Path | None = None) -> None:
        self.folder = folder
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self.site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        brought = folder / "brought"
        brought.mkdir()
        packages = {entry(path): path for path in Path(sysconfig.get_path("purelib")).iterdir()}
        packages |= {entry(path): path.resolve() for path in instead.iterdir()} if instead else {}
        for package in packages.values():
            if not OURS.search(package.name) and package.suffix != ".pth":
                (brought / package.name).symlink_to(package)
        (self.site / "brought.pth").write_text(f"{brought}\n")
        spec = folder / "share" / "jupyter" / "kernels" / KERNEL
        spec.mkdir(parents=True)
        command = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": KERNEL}))
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.variables = {**kept, **ENVIRONMENT, **pip, "PATH": path, "CUDA_VISIBLE_DEVICES": ""}

    def execute(self, nb: NotebookNode, folder: Path) -> str:
        """Runs the cells in `folder`, keeps their outputs in `nb`, and gives the file of the imported course."""
        os.environ["JUPYTER_PATH"] = str(self.folder / "share" / "jupyter")
        nb.cells.append(nbformat.v4.new_code_cell(WHERE))
        client = NotebookClient(nb, timeout=900, kernel_name=KERNEL, resources={"metadata": {"path": str(folder)}})
        client.execute(env=self.variables)
        return str(nb.cells.pop().outputs[0].text).strip()

    def installed(self) -> list[str]:
        """What was installed here, beside what was brought."""
        return sorted(path.name for path in self.site.iterdir() if path.suffix == ".dist-info")


def with_answers(nb: NotebookNode, name: str) -> NotebookNode:
    """The exercise's notebook with the answers of its solution, which has the same cells."""
    solution = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
    answers = {cell.id: cell.source for cell in solution.cells if "answer" in cell.metadata.get("tags", [])}
    for cell in nb.cells:
        cell.source = answers.get(cell.id, cell.source)
    return nb


def printed(nb: NotebookNode) -> str:
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


def run(name: str, edition: Path, wheel: Path, instead: Path | None = None) -> list[str]:
    """Runs the notebook of the page `name`; gives what is wrong, a sentence each."""
    nb = nbformat.read(edition / f"{name}.ipynb", as_version=4)
    exercise = name.startswith("exercises/")
    if exercise:
        nb = with_answers(nb, Path(name).name)
    with tempfile.TemporaryDirectory() as place:
        environment = FreshEnvironment(Path(place) / "environment", wheel, instead)
        folder = Path(place) / "empty"
        folder.mkdir()
        if exercise:  # the last cell grades what lies beside it, as it would be uploaded
            nbformat.write(nb, folder / "uploaded.ipynb")
        imported = environment.execute(nb, folder)
        installed = environment.installed()
    problems = []
    if not imported.startswith(str(environment.site)):
        problems.append(f"imported {imported}, which is not the wheel's")
    if len(installed) != 1 or not installed[0].startswith("peft_course-"):
        problems.append(f"installed {installed}, expected the course alone")
    if exercise:
        tasks = sum("check" in cell.metadata.get("tags", []) for cell in nb.cells)
        checked = len(re.findall(r"^✓ ", printed(nb), re.MULTILINE))
        graded = len(re.findall(r"^  \d+\.\d+ .* (\d+)/\1 ", printed(nb), re.MULTILINE))  # in the last cell's table
        if (checked, graded) != (tasks, tasks):
            problems.append(f"of {tasks} tasks {checked} passed their checks, and {graded} peft-course grade")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["run"])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--edition", type=Path, default=EDITION, metavar="FOLDER")
    parser.add_argument("--instead", type=Path, metavar="FOLDER")
    arguments = parser.parse_intermixed_args()  # options may stand among the names
    everything = sorted(path.relative_to(arguments.edition) for path in arguments.edition.rglob("*.ipynb"))
    names = arguments.names or [path.with_suffix("").as_posix() for path in everything]
    if not names:
        print(f"there is no edition in {arguments.edition}: make book")
        return 1
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        for name in names:
            started = time.perf_counter()
            try:
                problems = run(name, arguments.edition, wheel, arguments.instead)
            except Exception as error:
                problems = [str(error)]
            failed += [name] * bool(problems)
            print(f"{name}: {'; '.join(problems) or 'ok'} ({time.perf_counter() - started:.0f} s)", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
