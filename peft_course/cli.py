"""The command line, ``peft-course`` or ``python -m peft_course``: pretrain, train, evaluate, reproduce, grade."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peft_course as course

from .grading.commands import add_to as add_grading

if TYPE_CHECKING:  # torch is loaded when something is done, not for --help, nor before grading begins
    from .lm import LM
    from .prompts import Prompt
    from .tasks import Task

RUN = "run.json"  # what a trained prompt was trained with, beside it
TASKS: dict[str, "Callable[[str | None], Task]"] = {
    "translation": lambda _: course.tasks.translation(),
    "table-to-text": lambda _: course.tasks.table_to_text(),
    "house-style": lambda _: course.tasks.table_to_text(style="house"),
    "sentiment": lambda _: course.tasks.sentiment(),
    "e2e": lambda folder: course.tasks.e2e(folder),
}
PROMPTS = {"soft": "SoftPrompt", "prefix": "Prefix", "lora": "LoRA", "fine-tuning": "FineTuning"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it went well, 1 with one sentence on stderr if not."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except (ValueError, OSError) as error:
        print(f"peft-course: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("peft-course: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="peft-course", description="Prompts for a frozen language model.")
    commands = parser.add_subparsers(required=True, metavar="command")

    train = commands.add_parser("train", help="train a prompt and save it")
    train.set_defaults(run=_train)
    train.add_argument("--task", choices=TASKS, required=True)
    train.add_argument("--data", metavar="FOLDER", help="e2e: the folder with train.csv, validation.csv and test.csv")
    train.add_argument("--model", default="course-gpt", help="an embedded model, a Hub id, or a folder")
    train.add_argument("--prompt", choices=PROMPTS, default="soft")
    train.add_argument("--template", default="{x}", help="the text around the input (default: the bare input, {x})")
    train.add_argument("--num-virtual-tokens", type=int, default=20)
    train.add_argument("--rank", type=int, help="the rank of LoRA's matrices")
    train.add_argument("--bottleneck", type=int, help="prefix: the width of P' (default: no perceptron)")
    train.add_argument("--steps", type=int, default=300)
    train.add_argument("--batch-size", type=int, default=16)
    train.add_argument("--learning-rate", type=float, help="default: the method's own")
    train.add_argument("--validate-every", type=int, default=100, metavar="STEPS")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--accumulate", type=int, default=1, metavar="PARTS", help="compute a batch in so many parts")
    train.add_argument(
        "--mixed-precision", choices=("no", "bf16", "fp16"), help="default: what accelerate launch was told, or no"
    )
    train.add_argument("--checkpoint-every", type=int, metavar="STEPS", help="save so often; resume what --out has")
    train.add_argument("--out", metavar="FOLDER", required=True, help="where the prompt is saved")

    test = commands.add_parser("evaluate", help="score a saved prompt, or words, on a task's test examples")
    test.set_defaults(run=_evaluate)
    test.add_argument("prompt", help='a folder that "train" wrote, or a template such as "English: {x}\\nGerman:"')
    test.add_argument("--task", choices=TASKS, help="default: the one that the prompt was trained on")
    test.add_argument("--data", metavar="FOLDER", help="e2e: the folder with the files")
    test.add_argument("--model", help="default: the one that the prompt was trained on")
    test.add_argument("--limit", type=int, help="score only so many examples")
    test.add_argument("--max-new-tokens", type=int, default=96)

    pretrain = commands.add_parser("pretrain", help="make an embedded model again, or measure its quality")
    pretrain.set_defaults(run=_pretrain)
    pretrain.add_argument("name", help="such as course-gpt")
    pretrain.add_argument("--evaluate", action="store_true", help="measure the model as it is, and write its card")
    pretrain.add_argument("--out", metavar="FOLDER", help="where the model is made; an interrupted run goes on there")
    pretrain.add_argument("--e2e", metavar="FOLDER", help="also read the texts in this folder's train.csv (E2E)")

    again = commands.add_parser("reproduce", help="carry out the papers' claims as studies, and judge them")
    again.set_defaults(run=_reproduce)
    again.add_argument("--claim", metavar="NAME", help="one study alone; without it, all but E2E")
    again.add_argument("--full", action="store_true", help="E2E too (hours; needs --data)")
    again.add_argument("--data", metavar="FOLDER", help="the folder with E2E's train.csv, validation.csv and test.csv")
    again.add_argument("--out", metavar="FOLDER", default="reproduction", help="where runs are kept, and found again")
    again.add_argument("--workers", type=int, help="runs side by side on this machine (default: one a core)")
    again.add_argument("--dask", metavar="ADDRESS", help="carry out the runs on the Dask cluster of this scheduler")

    add_grading(commands)
    return parser


def _train(options: argparse.Namespace) -> None:
    from .devices import team
    from .resume import INTERRUPTED
    from .training import DivergenceError, fit

    lm, task = course.load_lm(options.model), TASKS[options.task](options.data)
    prompt, main_process = _new_prompt(options, lm), team(lm.device).is_main_process
    if main_process:
        print(f"{options.prompt}: {prompt.num_trained:,} numbers to train for {lm}", file=sys.stderr)
    resumable = options.checkpoint_every is not None
    try:
        history = fit(
            prompt,
            lm,
            task.train,
            validation=task.validation,
            steps=options.steps,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            validate_every=options.validate_every,
            seed=options.seed,
            accumulate=options.accumulate,
            mixed_precision=options.mixed_precision,
            checkpoint=options.out if resumable else None,
            checkpoint_every=options.checkpoint_every if resumable else 100,
        )
    except DivergenceError as error:
        raise ValueError(str(error)) from error
    if resumable and history.stopped == INTERRUPTED:
        raise KeyboardInterrupt  # the same command goes on from the last checkpoint
    if not main_process:
        return
    if not resumable:  # else it lies there already, with what was needed to go on
        prompt.save_pretrained(options.out)
    settings = {name: value for name, value in vars(options).items() if name not in ("run", "data", "out")}
    run = settings | {"loss": history.losses[-1], "validation_losses": history.validation_losses}
    (Path(options.out) / RUN).write_text(json.dumps(run | {"seconds": round(history.seconds)}, indent=2))
    print(f"{history}\nsaved in {options.out}")


def _new_prompt(options: argparse.Namespace, lm: "LM") -> "Prompt":
    if options.bottleneck is not None and options.prompt != "prefix":
        raise ValueError(f"--bottleneck is for a prefix, not for --prompt {options.prompt}; leave it out")
    if options.rank is not None and options.prompt != "lora":
        raise ValueError(f"--rank is for LoRA, not for --prompt {options.prompt}; leave it out")
    if options.prompt == "soft":
        return course.SoftPrompt(lm, options.num_virtual_tokens, seed=options.seed, template=options.template)
    if options.prompt == "prefix":
        tokens, width = options.num_virtual_tokens, options.bottleneck
        return course.Prefix(lm, tokens, bottleneck=width, seed=options.seed, template=options.template)
    if options.prompt == "lora":
        return course.LoRA(lm, options.rank or 8, seed=options.seed, template=options.template)
    return course.FineTuning(lm, template=options.template)


def _evaluate(options: argparse.Namespace) -> None:
    run = _run_of(options.prompt)
    task_name, model = options.task or run.get("task"), options.model or run.get("model", "course-gpt")
    if task_name is None:
        raise ValueError(f"{options.prompt!r} does not say what it was trained on; name a task with --task")
    lm = course.load_lm(model)
    if run:
        prompt: Prompt = getattr(course, PROMPTS[run["prompt"]]).from_pretrained(options.prompt, lm)
    else:
        prompt = course.HardPrompt(options.prompt.replace("\\n", "\n"))
    examples = TASKS[task_name](options.data).test
    if options.limit is not None:
        examples = examples.select(range(min(options.limit, len(examples))))
    print(course.evaluate(prompt, lm, examples, max_new_tokens=options.max_new_tokens))


def _run_of(prompt: str) -> dict[str, Any]:
    """What is written of a saved prompt's training; nothing for a template."""
    if "{x}" in prompt:
        return {}
    path = Path(prompt) / RUN
    if not path.is_file():
        raise ValueError(
            f"no {RUN} in {prompt!r}: name a folder that 'peft-course train' wrote, or a template with {{x}}"
        )
    run: dict[str, Any] = json.loads(path.read_text())
    return run


def _reproduce(options: argparse.Namespace) -> None:
    from . import reproduction
    from .reproduction import ALL_STUDIES, E2E, STUDIES

    if options.claim is not None and options.claim not in ALL_STUDIES:
        raise ValueError(f"there is no study {options.claim!r}; choose one of {', '.join(ALL_STUDIES)}")
    if options.claim is not None:
        chosen = [ALL_STUDIES[options.claim]]
    else:
        chosen = [*STUDIES.values(), *([E2E] if options.full else [])]
    if E2E in chosen and options.data is None:
        raise ValueError("E2E's files are not part of the course; name their folder with --data FOLDER")
    if options.workers is not None and options.workers < 1:
        raise ValueError(f"--workers is a number of processes, 1 or more, got {options.workers}")
    store = reproduction.Store(options.out)
    runs = [run for study in chosen for run in study.runs()]
    if options.dask:
        engine = reproduction.dask(options.dask, options.data)
    else:
        engine = reproduction.processes(options.workers, options.data)
    with engine as submit:
        reproduction.reproduce(runs, store, submit)
    reproduction.write_manifest(store)
    for finding in reproduction.findings([study.name for study in chosen], store):
        print(reproduction.explained(finding))


def _pretrain(options: argparse.Namespace) -> None:
    from . import pretraining

    if options.evaluate:
        for task, scores in pretraining.write_card(options.name).items():
            print(task + ":", ", ".join(f"{wording} {score:.1f} %" for wording, score in scores.items()))
        return
    pretraining.pretrain(options.name, options.out or f"{options.name}-again", e2e=options.e2e)
