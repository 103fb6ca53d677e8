"""What the book knows of a page, as Markdown whose links lead to the published book: asked of Sphinx itself."""

import base64
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from colab_text import UnknownMarkupError
from course_book import cost
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.directives.code import LiteralInclude, LiteralIncludeReader
from sphinx.util.docutils import ReferenceRole

REFERENCES = {"doc": "std", "numref": "std", "ref": "std", "term": "std", "eq": "math"}
ONLY_THERE = {
    "interactive": "a drawing that you can operate",
    "playground": "a playground, in which you try prompts out in the browser",
    "exercises": "the exercises, each with hints, a check and a solution",
}


def published(repository: str) -> str:
    """Where the pages of a GitHub repository are published: the one place that knows."""
    owner, name = urlsplit(repository).path.strip("/").split("/")
    return f"https://{owner}.github.io/{name}/"


class Book:
    """Answers for one page; an exercise's notebook has the exercise's page."""

    def __init__(self, app: Sphinx, page: str) -> None:
        self.app, self.env, self.page = app, app.env, page
        self.address = published(app.config.html_theme_options["repository_url"]) + app.builder.get_target_uri(page)

    @property
    def title(self) -> str:
        return f"[{self._markdown(self.env.titles[self.page].children)}]({self.address})"

    def role(self, name: str, content: str) -> str:
        if name == "cost":
            return "".join(node.astext() for node in cost(name, "", content, 0, None)[0])
        if name.split(":")[0] == "glue":
            return f"[(the number stands on the page)]({self.address})"
        if name in REFERENCES:
            return self._reference(REFERENCES[name], name, content)
        if name.split(":")[0] == "cite":
            found = self._reference("cite", name.partition(":")[2] or "p", content)
            return found.replace(r"\[", "(").replace(r"\]", ")")  # brackets around a link are hard to read
        raise UnknownMarkupError(f"the role {{{name}}} is not known; {__name__} has those that are")

    def _reference(self, domain: str, kind: str, content: str) -> str:
        explicit = ReferenceRole.explicit_title_re.match(content)
        title, target = explicit.groups() if explicit else (content, content)
        shown = nodes.inline("", title)
        asked = pending_xref("", shown, refdoc=self.page, refexplicit=bool(explicit), reftype=kind, reftarget=target)
        resolve = self.env.domains[domain].resolve_xref
        found = resolve(self.env, self.page, self.app.builder, kind, target, asked, shown)
        if found is None or not [*found.findall(nodes.reference)]:
            raise UnknownMarkupError(f"{{{kind}}}`{content}` leads nowhere")
        return self._markdown([found])

    def _markdown(self, found: list[nodes.Node]) -> str:
        """Resolved nodes as Markdown."""
        text = ""
        for node in found:
            if isinstance(node, nodes.Text):
                text += "".join(f"\\{letter}" if letter in r"\`*_[]<|" else letter for letter in str(node))
            elif isinstance(node, nodes.literal):
                text += f"`{node.astext()}`"
            elif isinstance(node, nodes.math):
                text += f"${node.astext()}$"
            else:
                inner = self._markdown(node.children)
                marks = "**" if isinstance(node, nodes.strong) else "*" if isinstance(node, nodes.emphasis) else ""
                link = isinstance(node, nodes.reference)
                text += f"[{inner}]({self._leads_to(node)})" if link else f"{marks}{inner}{marks}"
        return text

    def _leads_to(self, reference: nodes.Element) -> str:
        return urljoin(self.address, reference["refuri"] if "refuri" in reference else f"#{reference['refid']}")

    def equation(self, label: str) -> str:
        return self._reference("math", "eq", label).rpartition("](")[0].removeprefix("[")

    def figure(self, label: str) -> str:
        page, place = self.env.get_domain("std").anonlabels[label][:2]  # type: ignore[attr-defined]
        number = self.env.toc_fignumbers[page]["figure"][place]
        return self.app.config.numfig_format["figure"] % ".".join(map(str, number))

    def picture(self, path: str) -> str:
        from drawing import png  # brings Matplotlib, which takes a second

        file = Path(self.env.relfn2path(path, self.page)[1])
        content = png(file) if file.suffix == ".svg" else file.read_bytes()  # Colab shows no SVG
        return f"data:image/png;base64,{base64.b64encode(content).decode()}"

    def source(self, path: str, options: dict[str, str]) -> tuple[str, str]:
        known = LiteralInclude.option_spec
        try:
            read = {name: known[name](value or None) for name, value in options.items()}
            file = self.env.relfn2path(path, self.page)[1]
            lines, _ = LiteralIncludeReader(file, read, self.app.config).read()
        except (KeyError, ValueError, OSError) as error:
            raise UnknownMarkupError(f"{{literalinclude}} {path} cannot be read: {error}") from error
        return options.get("language", "python" if path.endswith(".py") else ""), lines

    def elsewhere(self, directive: str, argument: str) -> str:
        if directive != "exercises":
            return f"*The book's page has {ONLY_THERE[directive]} here: {self.title}.*"
        pages = [name for name in self.env.found_docs if name.startswith(f"exercises/{argument:>02}-")]
        if len(pages) != 1:
            raise UnknownMarkupError(f"{{exercises}} {argument}: there are {len(pages)} such pages, not one")
        return f"*On a page of their own are {ONLY_THERE[directive]}: {Book(self.app, pages[0]).title}.*"
