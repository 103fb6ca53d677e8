"""Exercises for the chapter *The perceptron* (Li and Liang 2021, section 4.3)."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ..task import Draw, Mistake, Task, value
from ..varied import varied

EDITION = 1


# -- 7.1 Predict: trained and stored -----------------------------------------------------------------------------------
def _numbers(P: int = 5, k: int = 256, m: int = 512) -> Task:
    row = 2 * 12 * 768
    layers = (k * m + m) + (m * row + row)

    def counts(trained: int, stored: int) -> dict[str, int]:
        return {"trained": trained, "stored": stored}

    return Task(
        number="7.1",
        title="trained and stored",
        name="numbers",
        reference=counts(P * k + layers, P * row),
        probe=value,
        phrases=(f"A prefix of $P = {P}$ virtual tokens", f"with $k = {k}$ and $m = {m}$"),
        mistakes=(
            Mistake(
                "The perceptron is dropped after training. What is stored is the matrix that it made.",
                counts(P * k + layers, P * k + layers),
            ),
            Mistake(
                "P' cannot be stored alone: without the perceptron nobody can make rows of it.",
                counts(P * k + layers, P * k),
            ),
            Mistake("You left out the biases of the two layers.", counts(P * k + k * m + m * row, P * row)),
            Mistake("P' is trained, too, along with the two layers.", counts(layers, P * row)),
            Mistake(
                "You counted a perceptron for each virtual token. All of them share one.",
                counts(P * (k + layers), P * row),
            ),
        ),
    )


NUMBERS = varied(_numbers, P=range(6, 31), k=(128, 192, 320, 384), m=(256, 384, 640, 768))


# -- 7.2 Make the rows -------------------------------------------------------------------------------------------------
def make_rows(reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    """``[P, k]``, ``[m, k]``, ``[m]``, ``[R, m]``, ``[R]`` → ``[P, R]``."""
    return (reduced @ w1.T + b1).tanh() @ w2.T + b2


def _no_tanh(reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    return (reduced @ w1.T + b1) @ w2.T + b2


def _relu(reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    return (reduced @ w1.T + b1).relu() @ w2.T + b2


def _tanh_last(reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    return make_rows(reduced, w1, b1, w2, b2).tanh()


def _tanh_of_input(reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    return (reduced.tanh() @ w1.T + b1) @ w2.T + b2


def _bias_outside(reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    return ((reduced @ w1.T).tanh() + b1) @ w2.T + b2


def _draw_perceptron(draw: Draw) -> tuple[Any, ...]:
    P, k, m, R = draw.integer(3, 5), draw.integer(2, 4), draw.integer(5, 7), draw.integer(8, 12)
    return draw.normal(P, k), draw.normal(m, k), draw.normal(m), draw.normal(R, m), draw.normal(R)


MAKE_ROWS = Task(
    number="7.2",
    title="make the rows",
    name="make_rows",
    reference=make_rows,
    draw=_draw_perceptron,
    mistakes=(
        Mistake("The tanh is missing: two linear layers in a row are one.", _no_tanh),
        Mistake("This has a ReLU between the layers. Li and Liang take a tanh.", _relu),
        Mistake(
            "There is a tanh behind the last layer. It would keep keys and values between -1 and 1.",
            _tanh_last,
        ),
        Mistake("The tanh is taken of P'. It stands between the layers.", _tanh_of_input),
        Mistake("The first bias is added behind the tanh. It belongs to the first layer, inside.", _bias_outside),
    ),
)


# -- 7.3 Drop it -------------------------------------------------------------------------------------------------------
class _Rows(nn.Module):
    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows)

    def forward(self) -> Tensor:
        return self.rows


def dropped(made: nn.Module) -> nn.Module:
    """A module with the parameter `rows` ``[P, R]`` alone, which gives what `made` gives."""
    return _Rows(made().detach().clone())


class _Keeps(nn.Module):
    def __init__(self, made: nn.Module) -> None:
        super().__init__()
        self.made = made
        self.rows = nn.Parameter(made().detach().clone())

    def forward(self) -> Tensor:
        return self.rows


class _Fixed(nn.Module):
    def __init__(self, made: nn.Module) -> None:
        super().__init__()
        self.register_buffer("rows", made().detach().clone())

    def forward(self) -> Any:
        return self.rows


def _keeps_the_reduced(made: Any) -> nn.Module:
    return _Rows(made.reduced.detach().clone())


def _calls_it(made: Any) -> Any:
    return made


def _forgets_the_start(made: Any) -> nn.Module:
    return _Rows(made.mlp(made.reduced).detach().clone())


def dropped_probe(answer, start, k, m, numbers):
    """What the module gives and trains, and what it gives when the perceptron is trained on."""
    from torch import nn

    class MadeRows(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("start", start)
            self.reduced = nn.Parameter(torch.empty(len(start), k))
            self.mlp = nn.Sequential(nn.Linear(k, m), nn.Tanh(), nn.Linear(m, start.shape[1]))

        def forward(self):
            return self.start + self.mlp(self.reduced)

    made, place = MadeRows(), 0
    for parameter in made.parameters():
        parameter.data = numbers[place : place + parameter.numel()].view_as(parameter).clone()
        place += parameter.numel()
    kept = answer(made)
    seen = {
        "rows": kept().detach().clone(),
        "trained": {name: list(each.shape) for name, each in kept.named_parameters() if each.requires_grad},
        "saved": sorted(kept.state_dict()),
        "rows can learn": kept().requires_grad,
    }
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(0.5)
    seen["rows when the perceptron changes"] = kept().detach().clone()
    return seen


def _draw_made(draw: Draw) -> tuple[Any, ...]:
    P, R, k, m = draw.integer(3, 4), draw.integer(6, 8), draw.integer(2, 3), draw.integer(4, 5)
    return draw.normal(P, R), k, m, draw.normal(P * k + k * m + m + m * R + R)


DROPPED = Task(
    number="7.3",
    title="drop it",
    name="dropped",
    reference=dropped,
    probe=dropped_probe,
    draw=_draw_made,
    mistakes=(
        Mistake(
            "The perceptron is still part of the module: it would be saved and trained along with the rows.", _Keeps
        ),
        Mistake(
            "The rows cannot be trained. Make them an nn.Parameter and leave its gradient on: they are a flat prefix's "
            "rows now.",
            _Fixed,
        ),
        Mistake(
            "This keeps P'. Without the perceptron it is worth nothing; keep what the perceptron makes of it.",
            _keeps_the_reduced,
        ),
        Mistake("The module with the perceptron came back as it was.", _calls_it),
        Mistake("The start is missing from the rows. Call `made()` itself.", _forgets_the_start),
    ),
)


# -- 7.4 Find the bug: half learns nothing -----------------------------------------------------------------------------
def decoder_prefix(rows: Tensor, num_layers: int, num_heads: int) -> list[tuple[Tensor, Tensor]]:
    """``[P, 2·L·H·d]`` → for each layer of the decoder its keys and its values ``[H, P, d]``."""
    parts = rows.view(len(rows), 2 * num_layers, num_heads, -1).permute(1, 2, 0, 3)  # [2L, H, P, d]
    return list(zip(parts[0::2], parts[1::2], strict=True))


def _twice(rows: Tensor, num_layers: int, num_heads: int) -> list[tuple[Tensor, Tensor]]:
    parts = rows.view(len(rows), 2 * num_layers, num_heads, -1).permute(1, 2, 0, 3)
    return [(four[0], four[1]) for four in torch.cat([parts, parts]).split(4)]


def _every_other_layer(rows: Tensor, num_layers: int, num_heads: int) -> list[tuple[Tensor, Tensor]]:
    parts = rows.view(len(rows), 2 * num_layers, num_heads, -1).permute(1, 2, 0, 3)
    return [(four[0], four[1]) for four in parts.split(4)]


def _keys_then_values(rows: Tensor, num_layers: int, num_heads: int) -> list[tuple[Tensor, Tensor]]:
    parts = rows.view(len(rows), 2 * num_layers, num_heads, -1).permute(1, 2, 0, 3)
    return list(zip(parts[:num_layers], parts[num_layers:], strict=True))


def _overlapping(rows: Tensor, num_layers: int, num_heads: int) -> list[tuple[Tensor, Tensor]]:
    parts = rows.view(len(rows), 2 * num_layers, num_heads, -1).permute(1, 2, 0, 3)
    return [(parts[layer], parts[layer + 1]) for layer in range(num_layers)]


def _draw_seq2seq(draw: Draw) -> tuple[Any, ...]:
    P, L, H, d = draw.integer(2, 3), draw.choice([4, 6]), draw.integer(2, 3), draw.integer(2, 4)
    return draw.normal(P, 2 * L * H * d), L, H


DECODER_PREFIX = Task(
    number="7.4",
    title="half of it learns nothing",
    name="decoder_prefix",
    reference=decoder_prefix,
    draw=_draw_seq2seq,
    mistakes=(
        Mistake(
            "The bug is still there: every second pair is skipped, and the layers of the second half "
            "get the rows of the first.",
            _twice,
        ),
        Mistake("There are only half as many pairs as layers, as every second one is skipped.", _every_other_layer),
        Mistake("A row goes layer by layer: a key, its value, the next key.", _keys_then_values),
        Mistake(
            "One layer's value is the next layer's key here. Each layer has two parts of its own.",
            _overlapping,
        ),
    ),
)


# -- 7.5 Back through the tanh -----------------------------------------------------------------------------------------
def gradient_of_reduced(grad_rows: Tensor, reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor) -> Tensor:
    """The gradient by P_θ ``[P, R]`` → the gradient by P' ``[P, k]``."""
    hidden = (reduced @ w1.T + b1).tanh()
    return (grad_rows @ w2 * (1 - hidden**2)) @ w1


def _no_derivative(grad_rows: Tensor, reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor) -> Tensor:
    return grad_rows @ w2 @ w1


def _times_tanh(grad_rows: Tensor, reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor) -> Tensor:
    return (grad_rows @ w2 * (reduced @ w1.T + b1).tanh()) @ w1


def _not_squared(grad_rows: Tensor, reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor) -> Tensor:
    return (grad_rows @ w2 * (1 - (reduced @ w1.T + b1).tanh())) @ w1


def _no_tanh_inside(grad_rows: Tensor, reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor) -> Tensor:
    return (grad_rows @ w2 * (1 - (reduced @ w1.T + b1) ** 2)) @ w1


def _of_hidden(grad_rows: Tensor, reduced: Tensor, w1: Tensor, b1: Tensor, w2: Tensor) -> Tensor:
    return grad_rows @ w2 * (1 - (reduced @ w1.T + b1).tanh() ** 2)


def _draw_gradient(draw: Draw) -> tuple[Any, ...]:
    P, k, m, R = draw.integer(3, 5), draw.integer(2, 4), draw.integer(5, 7), draw.integer(8, 12)
    return draw.normal(P, R), draw.normal(P, k), 0.5 * draw.normal(m, k), 0.5 * draw.normal(m), draw.normal(R, m)


GRADIENT_OF_REDUCED = Task(
    number="7.5",
    title="back through the tanh",
    name="gradient_of_reduced",
    reference=gradient_of_reduced,
    draw=_draw_gradient,
    mistakes=(
        Mistake("The derivative of the tanh is missing: the chain rule has a factor for it.", _no_derivative),
        Mistake("You multiplied by the tanh. The chain rule wants its derivative.", _times_tanh),
        Mistake("The derivative of the tanh has a square in it.", _not_squared),
        Mistake("The derivative is made from the tanh's output, and you put its input there.", _no_tanh_inside),
        Mistake("This stops before the first layer. One more product, with W₁, leads to P'.", _of_hidden),
    ),
)


# -- 7.6 To be continued -----------------------------------------------------------------------------------------------
class Picture:
    """All that it takes to go on with training: the perceptron's numbers, and what Adam remembers."""

    def __init__(self, made: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.made, self.optimizer = copy.deepcopy((made.state_dict(), optimizer.state_dict()))

    def restore(self, made: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        made.load_state_dict(self.made)
        optimizer.load_state_dict(copy.deepcopy(self.optimizer))


class _NoAdam(Picture):
    def restore(self, made: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        made.load_state_dict(self.made)


class _NoNumbers(Picture):
    def restore(self, made: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.load_state_dict(self.optimizer)


class _NoCopy(Picture):
    def __init__(self, made: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.made, self.optimizer = made.state_dict(), optimizer.state_dict()


class _HalfCopied(Picture):
    def __init__(self, made: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.made, self.optimizer = copy.deepcopy(made.state_dict()), optimizer.state_dict()


class _OptimizerCopied(Picture):
    def __init__(self, made: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.made, self.optimizer = made.state_dict(), copy.deepcopy(optimizer.state_dict())


class _RowsAlone:
    def __init__(self, made: Any, optimizer: torch.optim.Optimizer) -> None:
        self.rows = made().detach().clone()

    def restore(self, made: Any, optimizer: torch.optim.Optimizer) -> None:
        with torch.no_grad():
            made.start.copy_(self.rows)


def picture_probe(answer, start, numbers, target):
    """The rows when training goes on, and those of another perceptron that took over from the picture."""
    from torch import nn

    class MadeRows(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("start", start.clone())
            self.reduced = nn.Parameter(torch.empty(len(start), 3))
            self.mlp = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, start.shape[1]))

        def forward(self):
            return self.start + self.mlp(self.reduced)

    def fresh(numbers):
        made, place = MadeRows(), 0
        for parameter in made.parameters():
            parameter.data = numbers[place : place + parameter.numel()].view_as(parameter).clone()
            place += parameter.numel()
        return made, torch.optim.Adam(made.parameters(), lr=0.05)

    def train(made, optimizer):
        for _ in range(6):
            optimizer.zero_grad()
            (made() - target).pow(2).mean().backward()
            optimizer.step()

    made, optimizer = fresh(numbers)
    train(made, optimizer)
    picture = answer(made, optimizer)
    at_the_picture = made().detach().clone()
    train(made, optimizer)
    other = fresh(numbers.flip(0))
    picture.restore(*other)
    found = other[0]().detach().clone()
    train(*other)
    return {
        "rows at the picture": at_the_picture,
        "rows restored": found,
        "rows at the end, without a break": made().detach().clone(),
        "rows at the end, restored": other[0]().detach().clone(),
    }


def _draw_training(draw: Draw) -> tuple[Any, ...]:
    P, R = draw.integer(3, 4), draw.integer(6, 8)
    return draw.normal(P, R), draw.normal(P * 3 + 3 * 4 + 4 + 4 * R + R), 3 * draw.normal(P, R)


PICTURE = Task(
    number="7.6",
    title="to be continued",
    name="Picture",
    reference=Picture,
    probe=picture_probe,
    draw=_draw_training,
    points=2,
    mistakes=(
        Mistake(
            "The optimiser begins anew. Adam remembers the means of gradients and squares, and how many steps it took.",
            _NoAdam,
        ),
        Mistake(
            "The perceptron's own numbers were not restored, only the optimiser's.",
            _NoNumbers,
        ),
        Mistake(
            "The picture moved on with the training: `state_dict()` gives the tensors themselves, no copies of them.",
            _NoCopy,
        ),
        Mistake(
            "The perceptron was copied, but the optimiser's state is the living one, and trained on.",
            _HalfCopied,
        ),
        Mistake(
            "The optimiser's state was copied, but the perceptron's numbers are the living ones, and trained on.",
            _OptimizerCopied,
        ),
        Mistake(
            "Only the rows were kept. What made them is lost, and training goes on from another place.",
            _RowsAlone,
        ),
    ),
)


# -- 7.7 Design: flat or perceptron ------------------------------------------------------------------------------------
def advantage(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    """Losses ``[N, S]`` of both, NaN where a run diverged → the flat prefix's best mean minus the perceptron's."""
    return flat.nan_to_num(guessing).mean(dim=1).min() - made.nan_to_num(guessing).mean(dim=1).min()


def _as_handed_out(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    means, others = flat.nanmean(dim=1), made.nanmean(dim=1)
    return (means - others)[means.argmin()]


def _at_flats_rate(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    means, others = (each.nan_to_num(guessing).mean(dim=1) for each in (flat, made))
    return (means - others)[means.argmin()]


def _at_mades_rate(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    means, others = (each.nan_to_num(guessing).mean(dim=1) for each in (flat, made))
    return (means - others)[others.argmin()]


def _survivors(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    a, b = (each.nanmean(dim=1).nan_to_num(torch.inf).min() for each in (flat, made))
    return a - b


def _no_diverged_rates(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    a, b = (each.mean(dim=1).nan_to_num(torch.inf).min() for each in (flat, made))
    return a - b


def _best_runs(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    return flat.nan_to_num(guessing).min() - made.nan_to_num(guessing).min()


def _mean_over_rates(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    return flat.nan_to_num(guessing).mean() - made.nan_to_num(guessing).mean()


def _other_way_round(flat: Tensor, made: Tensor, guessing: float) -> Tensor:
    return -advantage(flat, made, guessing)


def _draw_sweeps(draw: Draw) -> tuple[Any, ...]:
    """Two valleys, the perceptron's further to the left, with lucky survivors on each far side."""

    def valley(best: int) -> Tensor:
        place = (torch.arange(6) - best).abs()[:, None]
        losses = 1.0 + 0.7 * place + 0.15 * draw.normal(6, 5).clamp(-2, 2)
        losses[best, draw.integer(0, 4)] = torch.nan  # one run in five is lost at the best rate
        for row in range(best + 2, 6):
            losses[row] = torch.nan
            losses[row, draw.permutation(5)[:2]] = 0.3 + torch.tensor([0.05, 0.3]) * draw.normal(2).abs().clamp(max=2)
        losses[best - 1] += 0.6
        losses[best + 1] += 0.6
        return losses

    return valley(3), valley(draw.choice([1, 2])), 3.0


ADVANTAGE = Task(
    number="7.7",
    title="flat or perceptron",
    name="advantage",
    reference=advantage,
    draw=_draw_sweeps,
    mistakes=(
        Mistake(
            "Both faults are still there. Whose best rate is it? And what became of the runs that diverged?",
            _as_handed_out,
        ),
        Mistake(
            "One fault is still there: the perceptron is judged at the flat prefix's best rate. Each has its own.",
            _at_flats_rate,
        ),
        Mistake("The flat prefix is judged at the perceptron's best rate. Each has its own.", _at_mades_rate),
        Mistake(
            "You left the diverged runs out of the mean. So a rate looks good at which two runs of five survived.",
            _survivors,
        ),
        Mistake(
            "Rates with a diverged run were left out. A lost run is a bad result, which counts as guessing; "
            "the others of its rate count, too.",
            _no_diverged_rates,
        ),
        Mistake("This compares the two luckiest runs. Compare means over the seeds.", _best_runs),
        Mistake("This is the mean over all rates. Nobody uses the bad ones: choose each way's best.", _mean_over_rates),
        Mistake(
            "The sign is wrong: positive means that the flat prefix has the larger loss.",
            _other_way_round,
        ),
    ),
)

TASKS = (NUMBERS, MAKE_ROWS, DROPPED, DECODER_PREFIX, GRADIENT_OF_REDUCED, PICTURE, ADVANTAGE)
