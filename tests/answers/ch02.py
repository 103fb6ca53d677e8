"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "2.1": [
        'tokens_read = {"read once": 10_180, "no examples": 10_000, "six examples": 100_000}',
        """
import numpy as np

question, examples = np.full(500, 20), 6 * 30
tokens_read = {
    "no examples": question.sum(),
    "six examples": (question + examples).sum(),
    "read once": examples + question.sum(),
}
print(tokens_read)
""",
    ],
    "2.2": [
        r"""
import re

def fill(template, x, slots):
    everything = dict(slots, x=x)
    return re.sub(r"\{(\w+)\}", lambda m: everything.get(m[1], m[0]), template)
""",
        """
from functools import reduce

def fill(template, x, slots):
    front, behind = template.split("{x}")
    return x.join(
        reduce(lambda part, slot: part.replace("{%s}" % slot[0], slot[1]), slots.items(), part)
        for part in (front, behind)
    )
""",
    ],
    "2.3": [
        """
def scores(lm, text, words):
    return lm.log_probabilities([text] * len(words), words, end=False)
""",
        """
def scores(lm, text, words):
    found = []
    for word in words:
        ids = torch.tensor(lm.encode(f"{text} {word}"))
        start = len(lm.encode(text))
        losses = torch.nn.functional.cross_entropy(lm.logits(ids[None])[0, :-1], ids[1:], reduction="none")
        found.append(-float(losses[start - 1 :].sum()))
    return found
""",
    ],
    "2.4": [
        "threshold = lambda priors: float(sum(priors) / len(priors))",
        """
def threshold(priors):
    prior = torch.tensor([priors.double().mean(), 1 - priors.double().mean()])
    low, high = 0.0, 1.0
    for _ in range(40):
        p = (low + high) / 2
        q = torch.tensor([p, 1 - p]) / prior
        low, high = (low, p) if q[0] > q[1] else (p, high)
    return low
""",
    ],
    "2.5": [
        """
def few_shot(template, examples, x, room, size):
    written = [template.replace("{x}", a) + " " + b for a, b in examples]
    prompts = ["\\n".join([*written[:k], template.replace("{x}", x)]) for k in range(len(written) + 1)]
    fitting = [prompt for prompt in prompts if size(prompt) <= room]
    print(len(fitting) - 1, "examples")
    return fitting[-1]
""",
        """
def few_shot(template, examples, x, room, size, shots=""):
    front, behind = template.split("{x}")
    question = front + x + behind
    if examples:
        (given, answer), *others = examples
        more = shots + front + given + behind + " " + answer + "\\n"
        if size(more + question) <= room:
            return few_shot(template, others, x, room, size, more)
    return shots + question
""",
    ],
    "2.6": [
        """
def compare(a, b):
    N = len(a)
    cov = torch.cov(torch.stack([a, b]))
    return a.mean() - b.mean(), ((cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]) / N).sqrt()
""",
        """
import numpy as np

def compare(a, b):
    d = np.array(a) - np.array(b)
    return np.array([d.mean(), d.std(ddof=1) / np.sqrt(d.size)])
""",
    ],
    "2.7": [
        """
from collections import Counter

def greedy_answer(odds):
    written = ""
    while written.strip() not in odds:
        mass = Counter()
        for answer, p in odds.items():
            if answer.startswith(written):
                mass[answer[len(written) :].split()[0]] += p
        written += mass.most_common(1)[0][0] + " "
    return written.strip()
""",
        """
def greedy_answer(odds):
    def go_on(prefix):
        if prefix in odds:
            return prefix
        n = len(prefix.split())
        heads = {" ".join(a.split()[: n + 1]) for a in odds if a.split()[:n] == prefix.split()}
        return go_on(max(heads, key=lambda h: sum(p for a, p in odds.items() if f"{a} ".startswith(f"{h} "))))

    return go_on("")
""",
    ],
}
