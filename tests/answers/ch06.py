"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "6.1": [
        """
def size(P, L, H, d):
    return P * 2 * L * H * d


sizes = {"grouped": size(10, 28, 8, 128), "GPT-2 medium": size(10, 24, 16, 64)}
""",
        """
import numpy as np

sizes = {name: torch.zeros(10, 2, *shape).numel() for name, shape in
         {"GPT-2 medium": (24, 1024), "grouped": (28, 8, 128)}.items()}
print(sizes)
""",
    ],
    "6.2": [
        """
def attend(q, k, v, prefix_keys, prefix_values):
    out = torch.zeros_like(q)
    B, H, T, d = q.shape
    for b in range(B):
        for h in range(H):
            for t in range(T):
                keys = torch.cat([prefix_keys[h], k[b, h, : t + 1]])
                values = torch.cat([prefix_values[h], v[b, h, : t + 1]])
                out[b, h, t] = torch.softmax(keys @ q[b, h, t] / math.sqrt(d), 0) @ values
    return out
""",
        """
def attend(q, k, v, pk, pv):
    B, P, T = q.shape[0], pk.shape[1], q.shape[2]
    k = torch.cat([pk[None].repeat(B, 1, 1, 1), k], 2)
    v = torch.cat([pv[None].repeat(B, 1, 1, 1), v], 2)
    see = torch.cat([torch.ones(T, P, dtype=torch.bool), torch.ones(T, T).tril().bool()], 1)
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=see)
""",
    ],
    "6.3": [
        """
def by_layer(rows, num_layers, num_heads):
    pairs = []
    for l in range(num_layers):
        key, value = rows.chunk(2 * num_layers, dim=1)[2 * l : 2 * l + 2]
        split = lambda x: torch.stack(x.chunk(num_heads, dim=1))
        pairs.append(torch.stack([split(key), split(value)]))
    return torch.stack(pairs)
""",
        """
import numpy as np


def by_layer(rows, L, H):
    d = rows.shape[1] // (2 * L * H)
    return np.einsum("plkhd->lkhpd", np.asarray(rows).reshape(-1, L, 2, H, d))
""",
    ],
    "6.4": [
        """
def share_of_zeros(scores, num_virtual_tokens):
    weights = torch.cat([torch.zeros(num_virtual_tokens), scores]).softmax(0)
    return weights[:num_virtual_tokens].sum().item()
""",
        """
share_of_zeros = lambda s, P: torch.sigmoid(math.log(P) - torch.logsumexp(s, 0))
""",
    ],
    "6.5": [
        """
def places(mask, num_virtual_tokens):
    positions = []
    for row in mask.tolist():
        seen, line = num_virtual_tokens, []
        for real in row:
            line.append(seen if real else 0)
            seen += real
        positions.append(line)
    return positions, [[1] * num_virtual_tokens + row for row in mask.tolist()]
""",
        """
def places(mask, P):
    positions = (P + mask.cumsum(-1) - 1).masked_fill(mask == 0, 1)
    return positions, torch.nn.functional.pad(mask, (P, 0), value=1).bool()
""",
    ],
    "6.6": [
        """
def as_prefix(lm, vectors):
    P = vectors.shape[0]
    with torch.no_grad():
        cache = lm.model(inputs_embeds=vectors.unsqueeze(0), use_cache=True).past_key_values
    rows = []
    for p in range(P):
        parts = []
        for layer in cache.layers:
            parts += [layer.keys[0, :, p].reshape(-1), layer.values[0, :, p].reshape(-1)]
        rows.append(torch.cat(parts))
    return torch.stack(rows)
""",
        """
def as_prefix(lm, vectors):
    from peft_course import Prefix, SoftPrompt

    return Prefix.from_soft_prompt(lm, SoftPrompt(lm, value=vectors)).stacks["decoder"]()
""",
    ],
    "6.7": [
        """
def one_row(q, k, v, target, share):
    weights = (k @ q / math.sqrt(len(q))).exp()
    score = math.log(share / (1 - share) * weights.sum().item())
    place = q.abs().argmax()
    key = torch.zeros_like(q)
    key[place] = score * math.sqrt(len(q)) / q[place]
    plain = (weights[:, None] * v).sum(0) / weights.sum()
    return key, plain + (target - plain) / share
""",
        """
import numpy as np


def one_row(q, k, v, target, share):
    q, k, v, target = (np.asarray(x, dtype=float) for x in (q, k, v, target))
    e = np.exp(k @ q / len(q) ** 0.5)
    key = np.linalg.pinv(q[None])[:, 0] * len(q) ** 0.5 * np.log(share * e.sum() / (1 - share))
    return [key.tolist(), ((target - (1 - share) * e @ v / e.sum()) / share).tolist()]
""",
    ],
}
