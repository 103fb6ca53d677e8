"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "3.1": [
        'swap = {"best": "B", "favourite": "C", "true": 12, "promised": -24.0}',
        """
import numpy as np

words = {"B": [1, 0], "C": [5, 0], "D": [-1, 2]}
A, slope = np.array([-1, 0]), np.array([-4, -1])
loss = lambda e: (e[0] - 1) ** 2 + 0.5 * (e[1] - 1) ** 2
promises = {name: slope @ (np.array(e) - A) for name, e in words.items()}
changes = {name: loss(e) - loss(A) for name, e in words.items()}
first = min(promises, key=promises.get)
swap = dict(favourite=first, promised=promises[first], true=changes[first], best=min(changes, key=changes.get))
""",
    ],
    "3.2": [
        """
def promised(loss, tokens, matrix):
    vectors = matrix[tokens].clone().requires_grad_()
    loss(vectors).backward()
    return torch.einsum("pd,pvd->pv", vectors.grad, matrix[None] - matrix[tokens][:, None])
""",
        """
def promised(loss, tokens, matrix):
    e = matrix[torch.tensor(tokens)]
    slope = torch.func.grad(loss)(e)
    rows = []
    for i in range(len(tokens)):
        rows.append([float(slope[i] @ (new - e[i])) for new in matrix])
    return rows
""",
    ],
    "3.3": [
        """
def short_list(change, allowed, k):
    masked = torch.full_like(change, torch.inf)
    masked[:, allowed] = change[:, allowed]
    return masked.argsort(dim=1)[:, :k]
""",
        """
def short_list(change, allowed, k):
    return [sorted(allowed, key=lambda token: float(row[token]))[:k] for row in change]
""",
    ],
    "3.4": [
        """
def step(loss, tokens, swaps):
    best, now = tokens, loss(tokens)
    for place, token, promise in swaps:
        other = tokens.copy()
        other[place] = token
        if loss(other) < now:
            best, now = other, loss(other)
            print("better than promised" if now < promise else "not quite")
    return best
""",
        """
def step(loss, tokens, swaps):
    def after(swap):
        return [swap[1] if i == swap[0] else t for i, t in enumerate(tokens)]

    measured = torch.tensor([loss(after(swap)) for swap in swaps])
    winner = after(swaps[int(measured.argmin())])
    return winner if loss(winner) < loss(tokens) else tokens
""",
    ],
    "3.5": [
        "lowest = lambda p, t: 1.0 if t <= p / 2 else p / (2 * (p - t))",
        """
def lowest(promised, true):
    s = torch.linspace(0, 1, 200_001, dtype=torch.double)
    return s[(promised * s + (true - promised) * s**2).argmin()]
""",
    ],
    "3.6": [
        """
def luck(losses):
    halves = torch.stack(losses.split(losses.shape[1] // 2, dim=1)).mean(dim=2)  # [2, n]
    chosen = halves.argmin(dim=1)
    return sum(halves[1 - h, chosen[h]] - halves[h, chosen[h]] for h in (0, 1)) / 2
""",
        """
import numpy as np

def luck(losses):
    table = np.asarray(losses)
    half = table.shape[1] // 2
    total = 0
    for here, there in ((table[:, :half], table[:, half:]), (table[:, half:], table[:, :half])):
        best = np.argmin(here.mean(axis=1))
        total += there[best].mean() - here[best].mean()
    return total / 2
""",
    ],
}
