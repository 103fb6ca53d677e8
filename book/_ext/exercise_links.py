"""The directive {exercises} with a chapter's number: the titles of its tasks, each a link to the task's page.

Which tasks there are, and what they are called, stands in the page alone, which `make exercises` makes.

A class's own build leaves the solutions out of these pages: BOOK_SOLUTIONS=off in the environment, or
`exercise_solutions: false` under sphinx.config in _config.yml.
"""

import os
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

LABEL = re.compile(r"^\((exercise-\d+-\d+)\)=$", re.MULTILINE)
SOLUTION = re.compile(r"^::::\{dropdown\} Solution\n.*?^::::\n", re.MULTILINE | re.DOTALL)


class Exercises(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        number = self.arguments[0]
        pages = sorted((Path(self.env.srcdir) / "exercises").glob(f"{number:>02}-*.md"))
        if len(pages) != 1:
            message = f"{{exercises}} {number}: expected one page book/exercises/{number:>02}-….md, found {len(pages)}"
            return [self.state.document.reporter.warning(message, line=self.lineno)]
        self.env.note_dependency(str(pages[0]))  # another title there, and this page is read again
        labels = LABEL.findall(pages[0].read_text(encoding="utf8"))
        return self.parse_text_to_nodes("\n".join(f"- {{ref}}`{label}`" for label in labels))


def read_switch(app: Sphinx, config: Config) -> None:
    if os.environ.get("BOOK_SOLUTIONS") == "off":
        config["exercise_solutions"] = False


def leave_solutions_out(app: Sphinx, docname: str, source: list[str]) -> None:
    if not app.config.exercise_solutions and docname.startswith("exercises/"):
        source[0] = SOLUTION.sub("", source[0])


def setup(app: Sphinx) -> dict[str, object]:
    app.add_directive("exercises", Exercises)
    app.add_config_value("exercise_solutions", True, "env", bool)  # another value, and every page is read again
    app.connect("config-inited", read_switch)
    app.connect("source-read", leave_solutions_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
