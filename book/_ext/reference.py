"""The package's docstrings for the reference page: what is plain to read in the source becomes reStructuredText."""

import re
from typing import Any

from sphinx.application import Sphinx

LITERAL, ROLE, NAME = r"``.*?``", r":[\w:]+:`[^`]*`", r"`([^`]+)`(?=(\w?))"
BACKTICKS = re.compile(f"{LITERAL}|{ROLE}|{NAME}", re.DOTALL)
NOT_OURS = {str(kind.__doc__).splitlines()[0] for kind in (dict, float, int, str, tuple)}
PROTOCOLS = re.compile(r"peft_course\.(frozen\.Prompts|reading\.Around)")  # all that lower floors know of a prompt


def mark_up(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Single backticks name a thing in the source, `Score`s say; Sphinx would take that for a link that is not closed.

    What has no words of its own gets none: Sphinx would print those of `dict` or `float`.
    """
    if lines and lines[0] in NOT_OURS:
        lines.clear()
    lines[:] = BACKTICKS.sub(_literal, "\n".join(lines)).split("\n")


def _literal(found: re.Match[str]) -> str:
    name, letter = found.groups()
    return f"``{name}``" + "\\ " * bool(letter) if name else found[0]


def plain(app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returns: str) -> tuple[str, str]:
    """Signatures in the reader's words: no folder of this machine, and defaults that Sphinx can parse."""
    signature = re.sub(r"\w+Path\('[^']*/(?=peft_course/)", "Path('", signature or "").replace("<factory>", "...")
    return PROTOCOLS.sub("peft_course.prompts.prompt.Prompt", signature), returns


def setup(app: Sphinx) -> dict[str, object]:
    app.setup_extension("sphinx.ext.autodoc")
    app.add_css_file("back.css")
    app.connect("autodoc-process-docstring", mark_up)
    app.connect("autodoc-process-signature", plain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
