"""Exercises for the chapter *Searching for words* (Ebrahimi et al. 2018, Shin et al. 2020, Zou et al. 2023)."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ..task import Draw, Mistake, Task, value
from ..varied import varied

EDITION = 1
VectorLoss = Callable[[Tensor], Tensor]
TokenLoss = Callable[[list[int]], float]
Swaps = list[list[Any]]  # of a place, a token, and the change of the loss that the gradient promises


# -- 3.1 Predict: a promise on paper -----------------------------------------------------------------------------------
@functools.cache
def swap(far: int, beyond: int) -> dict[str, Any]:
    """HotFlip's favourite of three words, what it promises and does, and the best of them.

    A stands `far` to the left of B, which is best, and C at `beyond`.
    """
    old = torch.tensor([1.0 - far, 0])
    words = {"B": (1.0, 0), "C": (float(beyond), 0), "D": (1.0 - far, 2)}

    def loss(e: Tensor) -> Tensor:
        return (e[0] - 1) ** 2 + (e[1] - 1) ** 2 / 2

    (gradient,) = torch.autograd.grad(loss(at := old.clone().requires_grad_()), at)
    promised = {name: float(gradient @ (torch.tensor(e) - old)) for name, e in words.items()}
    true = {name: float(loss(torch.tensor(e)) - loss(old)) for name, e in words.items()}
    favourite = min(promised, key=lambda name: promised[name])
    best = min(true, key=lambda name: true[name])
    return {"favourite": favourite, "promised": promised[favourite], "true": true[favourite], "best": best}


def _swap(far: int = 2, over: int = 2) -> Task:
    """C stands farther from B than A does, by `over`: so HotFlip's favourite makes the loss larger."""
    beyond = 1 + far + over
    promised, true = -2 * far * (far + beyond - 1), (beyond - 1) ** 2 - far**2

    def said(favourite: str, promised: float, true: float, best: str = "B") -> dict[str, Any]:
        return {"favourite": favourite, "promised": promised, "true": true, "best": best}

    return Task(
        number="3.1",
        title="a promise on paper",
        name="swap",
        reference=lambda: swap(far, beyond),
        probe=value,
        phrases=(
            f"$A = ({1 - far}, 0)$, $B = (1, 0)$, $C = ({beyond}, 0)$, $D = ({1 - far}, 2)$",
            f"The gradient is $({-2 * far}, -1)$.",
        ),
        mistakes=(
            Mistake(
                "The promise leaves out the old word: the way goes from it to the new one, E_v − E_A.",
                said("C", -2 * far * beyond, true),
            ),
            Mistake(
                "That is the word with the lowest loss. The gradient does not know it; which has the lowest promise?",
                said("B", -2 * far**2, -(far**2)),
            ),
            Mistake(
                "That is the loss with the new word. Asked for is the change.",
                said("C", promised, (beyond - 1) ** 2 + 0.5),
            ),
            Mistake(
                "The sign: the favourite is the swap after which the loss would be lowest.",
                said("D", -2, 0),
            ),
            Mistake(
                "You believed the promise. The true change comes from the loss at both words.",
                said("C", promised, promised, "C"),
            ),
        ),
    )


SWAP = varied(_swap, far=(3, 4, 5, 6, 7), over=range(1, 21))


# -- 3.2 Every swap from one gradient ----------------------------------------------------------------------------------
def _gradient(loss: VectorLoss, tokens: list[int], matrix: Tensor) -> Tensor:
    """G ``[P, V]``."""
    onehot = one_hot(torch.tensor(tokens), len(matrix)).float().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(onehot @ matrix), onehot)
    return gradient


def promised(loss: VectorLoss, tokens: list[int], matrix: Tensor) -> Tensor:
    """The linearised change of the loss for every swap of one of P tokens, ``[P, V]``."""
    gradient = _gradient(loss, tokens, matrix)
    return gradient - gradient.gather(1, torch.tensor(tokens)[:, None])


def _old_word_forgotten(loss: VectorLoss, tokens: list[int], matrix: Tensor) -> Tensor:
    return _gradient(loss, tokens, matrix)


def _wrong_way(loss: VectorLoss, tokens: list[int], matrix: Tensor) -> Tensor:
    return -promised(loss, tokens, matrix)


def _per_distance(loss: VectorLoss, tokens: list[int], matrix: Tensor) -> Tensor:
    distance = torch.cdist(matrix[tokens], matrix).clamp(min=1e-9)
    change = promised(loss, tokens, matrix) / distance
    return change.scatter(1, torch.tensor(tokens)[:, None], 0)


def _measured(loss: VectorLoss, tokens: list[int], matrix: Tensor) -> Tensor:
    rows = []
    for place in range(len(tokens)):
        others = ([*tokens[:place], word, *tokens[place + 1 :]] for word in range(len(matrix)))
        rows.append(torch.stack([loss(matrix[other]) for other in others]))
    return torch.stack(rows) - loss(matrix[tokens])


def _at_nothing(loss: VectorLoss, tokens: list[int], matrix: Tensor) -> Tensor:
    onehot = torch.zeros(len(tokens), len(matrix), requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(onehot @ matrix), onehot)
    return gradient - gradient.gather(1, torch.tensor(tokens)[:, None])


def promised_probe(answer, tokens, matrix, first, second):
    """What the answer gives for a loss with two layers."""

    def loss(vectors):
        hidden = torch.tanh(vectors @ first)  # [P, D]
        return (hidden * second).sum() + hidden.sum(dim=0).pow(2).mean()

    return answer(loss, list(tokens), matrix)


def _draw_prompt(draw: Draw) -> tuple[Any, ...]:
    P, V, D = draw.integer(2, 4), draw.integer(10, 14), 6
    return draw.tokens(P, vocabulary=V).tolist(), draw.normal(V, D), draw.normal(D, D) / 2, draw.normal(P, D)


PROMISED = Task(
    number="3.2",
    title="every swap from one gradient",
    name="promised",
    reference=promised,
    probe=promised_probe,
    draw=_draw_prompt,
    points=2,
    mistakes=(
        Mistake(
            "This is the gradient G. A swap takes the old word away, too: it should promise 0 for no swap at all.",
            _old_word_forgotten,
        ),
        Mistake("The sign is wrong: the new word minus the old one.", _wrong_way),
        Mistake(
            "This is the slope per unit of length. A promise is the slope times the whole distance.", _per_distance
        ),
        Mistake(
            "These are the true changes. Each took a run of the model; asked for is what one gradient says about all.",
            _measured,
        ),
        Mistake(
            "The gradient was taken at zero vectors. It belongs to the place where the old words are.", _at_nothing
        ),
    ),
)


# -- 3.3 Find the bug: the short list ----------------------------------------------------------------------------------
def short_list(change: Tensor, allowed: list[int], k: int) -> Tensor:
    """For each place the k allowed tokens of the lowest change, best first: ``[P, k]``."""
    ids = torch.tensor(allowed)
    return ids[change[:, ids].topk(k, largest=False).indices]


def _places_in_the_list(change: Tensor, allowed: list[int], k: int) -> Tensor:
    return change[:, allowed].topk(k, largest=False).indices


def _forbidden_too(change: Tensor, allowed: list[int], k: int) -> Tensor:
    return change.topk(k, largest=False).indices


def _filtered_afterwards(change: Tensor, allowed: list[int], k: int) -> list[list[int]]:
    best = change.topk(k, largest=False).indices.tolist()
    return [[token for token in row if token in allowed] for row in best]


def _highest(change: Tensor, allowed: list[int], k: int) -> Tensor:
    return short_list(-change, allowed, k)


def _forbidden_set_to_zero(change: Tensor, allowed: list[int], k: int) -> Tensor:
    masked = torch.zeros_like(change)
    masked[:, allowed] = change[:, allowed]
    return masked.topk(k, largest=False).indices


def _draw_change(draw: Draw) -> tuple[Any, ...]:
    P, V = draw.integer(2, 4), 30
    allowed = sorted(draw.permutation(V)[:14])
    return draw.normal(P, V) + 0.5, allowed, draw.integer(6, 8)


SHORT_LIST = Task(
    number="3.3",
    title="a list of the wrong words",
    name="short_list",
    reference=short_list,
    draw=_draw_change,
    mistakes=(
        Mistake(
            "The bug is still there: these are places in the list of allowed tokens, not the tokens themselves.",
            _places_in_the_list,
        ),
        Mistake("There are forbidden tokens on the list.", _forbidden_too),
        Mistake(
            "The list is too short: the forbidden tokens were taken off only after the k best had been chosen.",
            _filtered_afterwards,
        ),
        Mistake("These are the worst: a swap is good if it lowers the loss.", _highest),
        Mistake(
            "A change of 0 does not forbid a token: it is better than many an allowed one.",
            _forbidden_set_to_zero,
        ),
    ),
)


# -- 3.4 Look before you flip ------------------------------------------------------------------------------------------
def step(loss: TokenLoss, tokens: list[int], swaps: Swaps) -> list[int]:
    """The prompt after the swap of the lowest true loss, if that is lower than without a swap."""
    others = [[*tokens[:place], word, *tokens[place + 1 :]] for place, word, _ in swaps]
    return min([tokens, *others], key=loss)


def _by_promise(loss: TokenLoss, tokens: list[int], swaps: Swaps) -> list[int]:
    place, word, _ = min(swaps, key=lambda swap: float(swap[2]))
    return [*tokens[:place], word, *tokens[place + 1 :]]


def _promise_then_look(loss: TokenLoss, tokens: list[int], swaps: Swaps) -> list[int]:
    return min([tokens, _by_promise(loss, tokens, swaps)], key=loss)


def _even_if_worse(loss: TokenLoss, tokens: list[int], swaps: Swaps) -> list[int]:
    others = [[*tokens[:place], word, *tokens[place + 1 :]] for place, word, _ in swaps]
    return min(others, key=loss)


def _one_list_for_all(loss: TokenLoss, tokens: list[int], swaps: Swaps) -> list[int]:
    tokens = list(tokens)
    for place, word, _ in swaps:
        tokens[place] = word
    return tokens


def _first_that_helps(loss: TokenLoss, tokens: list[int], swaps: Swaps) -> list[int]:
    now = loss(tokens)
    others = [[*tokens[:place], word, *tokens[place + 1 :]] for place, word, _ in swaps]
    return next((other for other in others if loss(other) < now), tokens)


def _one_after_the_other(loss: TokenLoss, tokens: list[int], swaps: Swaps) -> list[int]:
    for place, word, _ in swaps:
        other = [*tokens[:place], word, *tokens[place + 1 :]]
        tokens = min([tokens, other], key=loss)
    return tokens


def step_probe(answer, table, swaps, noise):
    """One step from a prompt that most swaps improve, and one from a prompt that none does."""
    order = table.argsort(dim=1)

    def loss(tokens):
        return float(sum(table[place, int(word)] for place, word in enumerate(tokens)))

    def from_here(tokens):
        given = []
        for (place, word), error in zip(swaps, noise.tolist(), strict=True):
            given.append([place, word, float(table[place, word] - table[place, tokens[place]]) + error])
        return [int(word) for word in answer(loss, list(tokens), given)]

    poor, best = order[:, -3].tolist(), order[:, 0].tolist()
    return {"from a poor prompt": from_here(poor), "from the best prompt": from_here(best)}


def _draw_swaps(draw: Draw) -> tuple[Any, ...]:
    P, V, count = 4, 20, 10
    table = draw.normal(P, V)
    best = table.argmin(dim=1).tolist()
    words = [(draw.integer(0, P - 1), draw.integer(0, V - 1)) for _ in range(count)]
    swaps = [[place, word if word != best[place] else (word + 1) % V] for place, word in words]
    return table, swaps, 2 * draw.normal(count)


STEP = Task(
    number="3.4",
    title="look before you flip",
    name="step",
    reference=step,
    probe=step_probe,
    draw=_draw_swaps,
    mistakes=(
        Mistake(
            "The swap of the lowest promise was made, without looking. Measure the prompts with `loss`.", _by_promise
        ),
        Mistake(
            "Only the favourite was measured. The promises do not tell which swap of the list is the best.",
            _promise_then_look,
        ),
        Mistake(
            "A swap was made though none helps. (GCG does that; here the prompt stays as it is.)",
            _even_if_worse,
        ),
        Mistake(
            "All swaps are in the result: each was written into the same list. Make a new list for each try.",
            _one_list_for_all,
        ),
        Mistake("This is the first swap that helps. Measure them all, and take the best.", _first_that_helps),
        Mistake(
            "Swaps were made on top of each other. Each is tried by itself, from the prompt as it was given.",
            _one_after_the_other,
        ),
    ),
)


# -- 3.5 Derive: the lowest point of the road --------------------------------------------------------------------------
def lowest(promised: float, true: float) -> float:
    """Which share of the way has the lowest loss, if the loss is a parabola: between 0 and 1, for a promise below 0."""
    bend = true - promised
    return min(1.0, -promised / (2 * bend)) if bend > 0 else 1.0


def _back_where_it_was(promised: float, true: float) -> float:
    bend = true - promised
    return min(1.0, -promised / bend) if bend > 0 else 1.0


def _beyond_the_word(promised: float, true: float) -> float:
    return -promised / (2 * (true - promised))


def _only_words(promised: float, true: float) -> float:
    return 1.0 if true < 0 else 0.0


def _bend_is_truth(promised: float, true: float) -> float:
    return min(1.0, -promised / (2 * true)) if true > 0 else 1.0


def _straight_down_stays(promised: float, true: float) -> float:
    return min(1.0, max(0.0, -promised / (2 * (true - promised))))


def lowest_probe(answer, pairs):
    """The shares for several swaps."""
    return [answer(promised, true) for promised, true in pairs]


def _draw_roads(draw: Draw) -> tuple[Any, ...]:
    def between(low: float, high: float) -> float:
        return low + (high - low) * draw.integer(1, 99) / 100

    promises = [-between(0.5, 3) for _ in range(4)]
    useless, worth_less, worth_half, worth_more = promises
    return (
        [
            [useless, between(0.2, 2)],
            [worth_less, worth_less * between(0.1, 0.4)],
            [worth_half, worth_half * between(0.6, 0.9)],
            [worth_more, worth_more * between(1.2, 1.8)],
        ],
    )


LOWEST = Task(
    number="3.5",
    title="the lowest point of the road",
    name="lowest",
    reference=lowest,
    probe=lowest_probe,
    draw=_draw_roads,
    points=2,
    mistakes=(
        Mistake(
            "There the loss is back where it began: ps + cs² = 0. The lowest point has slope 0.", _back_where_it_was
        ),
        Mistake(
            "A point outside of the road: the share lies between 0 and 1. Where is the lowest point of a road that "
            "goes down all the way?",
            _beyond_the_word,
        ),
        Mistake("Only the two words were compared. The lowest point may lie between them.", _only_words),
        Mistake("What bends the road is the truth *minus* the promise. At s = 1 both terms add up.", _bend_is_truth),
        Mistake(
            "Where the road bends downwards, it falls more and more steeply: its lowest point is the end.",
            _straight_down_stays,
        ),
    ),
)


# -- 3.6 Design: measure your luck -------------------------------------------------------------------------------------
def _gap(here: Tensor, elsewhere: Tensor) -> Tensor:
    winner = here.mean(dim=1).argmin()
    return elsewhere[winner].mean() - here[winner].mean()


def luck(losses: Tensor) -> Tensor:
    """Losses of n prompts on N examples ``[n, N]`` → how much higher the winner's loss is where it was not chosen."""
    first, second = losses.chunk(2, dim=1)
    return (_gap(first, second) + _gap(second, first)) / 2


def _chosen_on_all(losses: Tensor) -> Tensor:
    winner = losses[losses.mean(dim=1).argmin()]
    first, second = winner.chunk(2)
    return (second.mean() - first.mean()).abs()


def _one_way(losses: Tensor) -> Tensor:
    return _gap(*losses.chunk(2, dim=1))


def _negative(losses: Tensor) -> Tensor:
    return -luck(losses)


def _to_the_average(losses: Tensor) -> Tensor:
    return sum((half.mean() - half.mean(dim=1).min() for half in losses.chunk(2, dim=1)), torch.zeros(())) / 2


def _two_winners(losses: Tensor) -> Tensor:
    first, second = (half.mean(dim=1).min() for half in losses.chunk(2, dim=1))
    return (second - first).abs()


def _highest_wins(losses: Tensor) -> Tensor:
    return -luck(-losses)


LUCK = Task(
    number="3.6",
    title="measure your luck",
    name="luck",
    reference=luck,
    draw=lambda draw: (0.3 * draw.normal(n := draw.integer(8, 16), 1) + draw.normal(n, 2 * draw.integer(4, 8)) + 3,),
    points=2,
    mistakes=(
        Mistake(
            "The winner was chosen on all examples, so neither half is new to it. Choose on one, look at the other.",
            _chosen_on_all,
        ),
        Mistake("Only one way: the second half can choose as well. Take the mean of both.", _one_way),
        Mistake("The sign: the loss elsewhere minus the loss where the winner was chosen.", _negative),
        Mistake(
            "This is the distance to the average prompt. A part of it is real: better prompts do exist. "
            "What does the *same* prompt lose elsewhere?",
            _to_the_average,
        ),
        Mistake(
            "Each half was given a winner of its own. Luck is what one winner loses when it is looked at elsewhere.",
            _two_winners,
        ),
        Mistake("The prompt of the highest loss was chosen. A low loss is good.", _highest_wins),
    ),
)

TASKS = (SWAP, PROMISED, SHORT_LIST, STEP, LOWEST, LUCK)
