"""Exercises for the chapter *Prefix tuning* (Li and Liang 2021)."""

from typing import Any

import torch
from torch import Tensor

from ..models import model
from ..task import Draw, Mistake, Task, value
from ..varied import varied

EDITION = 1


# -- 6.1 Predict: how large --------------------------------------------------------------------------------------------
def _sizes(tokens: int = 10) -> Task:
    def both(medium: int, grouped: int) -> dict[str, int]:
        return {"GPT-2 medium": tokens * medium, "grouped": tokens * grouped}

    return Task(
        number="6.1",
        title="how large is a prefix?",
        name="sizes",
        reference=both(2 * 24 * 16 * 64, 2 * 28 * 8 * 128),
        probe=value,
        phrases=(f"a prefix of {tokens} virtual tokens",),
        mistakes=(
            Mistake(
                "You counted the query heads of the grouped model. A prefix has only keys and values: "
                "those heads count.",
                both(2 * 24 * 16 * 64, 2 * 28 * 24 * 128),
            ),
            Mistake(
                "A row has two parts in each layer, a key and a value. You counted one.",
                both(24 * 16 * 64, 28 * 8 * 128),
            ),
            Mistake(
                "This counts one layer. A prefix has keys and values of its own in every layer.",
                both(2 * 16 * 64, 2 * 8 * 128),
            ),
            Mistake("This is a soft prompt, P vectors of width D at the input.", both(16 * 64, 24 * 128)),
        ),
    )


SIZES = varied(_sizes, tokens=range(11, 91))


# -- 6.2 In front of keys and values -----------------------------------------------------------------------------------
def attend(q: Tensor, k: Tensor, v: Tensor, prefix_keys: Tensor, prefix_values: Tensor) -> Tensor:
    """Causal attention, ``[B, H, T, d]`` three times and ``[H, P, d]`` twice → ``[B, H, T, d]``."""
    return _attend((q, k, v, prefix_keys, prefix_values), diagonal=prefix_keys.shape[1])


def _attend(given: tuple[Tensor, ...], diagonal: int | None, scale: float = 0.5) -> Tensor:
    q, k, v, prefix_keys, prefix_values = given
    k = torch.cat([prefix_keys.expand(len(k), -1, -1, -1), k], dim=2)
    v = torch.cat([prefix_values.expand(len(v), -1, -1, -1), v], dim=2)
    scores = q @ k.mT / q.shape[3] ** scale
    if diagonal is not None:
        scores = scores.masked_fill(~torch.ones(scores.shape[2:]).tril(diagonal).bool(), -torch.inf)
    return scores.softmax(dim=-1) @ v


def _no_mask(*given: Tensor) -> Tensor:
    return _attend(given, diagonal=None)


def _mask_not_moved(*given: Tensor) -> Tensor:
    return _attend(given, diagonal=0)


def _not_scaled(*given: Tensor) -> Tensor:
    return _attend(given, diagonal=given[3].shape[1], scale=0.0)


def _values_forgotten(q: Tensor, k: Tensor, v: Tensor, prefix_keys: Tensor, prefix_values: Tensor) -> Tensor:
    return attend(q, k, v, prefix_keys, torch.zeros_like(prefix_values))


def _queries_too(q: Tensor, k: Tensor, v: Tensor, prefix_keys: Tensor, prefix_values: Tensor) -> Tensor:
    longer = torch.cat([prefix_keys.expand(len(q), -1, -1, -1), q], dim=2)
    return _attend((longer, k, v, prefix_keys, prefix_values), diagonal=0)


def _draw_heads(draw: Draw) -> tuple[Any, ...]:
    B, H, T, d, P = draw.integer(2, 3), draw.integer(2, 3), draw.integer(4, 6), 8, draw.integer(2, 3)
    return *(draw.normal(B, H, T, d) for _ in range(3)), draw.normal(H, P, d), draw.normal(H, P, d)


ATTEND = Task(
    number="6.2",
    title="in front of keys and values",
    name="attend",
    reference=attend,
    draw=_draw_heads,
    mistakes=(
        Mistake(
            "The causal mask did not move with the prefix: token t is at place P + t of the keys, "
            "and sees all of the prefix.",
            _mask_not_moved,
        ),
        Mistake("Tokens see what stands to their right. The mask is missing.", _no_mask),
        Mistake("The scores are not divided by √d.", _not_scaled),
        Mistake("The prefix's values do not arrive in the output, though its keys take attention.", _values_forgotten),
        Mistake("There are P outputs too many. A prefix asks nothing: the queries are the text's alone.", _queries_too),
    ),
)


# -- 6.3 Read a row ----------------------------------------------------------------------------------------------------
def by_layer(rows: Tensor, num_layers: int, num_heads: int) -> Tensor:
    """PEFT's rows ``[P, 2·L·H·d]`` → ``[L, 2, H, P, d]``."""
    return rows.view(len(rows), num_layers, 2, num_heads, -1).permute(1, 2, 3, 0, 4)


def _all_keys_first(rows: Tensor, num_layers: int, num_heads: int) -> Tensor:
    return rows.view(len(rows), 2, num_layers, num_heads, -1).permute(2, 1, 3, 0, 4)


def _reshaped_at_once(rows: Tensor, num_layers: int, num_heads: int) -> Tensor:
    return rows.reshape(num_layers, 2, num_heads, len(rows), -1)


def _heads_inside(rows: Tensor, num_layers: int, num_heads: int) -> Tensor:
    return rows.view(len(rows), num_layers, 2, -1, num_heads).permute(1, 2, 4, 0, 3)


def _values_first(rows: Tensor, num_layers: int, num_heads: int) -> Tensor:
    return by_layer(rows, num_layers, num_heads).flip(1)


def _draw_rows(draw: Draw) -> tuple[Any, ...]:
    P, L, H, d = draw.integer(2, 5), draw.integer(2, 4), draw.integer(2, 3), draw.choice([4, 6])
    return draw.normal(P, 2 * L * H * d), L, H


BY_LAYER = Task(
    number="6.3",
    title="read a row",
    name="by_layer",
    reference=by_layer,
    draw=_draw_rows,
    mistakes=(
        Mistake(
            "You took all keys first and then all values. A row goes layer by layer: a key, its value, the next key.",
            _all_keys_first,
        ),
        Mistake(
            "The shape is right, but a reshape does not move the virtual tokens inwards: the numbers are mixed up. "
            "Cut the rows first, then permute.",
            _reshaped_at_once,
        ),
        Mistake(
            "Heads and their numbers are swapped: the d numbers of one head lie side by side.",
            _heads_inside,
        ),
        Mistake("Keys and values are swapped: 2l is layer l's key, 2l + 1 its value.", _values_first),
    ),
)


# -- 6.4 Zeros are not nothing -----------------------------------------------------------------------------------------
def share_of_zeros(scores: Tensor, num_virtual_tokens: int) -> Tensor:
    """The text's scores ``[T]`` → the attention on P keys of zeros."""
    return num_virtual_tokens / (num_virtual_tokens + scores.exp().sum())


def _zero_weight(scores: Tensor, num_virtual_tokens: int) -> Tensor:
    return 0 * scores.sum()


def _alike(scores: Tensor, num_virtual_tokens: int) -> float:
    return num_virtual_tokens / (num_virtual_tokens + len(scores))


def _one_of_them(scores: Tensor, num_virtual_tokens: int) -> Tensor:
    return 1 / (num_virtual_tokens + scores.exp().sum())


def _the_rest(scores: Tensor, num_virtual_tokens: int) -> Tensor:
    return 1 - share_of_zeros(scores, num_virtual_tokens)


def _single(scores: Tensor, num_virtual_tokens: int) -> Tensor:
    return 1 / (1 + scores.exp().sum())


SHARE_OF_ZEROS = Task(
    number="6.4",
    title="zeros are not nothing",
    name="share_of_zeros",
    reference=share_of_zeros,
    draw=lambda draw: (draw.normal(draw.integer(3, 8)) + 0.5, draw.integer(2, 5)),
    mistakes=(
        Mistake("A score of 0 is no weight of 0: the softmax takes its exponential.", _zero_weight),
        Mistake("This would be right if the text's scores were zero as well.", _alike),
        Mistake("This is the share of one key of zeros. There are P of them.", _one_of_them),
        Mistake("This is what is left for the text. Asked for is the share of the zeros.", _the_rest),
        Mistake("There is one key of zeros for each virtual token; you counted one in all.", _single),
    ),
)


# -- 6.5 Find the bug: left padding ------------------------------------------------------------------------------------
def places(mask: Tensor, num_virtual_tokens: int) -> tuple[Tensor, Tensor]:
    """The text's mask ``[B, T]`` → its positions ``[B, T]`` and the mask of all keys ``[B, P + T]``."""
    visible = torch.cat([mask.new_ones(len(mask), num_virtual_tokens), mask], dim=1)
    return (visible.cumsum(dim=1) - 1)[:, num_virtual_tokens:], visible


def _pads_counted(mask: Tensor, num_virtual_tokens: int) -> tuple[Tensor, Tensor]:
    T = mask.shape[1]
    positions = torch.arange(num_virtual_tokens, num_virtual_tokens + T).expand(len(mask), -1)
    return positions, places(mask, num_virtual_tokens)[1]


def _from_zero(mask: Tensor, num_virtual_tokens: int) -> tuple[Tensor, Tensor]:
    positions, visible = places(mask, num_virtual_tokens)
    return positions - num_virtual_tokens, visible


def _one_too_many(mask: Tensor, num_virtual_tokens: int) -> tuple[Tensor, Tensor]:
    positions, visible = places(mask, num_virtual_tokens)
    return positions + 1, visible


def _prefix_behind(mask: Tensor, num_virtual_tokens: int) -> tuple[Tensor, Tensor]:
    positions, visible = places(mask, num_virtual_tokens)
    return positions, visible.roll(-num_virtual_tokens, dims=1)


def _prefix_hidden(mask: Tensor, num_virtual_tokens: int) -> tuple[Tensor, Tensor]:
    return places(mask, num_virtual_tokens)[0], mask


def places_probe(answer, mask, num_virtual_tokens):
    """The positions of the real tokens, row by row, and the mask; what stands at pads does not count."""
    positions, visible = answer(mask, num_virtual_tokens)
    positions, visible = torch.as_tensor(positions), torch.as_tensor(visible)
    if positions.shape != mask.shape:
        raise ValueError(f"the positions must be {list(mask.shape)}, one for each token, got {list(positions.shape)}")
    rows = [row[real.bool()].tolist() for row, real in zip(positions, mask, strict=True)]
    return {"positions": rows, "mask": visible.long()}


def _draw_mask(draw: Draw) -> tuple[Any, ...]:
    T = draw.integer(5, 7)
    lengths = torch.tensor([draw.integer(2, T - 2), T, draw.integer(1, T - 1)])
    return (torch.arange(T) >= T - lengths[:, None]).long(), draw.integer(2, 4)


PLACES = Task(
    number="6.5",
    title="another answer in company",
    name="places",
    reference=places,
    probe=places_probe,
    draw=_draw_mask,
    mistakes=(
        Mistake(
            "The bug is still there: pads are counted as positions, so a text moves with the length of its neighbours.",
            _pads_counted,
        ),
        Mistake("The text begins at position 0. The prefix has the first P positions.", _from_zero),
        Mistake(
            "Off by one: the first token behind P virtual ones has position P, as counting begins at 0.",
            _one_too_many,
        ),
        Mistake("The mask has the prefix behind the text. Its keys stand in front, before the pads.", _prefix_behind),
        Mistake(
            "The mask covers the text alone. The keys are P + T, and the prefix is visible to all.", _prefix_hidden
        ),
    ),
)


# -- 6.6 A soft prompt is a prefix -------------------------------------------------------------------------------------
@torch.no_grad()
def as_prefix(lm: Any, vectors: Tensor) -> Tensor:
    """What the frozen model computes from the vectors ``[P, D]`` → rows ``[P, 2·L·H·d]``."""
    cache = lm.model(inputs_embeds=vectors[None], use_cache=True).past_key_values
    pairs = torch.stack([torch.stack([layer.keys[0], layer.values[0]]) for layer in cache.layers])  # [L, 2, H, P, d]
    return pairs.permute(3, 0, 1, 2, 4).flatten(1)


def _read_one_by_one(lm: Any, vectors: Tensor) -> Tensor:
    return torch.cat([as_prefix(lm, vector[None]) for vector in vectors])


def _all_keys_then_values(lm: Any, vectors: Tensor) -> Tensor:
    stack = lm.stacks["decoder"]
    return by_layer(as_prefix(lm, vectors), len(stack.blocks), stack.heads).permute(3, 1, 0, 2, 4).flatten(1)


def _flattened(lm: Any, vectors: Tensor) -> Tensor:
    stack = lm.stacks["decoder"]
    return by_layer(as_prefix(lm, vectors), len(stack.blocks), stack.heads).reshape(len(vectors), -1)


def _swapped(lm: Any, vectors: Tensor) -> Tensor:
    stack = lm.stacks["decoder"]
    return _values_first(as_prefix(lm, vectors), len(stack.blocks), stack.heads).permute(3, 0, 1, 2, 4).flatten(1)


def _vectors_themselves(lm: Any, vectors: Tensor) -> Tensor:
    return vectors.repeat(1, 2 * len(lm.stacks["decoder"].blocks))


AS_PREFIX = Task(
    number="6.6",
    title="a soft prompt is a prefix",
    name="as_prefix",
    reference=as_prefix,
    draw=lambda draw: (model("course-gpt"), 0.2 * draw.normal(draw.integer(3, 6), 128)),
    models=("course-gpt",),
    mistakes=(
        Mistake(
            "Each vector was read by itself. Read them in one row, so that each sees those before it "
            "and has its own position.",
            _read_one_by_one,
        ),
        Mistake("All keys stand before all values. A row goes layer by layer.", _all_keys_then_values),
        Mistake(
            "The numbers of different virtual tokens are mixed: bring the P positions to the front before you flatten.",
            _flattened,
        ),
        Mistake("In each layer the value stands before the key.", _swapped),
        Mistake(
            "The vectors themselves were copied into every layer. A block reads keys and values computed from them.",
            _vectors_themselves,
        ),
    ),
)


# -- 6.7 One row, made by hand -----------------------------------------------------------------------------------------
def one_row(q: Tensor, k: Tensor, v: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """A key and a value ``[d]`` that take `share` of q's attention and make its output `target`."""
    return _one_row(q, k, v, target, share)


def _one_row(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    target: Tensor,
    share: float,
    root: float = 0.5,
    total: bool = True,
    length: int = 2,
) -> tuple[Tensor, Tensor]:
    scores = k @ q / len(q) ** 0.5
    score = torch.logit(torch.tensor(share)) + (scores.logsumexp(0) if total else 0)
    key = score * len(q) ** root * q / q.norm() ** length
    return key, (target - (1 - share) * (scores.softmax(0) @ v)) / share


def _target_as_value(q: Tensor, k: Tensor, v: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    return one_row(q, k, v, target, share)[0], target


def _not_divided_by_share(q: Tensor, k: Tensor, v: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    key, own = one_row(q, k, v, target, share)
    return key, own * share


def _text_alone(q: Tensor, k: Tensor, v: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    return _one_row(q, k, v, target, share, total=False)


def _root_forgotten(q: Tensor, k: Tensor, v: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    return _one_row(q, k, v, target, share, root=0)


def _divided_by_length(q: Tensor, k: Tensor, v: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    return _one_row(q, k, v, target, share, length=1)


def one_row_probe(answer, q, k, v, target, share):
    """The attention on the row, and the output: any key and value that do it are right."""
    key, own = (torch.as_tensor(each, dtype=torch.float32) for each in answer(q, k, v, target, share))
    weights = (torch.cat([key[None], k]) @ q / len(q) ** 0.5).softmax(0)
    return {"share": weights[0], "output": weights @ torch.cat([own[None], v])}


def _draw_query(draw: Draw) -> tuple[Any, ...]:
    T, d = draw.integer(3, 6), draw.choice([6, 9])
    share = draw.choice([0.2, 0.3, 0.6, 0.7])
    return draw.normal(d), draw.normal(T, d), draw.normal(T, d), draw.normal(d), share


ONE_ROW = Task(
    number="6.7",
    title="one row, made by hand",
    name="one_row",
    reference=one_row,
    probe=one_row_probe,
    draw=_draw_query,
    points=2,
    mistakes=(
        Mistake(
            "The value is the target. But the text's own output still has 1 − share of the say; make up for it.",
            _target_as_value,
        ),
        Mistake(
            "The value's part is right, but it arrives multiplied by the share. Divide by it.", _not_divided_by_share
        ),
        Mistake(
            "The share is not right. The key competes with all of the text's scores: "
            "their exponentials belong into the equation.",
            _text_alone,
        ),
        Mistake("The share is not right: attention divides q·key by √d.", _root_forgotten),
        Mistake("The share is not right: q·q is the squared length of q.", _divided_by_length),
    ),
)

TASKS = (SIZES, ATTEND, BY_LAYER, SHARE_OF_ZEROS, PLACES, AS_PREFIX, ONE_ROW)
