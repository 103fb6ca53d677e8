"""What this book adds to Jupyter Book: an execution cache that cannot go stale, and a repair of its pages.

The environment variable BOOK_EXECUTION=off builds from the outputs stored in the notebooks.
"""

import os
import shutil
from pathlib import Path

from execution import ENVIRONMENT, execution_key
from sphinx.application import Sphinx
from sphinx.config import Config


def prepare_execution(app: Sphinx, config: Config) -> None:
    """Points myst-nb at the cache of the present package and deletes the caches of earlier ones."""
    os.environ.update(ENVIRONMENT)
    if os.environ.get("BOOK_EXECUTION") == "off":
        config["nb_execution_mode"] = "off"
    caches = Path(app.outdir).parent / "executed"
    key = execution_key()
    if caches.is_dir():
        for old in caches.iterdir():
            if old.name != key:
                shutil.rmtree(old)
    config["nb_execution_cache_path"] = str(caches / key)


def drop_repeated_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Jupyter Book 1 lists some scripts twice, and thebe complains about that on every page."""
    scripts = context["script_files"]
    unique = {(script.filename or "", script.attributes.get("body")): script for script in reversed(scripts)}
    context["script_files"] = [*reversed(unique.values())]


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", prepare_execution)
    app.connect("html-page-context", drop_repeated_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
