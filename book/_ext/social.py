"""What other sites and search engines are told of a page: its address, a preview, the list of all pages.

Addresses come from the repository's (`_config.yml`): GitHub Pages serves OWNER/NAME at OWNER.github.io/NAME.
"""

import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.sax.saxutils import escape as xml_escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

PREVIEW = "_static/preview.png"  # made by tools/preview.py
PREVIEW_SIZE = (1200, 630)
LONGEST = 200


def pages_address(repository: str) -> str:
    """Where GitHub serves a repository's pages; no other host is known."""
    owner, _, name = urlsplit(repository).path.strip("/").partition("/")
    return f"https://{owner}.github.io/{name}/"


def settle_address(app: Sphinx, config: Config) -> None:
    repository = config["html_theme_options"].get("repository_url", "")
    if not config["html_baseurl"] and "github.com" in repository:
        config["html_baseurl"] = pages_address(repository)


def description(doctree: nodes.document | None) -> str:
    """The page's first paragraph, cut at a word."""
    paragraph = next(iter(doctree.findall(nodes.paragraph)), None) if doctree else None
    text = re.sub(r"\s+", " ", paragraph.astext()).strip() if paragraph else ""
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " …"


def add_preview(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    base = app.config.html_baseurl
    if app.builder.name != "html" or not base:
        return
    said = {
        "og:type": "article",
        "og:site_name": app.config.html_title or app.config.project,
        "og:title": re.sub(r"<[^>]+>", "", str(context.get("title") or app.config.project)),
        "og:url": urljoin(base, app.builder.get_target_uri(pagename)),
        "og:image": urljoin(base, PREVIEW),
        "og:image:width": str(PREVIEW_SIZE[0]),
        "og:image:height": str(PREVIEW_SIZE[1]),
        "og:image:alt": "One frozen language model, and a small prompt for each of three tasks",
        "og:description": description(doctree),
    }
    tags = [f'<meta property="{name}" content="{escape(value)}"/>' for name, value in said.items() if value]
    tags.append('<meta name="twitter:card" content="summary_large_image"/>')
    if said["og:description"]:
        tags.append(f'<meta name="description" content="{escape(said["og:description"])}"/>')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    base = app.config.html_baseurl
    if exception or app.builder.name != "html" or not base:
        return
    addresses = [urljoin(base, app.builder.get_target_uri(name)) for name in sorted(app.env.found_docs)]
    entries = "\n".join(f"<url><loc>{xml_escape(address)}</loc></url>" for address in addresses)
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    (Path(app.outdir) / "sitemap.xml").write_text(f"{text}{entries}\n</urlset>\n", encoding="utf8")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", settle_address)
    app.connect("html-page-context", add_preview)
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
