"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "12.1": [
        """
from collections import defaultdict


def grouped(pairs):
    found = defaultdict(list)
    for mr, ref in pairs:
        slots = mr[:-1].split("], ")
        found[" | ".join(": ".join(slot.split("[", 1)) for slot in slots)] += [ref]
    return dict(found)
""",
        """
def line_of(mr):
    line, inside = "", False
    for letter in mr:
        if letter == "[":
            line, inside = line + ": ", True
        elif letter == "]":
            inside = False
        elif letter == "," and not inside:
            line += " |"
        else:
            line += letter
    return line


def grouped(pairs):
    lines = [line_of(mr) for mr, _ in pairs]
    return {line: [text for other, (_, text) in zip(lines, pairs) if other == line] for line in lines}
""",
    ],
    "12.2": [
        """
def clipped(answer, references, n):
    count = lambda text: Counter(zip(*[text.lower().split()[i:] for i in range(n)]))
    own, limit = count(answer), Counter()
    for reference in references:
        limit |= count(reference)
    return (own & limit).total(), own.total()
""",
        """
def clipped(answer, references, n):
    def grams(text):
        words = text.casefold().split(" ")
        return [" ".join(words[i : i + n]) for i in range(len(words) + 1 - n)]

    own, found = grams(answer), 0
    others = [grams(r) for r in references]
    for gram in set(own):
        found += min(own.count(gram), max([other.count(gram) for other in others]))
    print(found, "of", len(own))
    return torch.tensor([found, len(own)])
""",
    ],
    "12.3": [
        """
from sacrebleu.metrics import BLEU


def bleu(answers, references):
    metric = BLEU(lowercase=True, tokenize="none")
    return metric.corpus_score(answers, [list(stream) for stream in zip(*references)]).score
""",
        """
import numpy as np


def bleu(answers, references):
    found, total = np.zeros(4), np.zeros(4)
    c, r = 0, 0
    for a, rs in zip(answers, references):
        for n in range(4):
            x, y = clipped(a, rs, n + 1)
            found[n] += int(x)
            total[n] += int(y)
        length = len(a.split())
        c += length
        r += sorted((abs(len(t.split()) - length), len(t.split())) for t in rs)[0][1]
    mark = np.exp(np.log(found / total).mean())
    return 100 * (mark if c >= r else mark * np.exp(1 - r / c))
""",
    ],
    "12.4": [
        """
def num_weights(config):
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.device("meta"):
        return LlamaForCausalLM(LlamaConfig(**config)).num_parameters()
""",
        """
def num_weights(config):
    D = config["hidden_size"]
    kv = D * config["num_key_value_heads"] / config["num_attention_heads"]
    shapes = [(D, D), (D, kv), (D, kv), (D, D), (D,), (D,)] + 3 * [(D, config["intermediate_size"])]
    total = D
    for _ in range(config["num_hidden_layers"]):
        total += sum(math.prod(shape) for shape in shapes)
    total += config["vocab_size"] * D * (2 - bool(config["tie_word_embeddings"]))
    return total
""",
    ],
    "12.5": [
        """
def with_labels(x, y, eos):
    T = max(len(a) + len(b) for a, b in zip(x, y)) + 1
    ids, labels = [], []
    for question, answer in zip(x, y):
        gap = T - len(question) - len(answer) - 1
        ids.append([eos] * gap + question + answer + [eos])
        labels.append([-100] * (gap + len(question)) + answer + [eos])
    return torch.tensor(ids), torch.tensor(labels)
""",
        """
def with_labels(x, y, eos):
    rows = [torch.tensor(a + b + [eos]) for a, b in zip(x, y)]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=eos, padding_side="left")
    lengths = torch.tensor([len(b) + 1 for b in y])[:, None]
    from_the_end = torch.arange(ids.shape[1], 0, -1)
    return ids, torch.where(from_the_end <= lengths, ids, -100)
""",
    ],
    "12.6": [
        """
ends = {"bfloat16": 2**-5, "float16": 2**-2, "float32": 1}
%timeit 2**-5
""",
        """
def run(dtype, steps=10_000):
    x = torch.tensor(0.0, dtype=dtype)
    for _ in range(steps):
        x = x + 1e-4
    return x


ends = {str(t)[6:]: run(t) for t in [torch.float32, torch.float16, torch.bfloat16]}
""",
    ],
    "12.7": [
        """
def gradient(weight, parts):
    x, labels = (torch.cat(each) for each in zip(*parts))
    leaf = weight.clone().requires_grad_()
    return torch.autograd.grad(cross_entropy(x @ leaf, labels), leaf)[0]
""",
        """
def gradient(weight, parts):
    total, tokens = 0, 0
    for x, labels in parts:
        x, labels = x[labels != -100], labels[labels != -100]
        apart = (x @ weight).softmax(-1)
        apart[range(len(labels)), labels] -= 1
        total, tokens = total + x.T @ apart, tokens + len(labels)
    return total / tokens
""",
    ],
}
