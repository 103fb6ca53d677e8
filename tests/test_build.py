"""`make book`: outputs are never older than the package, and a failure is never forgotten.

A book of one page and a package of one function, built by the course's own tools.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]


class SmallBook:
    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("tools", "book/_ext", "book/_assets"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("_config.yml", "constraints.txt", "book/references.bib"):
            shutil.copy(ROOT / name, root / name)
        toc = "format: jb-book\nroot: page\nchapters:\n- file: other\n- file: second\n"
        (root / "book" / "_toc.yml").write_text(toc)
        (root / "book" / "other.md").write_text("# Another page\n")
        self.executions = root / "executions.txt"
        words = [nbformat.v4.new_markdown_cell("# A second notebook\n\nIt follows {doc}`page`.")]
        nbformat.write(nbformat.v4.new_notebook(cells=words), root / "book" / "second.ipynb")
        self.write_package("def answer():\n    return 42\n")
        self.write_page("The answer")

    def write_package(self, code: str) -> None:
        folder = self.root / "peft_course"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text(code)

    def write_page(self, title: str) -> None:
        code = (
            f"import peft_course\nopen({str(self.executions)!r}, 'a').write('x')\n"
            "print('answer', peft_course.answer(), end='', flush=True)\nprint()\nprint('no doubt')"
        )
        cells = [nbformat.v4.new_markdown_cell(f"# {title}"), nbformat.v4.new_code_cell(code)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), self.root / "book" / "page.ipynb")

    def build(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "tools/book.py"],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def times_executed(self) -> int:
        return len(self.executions.read_text())

    def html(self, page: str = "page") -> str:
        return (self.root / "_build" / "html" / f"{page}.html").read_text(encoding="utf8")

    def colab(self, page: str) -> str:
        return (self.root / "_build" / "html" / "colab" / f"{page}.ipynb").read_text(encoding="utf8")

    def written(self, name: str) -> int:
        """When a file of the built book was written, in nanoseconds."""
        return (self.root / "_build" / "html" / name).stat().st_mtime_ns


@pytest.fixture(scope="module")
def small_book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    return SmallBook(tmp_path_factory.mktemp("small-book"))


@pytest.mark.slow
def test_the_book_follows_the_package(small_book: SmallBook) -> None:
    first = small_book.build()
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"The book is built: {small_book.root / '_build' / 'html' / 'index.html'}" in first.stdout
    assert "executed book/page.ipynb (" in first.stdout, "whoever waits sees that something happens"
    assert "answer 42" in small_book.html()
    assert small_book.html().count('class="output stream') == 1, "what a cell prints is one box, however it came"
    assert "answer 42\nno doubt\n" in small_book.html()
    assert small_book.times_executed() == 1

    untouched = small_book.build()
    assert untouched.stdout.startswith("Nothing has changed")
    assert first.stdout.splitlines()[-1] in untouched.stdout, "it still says where the pages lie"
    assert small_book.times_executed() == 1, "an untouched book is not executed again"

    (small_book.root / "_build" / "html" / "other.html").unlink()
    assert small_book.build().returncode == 0
    assert "Another page" in small_book.html("other"), "a page that was lost is written again"

    files = ("other.html", "colab/second.ipynb")
    written = [small_book.written(name) for name in files]
    small_book.write_page("The answer\n\nIt is known.")
    assert small_book.build().returncode == 0
    assert "It is known." in small_book.html()
    assert "It is known." in small_book.colab("page")
    assert [small_book.written(name) for name in files] == written, (
        "a page and a notebook that show nothing of what has changed are not written again"
    )

    small_book.write_page("The question")
    assert small_book.build().returncode == 0
    assert "The question" in small_book.html("other"), "a new title is shown at the side of every page"
    assert "[The question]" in small_book.colab("second"), "and where a notebook names it"
    assert small_book.times_executed() == 1, "words are no reason to execute anything"

    (small_book.root / "_build" / "whole.json").write_text("")  # as a full disk leaves it
    small_book.write_package("def answer():\n    return 43\n")
    changed = small_book.build()
    assert changed.returncode == 0
    assert "answer 43" in small_book.html()
    assert small_book.times_executed() == 2, changed.stdout + changed.stderr
    assert len(list((small_book.root / "_build" / "executed").iterdir())) == 1, "caches of earlier packages are deleted"

    small_book.write_package("def answer():\n    raise RuntimeError('broken on purpose')\n")
    broken = small_book.build()
    assert broken.returncode != 0
    assert "broken on purpose" in broken.stdout + broken.stderr
    assert "book/page.ipynb is left to the build: CellExecutionError" in broken.stderr
    assert small_book.build().returncode != 0, "a second build does not forget the failure"

    (small_book.root / "book" / "page.ipynb").write_text("<<<<<<< a merge that was not finished")
    unreadable = small_book.build()
    assert unreadable.returncode == 1
    assert unreadable.stderr.startswith("error: book/page.ipynb is no notebook (")
