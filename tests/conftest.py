"""What holds for every test: one thread, no progress bars, no network, no model hub."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools"), str(ROOT / "book" / "_ext")]
from execution import ENVIRONMENT  # noqa: E402

os.environ.update(ENVIRONMENT, TOKENIZERS_PARALLELISM="false")  # before anything imports transformers

import pytest  # noqa: E402
import torch  # noqa: E402
from filelock import FileLock  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

torch.set_num_threads(1)  # the models are tiny, and the same sums come out on every machine
settings.register_profile("course", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("course")


LONGEST = ("test_pages.py", "test_colab.py", "test_grading.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: with several processes none is left alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Teller(config), "teller")


class Teller:
    """Tells of a failure when it happens: a run of half an hour that is stopped has said what it knew."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if report.failed and terminal:
            crash = getattr(report.longrepr, "reprcrash", None)
            terminal.write_line(f"\n{report.nodeid} ({report.when}): {crash.message if crash else report.longreprtext}")


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would leave this machine fails, unless it is marked `network`."""
    if request.node.get_closest_marker("network"):
        return
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"the test opened a connection to {address[0]}; mark it `network` if it must")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the book's pages, built from the outputs stored in the notebooks (nothing is executed).

    All processes of one run (pytest -n 2) share it: the first to come builds it, and the others wait.
    """
    several = "PYTEST_XDIST_WORKER" in os.environ
    folder = (tmp_path_factory.getbasetemp().parent if several else tmp_path_factory.getbasetemp()) / "book"
    with FileLock(f"{folder}.lock"):
        if not (folder / "built").is_file():
            build(folder)
            (folder / "built").touch()
    return folder / "_build" / "html"


def build(folder: Path) -> None:
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "book", "--path-output", str(folder)]
    result = subprocess.run(
        [*command, "--warningiserror", "--nitpick", "--keep-going", "--all"],
        cwd=ROOT,
        env={**os.environ, "BOOK_EXECUTION": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
