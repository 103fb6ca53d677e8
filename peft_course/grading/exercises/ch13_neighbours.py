"""Exercises for the chapter *Neighbours*: LoRA, adapters, gated rows, P-tuning, and how to choose."""

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..task import Draw, Mistake, Task, value
from ..varied import in_words, varied, without

EDITION = 1


# -- 13.1 Predict: what zeros do ---------------------------------------------------------------------------------------
def _factors(rows: int = 10, tokens: int = 10, odds: int = 3) -> Task:
    right = tokens * odds / (tokens * odds + rows)

    def factors(prefix: float, gated: float = 1.0, adapter: float = 1.0) -> dict[str, float]:
        return {"LoRA": 1.0, "adapter": adapter, "gated rows": gated, "prefix": prefix}

    return Task(
        number="13.1",
        title="rows of nothing",
        name="factors",
        reference=factors(right),
        probe=value,
        phrases=(
            f"a prefix of {in_words(rows)} rows of zeros",
            f"A query meets {in_words(tokens)} tokens, and its score with each of them, after the division by "
            f"$\\sqrt d$, is $\\ln {odds}$",
            f"The tokens have ${tokens} \\cdot e^{{\\ln {odds}}} = {tokens * odds}$ together, the prefix has "
            f"${rows} \\cdot e^0 = {rows}$",
        ),
        mistakes=(
            Mistake(
                "A row of zeros has the score 0 in the softmax, and that is a weight of 1 before dividing.", factors(1)
            ),
            Mistake(
                "You counted rows and tokens as equal. A token's weight is the exponential of its score.",
                factors(tokens / (tokens + rows)),
            ),
            Mistake("This is the share that the prefix gets. What is left of h is the rest.", factors(1 - right)),
            Mistake(
                "Gated rows have a softmax of their own: at tanh(0) they add nothing and take nothing.",
                factors(right, right),
            ),
            Mistake(
                "An adapter adds what its layers make. Where this is zero, h is still there.", factors(right, 1, 0)
            ),
        ),
    )


FACTORS = varied(
    _factors, rows=(5, 6, 8, 9, 12, 15, 16, 18, 20, 24, 25, 27, 30), tokens=(7, 11, 13), odds=(2, 3, 4, 5, 6)
)


# -- 13.2 LoRA ---------------------------------------------------------------------------------------------------------
class LoRALinear(nn.Module):
    """A frozen linear layer and the product of two thin matrices beside it (Hu et al. 2022)."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        self.a = nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.scale * x @ self.a.T @ self.b.T

    def change(self) -> Tensor:
        return self.scale * self.b @ self.a

    def merged(self) -> nn.Linear:
        layer = nn.Linear(self.linear.in_features, self.linear.out_features)
        with torch.no_grad():
            layer.weight.copy_(self.linear.weight + self.change())
            layer.bias.copy_(self.linear.bias)
        return layer


class _AlphaAlone(LoRALinear):
    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(linear, rank, alpha)
        self.scale = alpha


class _BothZero(LoRALinear):
    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(linear, rank, alpha)
        nn.init.zeros_(self.a)


class _BothRandom(LoRALinear):
    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(linear, rank, alpha)
        nn.init.normal_(self.b)


class _NotFrozen(LoRALinear):
    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(linear, rank, alpha)
        linear.requires_grad_(True)


class _MergedWithoutScale(LoRALinear):
    def change(self) -> Tensor:
        return self.b @ self.a


class _MergedInPlace(LoRALinear):
    def merged(self) -> nn.Linear:
        self.linear.weight.data += self.change()
        return self.linear


class _BiasLost(LoRALinear):
    def merged(self) -> nn.Linear:
        layer = nn.Linear(self.linear.in_features, self.linear.out_features, bias=False)
        layer.weight.data = self.linear.weight + self.change()
        return layer


def lora_probe(answer, weight, bias, rank, alpha, x, a, b):
    """How the layer begins, what learns, what it computes with known a and b, and what merging gives."""
    from torch import nn

    linear = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
        expected = linear(x)
    layer = answer(linear, rank, alpha)
    trained = {name: list(p.shape) for name, p in layer.named_parameters() if p.requires_grad}
    others = len(set(trained) - {"a", "b"})
    begins = layer(x)
    begins.square().sum().backward()
    learns = {}
    for name in ("a", "b"):
        gradient = getattr(layer, name).grad
        learns[name] = gradient is not None and bool((gradient != 0).any())
    with torch.no_grad():
        layer.a.copy_(a)
        layer.b.copy_(b)
        output = layer(x)
        merged = layer.merged()
    return {
        "shapes": [list(layer.a.shape), list(layer.b.shape)],
        "trained beside a and b": others,
        "begins as": "the frozen layer" if torch.allclose(begins, expected, atol=1e-5) else "another layer",
        "has a first gradient": learns,
        "output": output,
        "merged": {"weight": merged.weight, "bias": merged.bias},
        "the frozen weight after merging": linear.weight,
    }


def _draw_linear(draw: Draw) -> tuple[Any, ...]:
    wide, out, rank = draw.integer(5, 7), draw.integer(8, 9), draw.integer(2, 4)
    x = draw.normal(2, 3, wide)
    return draw.normal(out, wide), draw.normal(out), rank, 16.0, x, draw.normal(rank, wide), draw.normal(out, rank)


LORA = Task(
    number="13.2",
    title="LoRA, and what is left of it",
    name="LoRALinear",
    reference=LoRALinear,
    probe=lora_probe,
    draw=_draw_linear,
    points=2,
    mistakes=(
        Mistake("The factor is α divided by the rank. You took α alone.", _AlphaAlone),
        Mistake("Both factors begin at zero: neither ever gets a gradient.", _BothZero),
        Mistake("Neither factor begins at zero: before the first step the layer is already another one.", _BothRandom),
        Mistake("The layer's own weights are trained, too. They are to stay frozen.", _NotFrozen),
        Mistake("The merged weight lacks the factor that the forward pass has.", _MergedWithoutScale),
        Mistake("Merging has changed the frozen layer itself. The next task needs it as it was.", _MergedInPlace),
        Mistake("The merged layer has lost the bias.", _BiasLost),
    ),
)


# -- 13.3 Find the bug: a gate that is not shut ------------------------------------------------------------------------
def gated(q: Tensor, k: Tensor, v: Tensor, rows_k: Tensor, rows_v: Tensor, gate: Tensor) -> Tensor:
    """``[H, 1, d]``, ``[H, T, d]`` twice, ``[H, P, d]`` twice, ``[H]`` → ``[H, 1, d]``."""
    return _gated((q, k, v, rows_k, rows_v), gate.tanh())


def _gated(given: tuple[Tensor, ...], gate: Tensor, takes: bool = False, scale: float = 0.5) -> Tensor:
    q, k, v, rows_k, rows_v = given
    h, found = (
        (q @ keys.mT / q.shape[-1] ** scale).softmax(dim=-1) @ values for keys, values in ((k, v), (rows_k, rows_v))
    )
    gate = gate[:, None, None]
    return (1 - gate) * h + gate * found if takes else h + gate * found


def _one_softmax(*given: Tensor) -> Tensor:
    q, k, v, rows_k, rows_v, gate = given
    scores = q @ torch.cat([rows_k, k], dim=1).mT / q.shape[-1] ** 0.5
    at_rows, at_text = scores.softmax(dim=-1).split([rows_k.shape[1], k.shape[1]], dim=-1)
    return at_text @ v + gate.tanh()[:, None, None] * (at_rows @ rows_v)


def _no_tanh(*given: Tensor) -> Tensor:
    return _gated(given[:5], given[5])


def _sigmoid(*given: Tensor) -> Tensor:
    return _gated(given[:5], given[5].sigmoid())


def _takes_away(*given: Tensor) -> Tensor:
    return _gated(given[:5], given[5].tanh(), takes=True)


def _one_gate(*given: Tensor) -> Tensor:
    return _gated(given[:5], given[5].tanh().mean().expand(len(given[5])))


def _not_scaled(*given: Tensor) -> Tensor:
    return _gated(given[:5], given[5].tanh(), scale=0.0)


def gated_probe(answer, q, k, v, rows_k, rows_v, gate):
    """With the gate shut, and open."""
    return {
        "shut": answer(q, k, v, rows_k, rows_v, torch.zeros_like(gate)),
        "open": answer(q, k, v, rows_k, rows_v, gate),
    }


def _draw_gated(draw: Draw) -> tuple[Any, ...]:
    H, T, P, d = draw.integer(2, 3), draw.integer(4, 6), draw.integer(2, 4), 8
    text, rows = (draw.normal(H, T, d) for _ in range(2)), (draw.normal(H, P, d) for _ in range(2))
    return draw.normal(H, 1, d), *text, *rows, draw.normal(H)


GATED = Task(
    number="13.3",
    title="a gate that is not shut",
    name="gated",
    reference=gated,
    probe=gated_probe,
    draw=_draw_gated,
    mistakes=(
        Mistake(
            "The bug is still there: rows and text share a softmax, so the rows take attention behind a shut gate.",
            _one_softmax,
        ),
        Mistake("The tanh around the gate is missing.", _no_tanh),
        Mistake("A sigmoid is half open at zero. The gate has to begin shut.", _sigmoid),
        Mistake("The gate adds, and takes nothing away: the text's part keeps the factor 1.", _takes_away),
        Mistake("One gate serves all heads. Each head has its own.", _one_gate),
        Mistake("The scores are not divided by √d.", _not_scaled),
    ),
)


# -- 13.4 Predict: four cells ------------------------------------------------------------------------------------------
def _cells(letters: str = "ABCD") -> Task:
    A, B, C, D = list(letters)

    def cells(second: str = C, published: str = D, on: str = D, off: str = C, first: str = B) -> dict[str, str]:
        return {
            "prompt tuning": A,
            "P-tuning": first,
            "P-tuning v2": second,
            "prefix tuning": published,
            "prefix_projection=True": on,
            "prefix_projection=False": off,
        }

    return Task(
        number="13.4",
        title="four cells, six names",
        name="cells",
        reference=cells(),
        probe=value,
        phrases=(f"| **at the input** | {A} | {B} |\n| **in every layer** | {C} | {D} |",),
        mistakes=(
            Mistake(
                "P-tuning v2 is not the one with `prefix_projection`. How its rows are made is an option there.",
                cells(D),
            ),
            Mistake("P-tuning v2 is no better encoder for P-tuning. Where do its vectors stand?", cells(B)),
            Mistake(
                "Li and Liang did not learn the rows directly: their perceptron made them, and was dropped afterwards.",
                cells(published=C),
            ),
            Mistake(
                "The switch is the wrong way round: a projection is a network that makes the rows.", cells(on=C, off=D)
            ),
            Mistake("P-tuning's vectors come out of a network. It is this network that is trained.", cells(first=A)),
        ),
    )


CELLS = varied(_cells, letters=without(["".join(order) for order in itertools.permutations("ABCD")], "ABCD"))


# -- 13.5 A prefix as an adapter ---------------------------------------------------------------------------------------
def as_adapter(h: Tensor, s: Tensor, q: Tensor, p_k: Tensor, p_v: Tensor) -> Tensor:
    """``[T, d]``, ``[T]``, ``[T, d]``, ``[P, d]`` twice → what the head gives with the prefix, ``[T, d]``."""
    return _as_adapter((h, s, q, p_k, p_v), lambda scores, s: (scores.logsumexp(dim=-1) - s).sigmoid())


def _as_adapter(
    given: tuple[Tensor, ...],
    share: Callable[[Tensor, Tensor], Tensor],
    left: Callable[[Tensor], Tensor | float] = lambda gate: 1 - gate,
    scale: float = 0.5,
) -> Tensor:
    h, s, q, p_k, p_v = given
    scores = q @ p_k.T / q.shape[-1] ** scale
    gate = share(scores, s)[:, None]
    return left(gate) * h + gate * (scores.softmax(dim=-1) @ p_v)


def _share(scores: Tensor, s: Tensor) -> Tensor:
    return (scores.logsumexp(dim=-1) - s).sigmoid()


def _plain_addition(*given: Tensor) -> Tensor:
    return _as_adapter(given, lambda scores, s: torch.ones_like(s), left=lambda gate: 1.0)


def _takes_nothing(*given: Tensor) -> Tensor:
    return _as_adapter(given, _share, left=lambda gate: 1.0)


def _wrong_way(*given: Tensor) -> Tensor:
    return _as_adapter(given, lambda scores, s: 1 - _share(scores, s))


def _without_scale(*given: Tensor) -> Tensor:
    return _as_adapter(given, _share, scale=0.0)


def _sum_without_log(*given: Tensor) -> Tensor:
    return _as_adapter(given, lambda scores, s: scores.exp().sum(-1) / (scores.exp().sum(-1) + s))


def _largest_score(*given: Tensor) -> Tensor:
    return _as_adapter(given, lambda scores, s: (scores.amax(dim=-1) - s).sigmoid())


def _draw_head(draw: Draw) -> tuple[Any, ...]:
    T, P, d = draw.integer(4, 7), draw.integer(2, 4), 8
    q, k, v = (draw.normal(T, d) for _ in range(3))
    scores = (q @ k.T / d**0.5).masked_fill(~torch.ones(T, T).tril().bool(), -torch.inf)
    return scores.softmax(dim=-1) @ v, scores.logsumexp(dim=-1), q, draw.normal(P, d), draw.normal(P, d)


AS_ADAPTER = Task(
    number="13.5",
    title="a prefix, seen from outside",
    name="as_adapter",
    reference=as_adapter,
    draw=_draw_head,
    points=2,
    mistakes=(
        Mistake("This adds what the prefix says to h, as an adapter does. A prefix takes a share.", _plain_addition),
        Mistake("The prefix gets its share, and h loses nothing. The shares add up to 1.", _takes_nothing),
        Mistake("The two shares are exchanged: h has the prefix's, and the prefix has h's.", _wrong_way),
        Mistake("The prefix's scores are not divided by √d. Those behind s are.", _without_scale),
        Mistake("s is the logarithm of a sum, and you used it as the sum.", _sum_without_log),
        Mistake("The share depends on the sum of all exponentials, not on the largest score alone.", _largest_score),
    ),
)


# -- 13.6 What can you afford? -----------------------------------------------------------------------------------------
def affordable(num_layers: int, width: int, num_heads: int, budget: int, need: str) -> dict[str, int]:
    """The largest size of each method that meets the need, with at most `budget` numbers stored."""
    return _affordable(num_layers, width, num_heads, budget, need)


NEEDS = {
    "reaches": {"soft prompt"},
    "mixes": {"soft prompt", "prefix"},
    "merges": {"LoRA"},
    "begins": {"gated rows", "LoRA", "adapter"},
}


def _affordable(
    num_layers: int,
    width: int,
    num_heads: int,
    budget: int,
    need: str,
    *,
    parts: int = 2,
    gates: int = 1,
    matrices: int = 2,
    halves: int = 2,
    more: dict[str, set[str]] | None = None,
) -> dict[str, int]:
    L, D = num_layers, width
    sizes = {
        "soft prompt": budget // D,
        "prefix": budget // (parts * L * D),
        "gated rows": (budget - gates * L * num_heads) // (L * D),
        "LoRA": budget // (matrices * 2 * L * D),
        "adapter": budget // (halves * 2 * L * D),
    }
    meets = NEEDS[need] | (more or {}).get(need, set())
    return {method: size for method, size in sizes.items() if method in meets}


def _zeros_begin(*given: Any) -> Any:
    return _affordable(*given, more={"begins": {"prefix"}})


def _adapters_merge(*given: Any) -> Any:
    return _affordable(*given, more={"merges": {"adapter"}})


def _lora_mixes(*given: Any) -> Any:
    return _affordable(*given, more={"mixes": {"LoRA"}})


def _keys_alone(*given: Any) -> Any:
    return _affordable(*given, parts=1)


def _one_matrix(*given: Any) -> Any:
    return _affordable(*given, matrices=1)


def _one_half(*given: Any) -> Any:
    return _affordable(*given, halves=1)


def _gates_forgotten(*given: Any) -> Any:
    return _affordable(*given, gates=0)


def affordable_probe(answer, num_layers, width, num_heads, budget):
    given = num_layers, width, num_heads, budget
    return {need: answer(*given, need) for need in ("reaches", "mixes", "merges", "begins")}


def _draw_budget(draw: Draw) -> tuple[Any, ...]:
    L, H = draw.integer(6, 24), draw.choice([8, 12])
    D = H * 64
    return L, D, H, 4 * L * D * draw.integer(2, 8) + draw.integer(0, L * H - 1)


AFFORDABLE = Task(
    number="13.6",
    title="what can you afford?",
    name="affordable",
    reference=affordable,
    probe=affordable_probe,
    draw=_draw_budget,
    points=2,
    mistakes=(
        Mistake("A prefix of zeros does not begin as the frozen model: its keys stand in the softmax.", _zeros_begin),
        Mistake("An adapter cannot be merged: between its matrices there is a bend.", _adapters_merge),
        Mistake(
            "LoRA changes weights, and a run has one set of them. Rows of a batch need code of their own.", _lora_mixes
        ),
        Mistake("A row of a prefix is a key and a value in each layer. You counted one of the two.", _keys_alone),
        Mistake("LoRA has A and B for two matrices a layer. You counted one matrix.", _one_matrix),
        Mistake("There are two adapters in a block, one behind each half. You counted one.", _one_half),
        Mistake("Each head has a gate, in each layer. They are stored, too.", _gates_forgotten),
    ),
)

TASKS = (FACTORS, LORA, GATED, CELLS, AS_ADAPTER, AFFORDABLE)
