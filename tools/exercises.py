"""Makes the exercises out of the solutions: exercises.py [check]

A solution notebook has everything. In a cell with the tag `answer`, what stands between the lines
``### BEGIN SOLUTION`` and ``### END SOLUTION`` is the answer; the lines behind ``### INSTEAD``, without their ``# ``,
take its place in the exercise (``raise NotImplementedError("your code")`` where there is no such line). Cells with the
tag `solution` are left out. `check` writes nothing and fails if a file would change.
"""

import sys

import nbformat
from nbformat import NotebookNode
from notebooks import ROOT, canonical, read

BEGIN, INSTEAD, END = "### BEGIN SOLUTION", "### INSTEAD", "### END SOLUTION"
YOUR_CODE = 'raise NotImplementedError("your code")'


def exercise(solution: NotebookNode) -> NotebookNode:
    """The notebook as it is handed out."""
    nb = canonical(solution)
    nb.cells = [cell for cell in nb.cells if "solution" not in cell.metadata.get("tags", [])]
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if "answer" in cell.metadata.get("tags", []):
            cell.source = without_answer(cell.source)
    return nb


def without_answer(source: str) -> str:
    lines: list[str] = []
    instead: list[str] | None = None
    inside = False
    for line in source.split("\n"):
        word = line.strip()
        if word == BEGIN:
            inside, instead, indent = True, None, line[: len(line) - len(line.lstrip())]
        elif word == INSTEAD:
            instead = []
        elif word == END:
            lines += [indent + YOUR_CODE] if instead is None else instead
            inside = False
        elif instead is not None and inside:
            lines.append(line.replace("# ", "", 1) if word != "#" else "")
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    stale = []
    (ROOT / "exercises").mkdir(exist_ok=True)
    solutions = sorted((ROOT / "solutions").glob("*.ipynb"))
    for path in solutions:
        target = ROOT / "exercises" / path.name
        text = nbformat.writes(exercise(read(path))) + "\n"
        if not target.exists() or target.read_text(encoding="utf8") != text:
            stale.append(target)
            if arguments != ["check"]:
                target.write_text(text, encoding="utf8")
    left = {path.name for path in (ROOT / "exercises").glob("*.ipynb")} - {path.name for path in solutions}
    for target in stale:
        found = "is not what its solution gives; run make exercises" if arguments else "written"
        print(f"exercises/{target.name} {found}")
    for name in sorted(left):
        print(f"exercises/{name} has no solution")
    return 1 if left or (arguments and stale) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
