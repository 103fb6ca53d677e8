"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "9.1": [
        """
after = [block for block in range(1, 7) if block > 3]
found = dict(weight=0.12, relative=0.12 / 0.4, less=[3], queries=after, shares=after, moved=list(range(1, 7)))
""",
        """
gate = torch.tensor(0.6)
found = {"moved": (1, 2, 3, 4, 5, 6), "less": {3}, "queries": {4, 5, 6}, "shares": {4, 5, 6}}
found |= {"weight": (1 - gate) * 0.3, "relative": 0.3}
print(found)
""",
    ],
    "9.2": [
        """
def taken_apart(q, k, v, prefix_keys, prefix_values):
    texts, biases, gates = [], [], []
    for query in q:
        s = torch.exp(k @ query / math.sqrt(len(query)))
        r = torch.exp(prefix_keys @ query / math.sqrt(len(query)))
        z = s.sum() + r.sum()
        texts.append((s[:, None] * v).sum(0) / z)
        biases.append((r[:, None] * prefix_values).sum(0) / z)
        gates.append(float(r.sum() / z))
    return torch.stack(texts), torch.stack(biases), gates
""",
        """
def taken_apart(q, k, v, pk, pv):
    d = q.shape[-1]
    s, r = torch.einsum("td,md->tm", q, k) / d**0.5, torch.einsum("td,pd->tp", q, pk) / d**0.5
    gate = torch.sigmoid(r.logsumexp(-1) - s.logsumexp(-1))
    return [(1 - gate)[:, None] * (s.softmax(-1) @ v), gate[:, None] * (r.softmax(-1) @ pv), gate]
""",
    ],
    "9.3": [
        """
def gates(out, plain, prefix):
    found = []
    for o, a, b in zip(out, plain, prefix):
        i = (b - a).abs().argmax()
        found.append(((o - a)[i] / (b - a)[i]).item())
    return found
""",
        """
gates = lambda out, plain, prefix: (out - plain).norm(dim=1) / torch.linalg.vector_norm(prefix - plain, dim=1)
""",
    ],
    "9.4": [
        """
def directions(q, k, v, prefix_keys, prefix_values):
    scores = q @ torch.cat([prefix_keys, k]).T / q.shape[1] ** 0.5
    P = len(prefix_keys)
    return torch.linalg.matrix_rank(scores.softmax(1)[:, :P] @ prefix_values)
""",
        """
import numpy as np


def directions(q, k, v, pk, pv):
    out = attend(q, torch.cat([k, pk]), torch.cat([v, pv]))
    weights = torch.softmax(q @ torch.cat([k, pk]).T / math.sqrt(q.shape[1]), dim=1)
    added = (out - weights[:, : len(k)] @ v).numpy()
    return np.linalg.matrix_rank(added, tol=1e-9)


def attend(q, k, v):
    return torch.nn.functional.scaled_dot_product_attention(q[None], k[None], v[None])[0]
""",
    ],
    "9.5": [
        """
def both(plain, out_a, gate_a, out_b, gate_b):
    rows = []
    for t in range(len(plain)):
        top, total = plain[t].clone(), 1.0
        for out, gate in ((out_a[t], gate_a[t]), (out_b[t], gate_b[t])):
            mass = gate / (1 - gate)
            own = (out - (1 - gate) * plain[t]) / gate
            top += mass * own
            total = total + mass
        rows.append(top / total)
    return torch.stack(rows)
""",
        """
def both(plain, out_a, gate_a, out_b, gate_b):
    odds = torch.logit(torch.stack([gate_a, gate_b])).exp()  # [2, T]
    sums = (1 + odds)[:, :, None] * torch.stack([out_a, out_b]) - plain
    return torch.einsum("ktd->td", sums).add(plain) / (1 + odds.sum(0))[:, None]
""",
    ],
}
