"""The pages for teachers say what chapters and stored runs say, and notice when these say something else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow
CONF = 'extensions = ["myst_nb", "teaching"]\nnb_execution_mode = "off"\nexclude_patterns = ["chapters"]\n'
CLAIM = "Learning P_θ directly is unstable, and the perceptron mends it."
PAGE = f"""# Page

Reading: {{reading}}`soft-prompts, the-perceptron` minutes. There are {{verdicts}}`does not hold here` such claims.

```{{verdict}} {CLAIM}
:written-for: WRITTEN
```
"""


def built(folder: Path, page: str) -> tuple[str, str]:
    """The built page's text, and what the build complained of."""
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(page)
    if not (folder / "chapters").exists():
        (folder / "chapters").symlink_to(ROOT / "book" / "chapters")
    command = [sys.executable, "-m", "sphinx", "-b", "text", "-E", str(folder), str(folder / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "book" / "_ext")}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return (folder / "out" / "index.txt").read_text(encoding="utf8"), result.stderr


def test_figures_come_from_the_chapters_and_from_the_runs(tmp_path: Path) -> None:
    text, complaints = built(tmp_path, PAGE.replace("WRITTEN", "does not hold here"))
    assert complaints == ""
    assert "Reading: 75 minutes" in text and CLAIM in text
    assert "The paper:" in text and "Here:" in text and "points" in text


def test_prose_that_speaks_of_another_verdict_is_found(tmp_path: Path) -> None:
    page = PAGE.replace("WRITTEN", "holds").replace("the-perceptron`", "no-chapter`")
    _, complaints = built(tmp_path, page)
    assert "the text was written for 'holds'; by the stored runs: does not hold here" in complaints
    assert "expected chapters whose openings say how long they are to read" in complaints
