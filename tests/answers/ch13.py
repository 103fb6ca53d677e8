"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "13.1": [
        'factors = {"prefix": 3 / 4, "LoRA": 1, "adapter": 1, "gated rows": 1}',
        """
import math

scores = torch.tensor([0.0] * 10 + [math.log(3)] * 10)
factors = dict.fromkeys(["LoRA", "adapter", "gated rows"], 1.0)
factors["prefix"] = scores.softmax(0)[10:].sum()
""",
    ],
    "13.2": [
        """
import copy


class LoRALinear(torch.nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        for p in linear.parameters():
            p.requires_grad = False
        self.base, self.rank, self.alpha = linear, rank, alpha
        d_out, d_in = linear.weight.shape
        self.a, self.b = nn.Parameter(torch.empty(rank, d_in)), nn.Parameter(torch.zeros(d_out, rank))
        nn.init.kaiming_uniform_(self.a, a=5**0.5)

    def forward(self, x):
        down = torch.nn.functional.linear(x, self.a)
        return self.base(x) + torch.nn.functional.linear(down, self.b) * (self.alpha / self.rank)

    @torch.no_grad()
    def merged(self):
        new = copy.deepcopy(self.base)
        new.weight += torch.einsum("or,ri->oi", self.b, self.a) * self.alpha / self.rank
        return new
""",
        """
class LoRALinear(nn.Module):
    def __init__(self, linear, rank, alpha):
        nn.Module.__init__(self)
        self.frozen = [linear]  # in a list: no part of this module
        self.a = nn.Parameter(torch.rand(rank, linear.weight.shape[1]) - 0.5)
        self.b = nn.Parameter(torch.zeros(linear.weight.shape[0], rank))
        self.s = alpha / rank

    def weight(self):
        return self.frozen[0].weight.detach() + self.s * torch.matmul(self.b, self.a)

    def forward(self, x):
        return x @ self.weight().T + self.frozen[0].bias.detach()

    def merged(self):
        out = nn.Linear(*self.a.shape[1:], self.b.shape[0])
        out.load_state_dict({"weight": self.weight(), "bias": self.frozen[0].bias})
        return out
""",
    ],
    "13.3": [
        """
from torch.nn.functional import scaled_dot_product_attention as attend


def gated(q, k, v, rows_k, rows_v, gate):
    return attend(q, k, v) + torch.tanh(gate).view(-1, 1, 1) * attend(q, rows_k, rows_v)
""",
        """
def gated(q, k, v, rows_k, rows_v, gate):
    out = []
    for h in range(len(q)):
        row = torch.zeros(q.shape[-1])
        for keys, values, factor in ((k[h], v[h], 1.0), (rows_k[h], rows_v[h], float(gate[h].tanh()))):
            e = torch.exp(keys @ q[h, 0] / q.shape[-1] ** 0.5)
            row = row + factor * (e / e.sum()) @ values
        out.append(row[None])
    return torch.stack(out)
""",
    ],
    "13.4": [
        """
names = ["prompt tuning", "P-tuning", "P-tuning v2", "prefix tuning"]
cells = dict(zip(names, "ABCD"))
cells |= {"prefix_projection=True": "D", "prefix_projection=False": "C"}
""",
        """
where = {"prompt tuning": (0, 0), "P-tuning": (0, 1), "P-tuning v2": (1, 0), "prefix tuning": (1, 1)}
where["prefix_projection=False"], where["prefix_projection=True"] = (1, 0), (1, 1)
cells = {name: ["AB", "CD"][row][column] for name, (row, column) in where.items()}
""",
    ],
    "13.5": [
        """
import math


def as_adapter(h, s, q, p_k, p_v):
    e = torch.exp(q @ p_k.T / math.sqrt(q.shape[1]))
    text = s.exp().unsqueeze(1)
    return (text * h + e @ p_v) / (text + e.sum(1, keepdim=True))
""",
        """
import numpy as np


def as_adapter(h, s, q, p_k, p_v):
    out = np.zeros(h.shape)
    for t in range(len(h)):
        scores = np.concatenate([[float(s[t])], (p_k @ q[t]).numpy() / q.shape[1] ** 0.5])
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        out[t] = weights @ np.vstack([h[t].numpy(), p_v.numpy()])
    return out
""",
    ],
    "13.6": [
        """
def affordable(num_layers, width, num_heads, budget, need):
    L, D, H = num_layers, width, num_heads
    if need == "reaches":
        return {"soft prompt": budget // D}
    if need == "mixes":
        return {"soft prompt": budget // D, "prefix": budget // (2 * L * D)}
    thin = budget // (4 * L * D)
    if need == "merges":
        return {"LoRA": thin}
    return {"gated rows": (budget - L * H) // (L * D), "LoRA": thin, "adapter": thin}
""",
        """
COST = {
    "soft prompt": lambda m, L, D, H: m * D,
    "prefix": lambda m, L, D, H: 2 * m * L * D,
    "gated rows": lambda m, L, D, H: m * L * D + L * H,
    "LoRA": lambda m, L, D, H: 2 * L * (m * D + D * m),
    "adapter": lambda m, L, D, H: 2 * L * 2 * m * D,
}
WHO = {"reaches": "soft prompt", "mixes": "soft prompt,prefix", "merges": "LoRA", "begins": "gated rows,LoRA,adapter"}


def affordable(L, D, H, budget, need):
    sizes = {}
    for method in WHO[need].split(","):
        m = 0
        while COST[method](m + 1, L, D, H) <= budget:
            m += 1
        sizes[method] = m
    return sizes
""",
    ],
}
