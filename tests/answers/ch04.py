"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "4.1": ["numbers = 15360", "import numpy as np\n\nnumbers = np.prod([20, 768])"],
    "4.2": [
        """
def put_in_front(vectors, embedded):
    rows = []
    for row in embedded:
        print("a row of", len(row))
        rows.append(torch.vstack([vectors, row]))
    return torch.stack(rows)
""",
        """
put_in_front = lambda v, x: torch.nn.functional.pad(x, (0, 0, len(v), 0)).index_copy(
    1, torch.arange(len(v)), v.repeat(len(x), 1, 1)
)
""",
    ],
    "4.3": [
        """
def answer_loss(logits, answer, num_virtual_tokens, num_input_tokens):
    return cross_entropy(logits[-len(answer) - 1 : -1], answer)
""",
        """
def answer_loss(logits, answer, *lengths):
    log_p = logits.log_softmax(-1)
    losses = [-log_p[sum(lengths) - 1 + i, token] for i, token in enumerate(answer.tolist())]
    return sum(losses) / len(losses)
""",
    ],
    "4.4": [
        """
class SoftPrompt(torch.nn.Module):
    def __init__(self, start):
        super().__init__()
        self.register_parameter("vectors", torch.nn.Parameter(torch.empty_like(start)))
        with torch.no_grad():
            self.vectors.copy_(start)

    def forward(self, embedded):
        return torch.cat([self.vectors[None].repeat(embedded.shape[0], 1, 1), embedded], 1)
""",
        """
class SoftPrompt(nn.Module):
    def __init__(self, start):
        nn.Module.__init__(self)
        self.vectors = nn.Parameter(start.detach().clone().requires_grad_())

    def forward(self, embedded):
        return torch.stack([torch.cat((self.vectors, one)) for one in embedded])
""",
    ],
    "4.5": [
        """
def as_vectors(lm, words):
    ids = torch.tensor(lm.encode(words))
    return torch.nn.functional.embedding(ids, lm.embedding_matrix)
""",
        """
def as_vectors(lm, words):
    return torch.stack([lm.embedding_matrix[i] for i in lm.encode(words)]).detach().clone()
""",
    ],
    "4.6": [
        """
def nearest(vectors, matrix):
    return torch.cosine_similarity(vectors[:, None], matrix[None], dim=-1).argmax(-1)
""",
        """
def nearest(vectors, matrix):
    found = []
    for v in vectors:
        found.append(max(range(len(matrix)), key=lambda i: float(v @ matrix[i] / matrix[i].norm())))
    return found
""",
    ],
    "4.7": [
        """
def fair_score(validation, test):
    means = [float(row.mean()) for row in validation]
    return float(test[means.index(max(means))].mean())
""",
        """
def fair_score(validation, test):
    return test.mean(1)[validation.sum(1).topk(1).indices].item()
""",
    ],
}
