"""Makes a page of answers for each exercise, _build/keys/NAME.html, for teachers alone. Called by `make keys`.

A page has what the solution's notebook has (tasks, answers, reasons), other right answers (tests/answers), and the
misunderstandings that the grader knows, each with its hint and an answer that has it. It asks for no other file, and
any browser prints it. Nothing links it: the book, the release and the Colab edition do not know of it.
"""

import importlib.util
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exercise_pages import TASK, answer, tags
from jinja2 import Environment
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from notebooks import ROOT, read
from slides import formulas_css  # it also lets the book's extensions be imported

from peft_course.grading.exercises import EXERCISES, Exercise
from peft_course.grading.task import Task

KEYS = ROOT / "_build" / "keys"
PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<title>Answers: {{ exercise.name }}</title>
<style>{{ formulas }}
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
h2 { border-top: 1px solid #8886; padding-top: 1rem; margin-top: 2rem; break-after: avoid }
pre { font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #8888;
  padding-left: .8rem; break-inside: avoid }
code { overflow-wrap: anywhere } .answer { border-color: #009e73 } h3 { font-size: 1rem; break-after: avoid }
table { border-collapse: collapse } th, td { border-bottom: 1px solid #8886; padding: .2rem .6rem; text-align: left }
@media print { body { margin: 0; max-width: none } }
</style></head>
<body><main><h1>Answers: {{ exercise.name }}</h1>
<p>For teachers. {{ keys | length }} tasks, {{ keys | sum("task.points") }} points; edition {{ exercise.edition }}.
An answer is right when it gives these values on inputs drawn anew, however it computes them.</p>
{% for key in keys %}
<h2 id="{{ key.task.number }}">{{ key.title }}</h2>
<p>Points: {{ key.task.points }}.</p>
{{ key.asked }}
<h3>Answer</h3><pre class="answer">{{ key.code }}</pre>
{{ key.reasons }}
{% for other in key.others %}{% if loop.first %}<h3>Right as well</h3>{% endif %}<pre>{{ other }}</pre>{% endfor %}
<h3>Misunderstandings, with the hint that a learner reads</h3>
<ul>{% for hint, wrong in key.mistakes %}<li>{{ hint }}<pre>{{ wrong }}</pre></li>{% endfor %}</ul>
{% endfor %}</main></body></html>
"""


@dataclass
class Key:
    """What a teacher needs of one task."""

    task: Task
    title: str
    asked: Markup
    code: str = ""
    reasons: Markup = field(default_factory=Markup)
    others: list[str] = field(default_factory=list)
    mistakes: list[tuple[str, str]] = field(default_factory=list)


def make(keys: Path = KEYS) -> list[Path]:
    """Writes a page for each exercise, and says where."""
    keys.mkdir(parents=True, exist_ok=True)
    paths = []
    for exercise in EXERCISES:
        path = keys / f"{exercise.name}.html"
        path.write_text(page(exercise, read(ROOT / "solutions" / f"{exercise.name}.ipynb")), encoding="utf8")
        paths.append(path)
    return paths


def page(exercise: Exercise, solution: NotebookNode) -> str:
    template = Environment(autoescape=True).from_string(PAGE)
    formulas = Markup(formulas_css(ROOT / "book" / "_assets" / "formulas"))
    return template.render(exercise=exercise, keys=of_tasks(exercise, solution), formulas=formulas)


def of_tasks(exercise: Exercise, solution: NotebookNode) -> list[Key]:
    """A key for each task, from the cells of its part of the solution."""
    tasks = {task.number: task for task in exercise.tasks}
    others, text = other_answers(exercise.chapter), markdown()
    keys: list[Key] = []
    for cell in solution.cells:
        if found := TASK.match(cell.source):
            number = f"{found[1]}.{found[2]}"
            title, _, asked = cell.source.removeprefix("## ").partition("\n")
            key = Key(tasks[number], title, Markup(text.render(asked)), others=others.get(number, []))
            key.mistakes = [(mistake.hint, shown(mistake.wrong)) for mistake in key.task.mistakes]
            keys.append(key)
        elif "answer" in tags(cell):
            keys[-1].code = answer(cell.source, asked=False).partition("\n")[2].strip()
        elif "solution" in tags(cell) and cell.cell_type == "markdown":
            keys[-1].reasons += Markup(text.render(cell.source))
    return keys


def shown(wrong: Any) -> str:
    """A wrong answer's code, or the value itself where a number was asked for."""
    return inspect.getsource(wrong).strip() if inspect.isfunction(wrong) or inspect.isclass(wrong) else repr(wrong)


def other_answers(chapter: int) -> dict[str, list[str]]:
    path = ROOT / "tests" / "answers" / f"ch{chapter:02}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {number: [code.strip() for code in answers] for number, answers in module.ANSWERS.items()}


def markdown() -> MarkdownIt:
    from formulas import mathml

    def formula(latex: str, options: dict[str, Any]) -> str:
        return mathml(latex, options["display_mode"])

    return MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=formula)


if __name__ == "__main__":
    print(f"{len(make())} pages of answers are made: {KEYS}")
