"""The book's page of an exercise, out of its solution: the tasks, and folded their hints and solutions.

Written by `make exercises` (tools/exercises.py).
"""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

BEGIN, INSTEAD, END = "### BEGIN SOLUTION", "### INSTEAD", "### END SOLUTION"
YOUR_CODE = 'raise NotImplementedError("your code")'
TASK = re.compile(r"## (\d+)\.(\d+) ")
HINT = re.compile(r"<details><summary>(.*?)</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
HEAD = """\
% Made by make exercises out of solutions/{name}.ipynb: change that.

{title}

{opening}

The notebook: {{download}}`{name}.ipynb <../../exercises/{name}.ipynb>`. Its chapter: {{doc}}`../chapters/{chapter}`.
In the notebook a check judges one answer. In a terminal, each of these lines judges all of them:

```console
pytest --nbval {name}.ipynb
peft-course grade {name}.ipynb
```

{{doc}}`index` tells how to begin, and what a check looks at. The notebook's first cell:
"""


def page(solution: NotebookNode, name: str) -> str:
    """The page's MyST text. `name` is the notebook's: ``"04-soft-prompts"``."""
    head, *cells = [cell for cell in solution.cells if "remove-cell" not in tags(cell)]
    title, opening = re.sub(r"<!--.*?-->\n", "", head.source).split("\n\n", 1)
    parts = [HEAD.format(name=name, chapter=name[3:], title=title, opening=opening).rstrip()]
    folded: list[str] = []  # what stands in the solution of the task that is being written
    for cell in cells:
        if (task := TASK.match(cell.source)) and cell.cell_type == "markdown":
            parts += [*fold("Solution", folded), f"(exercise-{task[1]}-{task[2]})=\n{cell.source}"]
            folded = []
        elif "solution" in tags(cell):
            folded += shown(cell)
        elif "answer" in tags(cell):
            parts.append(python(answer(cell.source, asked=True).rstrip() + f'\n\ncheck("{number(cell.source)}")'))
            folded.append(python(answer(cell.source, asked=False)))
        elif "check" not in tags(cell):
            parts += shown(cell)
    return "\n\n".join([*parts, *fold("Solution", folded)]) + "\n"


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def number(source: str) -> str:
    return source.split("\n")[0].removeprefix("# Task ")


def python(source: str) -> str:
    return f"```python\n{source.strip()}\n```"


def shown(cell: NotebookNode) -> Iterator[str]:
    """A cell that is no answer: its text, with hints as dropdowns; or its code, and what this printed."""
    if cell.cell_type == "markdown":
        yield HINT.sub(r":::{dropdown} \1\n\2\n:::", cell.source)
        return
    yield python(cell.source)
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream").rstrip()
    if printed:
        yield f"```text\n{printed}\n```"


def fold(title: str, parts: list[str]) -> list[str]:
    """The parts in a dropdown; nothing for none."""
    return [f"::::{{dropdown}} {title}\n" + "\n\n".join(parts) + "\n::::"] if parts else []


def answer(source: str, asked: bool) -> str:
    """An answer cell as it is handed out (`asked`), or as it is answered, without the lines that mark the answer.

    In between BEGIN and END stands the answer; INSTEAD begins what is there when asked, commented out.
    """
    lines: list[str] = []
    here = None  # the mark that we stand behind
    for line in source.split("\n"):
        word = line.strip()
        if word in (BEGIN, INSTEAD):
            here, indent = word, line[: len(line) - len(line.lstrip())]
            instead = word == INSTEAD
        elif word == END:
            lines += [] if instead or not asked else [indent + YOUR_CODE]
            here = None
        elif here is None or (here == BEGIN and not asked):
            lines.append(line)
        elif here == INSTEAD and asked:
            lines.append(line.replace("# ", "", 1) if word != "#" else "")
    return "\n".join(lines)
