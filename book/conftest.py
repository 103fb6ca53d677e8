"""`pytest --nbval book/` runs the notebooks and compares what they print; pictures and warnings are not compared."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
from execution import ENVIRONMENT

os.environ.update(ENVIRONMENT)


def pytest_collectstart(collector: pytest.Collector) -> None:
    if hasattr(collector, "skip_compare"):
        # Every HTML output has a text form beside it, and that is compared.
        collector.skip_compare += ("image/svg+xml", "text/html", "stderr")
