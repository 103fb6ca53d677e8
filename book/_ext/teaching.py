"""For the pages for teachers: what is said elsewhere, said there out of the same source.

{reading}`the-frozen-model, hard-prompts`
: how long reading those chapters takes, as their openings say, in minutes together.

{verdicts}`holds`
: how many of the papers' claims have this verdict, by the stored runs.

The directive {verdict} with a claim: its verdict, the paper's figures and ours. Its option `written-for` is the verdict
that the prose beside it speaks of: where the runs come to another one, the build says so.
"""

import functools
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

MINUTES = re.compile(r"\*\*Time to read\*\* about (\d+) minutes")
ROW = "**{0.claim}** *{0.verdict}*\n: *The paper:* {0.paper} ({1}).\n\n  *Here:* {0.ours}.\n"


class Reading(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        found = [self.minutes(name.strip()) for name in self.text.split(",")]
        if None in found:
            message = f"{{reading}}`{self.text}`: expected chapters whose openings say how long they are to read"
            return [], [self.inliner.reporter.warning(message, line=self.lineno)]
        return [nodes.Text(str(sum(filter(None, found))))], []

    def minutes(self, chapter: str) -> int | None:
        path = Path(self.env.srcdir) / "chapters" / f"{chapter}.ipynb"
        if not path.is_file():
            return None
        self.env.note_dependency(str(path))
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
        said = MINUTES.search("".join(cells[0]["source"]))
        return int(said[1]) if said else None


class Verdicts(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        number = sum(str(each.verdict) == self.text for each in measured())
        return [nodes.Text(str(number))], []


class Verdict(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"written-for": directives.unchanged_required}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        from peft_course.reproduction import Store
        from peft_course.reproduction.scoreboard import AUTHORS

        self.env.note_dependency(str(Store().path))
        claim, expected = self.arguments[0], self.options.get("written-for")
        found = [each for each in measured() if each.claim == claim]
        if not found or str(found[0].verdict) != expected:
            verdict = found[0].verdict if found else "there is no such claim"
            message = f"{{verdict}} {claim}: the text was written for {expected!r}; by the stored runs: {verdict}"
            return [self.state.document.reporter.warning(message, line=self.lineno)]
        return self.parse_text_to_nodes(ROW.format(found[0], AUTHORS[found[0].source]))


@functools.cache
def measured() -> list[Any]:
    from peft_course.reproduction import ALL_STUDIES, Store, findings

    return findings([*ALL_STUDIES], Store())


def setup(app: Sphinx) -> dict[str, object]:
    app.add_role("reading", Reading())
    app.add_role("verdicts", Verdicts())
    app.add_directive("verdict", Verdict)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
