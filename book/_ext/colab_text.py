"""The text of a page as Jupyter and Colab show it: MyST's directives and roles become plain Markdown.

MyST's own parser says where they stand; everything else is taken over as it is written. What only the book knows
(where a reference leads, the number of a figure, the source that is included) is asked of a `Known`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Protocol

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role.index import myst_role
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

DIRECTIVE = re.compile(r"\{([\w:-]+)\}\s*(.*)", re.DOTALL)
OPTION = re.compile(r":([\w-]+):\s*(.*)")
ADMONITIONS = ("attention", "caution", "danger", "error", "hint", "important", "note", "seealso", "tip", "warning")
LOOKS = {"class", "class-container", "class-title", "icon", "color", "width", "align", "nonumber", "open", "animate"}
MARKS = {"quiz-right": "✓ ", "quiz-wrong": "✗ "}  # on the page it is the colour of the answer's edge
DROPPED = ("myst_line_comment", "myst_target", "myst_block_break")
REFUSED = ("amsmath", "dl_open", "field_list_open", "footnote_block_open", "footnote_ref", "front_matter", "span_open")
REFUSED = (*REFUSED, "substitution_block", "substitution_inline")


class UnknownMarkupError(ValueError):
    """Text that has no counterpart in a notebook yet."""


class Known(Protocol):
    """What the book knows of one of its pages. Each answer is Markdown, and raises UnknownMarkupError for none."""

    def role(self, name: str, content: str) -> str: ...
    def equation(self, label: str) -> str: ...  # its number: "(3.1)"
    def figure(self, label: str) -> str: ...  # "Fig. 3.1"
    def picture(self, path: str) -> str: ...  # a data URI
    def source(self, path: str, options: dict[str, str]) -> tuple[str, str]: ...  # the language, the lines
    def elsewhere(self, directive: str, argument: str) -> str: ...  # for what only the page can show


@dataclass
class Directive:
    name: str
    argument: str
    options: dict[str, str]
    body: str

    @classmethod
    def of(cls, token: Token) -> "Directive | None":
        found = DIRECTIVE.match(token.info) if token.type in ("fence", "colon_fence") else None
        if found is None:
            return None
        lines, options = token.content.rstrip("\n").split("\n"), {}
        while lines and (option := OPTION.fullmatch(lines[0])):
            options[option[1]] = option[2]
            lines.pop(0)
        return cls(found[1], found[2].strip(), options, "\n".join(lines).strip("\n"))


class Text:
    """Turns the MyST of one page into Markdown: ``Text(known, extensions).markdown(myst)``."""

    def __init__(self, known: Known, extensions: Iterable[str]) -> None:
        self.known = known
        self.parser = create_md_parser(MdParserConfig(enable_extensions=set(extensions)), RendererHTML)
        self.parser.inline.ruler.at("myst_role", _role_with_its_source)
        self.titles: dict[str, str] = {}  # of exercises, by label
        boxes: dict[str, Callable[[Directive], str]] = dict.fromkeys(("admonition", *ADMONITIONS), self._admonition)
        folds = {"dropdown": self._dropdown, "exercise": self._exercise, "solution": self._solution}
        self.directives = {**boxes, **folds, "figure": self._figure, "literalinclude": self._source}
        self.directives |= dict.fromkeys(("interactive", "playground", "exercises"), self._elsewhere)

    def markdown(self, myst: str) -> str:
        """Raises UnknownMarkupError, which names the directive, role or syntax that has no counterpart."""
        text = self._converted(myst)
        for token in _all(self.parser.parse(text)):
            if Directive.of(token) or token.type in ("myst_role", "math_block_label", "colon_fence", *DROPPED):
                raise UnknownMarkupError(f"{token.type} is left in the text: {token.content or token.info!r}")
        return text

    def _converted(self, myst: str) -> str:
        """Replaces, from top to bottom, what is not plain Markdown."""
        done, at, parts = 0, 0, []
        starts = [0, *(found.end() for found in re.finditer("\n", myst))]
        for token in _all(self.parser.parse(myst)):
            if token.map:
                at = max(at, starts[token.map[0]])
            if token.type in REFUSED or (token.type == "link_open" and not _leads_out(token)):
                what = token.attrs.get("href", token.content) or token.markup
                raise UnknownMarkupError(f"a notebook cannot show {token.type.removesuffix('_open')} {what!r}")
            if token.type == "myst_role":
                found = _spread(token.meta["source"]).search(myst, at)
                assert found, token.meta["source"]
                begin, end, new = *found.span(), self.known.role(token.meta["name"], " ".join(token.content.split()))
            elif token.map and (block := self._block(token)) is not None:
                begin = starts[token.map[0]]
                end = starts[token.map[1]] - 1 if token.map[1] < len(starts) else len(myst)
                new = _indented(block, myst[begin:end].split("\n")[0], token.markup)
            else:
                continue
            parts += [myst[done:begin], new]
            done = at = end
        return "".join([*parts, myst[done:]]).strip("\n")

    def _block(self, token: Token) -> str | None:
        """What takes the place of a block; None where it stays."""
        if token.type in DROPPED:
            return ""
        if token.type == "math_block_label":
            tag = self.known.equation(token.info).strip("()")
            return f"\n$$\n{token.content.strip()} \\tag{{{tag}}}\n$$\n"
        directive = Directive.of(token)
        if directive is None:
            return None
        if directive.name not in self.directives:
            raise UnknownMarkupError(f"the directive {{{directive.name}}} is not known; {__name__} has those that are")
        return f"\n{self.directives[directive.name](directive)}\n"

    def _title(self, text: str) -> str:
        """One line as HTML, in which Markdown would not be read: a summary."""
        plain = MarkdownIt("commonmark").use(dollarmath_plugin)
        plain.add_render_rule("math_inline", _tex)
        return plain.renderInline(self._converted(text))

    def _details(self, title: str, body: str) -> str:
        return f"<details>\n<summary>{self._title(title)}</summary>\n\n{body}\n\n</details>"

    def _dropdown(self, directive: Directive) -> str:
        _options(directive, "name")
        mark = MARKS.get(directive.options.get("class-container", ""), "")
        return self._details(directive.argument, mark + self._converted(directive.body))

    def _admonition(self, directive: Directive) -> str:
        _options(directive, "name")
        given = directive.argument if directive.name == "admonition" else ""
        title = self._converted(given) if given else directive.name.capitalize()
        # of a directive that has no title, the first line is where the text begins
        start = f"{directive.argument}\n" if directive.argument and not given else ""
        text = self._one_line_formulas(f"**{title}**\n\n{self._converted(start + directive.body)}")
        return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))

    def _one_line_formulas(self, text: str) -> str:
        """Jupyter takes formulas out before it reads the quote's marks, which would become a part of them."""
        for token in _all(self.parser.parse(text)):
            if token.type.startswith("math_") and "\n" in token.content:
                text = text.replace(token.content, " ".join(token.content.split()))
        return text

    def _exercise(self, directive: Directive) -> str:
        _options(directive, "label")
        self.titles[directive.options.get("label", "")] = directive.argument
        return f"**Exercise: {self._converted(directive.argument)}**\n\n{self._converted(directive.body)}"

    def _solution(self, directive: Directive) -> str:
        _options(directive, "label")
        title = self.titles.get(directive.argument)
        return self._details(f"Solution: {title}" if title else "Solution", self._converted(directive.body))

    def _figure(self, directive: Directive) -> str:
        _options(directive, "name", "alt", "figclass")
        name, options = directive.argument, directive.options
        if not options.get("alt"):
            raise UnknownMarkupError(f"the figure {name} has no :alt:, which says in words what it shows")
        number = f"**{self.known.figure(options['name'])}.** " if "name" in options else ""
        alt = re.sub(r"([\[\]])", r"\\\1", options["alt"])
        return f"![{alt}]({self.known.picture(name)})\n\n{number}{self._converted(directive.body)}"

    def _source(self, directive: Directive) -> str:
        language, code = self.known.source(directive.argument, directive.options)
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
        return f"{fence}{language}\n{code.rstrip()}\n{fence}"

    def _elsewhere(self, directive: Directive) -> str:
        there = self.known.elsewhere(directive.name, directive.argument)
        return f"{self._converted(directive.body)}\n\n{there}".strip("\n")


def _options(directive: Directive, *more: str) -> None:
    unknown = sorted(directive.options.keys() - LOOKS - {*more})
    if unknown:
        raise UnknownMarkupError(f"the directive {{{directive.name}}} has an unknown option :{unknown[0]}:")


def _role_with_its_source(state: StateInline, silent: bool) -> bool:
    """MyST's own rule for a role, which also notes what the role looked like."""
    start = state.pos
    found = myst_role(state, silent)
    if found and not silent:
        state.tokens[-1].meta["source"] = state.src[start : state.pos]
    return found


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _leads_out(link: Token) -> bool:
    return bool(re.match(r"https?://|mailto:|#", str(link.attrs.get("href", ""))))


def _spread(source: str) -> re.Pattern[str]:
    """Finds a role that the lines of a list or a quote may have broken, and their marks with it."""
    return re.compile(r"\s*\n[ \t>]*".join(re.escape(line.strip()) for line in source.split("\n")))


def _indented(block: str, first: str, markup: str) -> str:
    """The block at the place of one whose first line was `first`: in the same list or quote."""
    before = first[: first.index(markup)] if markup and markup in first else re.match(r"[ >]*", first)[0]  # type: ignore[index]
    behind = re.sub(r"[^\s>]", " ", before)
    lines = block.split("\n")
    if before != behind:  # a list's mark: the text begins beside it
        lines = lines[1:]
    return "\n".join(f"{behind if i else before}{line}".rstrip() for i, line in enumerate(lines))


def _tex(renderer: RendererHTML, tokens: list[Token], index: int, *_: object) -> str:
    """A formula in HTML, where an angle would begin a tag."""
    return "$" + escape(tokens[index].content.replace("<", r"\lt ").replace(">", r"\gt "), quote=False) + "$"
