"""What this book adds to Jupyter Book: an execution cache that cannot go stale, costs as measured, repaired pages.

The environment variable BOOK_EXECUTION=off builds from the outputs stored in the notebooks.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from execution import COSTS, ENVIRONMENT, cache_folder
from pybtex.backends import plaintext
from pybtex.plugin import register_plugin
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment


def prepare_execution(app: Sphinx, config: Config) -> None:
    """Points myst-nb at the cache of the present package and deletes the caches of earlier ones."""
    os.environ.update(ENVIRONMENT)
    if os.environ.get("BOOK_EXECUTION") == "off":
        config["nb_execution_mode"] = "off"
    cache = cache_folder(Path(app.outdir).parent)
    if cache.parent.is_dir():
        for old in cache.parent.iterdir():
            if old.name != cache.name:
                shutil.rmtree(old)
    config["nb_execution_cache_path"] = str(cache)


def cost(role: str, rawtext: str, chapter: str, line: int, inliner: Any, **_: Any) -> tuple[list[Any], list[Any]]:
    """The role {cost}`chapter`: what running that chapter took when its outputs were stored."""
    known = json.loads(COSTS.read_text()) if COSTS.is_file() else {}
    if chapter not in known:
        message = inliner.reporter.warning(f"the cost of {chapter!r} was never measured: make notebooks", line=line)
        return [], [message]
    seconds, megabytes = known[chapter]["seconds"], known[chapter]["megabytes"]
    text = f"{seconds} seconds on one processor core, {megabytes / 1000:.1f} GB of memory, nothing to download"
    return [nodes.Text(text)], []


def remember_titles(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Of all pages, before any is read again."""
    env.titles_before = titles(env)  # type: ignore[attr-defined]


def pages_that_show_titles(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """All pages, where a title has changed: each shows those of the others at its side. Sphinx writes them again."""
    return [] if titles(env) == env.titles_before else [*env.found_docs]  # type: ignore[attr-defined]


def titles(env: BuildEnvironment) -> dict[str, str]:
    return {name: title.astext() for name, title in env.titles.items()}


def drop_repeated_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Jupyter Book 1 lists some scripts twice, and thebe complains about that on every page."""
    scripts = context["script_files"]
    unique = {(script.filename or "", script.attributes.get("body")): script for script in reversed(scripts)}
    context["script_files"] = [*reversed(unique.values())]


def setup(app: Sphinx) -> dict[str, object]:
    # For each citation Pybtex asks all installed packages who can write plain text; so it knows.
    register_plugin("pybtex.backends", "plaintext", plaintext.Backend, force=True)
    app.add_role("cost", cost)
    app.connect("config-inited", prepare_execution)
    app.connect("env-before-read-docs", remember_titles)
    app.connect("env-updated", pages_that_show_titles)
    app.connect("html-page-context", drop_repeated_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
