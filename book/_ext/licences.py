"""html/licences/: what the site contains of others, with its licence. The list is html/licences/README.txt.

The theme and the extensions put scripts and style sheets on the pages; what the book itself keeps a copy of lies in
folders of `_assets`, each with its licence.
"""

import re
import shutil
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

ASSETS = Path(__file__).parents[1] / "_assets"
ON_PAGES = {".css", ".js", ".woff", ".woff2", ".ttf"}
HEADING = """\
The book's text and figures: CC BY 4.0. Its code: MIT. In its pages are also parts of these works, each with the licence
in the file beside this one.

"""
logger = logging.getLogger(__name__)


def is_licence(name: str) -> bool:
    return re.search(r"(^|[-.])(LICEN[CS]E|COPYING)(\.|$)", name.upper()) is not None


def installed(app: Sphinx) -> list[Distribution]:
    """The distributions of Sphinx, its themes and its extensions that put something on the pages."""
    shipped = {path.name for path in Path(app.outdir, "_static").rglob("*") if path.suffix in ON_PAGES}
    modules = {"sphinx", "pydata_sphinx_theme", *(name.partition(".")[0] for name in app.extensions)}
    modules -= {"alabaster"}  # another theme, which is always loaded
    known = packages_distributions()
    found = [distribution(name) for name in sorted({name for module in modules for name in known.get(module, [])})]
    return [one for one in found if any(file.name in shipped for file in one.files or [])]


def write(app: Sphinx, exception: Exception | None) -> None:
    """Warns, which fails the build, of a work whose licence is nowhere."""
    if exception or app.builder.name != "html":
        return
    if not hasattr(app.builder, "globalcontext"):  # which Sphinx makes before it writes the first page
        return  # no page was written, so nothing was put on one
    target = Path(app.outdir, "licences")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    lines = [from_installed(one, target) for one in installed(app)]
    lines += [from_folder(path, target) for path in sorted(ASSETS.rglob("*")) if is_licence(path.name)]
    (target / "README.txt").write_text(HEADING + "\n".join(lines) + "\n", encoding="utf8")


def from_installed(one: Distribution, target: Path) -> str:
    """The package's licences, with those of what it brings itself (the theme: Bootstrap, Font Awesome)."""
    name = str(one.metadata["Name"])
    texts = [f"{file.name}\n\n{file.read_text('utf8')}" for file in one.files or [] if is_licence(file.name)]
    if not texts:
        logger.warning("%s is on the pages, and its package has no licence", name)
    (target / f"{name}.txt").write_text("\n\n".join(texts), encoding="utf8")
    return f"{name} {one.version}: {name}.txt"


def from_folder(path: Path, target: Path) -> str:
    copy = target / f"{path.parent.name}-{path.stem}.txt"
    shutil.copy(path, copy)
    return f"{path.parent.name}: {copy.name}"


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
