"""Exercises for the chapter *One model, many tasks*."""

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import pad

from ..task import Draw, Mistake, Task, value
from ..varied import in_words, varied

EDITION = 1


# -- 11.1 Predict: four rows in one batch ------------------------------------------------------------------------------
def _prediction(p1: int = 5, p2: int = 2, v0: int = 4, w2: int = 5, w3: int = 4) -> Task:
    """Row 1 has the longest prefix, and row 2 the longest reading."""
    prefixes, vectors, words = [0, p1, p2, 0], [v0, 0, 3, 0], [3, 6, w2, w3]
    own = [p + v for p, v in zip(prefixes, vectors, strict=True)]
    read = [v + w for v, w in zip(vectors, words, strict=True)]
    rows = [p + r for p, r in zip(prefixes, read, strict=True)]
    pads = [max(read) - r for r in read]
    columns = p1 + max(read)

    def batch(first: list[int], columns: int = columns, hidden: int = 4 * columns - sum(rows)) -> dict[str, Any]:
        return {"first": first, "columns": columns, "hidden": hidden}

    padded = "is one pad" if pads[0] == 1 else f"are {in_words(pads[0])} pads"
    return Task(
        number="11.1",
        title="four requests, one rectangle",
        name="prediction",
        reference=batch(own),
        probe=value,
        phrases=(
            f"| 0 | none | {v0} | 3 tokens |\n| 1 | {p1} rows | none | 6 tokens |\n"
            f"| 2 | {p2} rows | 3 | {w2} tokens |\n| 3 | none | none | {w3} tokens |",
            f"In row 0 the {in_words(p1)} virtual tokens are all hidden, and so {padded}: ${p1} + {pads[0]}$ zeros",
        ),
        mistakes=(
            Mistake(
                "A prefix is not read, and yet its keys have positions: the text stands behind them.", batch(vectors)
            ),
            Mistake(
                "Each row begins behind its own prefix. You counted the width of the rectangle for all of them.",
                batch([p1 + v for v in vectors]),
            ),
            Mistake(
                "You counted the pads. A row's positions are those that it would have alone.",
                batch([pad + before for pad, before in zip(pads, own, strict=True)]),
            ),
            Mistake(
                "The keys of prefixes and the tokens read are two rectangles, and each is as wide as its own longest "
                "row.",
                batch(own, max(rows), 4 * max(rows) - sum(rows)),
            ),
            Mistake(
                "You hid the pads alone. Virtual tokens that a row does not have are hidden, too.",
                batch(own, hidden=sum(pads)),
            ),
        ),
    )


PREDICTION = varied(_prediction, p1=(6, 7, 8, 9), p2=(2, 3, 4), v0=(4, 5), w2=(6, 7, 8), w3=(3, 4, 5))


# -- 11.2 A mixed batch ------------------------------------------------------------------------------------------------
def mixed_batch(read: list[Tensor], num_rows: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """B tensors ``[T_i, D]`` and B numbers P_i → inputs ``[B, T, D]``, mask ``[B, P + T]``, positions ``[B, T]``."""
    return _mixed_batch(read, num_rows)


def _mixed_batch(
    read: list[Tensor],
    num_rows: list[int],
    *,
    left: bool = True,
    begin: Callable[[Tensor], Tensor | int] = lambda own: own,
    hide: bool = True,
    count: bool = True,
    present_first: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    lengths, own = torch.tensor([[len(row)] for row in read]), torch.tensor(num_rows)[:, None]
    T, P = int(lengths.max()), max(num_rows)
    gaps = [(T - len(row), 0) if left else (0, T - len(row)) for row in read]
    inputs = torch.stack([pad(row, (0, 0, *gap)) for row, gap in zip(read, gaps, strict=True)])
    columns = torch.arange(T).expand(len(read), -1)
    words = (columns >= T - lengths if left else columns < lengths).long()
    rows = torch.arange(P)
    present = (rows < own if present_first else rows >= P - own).long()
    counted = (words.cumsum(dim=1) - 1).clamp(min=0) if count else columns
    return inputs, torch.cat([present if hide else torch.ones_like(present), words], dim=1), counted + begin(own)


def _padded_right(*given: Any) -> Any:
    return _mixed_batch(*given, left=False)


def _begins_at_the_width(*given: Any) -> Any:
    return _mixed_batch(*given, begin=lambda own: int(own.max()))


def _begins_at_zero(*given: Any) -> Any:
    return _mixed_batch(*given, begin=lambda own: 0)


def _absent_in_sight(*given: Any) -> Any:
    return _mixed_batch(*given, hide=False)


def _by_column(*given: Any) -> Any:
    return _mixed_batch(*given, count=False)


def _rows_at_the_end(*given: Any) -> Any:
    return _mixed_batch(*given, present_first=False)


def _no_columns_for_rows(*given: Any) -> Any:
    inputs, mask, positions = _mixed_batch(*given)
    return inputs, mask[:, -inputs.shape[1] :], positions


def mixed_batch_probe(answer, read, num_rows):
    """What the answer gives, with zeros where nobody looks."""
    inputs, mask, positions = (torch.as_tensor(each) for each in answer(read, num_rows))
    pads = mask[:, -inputs.shape[1] :] == 0
    inputs, positions = inputs.masked_fill(pads[:, :, None], 0), positions.masked_fill(pads, 0)
    return {"mask": mask.long(), "inputs": inputs, "positions": positions}


def _draw_rows(draw: Draw) -> tuple[Any, ...]:
    lengths = [2 + n for n in draw.permutation(5)][: draw.integer(3, 4)]
    rows = [[0, 2, 3, 5][n] for n in draw.permutation(4)][: len(lengths)]
    return [draw.normal(length, 4) for length in lengths], rows


MIXED_BATCH = Task(
    number="11.2",
    title="a mixed batch",
    name="mixed_batch",
    reference=mixed_batch,
    probe=mixed_batch_probe,
    draw=_draw_rows,
    points=2,
    mistakes=(
        Mistake("The pads stand on the right. All answers should begin in one column.", _padded_right),
        Mistake(
            "Every row begins at the width of the prefix rectangle. A row begins behind its own prefix.",
            _begins_at_the_width,
        ),
        Mistake(
            "The mask covers what is read alone. The virtual tokens have columns of their own in front of it.",
            _no_columns_for_rows,
        ),
        Mistake("The rows begin at position 0, as if their prefixes had no positions.", _begins_at_zero),
        Mistake("Virtual tokens that a row does not have are in sight. Their keys take attention.", _absent_in_sight),
        Mistake("The positions are counted by column, over the pads. Count what is real.", _by_column),
        Mistake(
            "A row's virtual tokens stand in the first of the P columns. You marked the last ones.", _rows_at_the_end
        ),
    ),
)


# -- 11.3 Find the bug: names that are ignored -------------------------------------------------------------------------
def prompted(embedded: Tensor, library: dict[str, Tensor], active: str, names: list[str] | None = None) -> Tensor:
    """Each row's prompt in front of it: ``[B, T, D]``, prompts ``[P, D]`` by name → ``[B, P + T, D]``."""
    names = [active] * len(embedded) if names is None else names
    return torch.stack([torch.cat([library[name], row]) for name, row in zip(names, embedded, strict=True)])


def _names_ignored(embedded: Tensor, library: dict[str, Tensor], active: str, **options: Any) -> Tensor:
    return prompted(embedded, library, active)


def _any_word(embedded: Tensor, library: dict[str, Tensor], active: str, **options: Any) -> Tensor:
    return prompted(embedded, library, active, options.get("names"))


def _any_word_any_number(embedded: Tensor, library: dict[str, Tensor], active: str, **options: Any) -> Tensor:
    names = options.get("names", [active] * len(embedded))
    return prompted(embedded[: len(names)], library, active, names)


def _any_number(embedded: Tensor, library: dict[str, Tensor], active: str, names: list[str] | None = None) -> Tensor:
    return _any_word_any_number(embedded, library, active, **({} if names is None else {"names": names}))


def _first_name_for_all(
    embedded: Tensor, library: dict[str, Tensor], active: str, names: list[str] | None = None
) -> Tensor:
    if names is not None and len(names) != len(embedded):
        raise ValueError
    return prompted(embedded, library, active if names is None else names[0])


def prompted_probe(answer, embedded, library, active, names):
    """What four calls give: a tensor, or the name of the error."""

    def given(**options):
        try:
            return answer(embedded, library, active, **options)
        except (TypeError, ValueError) as error:
            return type(error).__name__

    return {
        "without names": given(),
        "with names": given(names=names),
        "with a name too few": given(names=names[:-1]),
        "with a name too many": given(names=[*names, names[0]]),
        "with a misspelt argument": given(adapter_name=names),
    }


def _draw_library(draw: Draw) -> tuple[Any, ...]:
    P, B = draw.integer(2, 3), draw.integer(3, 4)
    library = {name: draw.normal(P, 4) for name in ("translate", "judge", "house")}
    others = ["judge", "house", *(draw.choice(list(library)) for _ in range(B - 2))]
    return draw.normal(B, draw.integer(4, 5), 4), library, "translate", others


PROMPTED = Task(
    number="11.3",
    title="names that are ignored",
    name="prompted",
    reference=prompted,
    probe=prompted_probe,
    draw=_draw_library,
    mistakes=(
        Mistake("The bug is still there: the names arrive, and nobody reads them.", _names_ignored),
        Mistake(
            "The names are read, but a misspelt argument and a missing name still go unnoticed.", _any_word_any_number
        ),
        Mistake("The names are read, but a misspelt argument is still swallowed without a word.", _any_word),
        Mistake("With a name too few a row is lost, or gets a prompt that nobody asked for: refuse it.", _any_number),
        Mistake("The first name is taken for all rows. Each row has a name of its own.", _first_name_for_all),
    ),
)


# -- 11.4 How many texts fit -------------------------------------------------------------------------------------------
def texts_that_fit(config: dict[str, int], memory: int, num_tokens: int, num_rows: int, shared: bool) -> int:
    """How many texts fit beside the weights into `memory` bytes, all numbers in half precision."""
    return _texts_that_fit(config, memory, num_tokens, num_rows, shared)


def _texts_that_fit(
    config: dict[str, int],
    memory: int,
    num_tokens: int,
    num_rows: int,
    shared: bool,
    *,
    heads: str = "num_key_value_heads",
    parts: int = 2,
    size: int = 2,
    weights: bool = True,
    once: int = 1,
) -> int:
    row = parts * config["num_hidden_layers"] * config[heads] * config["head_dim"] * size
    free = memory - size * config["num_weights"] * weights
    if shared:
        return (free - once * row * num_rows) // (row * num_tokens)
    return free // (row * (num_tokens + num_rows))


def _query_heads(*given: Any) -> int:
    return _texts_that_fit(*given, heads="num_attention_heads")


def _keys_alone(*given: Any) -> int:
    return _texts_that_fit(*given, parts=1)


def _single_precision(*given: Any) -> int:
    return _texts_that_fit(*given, size=4)


def _weights_forgotten(*given: Any) -> int:
    return _texts_that_fit(*given, weights=False)


def _never_shared(config: dict[str, int], memory: int, num_tokens: int, num_rows: int, shared: bool) -> int:
    return _texts_that_fit(config, memory, num_tokens, num_rows, shared=False)


def _shared_is_free(*given: Any) -> int:
    return _texts_that_fit(*given, once=0)


def texts_probe(answer, config, memory, num_tokens, num_rows):
    return {
        "copied": answer(config, memory, num_tokens, num_rows, False),
        "shared": answer(config, memory, num_tokens, num_rows, True),
    }


def _draw_server(draw: Draw) -> tuple[Any, ...]:
    heads = draw.choice([16, 32])
    config = {
        "num_weights": draw.integer(1000, 3000) * 10**6,
        "num_hidden_layers": draw.integer(20, 32),
        "num_attention_heads": heads,
        "num_key_value_heads": heads // draw.choice([2, 4]),
        "head_dim": draw.choice([64, 128]),
    }
    return config, draw.integer(24, 80) * 10**9, draw.integer(200, 400), draw.integer(800, 1600)


TEXTS_THAT_FIT = Task(
    number="11.4",
    title="how many texts fit?",
    name="texts_that_fit",
    reference=texts_that_fit,
    probe=texts_probe,
    draw=_draw_server,
    tolerance=1e-9,
    mistakes=(
        Mistake("You counted the heads of queries. Only keys and values stand in the cache.", _query_heads),
        Mistake("A place in the cache is a key and a value in each layer. You counted one of the two.", _keys_alone),
        Mistake("In half precision a number has two bytes. You counted four.", _single_precision),
        Mistake("The weights are in the same memory. You left all of it to the texts.", _weights_forgotten),
        Mistake("With `shared` the prefix is there once. You counted it for each text.", _never_shared),
        Mistake("A shared prefix is not free: it is in memory once, whatever the number of texts.", _shared_is_free),
    ),
)


# -- 11.5 A library of prompts -----------------------------------------------------------------------------------------
class Library:
    """A mapping from names to prompts that loads on demand and keeps those `keep` that were used last."""

    def __init__(self, load: Callable[[str], Any], keep: int) -> None:
        self.load, self.keep = load, keep
        self.kept: OrderedDict[str, Any] = OrderedDict()

    def __getitem__(self, name: str) -> Any:
        if not self.allowed(name):
            raise KeyError(name)
        if name not in self.kept:
            self.kept[name] = self.load(name)
        self.used(name)
        while len(self.kept) > self.keep:
            self.kept.popitem(last=False)
        return self.kept[name]

    def allowed(self, name: str) -> bool:
        return re.fullmatch(r"[A-Za-z0-9-]+", name) is not None

    def used(self, name: str) -> None:
        self.kept.move_to_end(name)


class _FirstInFirstOut(Library):
    def used(self, name: str) -> None:
        pass


class _KeepsAll(Library):
    def __init__(self, load: Callable[[str], Any], keep: int) -> None:
        super().__init__(load, 10**6)


class _OneTooMany(Library):
    def __init__(self, load: Callable[[str], Any], keep: int) -> None:
        super().__init__(load, keep + 1)


class _NeverKeeps(Library):
    def __getitem__(self, name: str) -> Any:
        self.kept.clear()
        return super().__getitem__(name)


class _AnyName(Library):
    def allowed(self, name: str) -> bool:
        return True


class _NoSlash(Library):
    def allowed(self, name: str) -> bool:
        return "/" not in name


class _ToTheLineBreak(Library):
    def allowed(self, name: str) -> bool:
        return re.match(r"[A-Za-z0-9-]+$", name) is not None


class _FirstInFirstOutAnyName(_FirstInFirstOut, _AnyName):
    pass


def library_probe(answer, names, keep):
    """Which prompts come, which of them had to be loaded, and what happens to names that are paths."""
    loaded = []

    def load(name):
        loaded.append(name)
        return {"prompt of": name}

    library = answer(load, keep)
    given = [library[name]["prompt of"] for name in names]
    on_demand = list(loaded)
    fates = {}
    for path in ("../secret", "house/../../secret", "/etc/passwd", "C:secret", "house\n"):
        try:
            library[path]
            fates[path] = "loaded"
        except KeyError:
            fates[path] = "refused" if path not in loaded else "loaded, then refused"
    return {"given": given, "loaded": on_demand, "paths": fates}


def _draw_requests(draw: Draw) -> tuple[Any, ...]:
    keep = draw.integer(2, 3)
    people = [f"customer-{n}" for n in draw.permutation(keep + 2)]
    start = [*people[:keep], people[0], people[keep], people[0]]
    return start + [draw.choice(people) for _ in range(8)], keep


LIBRARY = Task(
    number="11.5",
    title="a thousand prompts, a few in memory",
    name="Library",
    reference=Library,
    probe=library_probe,
    draw=_draw_requests,
    points=2,
    mistakes=(
        Mistake(
            "The prompt that came first is dropped first, though it was just used. Drop the one unused for longest.",
            _FirstInFirstOut,
        ),
        Mistake("Nothing is ever dropped: a thousand customers would fill the memory.", _KeepsAll),
        Mistake("One prompt more than `keep` stays in memory.", _OneTooMany),
        Mistake("Each request loads its prompt anew, those in memory as well.", _NeverKeeps),
        Mistake(
            "The prompt that came first is dropped first, though it was just used; and a path is loaded like a name.",
            _FirstInFirstOutAnyName,
        ),
        Mistake("A name that is a path is loaded: a stranger can ask for any file.", _AnyName),
        Mistake(
            "Paths with a slash are refused, but on another system paths have other signs. Say what is allowed: "
            "letters, digits and hyphens.",
            _NoSlash,
        ),
        Mistake(
            "A name with a line break at its end is loaded: `$` also matches before that. Take `re.fullmatch`.",
            _ToTheLineBreak,
        ),
    ),
)


# -- 11.6 Read a file by hand ------------------------------------------------------------------------------------------
NUMPY = {"F32": "<f4", "F16": "<f2"}


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name."""
    return _read_tensors(data)


def _read_tensors(
    data: bytes,
    skip: int = 8,
    from_start: bool = False,
    shaped: bool = True,
    typed: bool = True,
    metadata: bool = False,
) -> dict[str, Tensor]:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if not metadata:
        header.pop("__metadata__", None)
    tensors = {}
    for name, about in header.items():
        begin, end = (0 if from_start else skip + size) + np.array(about["data_offsets"])
        numbers = np.frombuffer(data[begin:end], NUMPY[about["dtype"]] if typed else "<f4")
        tensors[name] = torch.tensor(numbers.reshape(about["shape"]) if shaped else numbers)
    return tensors


def _offsets_from_the_start(data: bytes) -> Any:
    return _read_tensors(data, from_start=True)


def _eight_forgotten(data: bytes) -> Any:
    return _read_tensors(data, skip=0)


def _flat(data: bytes) -> Any:
    return _read_tensors(data, shaped=False)


def _all_single(data: bytes) -> Any:
    return _read_tensors(data, typed=False)


def _all_single_in_torch(data: bytes) -> Any:
    right, flat = _read_tensors(data), _read_tensors(data, shaped=False, typed=False)
    return {name: flat[name].reshape(tensor.shape) for name, tensor in right.items()}


def _metadata_too(data: bytes) -> Any:
    return _read_tensors(data, metadata=True)


def _draw_file(draw: Draw) -> tuple[Any, ...]:
    P, D, L = draw.integer(2, 5), draw.choice([4, 8]), draw.integer(2, 3)
    tensors = {
        "encoder": draw.normal(P, 2 * L * D).half(),
        "prompt_embeddings": draw.normal(P, D),
        "scale": draw.normal(L, 2).half(),
    }
    return (save(tensors, {"format": "pt"}),)


READ_TENSORS = Task(
    number="11.6",
    title="read a file by hand",
    name="read_tensors",
    reference=read_tensors,
    draw=_draw_file,
    points=2,
    mistakes=(
        Mistake(
            "The offsets are counted from the end of the header, not from the beginning of the file.",
            _offsets_from_the_start,
        ),
        Mistake("You are eight bytes too early: the length of the header stands in front of it.", _eight_forgotten),
        Mistake("The numbers are right, and the shape that the header names is missing.", _flat),
        Mistake("Not every tensor has numbers of four bytes: ask the header for the type.", _all_single),
        Mistake(
            "Some tensors have numbers of two bytes, not of four. The header names the type of each.",
            _all_single_in_torch,
        ),
        Mistake("One entry of the header, `__metadata__`, is no tensor.", _metadata_too),
    ),
)

TASKS = (PREDICTION, MIXED_BATCH, PROMPTED, TEXTS_THAT_FIT, LIBRARY, READ_TENSORS)
