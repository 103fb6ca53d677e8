"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "5.1": [
        'halved = {"soft prompt": 69, "fine-tuning": 69315}',
        """
def first(factor):
    left, steps = 1.0, 0
    while left > 0.5:
        left *= factor
        steps += 1
    return steps


halved = dict(zip(["soft prompt", "fine-tuning"], map(first, [1 - 0.1 * 0.1, 1 - 0.0001 * 0.1])))
print(halved)
""",
    ],
    "5.2": [
        """
import itertools


def label_start(lm, labels, num_virtual_tokens):
    means = []
    for label in labels:
        ids = torch.tensor(lm.encode(f" {label}"))
        means.append(torch.nn.functional.embedding(ids, lm.embedding_matrix).sum(0) / len(ids))
    return torch.stack(list(itertools.islice(itertools.cycle(means), num_virtual_tokens)))
""",
        """
import numpy as np


def label_start(lm, names, P):
    E = lm.embedding_matrix.numpy()
    rows = [E[lm.encode(" " + name)].mean(0) for name in names] * P
    return np.array(rows[:P])
""",
    ],
    "5.3": [
        """
def behind(vectors, embedded, lengths):
    B, T, D = embedded.shape
    out = torch.zeros(B, T + len(vectors), D)
    for b in range(B):
        n = int(lengths[b])
        out[b, :n] = embedded[b, :n]
        out[b, n : n + len(vectors)] = vectors
    return out
""",
        """
def behind(vectors, embedded, lengths):
    P, (B, T, D) = len(vectors), embedded.shape
    out = torch.cat([embedded, embedded.new_zeros(B, P, D)], 1)
    places = lengths[:, None] + torch.arange(P)
    return out.scatter(1, places[..., None].expand(-1, -1, D), vectors.expand(B, -1, -1))
""",
    ],
    "5.4": [
        """
def one_batch(prompts, embedded):
    rows = []
    for prompt in prompts:
        for text in embedded:
            rows.append(torch.cat([prompt, text]))
    return torch.stack(rows)
""",
        """
one_batch = lambda p, x: torch.cat(
    [p[:, None].expand(-1, len(x), -1, -1), x[None].expand(len(p), -1, -1, -1)], dim=2
).reshape(-1, p.shape[1] + x.shape[1], x.shape[2])
""",
    ],
    "5.5": [
        """
import numpy as np

worst = np.zeros((3, 5))
worst[:, :2] = 1
worst[[0, 1, 2], [2, 3, 4]] = 1
tables = {"worst": worst, "best": 1 - np.array([[0, 0, 1, 0, 1], [0, 1, 0, 0, 1], [1, 0, 0, 1, 0]])}
""",
        """
tables = {
    "best": torch.tensor([[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [0, 0, 1, 1, 1]]),
    "worst": [(0, 0, 1, 1, 1), (0, 1, 0, 1, 1), (1, 0, 0, 1, 1)],
}
""",
    ],
    "5.6": [
        """
def paired_interval(a, b):
    differences = [float(x - y) for x, y in zip(a, b)]
    n = len(differences)
    middle = sum(differences) / n
    deviation = (sum((d - middle) ** 2 for d in differences) / (n - 1)) ** 0.5
    return middle - 2.776 * deviation / n**0.5, middle + 2.776 * deviation / n**0.5
""",
        """
import numpy as np


def paired_interval(a, b):
    d = np.asarray(a) - np.asarray(b)
    return d.mean() + np.array([-1, 1]) * 2.776 * d.std(ddof=1) / np.sqrt(len(d))
""",
    ],
}
