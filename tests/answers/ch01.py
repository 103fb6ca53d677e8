"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "1.1": [
        "gigabytes = dict(prefix=1.427156992, **{'fine-tuning': 5.677170688})",
        """
N, n = torch.tensor([354_823_168.0, 491_520.0], dtype=torch.double)
gigabytes = {"fine-tuning": sum([4, 4, 8]) * N / 1e9, "prefix": 4e-9 * N + 16e-9 * n}
print(gigabytes)
""",
    ],
    "1.2": [
        """
def attend(q, keys, values):
    T, S, d = q.shape[1], keys.shape[1], q.shape[2]
    may_see = torch.arange(S) <= torch.arange(S - T, S)[:, None]
    scores = torch.einsum("htd,hsd->hts", q, keys) / d**0.5
    return torch.where(may_see, scores, -torch.inf).softmax(-1) @ values
""",
        """
import math

def attend(q, keys, values):
    out = torch.zeros_like(q)
    before = keys.size(1) - q.size(1)
    for h in range(q.size(0)):
        for t in range(q.size(1)):
            k, v = keys[h, : before + t + 1], values[h, : before + t + 1]
            out[h, t] = torch.softmax(k @ q[h, t] / math.sqrt(q.size(2)), 0) @ v
    return out
""",
    ],
    "1.3": [
        """
def write(step, ids, count):
    logits, cache = step(ids, None)
    out = [torch.argmax(logits).item()]
    while len(out) < count:
        logits, cache = step(out[-1:], cache)
        out.append(torch.argmax(logits).item())
    return out
""",
        """
def write(model, tokens, n, cache=None):
    if n == 0:
        return []
    logits, cache = model(torch.tensor(tokens), cache)
    best = logits.topk(1).indices
    return [best, *write(model, best, n - 1, cache)]
""",
    ],
    "1.4": [
        'changed = {"input": 24, "query": 13, "key": 18, "first key": 21}',
        """
to_the_right = 8 - 2
changed = {"key": 3 * to_the_right, "input": 4 * to_the_right}
changed |= {"query": 1 + 2 * to_the_right, "first key": (8 - 1) * 3}
%timeit -n 1 -r 1 sum(changed.values())
""",
    ],
    "1.5": [
        """
class Steered(nn.Module):
    def __init__(self, frozen, start):
        super().__init__()
        for w in frozen.parameters():
            w.requires_grad = False
        self.hidden = (frozen.eval(),)
        self.vectors = nn.Parameter(start.clone())

    def forward(self, embedded):
        return self.hidden[0](torch.cat([self.vectors[None].repeat(len(embedded), 1, 1), embedded], 1))
""",
        """
class Steered(torch.nn.Module):
    def __init__(self, model, start):
        super().__init__()
        self.model = model.requires_grad_(False)
        self.vectors = torch.nn.Parameter(start.detach().clone())

    def forward(self, x):
        self.model.eval()
        return torch.stack([self.model(torch.cat((self.vectors, one))) for one in x])
""",
    ],
    "1.6": [
        """
def slope(lm, vectors, ids, token):
    v = torch.nn.Parameter(vectors.clone())
    x = torch.cat([v, lm.model.get_input_embeddings()(torch.tensor(ids))]).unsqueeze(0)
    loss = -lm.model(inputs_embeds=x).logits[0, -1].log_softmax(-1)[token]
    return torch.autograd.grad(loss, v)[0]
""",
        """
def slope(lm, vectors, ids, token):
    def loss(v):
        logits = lm.model(inputs_embeds=torch.cat([v, lm.embedding_matrix[ids]])[None]).logits
        return torch.logsumexp(logits[0, -1], 0) - logits[0, -1, token]

    return torch.autograd.functional.jacobian(loss, vectors)
""",
    ],
}
