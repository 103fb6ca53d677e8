"""What must agree between files: versions, dependencies, addresses, sizes."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import notebooks
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf8"), re.MULTILINE))
# Written in pieces, so that this file does not find itself.
FORBIDDEN = ["/work" + "/", "/home" + "/", "/root" + "/", "/tmp" + "/", "file:" + "//", "TO" + "DO", "FIX" + "ME"]
KILOBYTE = 1024


def tracked(*patterns: str) -> list[Path]:
    """The repository's files by git; without git, all of them."""
    result = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip("this is not a git repository")
    return [ROOT / name for name in result.stdout.splitlines() if (ROOT / name).is_file()]


def name_of(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found, requirement
    return found[0].lower().replace("_", "-")


def imported(code: str, in_functions: bool = True) -> set[str]:
    """The top-level modules that some Python code imports; none for relative imports."""
    found, tree = set(), ast.parse(code)
    for node in ast.walk(tree) if in_functions else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def code_of(path: Path) -> str:
    if path.suffix == ".py":
        return path.read_text(encoding="utf8")
    cells = [cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    return "\n".join(re.sub(r"^(\s*)[%!].*$", r"\1pass", cell, flags=re.MULTILINE) for cell in cells)


def test_the_version_is_the_same_everywhere() -> None:
    import peft_course

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert peft_course.__version__ == PROJECT["version"] == citation["version"]


def test_everything_imported_is_a_declared_dependency() -> None:
    package, books = (ROOT / "peft_course").rglob("*.py"), notebooks.all_notebooks()
    needed = [*PROJECT["dependencies"], *EXTRAS["dask"], *EXTRAS["class"]]
    declared = {name_of(requirement).replace("-", "_") for requirement in needed}
    # notebooks look for IPython and peft before they use them; pytest itself loads its plugin
    for files, elsewhere in ((package, {"IPython", "pytest"}), (books, {"IPython", "peft"})):
        modules = set().union(*(imported(code_of(path)) for path in files))
        outside = modules - set(sys.stdlib_module_names) - {"peft_course"}
        assert outside - declared == elsewhere & outside


def test_what_an_extra_brings_is_imported_only_where_it_is_used() -> None:
    optional = {name_of(requirement) for requirement in [*EXTRAS["dask"], *EXTRAS["class"]]}
    always = [imported(code_of(path), in_functions=False) for path in (ROOT / "peft_course").rglob("*.py")]
    assert optional & set().union(*always) == set()


def test_every_dependency_is_pinned_in_the_environment() -> None:
    needed = [*PROJECT["dependencies"], *EXTRAS["book"], *EXTRAS["test"], *EXTRAS["dask"], *EXTRAS["class"]]
    pinned = {name_of(name) for name in PINS} | {PROJECT["name"]}  # its extra "test" asks for other extras of it
    assert [requirement for requirement in needed if name_of(requirement) not in pinned] == []


def test_pins_name_no_build_of_one_machine() -> None:
    assert [pin for pin in PINS.items() if "+" in pin[1]] == []
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line)] == []


def test_the_repository_s_address_is_written_once() -> None:
    address = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["repository"]["url"]
    text = tracked("book/**.md", "book/**.ipynb", "peft_course/**.py", "tools", ".github", "Makefile")
    assert [path for path in text if address in path.read_text(encoding="utf8")] == []


def test_no_file_names_a_place_on_one_machine_or_work_left_over() -> None:
    kinds = {".py", ".md", ".ipynb", ".toml", ".yml", ".sh", ".txt", ".cff", ".bib", ".css", ""}
    found = []
    for path in tracked():
        if path.suffix in kinds and path.name != "LICENSE":
            text = re.sub(r'"image/png": ".*?"', "", path.read_text(encoding="utf8"))  # its letters are no words
            found += [f"{path.relative_to(ROOT)}: {word}" for word in FORBIDDEN if word in text]
    assert found == []


def test_no_file_is_too_large() -> None:
    allowed = {".safetensors": 20_000, ".js": 1_500, ".ipynb": 600, ".json": 400, ".jsonl": 5_000}
    sizes = {path: path.stat().st_size / KILOBYTE for path in tracked()}
    assert [path for path, size in sizes.items() if size > allowed.get(path.suffix, 200)] == []
