"""Exercises for the chapter *Encoder and decoder* (Li and Liang 2021; Raffel et al. 2020)."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..task import Draw, Mistake, Task, value
from ..varied import varied

EDITION = 1


# -- 8.1 Predict: two prefixes -----------------------------------------------------------------------------------------
def _sizes(tokens: int = 10) -> Task:
    bart, t5 = tokens * 2 * 12 * 16 * 64, tokens * 2 * 24 * 32 * 128  # one matrix each

    def sizes(both: int, third: int, other: int) -> dict[str, int]:
        return {"BART, both": both, "BART, all three": third, "T5, both": other}

    return Task(
        number="8.1",
        title="how large are two prefixes?",
        name="sizes",
        reference=sizes(2 * bart, 3 * bart, 2 * t5),
        probe=value,
        phrases=(f"prefixes of {tokens} virtual tokens",),
        mistakes=(
            Mistake(
                "For T5 you took the width D. A key has H·d numbers, and in this model that is four times D.",
                sizes(2 * bart, 3 * bart, 2 * t5 // 4),
            ),
            Mistake(
                "This is one matrix, or two for all three places. Each place has a matrix of its own.",
                sizes(bart, 2 * bart, t5),
            ),
            Mistake(
                "A row has two parts in each layer, a key and a value. You counted one.",
                sizes(bart, 3 * bart // 2, t5),
            ),
            Mistake(
                "You counted the third place as two. Cross-attention has one key and one value in each layer, "
                "as the other places do.",
                sizes(2 * bart, 4 * bart, 2 * t5),
            ),
        ),
    )


SIZES = varied(_sizes, tokens=range(11, 91))


# -- 8.2 Who sees whom -------------------------------------------------------------------------------------------------
def sees(P: int, S: int, Q: int, T: int) -> Tensor:
    """The tokens of x and y (rows) and the places of [Prefix; x; Prefix'; y] (columns): 1 where they look."""
    return _sees(P, S, Q, T)


def _sees(
    P: int, S: int, Q: int, T: int, causal: bool = True, encoder_causal: bool = False, prefix: int = 0, cross: int = 1
) -> Tensor:
    among_x = torch.ones(S, S).tril() if encoder_causal else torch.ones(S, S)
    among_y = torch.ones(T, T).tril() if causal else torch.ones(T, T)
    x = torch.cat([torch.ones(S, P), among_x, torch.zeros(S, Q + T)], dim=1)
    y = torch.cat([torch.full((T, P), prefix), torch.full((T, S), cross), torch.ones(T, Q), among_y], dim=1)
    return torch.cat([x, y]).long()


def _one_text(P: int, S: int, Q: int, T: int) -> Tensor:
    every = torch.ones(P + S + Q + T, P + S + Q + T).tril().long()
    return torch.cat([every[P : P + S], every[P + S + Q :]])


SEES = Task(
    number="8.2",
    title="who sees whom",
    name="sees",
    reference=sees,
    draw=lambda draw: tuple(2 + n for n in draw.permutation(4)),
    mistakes=(
        Mistake(
            "Tokens of y look at the encoder's prefix. It has no states that could be handed over: "
            "the decoder sees only what it did to x.",
            lambda P, S, Q, T: _sees(P, S, Q, T, prefix=1),
        ),
        Mistake(
            "This is a decoder-only model that reads z as one row. Here x is read by an encoder, in both directions.",
            _one_text,
        ),
        Mistake(
            "Tokens of x see only what is to their left. An encoder reads in both directions.",
            lambda P, S, Q, T: _sees(P, S, Q, T, encoder_causal=True),
        ),
        Mistake(
            "Tokens of y see the tokens to their right, which are not written yet.",
            lambda P, S, Q, T: _sees(P, S, Q, T, causal=False),
        ),
        Mistake(
            "Tokens of y do not see x. The decoder has two attentions: count cross-attention, too.",
            lambda P, S, Q, T: _sees(P, S, Q, T, cross=0),
        ),
    ),
)


# -- 8.3 Find the bug: off by P ----------------------------------------------------------------------------------------
def bias(table: Tensor, T: int, P: int) -> Tensor:
    """T5's bias with a prefix in front: b(-R) … b(R), ``[H, 2R + 1]`` → ``[H, T, P + T]``."""
    return pad(_at(table, torch.arange(T)[None] - torch.arange(T)[:, None]), (P, 0))


def _at(table: Tensor, distances: Tensor) -> Tensor:
    return table[:, distances + table.shape[1] // 2]


def _off_by_p(table: Tensor, T: int, P: int) -> Tensor:
    return _at(table, torch.arange(P + T)[None] - torch.arange(T)[:, None])


def _at_their_places(table: Tensor, T: int, P: int) -> Tensor:
    return _at(table, torch.arange(-P, T)[None] - torch.arange(T)[:, None])


def _prefix_only(table: Tensor, T: int, P: int) -> Tensor:
    own = _off_by_p(table, T, P)
    own[:, :, :P] = 0
    return own


def _turned_round(table: Tensor, T: int, P: int) -> Tensor:
    return bias(table.flip(1), T, P)


def _zeros_behind(table: Tensor, T: int, P: int) -> Tensor:
    return bias(table, T, P).roll(-P, dims=2)


def _hidden(table: Tensor, T: int, P: int) -> Tensor:
    own = bias(table, T, P)
    own[:, :, :P] = -torch.inf
    return own


BIAS = Task(
    number="8.3",
    title="the wrong distances",
    name="bias",
    reference=bias,
    draw=lambda draw: (draw.normal(draw.integer(2, 3), 25), draw.integer(3, 6), draw.integer(2, 4)),
    mistakes=(
        Mistake(
            "The bug is still there: the distances among the words of the text are off by P.",
            _off_by_p,
        ),
        Mistake(
            "The virtual tokens get 0 now, but the distances among the words of the text are still off by P.",
            _prefix_only,
        ),
        Mistake(
            "The text is right, but the virtual tokens were given distances. They stand nowhere: their bias is 0.",
            _at_their_places,
        ),
        Mistake("The sign is turned round: the distance is key minus query, j − i.", _turned_round),
        Mistake("The zeros stand behind the text. The virtual keys come first.", _zeros_behind),
        Mistake("A bias of −∞ hides the prefix. No bias is 0.", _hidden),
    ),
)


# -- 8.4 The third place -----------------------------------------------------------------------------------------------
def cross(
    q: Tensor, states: Tensor, mask: Tensor, w_k: Tensor, w_v: Tensor, prefix_keys: Tensor, prefix_values: Tensor
) -> Tensor:
    """Cross-attention of one T5 head with P rows in front of what is made of the encoder's states → ``[B, T, d]``."""
    return _cross((q, states, mask, w_k, w_v, prefix_keys, prefix_values))


def _cross(given: tuple[Tensor, ...], seen: str = "both", scale: float = 0.0, causal: bool = False) -> Tensor:
    q, states, mask, w_k, w_v, prefix_keys, prefix_values = given
    B, P = len(q), len(prefix_keys)
    k = torch.cat([prefix_keys.expand(B, -1, -1), states @ w_k], dim=1)
    v = torch.cat([prefix_values.expand(B, -1, -1), states @ w_v], dim=1)
    visible = {
        "both": pad(mask, (P, 0), value=1),
        "pads too": torch.ones(B, P + mask.shape[1]),
        "behind": pad(mask, (0, P), value=1),
        "x": pad(mask, (P, 0), value=0),
    }[seen].bool()[:, None]
    scores = (q @ k.mT / q.shape[2] ** scale).masked_fill(~visible, -torch.inf)
    if causal:
        scores = scores.masked_fill(~torch.ones(scores.shape[1:]).tril(P).bool(), -torch.inf)
    return scores.softmax(dim=-1) @ v


def _one_by_one(
    q: Tensor, states: Tensor, mask: Tensor, w_k: Tensor, w_v: Tensor, prefix_keys: Tensor, prefix_values: Tensor
) -> Tensor:
    of_x = _cross((q, states, mask, w_k, w_v, prefix_keys, prefix_values), "x")
    return of_x + (q @ prefix_keys.mT).softmax(dim=-1) @ prefix_values


def _draw_cross(draw: Draw) -> tuple[Any, ...]:
    T, S, D, d, P = draw.integer(2, 3), draw.integer(5, 6), 6, 4, draw.integer(2, 3)
    lengths = torch.tensor([S, draw.integer(2, S - 2), S - 1])
    mask = (torch.arange(S) < lengths[:, None]).long()
    weights = 0.4 * draw.normal(D, d), 0.4 * draw.normal(D, d)
    return draw.normal(3, T, d), draw.normal(3, S, D), mask, *weights, draw.normal(P, d), draw.normal(P, d)


CROSS = Task(
    number="8.4",
    title="the third place",
    name="cross",
    reference=cross,
    draw=_draw_cross,
    points=2,
    mistakes=(
        Mistake("T5 does not divide its scores by √d.", lambda *given: _cross(given, scale=0.5)),
        Mistake(
            "The pads of x are seen. The mask has to hide them, and to leave the prefix visible.",
            lambda *given: _cross(given, "pads too"),
        ),
        Mistake(
            "The mask was lengthened at the wrong end: the prefix's columns are the first P, those of x follow.",
            lambda *given: _cross(given, "behind"),
        ),
        Mistake(
            "There is a causal mask. All of x has been read before the first token of y is written.",
            lambda *given: _cross(given, causal=True),
        ),
        Mistake("The prefix is hidden. It is visible to every query.", lambda *given: _cross(given, "x")),
        Mistake(
            "Two softmaxes were added. The rows and x compete for one attention, which sums to 1.",
            _one_by_one,
        ),
    ),
)


# -- 8.5 Which half does the work? -------------------------------------------------------------------------------------
def without(losses: dict[str, list[float]]) -> dict[str, list[float]]:
    """By half, what the loss rises by when it is taken out of the pair: mean and standard error, paired over seeds."""
    return _without(losses)


def _without(
    losses: dict[str, list[float]], swapped: bool = False, root: float = 0.5, less: int = 1
) -> dict[str, list[float]]:
    rest = {"encoder": "encoder", "decoder": "decoder"} if swapped else {"encoder": "decoder", "decoder": "encoder"}
    found = {}
    for half, left in rest.items():
        rises = torch.tensor(losses[left]) - torch.tensor(losses["both"])
        error = rises.std(correction=less) / len(rises) ** root
        found[half] = [float(rises.mean()), float(error)]
    return found


def _unpaired(losses: dict[str, list[float]]) -> dict[str, list[float]]:
    found = without(losses)
    for half, left in (("encoder", "decoder"), ("decoder", "encoder")):
        parts = [torch.tensor(losses[name]).var() / len(losses[name]) for name in (left, "both")]
        found[half][1] = float(sum(parts, torch.tensor(0.0)).sqrt())
    return found


def _other_sign(losses: dict[str, list[float]]) -> dict[str, list[float]]:
    return {half: [-rise, error] for half, (rise, error) in without(losses).items()}


def _draw_losses(draw: Draw) -> tuple[Any, ...]:
    seeds = draw.integer(4, 6)
    luck = draw.normal(seeds)  # the seed moves all three runs alike
    places = [("encoder", 4.0), ("decoder", 5.0), ("both", 3.5)]
    losses = {name: level + luck * 0.5 + 0.3 * draw.normal(seeds) for name, level in places}
    return ({name: [round(float(x), 3) for x in losses[name]] for name in losses},)


WITHOUT = Task(
    number="8.5",
    title="which half does the work?",
    name="without",
    reference=without,
    draw=_draw_losses,
    mistakes=(
        Mistake(
            "The halves are swapped: where the encoder's half is taken out, the decoder's is left.",
            lambda losses: _without(losses, swapped=True),
        ),
        Mistake(
            "The error is not paired. Subtract seed by seed first; what moves both runs of a seed alike drops out.",
            _unpaired,
        ),
        Mistake(
            "This is the spread of single seeds. The error of a mean is smaller by √n.",
            lambda losses: _without(losses, root=0),
        ),
        Mistake(
            "The spread is divided by n instead of n − 1. With so few seeds that counts.",
            lambda losses: _without(losses, less=0),
        ),
        Mistake("The sign is turned round: asked for is how much the loss rises when a half is missing.", _other_sign),
    ),
)

TASKS = (SIZES, SEES, BIAS, CROSS, WITHOUT)
