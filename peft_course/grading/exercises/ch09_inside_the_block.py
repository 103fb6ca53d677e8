"""Exercises for the chapter *Inside the block* (He et al. 2022; Petrov et al. 2024)."""

from typing import Any

import torch
from torch import Tensor

from ..task import Draw, Mistake, Task, value
from ..varied import varied, without

EDITION = 1


# -- 9.1 Predict: rows in one block ------------------------------------------------------------------------------------
def _found(weight: float = 0.3, gate: float = 0.6, block: int = 3) -> Task:
    """`block` is where the rows stand, one of six."""
    here, behind = list(range(block, 7)), list(range(block + 1, 7))
    right = {"weight": weight * (1 - gate), "relative": weight, "less": [block], "queries": behind, "shares": behind}
    right |= {"moved": [1, 2, 3, 4, 5, 6]}
    return Task(
        number="9.1",
        title="rows in one block",
        name="found",
        reference=right,
        probe=value,
        phrases=(
            f"stands in block {block} and nowhere\nelse. Think of one head in block {block} and",
            f"the weight {weight:.2f}. With the prefix its gate is $\\lambda = {gate}$",
        ),
        mistakes=(
            Mistake(
                f"You say the shares within the text change in block {block} itself. Its scores come from inputs "
                "that are still the old ones.",
                right | {"shares": here},
            ),
            Mistake(
                f"Block {block} makes its queries before its rows can act. The first that reads a changed input is "
                "the next one.",
                right | {"shares": here, "queries": here},
            ),
            Mistake(
                f"The theorem is for one layer with fixed inputs. Blocks after block {block} read other inputs, "
                "and so have other scores.",
                right | {"shares": []},
            ),
            Mistake(
                "A block without rows has no prefix to look at: there, the text's tokens still get everything.",
                right | {"less": here},
            ),
            Mistake(
                "Where positions are added to the embeddings, moving the text changes the inputs from the first block "
                "on.",
                right | {"moved": behind},
            ),
            Mistake(
                "The prefix takes its share from all of the text's tokens, from a as well.", right | {"weight": weight}
            ),
            Mistake(
                "The relative share is a's weight divided by the weight of the text as a whole, 1 − λ.",
                right | {"relative": weight * (1 - gate)},
            ),
        ),
    )


FOUND = varied(
    _found,
    weight=without([place / 100 for place in range(20, 52, 2)], 0.3),
    gate=[place / 100 for place in range(20, 85, 5)],
    block=(2, 3, 4),
)


# -- 9.2 Taken apart ---------------------------------------------------------------------------------------------------
def taken_apart(
    q: Tensor, k: Tensor, v: Tensor, prefix_keys: Tensor, prefix_values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The text's part ``[T, d]``, the bias ``[T, d]`` and the gate ``[T]``."""
    return _parts((q, k, v, prefix_keys, prefix_values), q.shape[1] ** 0.5)


def _parts(given: tuple[Tensor, ...], root: float) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v, prefix_keys, prefix_values = given
    text, prefix = (q @ k.T / root).exp(), (q @ prefix_keys.T / root).exp()
    total = text.sum(1) + prefix.sum(1)
    return text @ v / total[:, None], prefix @ prefix_values / total[:, None], prefix.sum(1) / total


def _unscaled(*given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return _parts(given, 1.0)


def _gate_left_out(*given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    text, bias, gate = taken_apart(*given)
    return text / (1 - gate)[:, None], bias / gate[:, None], gate


def _gate_of_text(*given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    text, bias, gate = taken_apart(*given)
    return text / (1 - gate)[:, None] * gate[:, None], bias / gate[:, None] * (1 - gate)[:, None], 1 - gate


def _with_gate(gate: Tensor, given: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
    text, bias, own = taken_apart(*given)
    return text * ((1 - gate) / (1 - own))[:, None], bias * (gate / own)[:, None], gate


def _counted(*given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    P, M = len(given[3]), len(given[1])
    return _with_gate(torch.full((len(given[0]),), P / (P + M)), given)


def _one_gate(*given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    own = taken_apart(*given)[2]
    return _with_gate(own.mean().expand(len(own)), given)


def _text_not_fainter(*given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    text, bias, gate = taken_apart(*given)
    return text / (1 - gate)[:, None], bias, gate


def _draw_head(draw: Draw) -> tuple[Any, ...]:
    T, M, P, d = draw.integer(3, 5), draw.integer(4, 6), draw.integer(2, 3), draw.choice([4, 8])
    return draw.normal(T, d), draw.normal(M, d), draw.normal(M, d), draw.normal(P, d), draw.normal(P, d)


TAKEN_APART = Task(
    number="9.2",
    title="taken apart",
    name="taken_apart",
    reference=taken_apart,
    draw=_draw_head,
    mistakes=(
        Mistake("The scores are not divided by √d, so all three are off.", _unscaled),
        Mistake(
            "The gate is right, but your parts are two full attentions, unweighted. Asked for are the two summands.",
            _gate_left_out,
        ),
        Mistake("λ and 1 − λ are swapped: λ is the share of the prefix.", _gate_of_text),
        Mistake(
            "Your gate counts rows. What counts is the exponentials of the scores, so the query has a say.", _counted
        ),
        Mistake("There is a gate for each query. You have one for all.", _one_gate),
        Mistake(
            "The text's part is not made fainter. What the prefix takes, the text loses.",
            _text_not_fainter,
        ),
    ),
)


# -- 9.3 The gate from outside -----------------------------------------------------------------------------------------
def gates(out: Tensor, plain: Tensor, prefix: Tensor) -> Tensor:
    """The shares ``[T]`` of the prefix, from three outputs ``[T, d]``."""
    way = prefix - plain
    return ((out - plain) * way).sum(1) / (way * way).sum(1)


def _for_all(out: Tensor, plain: Tensor, prefix: Tensor) -> Tensor:
    way = prefix - plain
    return (((out - plain) * way).sum() / (way * way).sum()).expand(len(out))


def _texts_share(out: Tensor, plain: Tensor, prefix: Tensor) -> Tensor:
    return 1 - gates(out, plain, prefix)


def _along_the_prefix(out: Tensor, plain: Tensor, prefix: Tensor) -> Tensor:
    return ((out - plain) * prefix).sum(1) / (prefix * prefix).sum(1)


def _lengths(out: Tensor, plain: Tensor, prefix: Tensor) -> Tensor:
    return (out - plain).norm(dim=1) / prefix.norm(dim=1)


def _odds(out: Tensor, plain: Tensor, prefix: Tensor) -> Tensor:
    return (out - plain).norm(dim=1) / (prefix - out).norm(dim=1)


def _draw_outputs(draw: Draw) -> tuple[Any, ...]:
    T, d = draw.integer(3, 5), draw.integer(4, 7)
    plain, prefix = draw.normal(T, d), draw.normal(T, d)
    gate = draw.normal(T, 1).sigmoid()
    return plain + gate * (prefix - plain), plain, prefix


GATES = Task(
    number="9.3",
    title="the gate from outside",
    name="gates",
    reference=gates,
    draw=_draw_outputs,
    mistakes=(
        Mistake("This is one gate for all queries together. Each has its own.", _for_all),
        Mistake("This is the text's share, 1 − λ.", _texts_share),
        Mistake(
            "The output does not go along the prefix's output, but along the line from the plain one to it.",
            _along_the_prefix,
        ),
        Mistake(
            "You compare the way gone with the length of the prefix's output. Compare it with the whole way.",
            _lengths,
        ),
        Mistake("This is λ / (1 − λ): the way gone is divided by the way that is left.", _odds),
    ),
)


# -- 9.4 Find the bug: count the directions ----------------------------------------------------------------------------
def _bias(given: tuple[Tensor, ...]) -> Tensor:
    return taken_apart(*given)[1]


def _rank(matrix: Tensor) -> int:
    sizes = torch.linalg.svdvals(matrix)
    return int((sizes > 1e-8 * sizes[0]).sum())


def directions(q: Tensor, k: Tensor, v: Tensor, prefix_keys: Tensor, prefix_values: Tensor) -> int:
    """In how many directions a prefix pushes: the rank of its bias ``[T, d]``."""
    return _rank(_bias((q, k, v, prefix_keys, prefix_values)))


def _of_the_difference(*given: Tensor) -> int:
    q, k, v = given[:3]
    text, bias, _ = taken_apart(*given)
    return _rank(text + bias - (q @ k.T / q.shape[1] ** 0.5).softmax(1) @ v)


def _above_zero(*given: Tensor) -> int:
    text, bias, _ = taken_apart(*given)
    return int((torch.linalg.svdvals((text + bias) - text) > 0).sum())


def _number_of_rows(*given: Tensor) -> int:
    return len(given[3])


def _of_the_values(*given: Tensor) -> int:
    return _rank(given[4])


def _of_one_token(*given: Tensor) -> int:
    return _rank(_bias(given)[:1])


def _draw_spare_rows(draw: Draw) -> tuple[Any, ...]:
    """Rows 0 and 1 have one key, and the values of rows 2 and P − 1 one direction: P − 2 directions are left."""
    T, M, P, d = draw.integer(12, 14), 3, draw.choice([5, 6]), 10
    q, k, v, keys, values = (draw.normal(n, d).double() for n in (T, M, M, P, P))
    keys[1], values[-1] = keys[0], 2 * values[2]
    return q, k, v, keys, values


DIRECTIONS = Task(
    number="9.4",
    title="count the directions",
    name="directions",
    reference=directions,
    draw=_draw_spare_rows,
    mistakes=(
        Mistake(
            "The bug is still there: with prefix minus without is not what the prefix adds, "
            "because the text's part was made fainter too.",
            _of_the_difference,
        ),
        Mistake(
            "You count singular values that are only rounding errors. Compare with the largest one, not with 0.",
            _above_zero,
        ),
        Mistake("This is P, the most that it can be. Here some rows are superfluous: measure.", _number_of_rows),
        Mistake(
            "This is the rank of the values alone. Rows that share a key can never be mixed in another proportion.",
            _of_the_values,
        ),
        Mistake("One token gives one direction. Count over all of the text.", _of_one_token),
    ),
)


# -- 9.5 Two prefixes at once ------------------------------------------------------------------------------------------
def both(plain: Tensor, out_a: Tensor, gate_a: Tensor, out_b: Tensor, gate_b: Tensor) -> Tensor:
    """The output ``[T, d]`` with prefixes A and B together, from what each does alone."""
    whole_a, whole_b = 1 / (1 - gate_a[:, None]), 1 / (1 - gate_b[:, None])
    return (whole_a * out_a + whole_b * out_b - plain) / (whole_a + whole_b - 1)


def _mean(plain: Tensor, out_a: Tensor, gate_a: Tensor, out_b: Tensor, gate_b: Tensor) -> Tensor:
    return (out_a + out_b) / 2


def _changes_added(plain: Tensor, out_a: Tensor, gate_a: Tensor, out_b: Tensor, gate_b: Tensor) -> Tensor:
    return out_a + out_b - plain


def _one_behind_the_other(plain: Tensor, out_a: Tensor, gate_a: Tensor, out_b: Tensor, gate_b: Tensor) -> Tensor:
    return (1 - gate_b[:, None]) * out_a + out_b - (1 - gate_b[:, None]) * plain


def _text_twice(plain: Tensor, out_a: Tensor, gate_a: Tensor, out_b: Tensor, gate_b: Tensor) -> Tensor:
    whole_a, whole_b = 1 / (1 - gate_a[:, None]), 1 / (1 - gate_b[:, None])
    return (whole_a * out_a + whole_b * out_b) / (whole_a + whole_b)


def _outputs_for_attentions(plain: Tensor, out_a: Tensor, gate_a: Tensor, out_b: Tensor, gate_b: Tensor) -> Tensor:
    a, b = gate_a[:, None] / (1 - gate_a[:, None]), gate_b[:, None] / (1 - gate_b[:, None])
    return (plain + a * out_a + b * out_b) / (1 + a + b)


def _biases_added(plain: Tensor, out_a: Tensor, gate_a: Tensor, out_b: Tensor, gate_b: Tensor) -> Tensor:
    a, b = gate_a[:, None], gate_b[:, None]
    return plain + (out_a - (1 - a) * plain) + (out_b - (1 - b) * plain)


def _draw_two(draw: Draw) -> tuple[Any, ...]:
    T, M, d = draw.integer(3, 5), draw.integer(4, 6), draw.choice([4, 8])
    q, k, v = draw.normal(T, d), draw.normal(M, d), draw.normal(M, d)
    plain = (q @ k.T / d**0.5).softmax(1) @ v
    outputs: list[Tensor] = []
    for P in (draw.integer(1, 2), draw.integer(3, 4)):
        text, bias, gate = taken_apart(q, k, v, draw.normal(P, d), draw.normal(P, d))
        outputs += [text + bias, gate]
    return plain, *outputs


BOTH = Task(
    number="9.5",
    title="two prefixes at once",
    name="both",
    reference=both,
    draw=_draw_two,
    points=2,
    mistakes=(
        Mistake("A mean of the outputs ignores that the prefixes draw unequal attention.", _mean),
        Mistake(
            "Changes do not add up: with both in front, each has less of the attention than it has alone.",
            _changes_added,
        ),
        Mistake(
            "You let B take its share, and A a share of the rest. In one softmax neither goes first, "
            "so both shares shrink.",
            _one_behind_the_other,
        ),
        Mistake("The text is in there twice: it stands in A's output and in B's.", _text_twice),
        Mistake(
            "The masses are right, but the outputs with A and B contain the text's part already. Take it out first.",
            _outputs_for_attentions,
        ),
        Mistake(
            "The biases were added to an output as loud as ever. The text must give way, and so must the biases.",
            _biases_added,
        ),
    ),
)

TASKS = (FOUND, TAKEN_APART, GATES, DIRECTIONS, BOTH)
