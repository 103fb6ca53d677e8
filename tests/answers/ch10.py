"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "10.1": [
        """
rows = 10 * 2 * 4 * 128
counts = {}
for name, trained in (("along", 256), ("folded", 10 * 128), ("perceptron", 71_360)):
    counts[name] = (trained, rows, min(trained, rows))
print(counts)
""",
        """
import numpy as np

counts = {k: np.array([t, 10240, e]) for k, t, e in
          [("folded", 1280, 1280), ("perceptron", 71360, 10240), ("along", 256, 256)]}
""",
    ],
    "10.2": [
        """
def budget(share, layers, width, vocabulary, positions):
    parts = [vocabulary * width, positions * width, 2 * width]
    for _ in range(layers):
        parts += [3 * width * width + 3 * width, width * width + width]
        parts += [4 * width * width + 4 * width, 4 * width * width + width, 4 * width]
    rows = share * sum(parts) / (2 * layers * width)
    return [rows, rows / 2]
""",
        """
budget = lambda s, L, D, V, T: torch.tensor(s * (12 * D + 13 + (2 + V + T) / L)) / torch.tensor([2.0, 4.0])
""",
    ],
    "10.3": [
        """
import random


def subsets(n, sizes, seed):
    pool = list(range(n))
    random.Random(seed).shuffle(pool)
    return [pool[0:size] for size in sizes]
""",
        """
import numpy as np


def subsets(n, sizes, seed):
    order = np.random.default_rng(seed).permutation(n)
    return [np.sort(order[-size:]) for size in sizes]
""",
    ],
    "10.4": [
        """
def paired(a, b, draws):
    means = []
    for row in draws.tolist():
        means.append(sum(float(a[i]) - float(b[i]) for i in row) / len(row))
    drop = len(means) * 25 // 1000
    kept = sorted(means)[drop:-drop]
    return kept[0], kept[-1]
""",
        """
import numpy as np


def paired(a, b, draws):
    a, b, draws = np.asarray(a), np.asarray(b), np.asarray(draws)
    means = np.sort(a[draws].mean(1) - b[draws].mean(1))
    k = len(means) // 40
    return np.array([means[k], means[-k - 1]])
""",
    ],
    "10.5": [
        """
objections = dict(zip(["R1", "R2", "R3", "R4", "R5", "R6"], "fecabd"))
""",
        """
objections = {}
for letter, report in {"a": "R4", "b": "R5", "c": "R3", "d": "R6", "e": "R2", "f": "R1"}.items():
    objections[report] = letter
print(objections)
""",
    ],
}
