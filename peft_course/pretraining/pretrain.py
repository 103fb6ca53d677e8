"""The training run of an embedded model: seeded, resumable, the same to the bit whether interrupted or not."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import torch
from tqdm.auto import tqdm
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast

from peft_course.loading import quietly
from peft_course.pretraining.batches import Batches
from peft_course.pretraining.corpus import document, e2e_references
from peft_course.pretraining.recipes import RECIPES, Recipe, build
from peft_course.pretraining.tokenizer import save_tokenizer, train_tokenizer

TOKENIZER_DOCUMENTS = 20_000
STATE, LOG = "training_state.pt", "training_log.jsonl"


def pretrain(
    recipe: Recipe | str,
    folder: str | Path,
    *,
    e2e: str | Path | None = None,
    stop_at: int | None = None,
    compiled: bool = False,
    save_every: int = 500,
    log_every: int = 50,
    progress: bool = True,
) -> PreTrainedModel:
    """Trains a model and saves it in `folder`, where a run that was interrupted goes on from its last saved state.

    recipe: a name of `RECIPES`, or a recipe of one's own. e2e: a folder with E2E's train.csv, whose texts (not
    records) join the corpus; the embedded models had it. stop_at: stop before this step as an interruption would.
    compiled: with torch.compile, a third faster where there is a C++ compiler. Losses go to training_log.jsonl.
    Raises ValueError for an unknown name or a folder without train.csv.
    """
    recipe = recipe if isinstance(recipe, Recipe) else recipe_named(recipe)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    references = e2e_references(e2e) if e2e else ()
    tokenizer = course_tokenizer(references)
    torch.manual_seed(recipe.seed)
    model = build(recipe, tokenizer).train()
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
        betas=(0.9, 0.98),
        lr=recipe.learning_rate,
        fused=True,
    )
    first = _resume(folder / STATE, model, optimizer)
    _keep_log(folder / LOG, first)
    batches, running = Batches(recipe, tokenizer, references), torch.zeros(())
    run = torch.compile(model) if compiled else model
    bar = tqdm(
        range(first, recipe.steps if stop_at is None else min(stop_at, recipe.steps)),
        initial=first,
        total=recipe.steps,
        desc=recipe.name,
        disable=not progress,
    )
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * schedule(recipe, step)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bf16):
            loss = run(**batches(step)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        running += loss.detach()
        if (step + 1) % log_every == 0:
            mean = running.item() / log_every
            running.zero_()
            bar.set_postfix(loss=f"{mean:.3f}")
            with (folder / LOG).open("a") as log:
                log.write(json.dumps({"step": step + 1, "loss": round(mean, 4)}) + "\n")
        if (step + 1) % save_every == 0:
            _save_state(folder / STATE, step + 1, model, optimizer)
    if stop_at is None or stop_at >= recipe.steps:
        save_model(model, tokenizer, folder)
    return model.eval()


def recipe_named(name: str) -> Recipe:
    """The recipe of an embedded model. Raises ValueError for another name."""
    if name not in RECIPES:
        raise ValueError(f"{name!r} is not an embedded model; choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def course_tokenizer(references: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    """The tokenizer of all the models, from the corpus's first documents."""
    return train_tokenizer(document(0, index, references).text for index in range(TOKENIZER_DOCUMENTS))


def schedule(recipe: Recipe, step: int) -> float:
    """The learning rate's factor: up, level, down to zero."""
    return min(1.0, (step + 1) / recipe.warm_up, (recipe.steps - step) / recipe.cool_down)


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Saves the weights in half precision, config, generation config and tokenizer."""
    config = model.config
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
        decoder_start_token_id=getattr(config, "decoder_start_token_id", None),
    )
    with quietly():
        model.half().save_pretrained(folder)
    model.float()
    save_tokenizer(tokenizer, folder)


def _save_state(path: Path, step: int, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> None:
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, partial)
    os.replace(partial, path)  # so that an interruption leaves the old state or the new one, never half of one


def _resume(path: Path, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _keep_log(path: Path, steps: int) -> None:
    """Drops the lines that an interrupted run wrote after its last saved state."""
    lines: Iterable[str] = path.read_text().splitlines(keepends=True) if path.is_file() else ()
    path.write_text("".join(line for line in lines if json.loads(line)["step"] <= steps))
