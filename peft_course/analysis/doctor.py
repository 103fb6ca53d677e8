"""`doctor`: one call that looks for what goes wrong most often, before a training run is spent on it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset

from ..lm import LM
from ..prompts import Prompt
from ..reading import IGNORE
from . import checks
from .checks import Case, Collated, Finding, NotChecked

EXAMPLES = 16  # how many of a batch are run

AT_REST = {
    "the model's shape": checks.misfit,
    "the model's weights": checks.other_weights,
    "positions": checks.too_long,
    "dropout": checks.dropout,
    "frozen weights": checks.unfrozen,
    "the learning rate": checks.learning_rate,
    "labels": checks.labels,
    "spaces": checks.spaces,
}
RUNNING = {
    "dead parameters": checks.dead,
    "tied parameters": checks.tied,
    "padding": checks.padding,
    "the initial scale": checks.scale,
}


@dataclass(frozen=True, repr=False)
class Report:
    """The findings, none for a healthy prompt; what was `checked`; and what was not, with the reason."""

    patient: str
    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_checked: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __repr__(self) -> str:
        count = {0: "nothing found", 1: "1 finding"}.get(len(self), f"{len(self)} findings")
        left_out = [f"{name} ({why})" for name, why in self.not_checked.items()]
        lines = [f"{self.patient}: {count}", *map(str, self.findings), f"checked: {', '.join(self.checked)}"]
        return "\n".join(lines + [f"not checked: {', '.join(left_out)}"] * bool(left_out))


def doctor(
    prompt: Prompt,
    lm: LM,
    batch: Dataset | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    learning_rate: float | None = None,
) -> Report:
    """What is wrong with training `prompt` on `lm` with `batch`: findings, each with its mend.

    `batch` is examples (a data set, a mapping of columns or a list of mappings, with x and y), or a collator's tensors:
    input_ids ``[B, T]``, labels of the same shape (an encoder–decoder's: ``[B, U]``) and attention_mask. The labels of
    the latter are checked too. At most 16 examples are run. A `learning_rate` is compared with the method's own.
    No gradient, mode, random state or weight is changed.

    Raises ValueError for a batch that is neither, or that is empty.
    """
    case = _case(prompt, lm, batch, learning_rate)
    found, checked, not_checked = list[Finding](), list[str](), dict[str, str]()

    def look(wanted: Mapping[str, Any]) -> None:
        for name, check in wanted.items():
            try:
                found.extend(check(case))
                checked.append(name)
            except NotChecked as why:
                not_checked[name] = str(why)

    with torch.no_grad():
        look(AT_REST)
        first = [finding.name for finding in found if finding.name in ("other model", "too long")]
        if first:
            not_checked |= dict.fromkeys(RUNNING, f"mend first: {first[0]}")
        else:
            with _quietly(prompt, lm):
                look(RUNNING)
    return Report(f"{type(prompt).__name__} on {lm.name}", tuple(found), tuple(checked), not_checked)


@contextmanager
def _quietly(prompt: Prompt, lm: LM) -> Iterator[None]:
    """No dropout, and random numbers of its own; afterwards all is as it was."""
    modes = [(module, module.training) for module in (*prompt.modules(), *lm.model.modules())]
    with torch.random.fork_rng(devices=[lm.device] if lm.device.type == "cuda" else []):
        torch.manual_seed(0)
        try:
            for module, _ in modes:
                module.training = False
            yield
        finally:
            for module, mode in modes:
                module.training = mode


def _case(prompt: Prompt, lm: LM, batch: Any, learning_rate: float | None) -> Case:
    """The batch as texts and answers, whatever it came as."""
    if isinstance(batch, Dataset):
        batch = batch[:EXAMPLES]
    elif isinstance(batch, Sequence) and batch and all(isinstance(row, Mapping) for row in batch):
        batch = {name: [row.get(name) for row in batch] for name in batch[0]}
    columns = set(batch) if isinstance(batch, Mapping) else set()
    if {"x", "y"} <= columns:
        texts, answers, collated = list(batch["x"]), list(batch["y"]), None
    elif {"input_ids", "labels"} <= columns:
        collated = _collated(batch)
        texts, answers = _decoded(lm, collated)
    else:
        has = f"one with {', '.join(sorted(columns))}" if columns else type(batch).__name__
        raise ValueError(
            f"doctor expects a batch with x and y, or with input_ids and labels, got {has}; "
            f"give examples, or what a collator made of them"
        )
    if not texts:
        raise ValueError("the batch is empty; give at least one example")
    return Case(prompt, lm, texts[:EXAMPLES], answers[:EXAMPLES], collated, learning_rate)


def _collated(batch: Mapping[str, Any]) -> Collated:
    ids, labels = (torch.as_tensor(batch[name]).cpu() for name in ("input_ids", "labels"))
    mask = torch.as_tensor(batch["attention_mask"]).cpu() if "attention_mask" in batch else torch.ones_like(ids)
    if ids.ndim != 2 or mask.shape != ids.shape or labels.ndim != 2 or len(labels) != len(ids):
        shapes = f"{list(ids.shape)}, {list(mask.shape)} and {list(labels.shape)}"
        raise ValueError(
            f"input_ids, attention_mask and labels are [B, T] each, got {shapes}; "
            f"mask the text alone, whatever the prompt"
        )
    return Collated(ids, mask, labels)


def _decoded(lm: LM, batch: Collated) -> tuple[list[str], list[str]]:
    """What the tensors say: x is what carries no label, y what the labels name."""
    texts, answers = [], []
    for ids, mask, labels in zip(*batch, strict=True):
        read = mask.bool()
        if not lm.is_encoder_decoder and labels.shape == ids.shape:
            read &= labels == IGNORE
        named = labels[(labels >= 0) & (labels < len(lm.embedding_matrix))]
        texts.append(lm.decode(ids[read]))
        answers.append(lm.decode(named).strip())
    return texts, answers
