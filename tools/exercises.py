"""Makes the exercises, and the book's pages of them, out of the solutions: exercises.py [check]

A solution notebook has everything. In a cell with the tag `answer`, what stands between the lines
``### BEGIN SOLUTION`` and ``### END SOLUTION`` is the answer; the lines behind ``### INSTEAD``, without their ``# ``,
take its place in the exercise (``raise NotImplementedError("your code")`` where there is no such line). Cells with the
tag `solution` are left out. `check` writes nothing and fails if a file would change.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from exercise_pages import answer, page, tags
from nbformat import NotebookNode
from notebooks import ROOT, canonical, read


def exercise(solution: NotebookNode) -> NotebookNode:
    """The notebook as it is handed out."""
    nb = canonical(solution)
    nb.cells = [cell for cell in nb.cells if "solution" not in tags(cell)]
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if "answer" in tags(cell):
            cell.source = answer(cell.source, asked=True)
    return nb


def made() -> Iterator[tuple[Path, str]]:
    """Each file that is made, and what stands in it."""
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        solution = read(path)
        yield ROOT / "exercises" / path.name, nbformat.writes(exercise(solution)) + "\n"
        yield ROOT / "book" / "exercises" / f"{path.stem}.md", page(solution, path.stem)


def main(arguments: list[str]) -> int:
    wanted = dict(made())
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf8") != text]
    for path in stale:
        found = "is not what its solution gives; run make exercises" if arguments else "written"
        print(f"{path.relative_to(ROOT)} {found}")
        if not arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], encoding="utf8")
    there = [*(ROOT / "exercises").glob("*.ipynb"), *(ROOT / "book" / "exercises").glob("[0-9]*.md")]
    left = sorted(path for path in there if path not in wanted)
    for path in left:
        print(f"{path.relative_to(ROOT)} has no solution")
    return 1 if left or (arguments and stale) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
