"""Formulas become MathML while the book is built: pages load no script for them, and nothing moves when they open.

Temml, a JavaScript library kept in the folder beside this file, translates LaTeX; V8 runs it (the package mini-racer).
"""

import functools
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

TEMML = Path(__file__).parent / "temml" / "temml.min.js"
ENVIRONMENT = re.compile(r"\s*\\begin\{(align|gather|alignat|equation|multline)\*?\}")
BASE = r"(<mi>[^<]*</mi>|<mpadded[^>]*><mi>[^<]*</mi></mpadded>)"
PRIME = r'<mo[^>]*class="tml-prime[^"]*">′</mo>'
PRIMED = r'<mrow>\1<mo lspace="0.1em" rspace="0em">′</mo></mrow>'
LEANING = re.compile(r"<msup><mi>([VWY])</mi><(mi|mn|mrow)>")  # Temml makes room for an exponent at other letters
logger = logging.getLogger(__name__)


@functools.cache
def temml() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(TEMML.read_text(encoding="utf8"))
    return engine


@functools.cache
def mathml(latex: str, display: bool = False) -> str:
    """The formula as a <math> element. A ValueError says what Temml does not understand in it."""
    options = {"displayMode": display, "throwOnError": True, "xml": True, "wrap": "none"}
    try:
        formula = low_primes(str(temml().call("temml.renderToString", latex, options)))
    except JSEvalException as error:
        what = re.sub(r"^.*?Error: ", "", str(error).strip().splitlines()[0])
        raise ValueError(f"the formula {latex!r} cannot be set: {what}") from None
    return LEANING.sub(r'<msup><mi>\1</mi><\2 class="tml-lrg-pad">', formula)


def low_primes(formula: str) -> str:
    """The font's prime is raised by itself: as an exponent it would stand far above its letter."""
    formula = re.sub(f"<msup>{BASE}{PRIME}</msup>", PRIMED, formula)
    return re.sub(f"<msubsup>{BASE}{BASE}{PRIME}</msubsup>", rf"<msub>{PRIMED}\2</msub>", formula)


def lines(latex: str) -> str:
    """One formula of what Sphinx calls several: paragraphs are lines, and so is what `\\\\` divides."""
    parts = [part for part in latex.split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    return parts[0] if len(parts) == 1 else r"\begin{aligned}" + r"\\".join(parts) + r"\end{aligned}"


def rendered(node: Any, latex: str, display: bool) -> str:
    try:
        return mathml(latex, display)
    except ValueError as error:
        logger.warning("%s", error, location=node)
        return f"<code>{latex}</code>"


def inline(self: Any, node: nodes.math) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(rendered(node, node.astext(), display=False) + "</span>")
    raise nodes.SkipNode


def block(self: Any, node: nodes.math_block) -> None:
    latex = node.astext()
    numbered = " numbered" if node["number"] else ""
    self.body.append(self.starttag(node, "div", CLASS=f"math notranslate nohighlight{numbered}"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    whole = node["nowrap"] or ENVIRONMENT.match(latex)
    self.body.append(rendered(node, latex if whole else lines(latex), display=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, object]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.add_css_file("formulas/formulas.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
