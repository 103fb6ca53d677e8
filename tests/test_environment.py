"""`tools/environment.sh`: what a person may hit on the first run is told in the first line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ["sh", "dirname", "cat", "cksum", "df", "awk", "grep", "tail", "sleep", "rm"]


class Machine:
    """A folder with the environment's script, and a PATH on which only chosen programs are found."""

    def __init__(self, root: Path) -> None:
        self.root, self.programs = root, root / "bin"
        self.programs.mkdir()
        (root / "tools").mkdir()
        for name in ("constraints.txt", "pyproject.toml", "tools/environment.sh"):
            shutil.copy(ROOT / name, root / name)
        for name in NEEDED:
            found = shutil.which(name)
            assert found, name
            (self.programs / name).symlink_to(found)

    def install(self, name: str, script: str) -> None:
        program = self.programs / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def make_environment(self, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": str(self.programs), "PYTHON": "", **variables}
        script = str(self.root / "tools" / "environment.sh")
        return subprocess.run(["sh", script], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_machine_without_a_recent_python_is_told_which_one_is_needed(machine: Machine) -> None:
    machine.install("python3", "exit 1")
    result = machine.make_environment()
    assert result.returncode == 1
    assert result.stderr.startswith("error: Python 3.11 or newer is needed")


def test_a_python_without_venv_is_told_how_to_get_it(machine: Machine) -> None:
    machine.install("python3", f'case "$*" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"')
    result = machine.make_environment()
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "has no venv module" in result.stderr.splitlines()[0]


def test_a_full_disk_is_seen_before_anything_is_installed(machine: Machine) -> None:
    machine.install("python3", f'exec {sys.executable} "$@"')
    machine.install("df", "echo Filesystem; echo /dev/disk 9 9 2097152 9% /")
    result = machine.make_environment()
    assert result.returncode == 1
    assert result.stderr.startswith("error: 2 GB are free on this disk")
    assert not (machine.root / ".venv").exists()


@pytest.mark.slow
def test_a_registry_out_of_reach_is_told_before_pip_s_own_words(machine: Machine) -> None:
    machine.install("python3", f'exec {sys.executable} "$@"')
    nowhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    result = machine.make_environment(**nowhere, PIP_RETRIES="1")
    assert result.returncode == 1
    assert result.stderr.startswith("error: the package registry cannot be reached")
    assert not (machine.root / ".venv" / "installed").exists(), "the next run tries again"
