"""The directive {playground}: the course's language model in the reader's browser.

The interface is HTML made here; `book/_assets/playground/` has the scripts. The weights are exported at build time out
of the package, so that they are kept once; pages that have no playground load nothing of it.
"""

import base64
import json
import runpy
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from jinja2 import Environment
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = Path(__file__).with_suffix(".html")
FOLDER = ROOT / "book" / "playground"
CATALOGUE = FOLDER / "playground.toml"
WORDINGS = ROOT / "peft_course" / "world" / "wordings.py"  # a file without imports of the package's, so it loads fast
MODEL = ROOT / "peft_course" / "pretrained" / "course-gpt"
SCRIPTS = ("tensors", "tokenizer", "model", "engine", "worker", "playground")
GROUPS = {"translation": ("TRANSLATION", "REWRITING"), "table-to-text": ("TABLE_TO_TEXT",), "sentiment": ("SENTIMENT",)}
LINES = {"table-to-text": 4}  # of an answer, as long as one is expected; elsewhere 2
PLACES = "AB"
PAGES = ("html", "dirhtml")  # the builders whose readers have a browser


class playground(nodes.General, nodes.Element):  # noqa: N801 (docutils finds visitors by this name)
    """The interface; where there is no browser, a sentence stands in its place."""


class Playground(SphinxDirective):
    """Its content is an introduction for every reader; the interface follows it.

    input: the text to begin with (by default, the first example). task: offer this task's examples and wordings alone.
    hard: the wording to begin with, by name, or `bare`; with two prompts side by side, two. trained: the trained
    prompts to begin with, likewise, or `none`. prompts: the trained prompts on offer, or `all`. compare: two prompts.
    """

    has_content = True
    option_spec = {  # noqa: RUF012 (docutils wants it so)
        "input": directives.unchanged_required,
        "task": directives.unchanged_required,
        "hard": directives.unchanged_required,
        "trained": directives.unchanged_required,
        "prompts": directives.unchanged_required,
        "compare": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        for source in (TEMPLATE, CATALOGUE, WORDINGS):
            self.env.note_dependency(str(source))
        self.env.metadata[self.env.docname]["playground"] = True
        introduction = self.parse_content_to_nodes() if self.content else []
        try:
            html = interface(f"playground-{self.env.new_serialno('playground') + 1}", self.options)
        except KeyError as error:
            raise self.error(f"the playground knows no {error.args[0]}") from error
        return [*introduction, playground(html=html)]


def interface(name: str, options: Mapping[str, Any]) -> str:
    """The HTML of one playground. Raises KeyError, with what was asked for, where there is no such thing."""
    catalogue = tomllib.loads(CATALOGUE.read_text(encoding="utf8"))
    chosen = [options["task"]] if "task" in options else list(GROUPS)
    wordings = runpy.run_path(str(WORDINGS))
    tasks = [
        {**_known("task", task, catalogue["tasks"]), "wordings": _templates(wordings, GROUPS[task])} for task in chosen
    ]
    templates = {"bare": "{x}"}
    for task in reversed(tasks):
        templates |= task["wordings"]
    places = PLACES if "compare" in options else PLACES[:1]
    on_offer = list(catalogue["prompts"]) if options.get("prompts") == "all" else _listed(options.get("prompts"))
    prompts = {each: _known("trained prompt", each, catalogue["prompts"]) for each in on_offer}
    trained = [
        _known("trained prompt on offer", each, {**prompts, "none": ""}) and each
        for each in _listed(options.get("trained")) or ["none"]
    ]
    hard = [_known("wording", each, templates) for each in _listed(options.get("hard")) or ["bare"]]
    return (
        Environment(autoescape=True)
        .from_string(TEMPLATE.read_text(encoding="utf8"))
        .render(
            id=name,
            tasks=tasks,
            input=options.get("input", tasks[0]["inputs"][0]),
            sides=[
                {"place": place, "template": hard[min(i, len(hard) - 1)], "trained": trained[min(i, len(trained) - 1)]}
                for i, place in enumerate(places)
            ],
            prompts=prompts,
            own=options.get("prompts") == "all",
            lines=max(LINES.get(task, 2) for task in chosen),
            layers=json.loads((MODEL / "config.json").read_text())["num_hidden_layers"],
            megabytes=f"{len(content()) / 1e6:.0f}",
        )
    )


def _listed(option: str | None) -> list[str]:
    return [name.strip() for name in (option or "").split(",") if name.strip()]


def _known(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise KeyError(f"{kind} {name!r}; there are {', '.join(known)}")
    return known[name]


def _templates(wordings: Mapping[str, Any], groups: tuple[str, ...]) -> dict[str, str]:
    return {name: wording.template for group in groups for name, wording in wordings[group].items()}


# -- what the browser loads -------------------------------------------------------------------------------------------
def content() -> str:
    """The script that hands the model, its tokenizer and the trained prompts to the page."""
    tokenizer = json.loads((MODEL / "tokenizer.json").read_text(encoding="utf8"))
    vocabulary = tokenizer["model"]["vocab"]
    names = tomllib.loads(CATALOGUE.read_text(encoding="utf8"))["prompts"]
    exported = {
        "config": json.loads((MODEL / "config.json").read_text()),
        "tokenizer": {
            "vocabulary": sorted(vocabulary, key=vocabulary.__getitem__),
            "merges": [" ".join(pair) for pair in tokenizer["model"]["merges"]],
            "special": [token["content"] for token in tokenizer["added_tokens"]],
        },
        "weights": _base64(MODEL / "model.safetensors"),
        "prompts": {name: _base64(FOLDER / name / "adapter_model.safetensors") for name in names},
    }
    return f"playground.receive({json.dumps(exported, separators=(',', ':'))});\n"


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def export(app: Sphinx, error: Exception | None) -> None:
    """Writes it beside the scripts, where a page needs it and it is not there yet."""
    if error or app.builder.name not in PAGES or not any("playground" in each for each in app.env.metadata.values()):
        return
    target, script = Path(app.outdir) / "_static" / "playground" / "course-gpt.js", content()
    if not target.is_file() or target.read_text(encoding="utf8") != script:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(script, encoding="utf8")


def load_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree is not None and any(doctree.findall(playground)):
        app.add_css_file("playground/playground.css")
        for script in SCRIPTS:
            app.add_js_file(f"playground/{script}.js", loading_method="defer")


# -- writers ----------------------------------------------------------------------------------------------------------
def show(translator: Any, node: playground) -> None:
    if translator.builder.name in PAGES:
        translator.body.append(node["html"])
    raise nodes.SkipNode


def leave_out(translator: Any, node: playground) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, object]:
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (leave_out, None))
    app.add_node(playground, html=(show, None), **others)
    app.add_directive("playground", Playground)
    app.connect("html-page-context", load_scripts)
    app.connect("build-finished", export)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
