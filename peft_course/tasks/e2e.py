"""E2E NLG: restaurant records and what people wrote about them (Novikova et al. 2017, arXiv 1706.09254).

A meaning representation "name[The Mill], eatType[pub]" is written like the records of `peft_course.world`, "name: The
Mill | type: pub", with the same labels in the same order: what a model learnt about these in pretraining carries over.
"""

import csv
import random
import re
from pathlib import Path

import datasets
from datasets import Dataset

from peft_course.tasks.task import Task, templates
from peft_course.world.records import LABELS
from peft_course.world.wordings import TABLE_TO_TEXT, TABLE_TO_TEXT_BASELINE

HUB = "tuetschek/e2e_nlg"
PARQUET = "refs/convert/parquet"  # the Hub's own conversion; the main revision is a script, which `datasets` 4 refuses
HUB_COLUMNS = ("meaning_representation", "human_reference")
SPLITS = ("train", "validation", "test")
SLOT_NAMES = {"eatType": "type", "priceRange": "price", "customer rating": "rating", "familyFriendly": "family"}
ORDER = list(LABELS.values())
Pairs = list[tuple[str, str]]


def e2e(folder: str | Path | None = None, train: int | None = None, validation: int | None = None,
        test: int | None = None, seed: int = 0) -> Task:
    """The official splits, from the Hugging Face Hub or from a `folder` of train.csv, validation.csv and test.csv.

    The files have the columns mr and ref. In training an example is one pair; in validation and test it is one meaning
    representation with all its `references`, y being the first. A size takes a random sample of that many, by `seed`.
    Raises ValueError for what is missing or malformed in a file, ConnectionError where the Hub cannot be reached.
    """
    pairs = _from_hub() if folder is None else _from_folder(Path(folder))
    data = {"train": Dataset.from_list([{"x": linearise(mr), "y": ref} for mr, ref in pairs["train"]]),
            "validation": _grouped(pairs["validation"]), "test": _grouped(pairs["test"])}
    for split, size in zip(SPLITS, (train, validation, test), strict=True):
        if size is not None:
            data[split] = _sample(data[split], split, size, seed)
    wordings = templates(TABLE_TO_TEXT)
    return Task("e2e", data["train"], data["validation"], data["test"], metric="bleu",
                wording=wordings[TABLE_TO_TEXT_BASELINE], wordings=wordings)


def linearise(mr: str) -> str:
    """A meaning representation as one line: "name: The Mill | type: pub | near: Café Sicilia".

    Raises ValueError where it is not of the form "slot[value], slot[value]".
    """
    if not re.fullmatch(r"\s*[^\[\],]+\[[^\[\]]*\](\s*,\s*[^\[\],]+\[[^\[\]]*\])*\s*", mr):
        raise ValueError(f"{mr!r} is no meaning representation; write it like 'name[The Mill], eatType[pub]'")
    slots = [(SLOT_NAMES.get(slot.strip(), slot.strip()), value.strip())
             for slot, value in re.findall(r"([^\[\],]+)\[([^\[\]]*)\]", mr)]
    slots.sort(key=lambda slot: ORDER.index(slot[0]) if slot[0] in ORDER else len(ORDER))
    return " | ".join(f"{slot}: {value}" for slot, value in slots)


def _grouped(pairs: Pairs) -> Dataset:
    references: dict[str, list[str]] = {}
    for mr, ref in pairs:
        references.setdefault(linearise(mr), []).append(ref)
    return Dataset.from_list([{"x": x, "y": refs[0], "references": refs} for x, refs in references.items()])


def _sample(data: Dataset, split: str, size: int, seed: int) -> Dataset:
    if not 1 <= size <= len(data):
        raise ValueError(f"{split}={size}: the {split} split of E2E has {len(data)} examples; ask for 1 to {len(data)}")
    return data.select(sorted(random.Random(seed).sample(range(len(data)), size)))


def _from_folder(folder: Path) -> dict[str, Pairs]:
    return {split: _read(folder / f"{split}.csv") for split in SPLITS}


def _read(path: Path) -> Pairs:
    if not path.is_file():
        raise ValueError(f"there is no file {path}; an E2E folder holds train.csv, validation.csv and test.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"mr", "ref"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} has the columns {rows.fieldnames or []}; E2E needs mr and ref")
        pairs = [(row["mr"], " ".join((row["ref"] or "").split())) for row in rows]
    if not pairs:
        raise ValueError(f"{path} has no rows; give at least one pair of mr and ref")
    return pairs


def _from_hub() -> dict[str, Pairs]:
    try:
        data = datasets.load_dataset(HUB, revision=PARQUET)
        mr, ref = HUB_COLUMNS
        return {split: list(zip(data[split][mr], data[split][ref], strict=True)) for split in SPLITS}
    except Exception as error:  # the Hub's client raises errors of several libraries
        raise ConnectionError(f"E2E could not be loaded from the Hugging Face Hub ({HUB}: {type(error).__name__}); "
                              "without a connection, pass folder=, a folder that holds train.csv, validation.csv and "
                              "test.csv with the columns mr and ref") from error
