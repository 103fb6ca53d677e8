"""Exercises for the chapter *The frozen model*."""

import functools
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from ..models import model
from ..task import Draw, Mistake, Task, value
from ..varied import varied, without

EDITION = 1

# -- 1.1 Predict: sixteen bytes, or four -------------------------------------------------------------------------------
FROZEN, LEARNT = 354_823_168, 491_520  # GPT-2 medium's weights, and a prefix of ten positions for it


def _gigabytes(frozen: int = FROZEN) -> Task:
    def taken(tuning: int, still: int, learnt: int) -> dict[str, float]:
        """By the bytes of a trained weight, of a frozen one, and of a number of the prefix."""
        return {"fine-tuning": tuning * frozen / 1e9, "prefix": (still * frozen + learnt * LEARNT) / 1e9}

    return Task(
        number="1.1",
        title="sixteen bytes, or four",
        name="gigabytes",
        tolerance=2e-3,  # two decimals
        reference=taken(16, 4, 16),
        probe=value,
        phrases=(f"{'GPT-2 medium' if frozen == FROZEN else 'A model'} has {frozen:,} weights",),
        mistakes=(
            Mistake("Adam keeps two numbers for each weight that it trains, and you counted one.", taken(12, 4, 12)),
            Mistake("The optimiser's own memory is missing: Adam keeps two running means.", taken(8, 4, 8)),
            Mistake(
                "A frozen model is not trained, but it is run: its weights have to be in memory.", taken(16, 0, 16)
            ),
            Mistake("You counted gradients and running means for frozen weights. They have none.", taken(16, 16, 16)),
            Mistake(
                "Gradients pass through a frozen weight, but it gets none of its own that would be kept.",
                taken(16, 8, 16),
            ),
            Mistake(
                "The ten positions are trained, and in memory, too: 16 bytes for each of their numbers.",
                taken(16, 4, 0),
            ),
        ),
    )


GIGABYTES = varied(_gigabytes, frozen=range(400_823_168, 720_000_000, 1_000_000))


# -- 1.2 Find the bug: the mask behind a cache -------------------------------------------------------------------------
def attend(q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Queries of the last T of S positions: ``[H, T, d]``, ``[H, S, d]`` twice → ``[H, T, d]``."""
    T, S = q.shape[1], keys.shape[1]
    visible = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return scaled_dot_product_attention(q, keys, values, attn_mask=visible)


def _from_the_upper_left(q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    visible = torch.ones(q.shape[1], keys.shape[1], dtype=torch.bool).tril()
    return scaled_dot_product_attention(q, keys, values, attn_mask=visible)


def _no_mask(q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    return scaled_dot_product_attention(q, keys, values)


def _not_itself(q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    T, S = q.shape[1], keys.shape[1]
    visible = torch.ones(T, S, dtype=torch.bool).tril(S - T - 1)
    return scaled_dot_product_attention(q, keys, values, attn_mask=visible)


def _cache_hidden(q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    T = q.shape[1]
    return scaled_dot_product_attention(q, keys[:, -T:], values[:, -T:], is_causal=True)


def _not_scaled(q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    return attend(q * q.shape[-1] ** 0.5, keys, values)


def _draw_attention(draw: Draw) -> tuple[Any, ...]:
    H, T, d = draw.integer(1, 3), draw.integer(2, 4), 6
    S = T + draw.integer(2, 5)
    return draw.normal(H, T, d), draw.normal(H, S, d), draw.normal(H, S, d)


ATTEND = Task(
    number="1.2",
    title="right until there was a cache",
    name="attend",
    reference=attend,
    draw=_draw_attention,
    mistakes=(
        Mistake(
            "The bug is still there: the first query sees the first key alone, as if it stood at position 0.",
            _from_the_upper_left,
        ),
        Mistake("Without any mask, a new position sees those that come after it.", _no_mask),
        Mistake("Off by one: a position also sees its own key.", _not_itself),
        Mistake("What was read before is hidden now: every new position sees the whole cache.", _cache_hidden),
        Mistake("The scores are not divided by √d.", _not_scaled),
    ),
)


# -- 1.3 Write with a cache --------------------------------------------------------------------------------------------
def write(step: Any, ids: list[int], count: int) -> list[int]:
    """`count` tokens by greedy decoding behind `ids`; each position goes through `step` once."""
    new, cache, written = list(ids), None, []
    for _ in range(count):
        logits, cache = step(new, cache)
        new = [int(logits.argmax())]
        written += new
    return written


def _without_cache(step: Any, ids: list[int], count: int) -> list[int]:
    text = list(ids)
    for _ in range(count):
        text.append(int(step(text, None)[0].argmax()))
    return text[len(ids) :]


def _read_twice(step: Any, ids: list[int], count: int) -> list[int]:
    text, cache = list(ids), None
    for _ in range(count):
        logits, cache = step(text, cache)
        text.append(int(logits.argmax()))
    return text[len(ids) :]


def _forgetful(step: Any, ids: list[int], count: int) -> list[int]:
    new, written = list(ids), []
    for _ in range(count):
        new = [int(step(new, None)[0].argmax())]
        written += new
    return written


def _first_cache_kept(step: Any, ids: list[int], count: int) -> list[int]:
    logits, cache = step(list(ids), None)
    written = [int(logits.argmax())]
    while len(written) < count:
        written.append(int(step([written[-1]], cache)[0].argmax()))
    return written


def _one_step_more(step: Any, ids: list[int], count: int) -> list[int]:
    written = write(step, ids, count)
    step(written[-1:], None)
    return written


def _with_the_beginning(step: Any, ids: list[int], count: int) -> list[int]:
    return list(ids) + write(step, ids, count)


def write_probe(answer, ids, count, table):
    """What is written, and how many positions it took, with a small model whose cache is the tokens that it read."""
    computed = 0

    def step(new_ids, cache):
        nonlocal computed
        new = [int(token) for token in new_ids]
        computed += len(new)
        read = (() if cache is None else cache) + tuple(new)
        places = torch.arange(len(read), 0, -1)  # what was read last weighs most
        weights = 0.8 ** places.float()
        order = torch.cos(torch.arange(len(read)).float())[:, None]
        return (weights[:, None] * (1 + order) * table[list(read)]).sum(dim=0), read

    written = [int(token) for token in answer(step, list(ids), count)]
    return {"written": written, "positions": computed}


WRITE = Task(
    number="1.3",
    title="write with a cache",
    name="write",
    reference=write,
    probe=write_probe,
    draw=lambda draw: (
        draw.tokens(draw.integer(5, 8), vocabulary=40).tolist(),
        draw.integer(8, 10),
        draw.normal(40, 40),
    ),
    mistakes=(
        Mistake("The tokens are right, but the whole text was read at every step. Use the cache.", _without_cache),
        Mistake("With the cache in place, the text was read once more: it stands there twice.", _read_twice),
        Mistake(
            "Only the newest token was read, and without the cache: the model knows nothing of the rest.", _forgetful
        ),
        Mistake("The cache of the first step was used throughout. Each step gives a longer one.", _first_cache_kept),
        Mistake("One step too many: behind the last token nothing is asked.", _one_step_more),
        Mistake("The given tokens are in the result. Only the new ones were asked for.", _with_the_beginning),
    ),
)

# -- 1.4 Predict: how far does it spread -------------------------------------------------------------------------------
WIDTH = 16


def outputs(L: int, T: int, where: str | None = None, place: int = 0) -> Tensor:
    """The outputs ``[L, T, D]`` of L causal blocks, after noise at `place` in the input, or in block 2's q or k."""
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(WIDTH, generator=draw, dtype=torch.double)
    x = torch.randn(T, WIDTH, generator=draw, dtype=torch.double)
    if where == "input":
        x[place] += noise
    given = []
    for block in range(1, L + 1):
        weights = torch.randn(4, WIDTH, WIDTH, generator=draw, dtype=torch.double) / WIDTH**0.5
        parts = dict(zip("qkv", x @ weights[:3], strict=True))
        if block == 2 and where in parts:
            parts[where][place] += noise
        x = x + scaled_dot_product_attention(parts["q"], parts["k"], parts["v"], is_causal=True)
        x = x + torch.tanh(x @ weights[3])
        given.append(x)
    return torch.stack(given)


@functools.cache
def changed(L: int, T: int, place: int) -> dict[str, int]:
    def count(where: str, place: int) -> int:
        difference = outputs(L, T, where, place) - outputs(L, T)  # [L, T, D]
        return int((difference.abs().amax(dim=-1) > 1e-9).sum())

    return {
        "input": count("input", place),
        "query": count("q", place),
        "key": count("k", place),
        "first key": count("k", 0),
    }


def _changed(L: int = 4, T: int = 8, place: int = 2) -> Task:
    later, right = L - 1, T - place  # blocks from the second on; positions from the noise on
    as_it_is = {"input": L * right, "query": 1 + (L - 2) * right, "key": later * right, "first key": later * (T - 1)}
    return Task(
        number="1.4",
        title="how far does it spread?",
        name="changed",
        reference=lambda: changed(L, T, place),
        probe=value,
        points=2,
        phrases=(
            f"has {L} blocks and reads {T} tokens, in positions 0 to {T - 1}. So it computes "
            f"${L} \\cdot {T} = {L * T}$ block outputs",
            f"How many of the\n{L * T} outputs change",
            f"the grid of {L} × {T}",
            f"input vector of position {place},",
            f"the query of position {place} in block 2 (the blocks are {', '.join(map(str, range(1, L + 1)))})",
            f"the key of position {place} in block 2",
        ),
        mistakes=(
            Mistake(
                "A query is read by its own position only. But what it brings in runs on: in the next block it is part "
                "of that position's key and value.",
                as_it_is | {"query": later},
            ),
            Mistake(
                "Position 0 sees one key, its own. What is the softmax of a single score?",
                as_it_is | {"first key": later * T},
            ),
            Mistake(
                "Two things: what a query brings in runs on through its position's keys and values; "
                "and position 0 has a single score to take the softmax of.",
                as_it_is | {"query": later, "first key": later * T},
            ),
            Mistake(
                "A position looks at itself, too: its own output changes with its key.",
                as_it_is | {"key": later * (right - 1)},
            ),
            Mistake(
                "Nothing reaches back: positions to the left of the noise stay as they are, in every block.",
                {"input": L * T, "query": 1 + (L - 2) * T, "key": later * T, "first key": later * T},
            ),
            Mistake(
                "You counted one block. The later blocks read the changed outputs.",
                {"input": right, "query": 1, "key": right, "first key": T - 1},
            ),
        ),
    )


CHANGED = varied(_changed, L=(4, 5, 6), T=without(range(7, 17), 8), place=(2, 3, 4))


# -- 1.5 Find the bug: frozen in every mode ----------------------------------------------------------------------------
class Steered(nn.Module):
    """Learnt vectors in front of a frozen model that stays in evaluation mode."""

    def __init__(self, frozen: nn.Module, start: Tensor) -> None:
        super().__init__()
        self.frozen = frozen.requires_grad_(False)
        self.vectors = nn.Parameter(start.clone())
        self.train()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, embedded: Tensor) -> Tensor:
        return self.frozen(torch.cat([self.vectors.expand(len(embedded), -1, -1), embedded], dim=1))


class _OnceOnly(Steered):
    def train(self, mode: bool = True) -> Self:
        nn.Module.train(self, mode)
        return self


class _NoGrad(Steered):
    def forward(self, embedded: Tensor) -> Tensor:
        with torch.no_grad():
            return super().forward(embedded)


class _NotFrozen(Steered):
    def __init__(self, frozen: nn.Module, start: Tensor) -> None:
        super().__init__(frozen, start)
        self.frozen.requires_grad_(True)


class _ModeLost(Steered):
    def train(self, mode: bool = True) -> Self:
        nn.Module.train(self, False)
        return self


class _OneModeOnly(Steered):
    def train(self, mode: bool = True) -> Self:
        return super().train(True)


class _FrozenAltogether(Steered):
    def __init__(self, frozen: nn.Module, start: Tensor) -> None:
        super().__init__(frozen, start)
        self.requires_grad_(False)


def steered_probe(answer, weight, start, embedded):
    """After `train()`: does the model waver, what may move, and which gradient arrives? And in which mode is it?"""
    width = len(weight)
    layers = torch.nn.Linear(width, width), torch.nn.Dropout(0.5), torch.nn.GELU(), torch.nn.Linear(width, width)
    with torch.no_grad():
        for layer in (layers[0], layers[3]):
            layer.weight.copy_(weight)
            layer.bias.zero_()
    frozen = torch.nn.Sequential(*layers)
    module = answer(frozen, start)
    module.train()
    first, second = module(embedded), module(embedded)
    wavers = not torch.equal(first, second)
    movable = [name for name, p in module.named_parameters() if p.requires_grad]
    gradient = None
    if first.requires_grad and not wavers:
        (first**2).sum().backward()
        gradient = next((p.grad for name, p in module.named_parameters() if name == "vectors"), None)
    training, dropout = module.training, layers[1].training
    module.eval()
    return {
        "two calls differ": wavers,
        "may move": movable,
        "dropout is on": dropout,
        "training": training,
        "training after eval()": module.training,
        "output": None if wavers else first,
        "gradient of vectors": gradient,
        "weights with a gradient": sum(p.grad is not None for layer in layers for p in layer.parameters()),
    }


STEERED = Task(
    number="1.5",
    title="frozen in every mode",
    name="Steered",
    reference=Steered,
    probe=steered_probe,
    draw=lambda draw: (
        draw.normal(8, 8),
        draw.normal(draw.integer(2, 4), 8),
        draw.normal(draw.integer(2, 3), draw.integer(5, 7), 8),
    ),
    mistakes=(
        Mistake(
            "The bug is still there: `train()` of the whole goes through all of its parts, "
            "and switches the dropout on.",
            _OnceOnly,
        ),
        Mistake("Under `no_grad` nothing is recorded, and so no gradient reaches the vectors.", _NoGrad),
        Mistake("The dropout is off, but the weights may move: that is the other half of freezing.", _NotFrozen),
        Mistake(
            "Now the whole module refuses training mode. Only the frozen model should; "
            "a dropout on the vectors must still work.",
            _ModeLost,
        ),
        Mistake("The vectors were frozen along with the model.", _FrozenAltogether),
        Mistake(
            "After `eval()` the whole is still in training mode. `eval()` calls `train(False)`: take the mode and hand "
            "it on.",
            _OneModeOnly,
        ),
    ),
)


# -- 1.6 A slope through a frozen model --------------------------------------------------------------------------------
def _surprise(lm: Any, vectors: Tensor, ids: list[int], token: int, behind: bool = False, place: int = -1) -> Tensor:
    text = lm.embedding_matrix[ids]
    read = torch.cat([text, vectors] if behind else [vectors, text])
    logits = lm.model(inputs_embeds=read[None]).logits[0, place]
    return cross_entropy(logits[None], torch.tensor([token]))


def slope(lm: Any, vectors: Tensor, ids: list[int], token: int) -> Tensor:
    """The gradient ``[P, D]`` of the loss of `token` behind the vectors and the text."""
    vectors = vectors.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_surprise(lm, vectors, ids, token), vectors)
    return gradient


def _of_the_logit(lm: Any, vectors: Tensor, ids: list[int], token: int) -> Tensor:
    vectors = vectors.clone().requires_grad_()
    read = torch.cat([vectors, lm.embedding_matrix[ids]])
    logit = lm.model(inputs_embeds=read[None]).logits[0, -1, token]
    return torch.autograd.grad(-logit, vectors)[0]


def _uphill(lm: Any, vectors: Tensor, ids: list[int], token: int) -> Tensor:
    return -slope(lm, vectors, ids, token)


def _vectors_behind(lm: Any, vectors: Tensor, ids: list[int], token: int) -> Tensor:
    vectors = vectors.clone().requires_grad_()
    return torch.autograd.grad(_surprise(lm, vectors, ids, token, behind=True), vectors)[0]


def _of_the_text(lm: Any, vectors: Tensor, ids: list[int], token: int) -> Tensor:
    text = lm.embedding_matrix[ids].clone().requires_grad_()
    logits = lm.model(inputs_embeds=torch.cat([vectors, text])[None]).logits[0, -1]
    return torch.autograd.grad(cross_entropy(logits[None], torch.tensor([token])), text)[0]


def _at_the_vectors(lm: Any, vectors: Tensor, ids: list[int], token: int) -> Tensor:
    place, vectors = len(vectors) - 1, vectors.clone().requires_grad_()
    return torch.autograd.grad(_surprise(lm, vectors, ids, token, place=place), vectors)[0]


def _under_no_grad(lm: Any, vectors: Tensor, ids: list[int], token: int) -> Tensor:
    vectors = vectors.clone().requires_grad_()
    with torch.no_grad():
        loss = _surprise(lm, vectors, ids, token)
    loss.backward()
    assert vectors.grad is not None
    return vectors.grad


def _draw_text(draw: Draw) -> tuple[Any, ...]:
    lm = model("course-gpt")
    text = draw.choice([" The old dog sees a cat.", " A small bird sings.", " The women buy bread."])
    word = draw.choice([" Does", " Der", " The"])
    P = draw.choice([2, 3])
    start = lm.embedding_matrix[draw.tokens(P, vocabulary=2048)].detach()
    return lm, start + 0.1 * draw.normal(*start.shape), list(lm.encode(text)), lm.encode(word)[0]


SLOPE = Task(
    number="1.6",
    title="a slope through a frozen model",
    name="slope",
    reference=slope,
    draw=_draw_text,
    points=2,
    models=("course-gpt",),
    mistakes=(
        Mistake(
            "This is the gradient of the token's logit. The loss is −log softmax: all logits count.", _of_the_logit
        ),
        Mistake("The sign is wrong: this is the gradient of the log-probability, and the loss is minus that.", _uphill),
        Mistake("The vectors stand behind the text. They belong in front.", _vectors_behind),
        Mistake("This is the gradient by the text's vectors. The ones in front were asked for.", _of_the_text),
        Mistake(
            "The prediction was read at the last of the vectors. The token stands behind the whole text.",
            _at_the_vectors,
        ),
        Mistake(
            "Under `no_grad` nothing is recorded. Freezing the weights must not cut the way to the vectors.",
            _under_no_grad,
        ),
    ),
)

TASKS = (GIGABYTES, ATTEND, WRITE, CHANGED, STEERED, SLOPE)
