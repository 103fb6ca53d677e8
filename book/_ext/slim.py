"""A page transfers what it uses: no script that has nothing to do, of the theme's icons those that are shown.

The theme (pydata-sphinx-theme) brings all of Font Awesome twice: 1.5 MB as a script, 0.4 MB as fonts and style sheet.
The style sheet alone draws the icons, and a font of some forty of them has 10 KB.
"""

import re
import shutil
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from purge import purged
from sphinx.application import Sphinx

UNUSED = re.compile(r"thebe|require\.js|embed-amd|mathjax", re.IGNORECASE)
DEFERRED = re.compile(
    r"(doctools|sphinx_highlight|clipboard\.min|copybutton|togglebutton|design-tabs|sphinx-book-theme)\.js$"
)
FONT = re.compile(r"@font-face\{[^}]*Font Awesome[^}]*\}")
SHEETS = (
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "sphinx-design.min.css",
    "mystnb.*.css",
)
FACE = (
    '@font-face{{font-display:block;font-family:"{family}";font-weight:{weight};'
    'src:url(../vendor/fontawesome/{name}.woff) format("woff")}}'
)
FONTS = {
    "fa-solid-900": ("Font Awesome 6 Free", 900),
    "fa-regular-400": ("Font Awesome 6 Free", 400),
    "fa-brands-400": ("Font Awesome 6 Brands", 400),
}


def drop_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """What no page uses, what Jupyter Book lists twice; the rest waits until the page is read (but for the search)."""
    kept = {}
    for script in context["script_files"]:
        name, body = str(script.filename or ""), script.attributes.get("body") or ""
        if UNUSED.search(name + body):
            continue
        if DEFERRED.search(name):
            script.attributes["defer"] = "defer"
            if pagename == "search":  # whose own scripts do not wait; all pages share these objects
                del script.attributes["defer"]
        kept[name, body] = script
    context["script_files"] = [*kept.values()]
    context["css_files"] = [sheet for sheet in context["css_files"] if not UNUSED.search(str(sheet.filename))]


def drop_tags(html: str, pagename: str) -> str:
    """What the theme's template writes by itself: all icons as a script; the search's index on every page."""
    html = re.sub(r"\s*<script defer [^>]*fontawesome\.js[^>]*></script>", "", html)
    if pagename != "search":
        html = re.sub(r'\s*<script src="[^"]*(searchtools|language_data|searchindex)\.js[^"]*"></script>', "", html)
    return html


def trim_styles(app: Sphinx, exception: Exception | None) -> None:
    """Cuts the theme's style sheets down to what can match in a page, and its icons to those that are named there."""
    static = Path(app.outdir) / "_static"
    if exception or app.builder.name != "html":
        return
    files = [
        *Path(app.outdir).rglob("*.html"),
        *(path for path in static.rglob("*.js") if "fontawesome" not in path.name),
    ]
    words = {word for file in files for word in re.findall(r"[\w-]+", file.read_text(encoding="utf8"))}
    for sheet in (path for pattern in SHEETS for path in static.glob(pattern)):
        sheet.write_text(purged(sheet.read_text(encoding="utf8"), words), encoding="utf8")
    trim_icons(static / SHEETS[0], static / "vendor" / "fontawesome")
    for script in (static / "scripts").glob("fontawesome.js*"):
        script.unlink()


def trim_icons(sheet: Path, vendor: Path) -> None:
    """Gives the style sheet fonts that have only the icons which it names."""
    if not (vendor / "webfonts").is_dir():
        return
    css = FONT.sub("", sheet.read_text(encoding="utf8"))
    letters = {chr(int(code, 16)) for code in re.findall(r'"\\([ef][0-9a-f]{3})"', css)}
    letters |= {letter for letter in css if "\ue000" <= letter <= "\uf8ff"}  # Unicode's private letters
    for name, (family, weight) in FONTS.items():
        subset(vendor / "webfonts" / f"{name}.ttf", vendor / f"{name}.woff", letters)
        css += FACE.format(family=family, weight=weight, name=name)
    sheet.write_text(css, encoding="utf8")
    shutil.rmtree(vendor / "webfonts")


def subset(source: Path, target: Path, letters: set[str]) -> None:
    font = TTFont(source)
    subsetter = Subsetter(Options(flavor="woff", notdef_outline=False))
    subsetter.populate(text="".join(letters))
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(target)


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", drop_scripts, priority=900)
    app.connect("build-finished", trim_styles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
