"""Answers for teachers: pages of their own, which nothing links, and a book that is built without solutions."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from answer_keys import page, shown
from conftest import ROOT
from lxml import html
from notebooks import read

from peft_course.grading.exercises import EXERCISES, Exercise

CONF = """extensions = ["myst_parser", "sphinx_design", "exercise_links"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
"""
PAGE = "04-soft-prompts"


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {e.name: page(e, read(ROOT / "solutions" / f"{e.name}.ipynb")) for e in EXERCISES}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_a_key_has_each_task_its_answer_its_reasons_and_every_hint(exercise: Exercise, keys: dict[str, str]) -> None:
    key = html.document_fromstring(keys[exercise.name])
    assert [heading.get("id") for heading in key.iter("h2")] == [task.number for task in exercise.tasks]
    answers = [pre.text_content() for pre in key.find_class("answer")]
    assert len(answers) == len(exercise.tasks)
    for task, answer in zip(exercise.tasks, answers, strict=True):
        assert task.name in answer and "NotImplementedError" not in answer
        assert "SOLUTION" not in answer and "# Task" not in answer
    text = key.text_content()
    assert all(mistake.hint in text for task in exercise.tasks for mistake in task.mistakes)


def test_a_key_asks_for_no_other_file(keys: dict[str, str]) -> None:
    for key in keys.values():
        assert "<math" in key or "$" not in key
        assert not re.search(r'<(script|link|img|iframe)\b|url\("(?!data:)', key)


def test_a_wrong_answer_is_shown_as_code_or_as_the_value() -> None:
    assert shown(15360) == "15360"
    assert shown(shown).startswith("def shown(")


def build(folder: Path, **environment: str) -> str:
    command = [sys.executable, "-m", "sphinx", "-b", "html", str(folder), str(folder / "out")]
    inherited = {name: value for name, value in os.environ.items() if name != "BOOK_SOLUTIONS"}
    path = {"PYTHONPATH": str(ROOT / "book" / "_ext")}
    subprocess.run(command, env=inherited | path | environment, capture_output=True, text=True, check=True)
    return (folder / "out" / "exercises" / f"{PAGE}.html").read_text(encoding="utf8")


def test_a_class_can_build_the_pages_without_solutions_and_change_its_mind(tmp_path: Path) -> None:
    (tmp_path / "exercises").mkdir()
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\n:glob:\nexercises/*\n```\n\n```{exercises} 4\n```\n")
    shutil.copy(ROOT / "book" / "exercises" / f"{PAGE}.md", tmp_path / "exercises")
    answer = "vectors.expand(len(embedded), -1, -1)"
    there = html.document_fromstring(build(tmp_path)).text_content()
    assert answer in there and "Solution" in there
    without = html.document_fromstring(build(tmp_path, BOOK_SOLUTIONS="off")).text_content()
    assert answer not in without and "Solution" not in without and "Hint 1" in without
    assert answer in html.document_fromstring(build(tmp_path)).text_content()
