"""Trains the playground's prompts and says how good they are. Usage: playground_prompts.py [NAME ...]

The settings stand in `book/playground/playground.toml`; what is trained is written beside it, in PEFT's format.
"""

import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "book" / "playground"
CATALOGUE = FOLDER / "playground.toml"


def catalogue() -> dict[str, Any]:
    return tomllib.loads(CATALOGUE.read_text(encoding="utf8"))


def question(train: int, validation: int, test: int) -> Any:
    """Sentences x and their questions y, split as the package's own tasks are."""
    from peft_course.tasks.task import Task, splits
    from peft_course.world.sentences import sentence

    def draw(rng: Any) -> tuple[str, dict[str, str]]:
        drawn = sentence(rng)
        return drawn.english, {"x": drawn.english, "y": drawn.question}

    data = splits(draw, 0, {"train": train, "validation": validation, "test": test})
    return Task("question", data["train"], data["validation"], data["test"], "exact_match", "{x}", {})


def task_of(name: str, train: int = 1000, validation: int = 48, test: int = 100) -> Any:
    from peft_course import tasks

    sizes = {"train": train, "validation": validation, "test": test}
    match name:
        case "translation":
            return tasks.translation(**sizes)
        case "question":
            return question(**sizes)
        case "house style":
            return tasks.table_to_text("house", **sizes)
        case "sentiment":
            return tasks.sentiment(**sizes)
    raise ValueError(f"the playground has no task {name!r}; name one of translation, question, house style, sentiment")


def exactly_right(prompt: Any, lm: Any, task: Any) -> float:
    """Per cent of the test inputs that are answered to the letter."""
    answers = lm.generate(task.test["x"], prompt=prompt)
    return 100 * sum(a == y for a, y in zip(answers, task.test["y"], strict=True)) / len(answers)


def train(settings: dict[str, Any], lm: Any) -> Any:
    from peft_course import Prefix, SoftPrompt, fit

    task = task_of(settings["task"])
    kind = {"soft prompt": SoftPrompt, "prefix": Prefix}[settings["method"]]
    prompt = kind(lm, num_virtual_tokens=settings["num_virtual_tokens"])
    options = {"steps": settings["steps"], "batch_size": 8, "learning_rate": settings["learning_rate"]}
    fit(prompt, lm, task.train, task.validation, progress=False, **options)
    return prompt


def main() -> None:
    from peft_course import load_lm

    lm, prompts = load_lm("course-gpt"), catalogue()["prompts"]
    for name in sys.argv[1:] or prompts:
        prompt = train(prompts[name], lm)
        prompt.save_pretrained(FOLDER / name)
        right = exactly_right(prompt, lm, task_of(prompts[name]["task"]))
        print(f"{name}: {right:.0f} of 100 unseen inputs exactly right (the tests ask for {prompts[name]['right']})")


if __name__ == "__main__":
    main()
