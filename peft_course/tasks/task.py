"""What a task is, and how the generated ones share out their content among training, validation and test."""

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from datasets import Dataset

from peft_course.world.held_out import is_held_out
from peft_course.world.wordings import Wording

Example = dict[str, Any]
Draw = Callable[[random.Random], tuple[str, Example]]
PATIENCE = 200_000  # draws without a new example after which a generator counts as exhausted


@dataclass(frozen=True, repr=False)
class Task:
    """Examples x → y in three splits.

    Each split has the columns `x` and `y`; where several answers are right, `references` lists them; where x is a
    restaurant record whose values an answer must tell, `record` holds it. `metric` names the main metric of `evaluate`,
    `wording` is the baseline's template with the slot {x}, `wordings` are all of the course's by name, and `labels` the
    answers of a classification. `verbalizers` gives, by the wording's name, the words that stand for each label there.
    """

    name: str
    train: Dataset
    validation: Dataset
    test: Dataset
    metric: str
    wording: str
    wordings: dict[str, str]
    labels: tuple[str, ...] | None = None
    verbalizers: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def __repr__(self) -> str:
        first = self.test[0]
        return (f"Task {self.name}: {len(self.train)} training, {len(self.validation)} validation and "
                f"{len(self.test)} test examples, scored by {self.metric}\n  x: {first['x']}\n  y: {first['y']}")


def templates(wordings: Mapping[str, Wording]) -> dict[str, str]:
    """The wordings' templates by name."""
    return {name: wording.template for name, wording in wordings.items()}


def split_of(content: str) -> str:
    """The split a content belongs to, whatever the seed: "train" (5 in 10), "validation" (2) or "test" (3)."""
    digit = int(hashlib.blake2b(f"split: {content}".encode(), digest_size=4).hexdigest(), 16) % 10
    return "train" if digit < 5 else "validation" if digit < 7 else "test"


def splits(draw: Draw, seed: int, sizes: Mapping[str, int]) -> dict[str, Dataset]:
    """Distinct examples for each split, all of content that no shipped model was pretrained on.

    `draw` gives a content and the example made of it. A content's split is decided by the content, so splits are
    disjoint across seeds and sizes too, and a smaller split is the beginning of a larger one. Raises ValueError for a
    size below 1, or for more examples than there are.
    """
    for split, size in sizes.items():
        if size < 1:
            raise ValueError(f"the {split} split has the size {size}; ask for at least 1 example")
    found: dict[str, list[Example]] = {split: [] for split in sizes}
    seen: set[str] = set()
    waited = 0
    rng = random.Random(seed)
    while waited < PATIENCE:
        content, example = draw(rng)
        split = split_of(content)
        waited += 1
        if len(found[split]) < sizes[split] and content not in seen and is_held_out(content):
            seen.add(content)
            found[split].append(example)
            waited = 0
            if all(len(found[each]) == sizes[each] for each in sizes):
                return {each: Dataset.from_list(examples) for each, examples in found.items()}
    short = next(split for split in sizes if len(found[split]) < sizes[split])
    raise ValueError(f"the {short} split has the size {sizes[short]}, but only {len(found[short])} different examples "
                     "were found; ask for fewer")
