"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "8.1": [
        """
def size(places, L, H, d, P=10):
    return places * P * 2 * L * H * d


sizes = {"T5, both": size(2, 24, 32, 128), "BART, both": size(2, 12, 16, 64), "BART, all three": size(3, 12, 16, 64)}
""",
        """
import numpy as np

bart = torch.zeros(10, 2, 12, 16, 64).numel()
sizes = {"BART, both": np.int64(2 * bart), "BART, all three": 3 * bart, "T5, both": float(20 * 2 * 24 * 4096)}
print(sizes)
""",
    ],
    "8.2": [
        """
def sees(P, S, Q, T):
    places = ["prefix"] * P + ["x"] * S + ["other prefix"] * Q + ["y"] * T
    rows = []
    for i, asking in enumerate(places):
        if asking == "x":
            rows.append([int(p in ("prefix", "x")) for p in places])
        elif asking == "y":
            rows.append([int(p in ("x", "other prefix") or (p == "y" and j <= i)) for j, p in enumerate(places)])
    return rows
""",
        """
import numpy as np


def sees(a, b, c, d):
    m = np.zeros((b + d, a + b + c + d), dtype=bool)
    m[:b, : a + b] = True
    m[b:, a : a + b + c] = True
    m[b:, a + b + c :] = np.tri(d)
    return m
""",
    ],
    "8.3": [
        """
def bias(table, T, P):
    H, R = table.shape[0], table.shape[1] // 2
    out = torch.zeros(H, T, P + T)
    for i in range(T):
        for j in range(T):
            out[:, i, P + j] = table[:, R + j - i]
    return out
""",
        """
def bias(table, T, P):
    R = table.shape[1] // 2
    rows = [torch.cat([table.new_zeros(len(table), P), table[:, R - i : R - i + T]], 1) for i in range(T)]
    return torch.stack(rows, 1)
""",
    ],
    "8.4": [
        """
def cross(q, states, mask, w_k, w_v, prefix_keys, prefix_values):
    out = torch.zeros_like(q)
    for b in range(q.shape[0]):
        real = states[b][mask[b].bool()]
        k, v = torch.cat([prefix_keys, real @ w_k]), torch.cat([prefix_values, real @ w_v])
        for t in range(q.shape[1]):
            out[b, t] = torch.softmax(k @ q[b, t], 0) @ v
    return out
""",
        """
def cross(q, states, mask, w_k, w_v, pk, pv):
    B, P = q.shape[0], pk.shape[0]
    k = torch.cat([pk[None].repeat(B, 1, 1), torch.einsum("bsD,Dd->bsd", states, w_k)], 1)
    v = torch.cat([pv[None].repeat(B, 1, 1), torch.einsum("bsD,Dd->bsd", states, w_v)], 1)
    see = torch.cat([mask.new_ones(B, P), mask], 1).bool()[:, None]
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=see, scale=1.0)
""",
    ],
    "8.5": [
        """
import statistics


def without(losses):
    out = {}
    for half, left in [("decoder", "encoder"), ("encoder", "decoder")]:
        d = [a - b for a, b in zip(losses[left], losses["both"])]
        out[half] = (sum(d) / len(d), statistics.stdev(d) / len(d) ** 0.5)
    return out
""",
        """
import numpy as np


def without(losses):
    d = {k: np.array(losses[k]) - np.array(losses["both"]) for k in ("encoder", "decoder")}
    stats = lambda x: np.array([x.mean(), x.std(ddof=1) / np.sqrt(len(x))])
    return {"encoder": stats(d["decoder"]), "decoder": stats(d["encoder"])}
""",
    ],
}
