"""Right answers in other styles than the solution's, two a task: each must pass."""

ANSWERS = {
    "11.1": [
        "prediction = dict(first=[4, 5, 5, 0], columns=13, hidden=20)",
        """
masks = []
for prefix, read in [(0, 7), (5, 6), (2, 8), (0, 4)]:
    masks.append([1] * prefix + [0] * (5 - prefix) + [0] * (8 - read) + [1] * read)
masks = torch.tensor(masks)
print(masks)
prediction = {"columns": masks.shape[1], "hidden": (masks == 0).sum(), "first": np.array([4, 5, 5, 0])}
""",
    ],
    "11.2": [
        """
def mixed_batch(read, num_rows):
    B, T, P = len(read), max(len(r) for r in read), max(num_rows)
    inputs = torch.full((B, T, read[0].shape[1]), 0.5)
    mask, positions = torch.zeros(B, P + T), torch.ones(B, T, dtype=torch.long)
    for i in range(B):
        n = len(read[i])
        inputs[i, T - n :] = read[i]
        mask[i, : num_rows[i]] = 1
        mask[i, P + T - n :] = 1
        for j in range(n):
            positions[i, T - n + j] = num_rows[i] + j
    return inputs, mask, positions
""",
        """
from torch.nn.utils.rnn import pad_sequence


def mixed_batch(read, num_rows):
    flipped = pad_sequence([r.flip(0) for r in read], batch_first=True).flip(1)
    real = pad_sequence([torch.ones(len(r)) for r in read], batch_first=True).flip(1)
    first = pad_sequence([torch.ones(n) for n in num_rows], batch_first=True)
    mask = torch.hstack([first, real]).bool()
    return [flipped, mask, (mask.cumsum(1) - 1)[:, first.shape[1] :]]
""",
    ],
    "11.3": [
        """
def prompted(embedded, library, active, names=None):
    B = embedded.shape[0]
    if names is None:
        prompts = library[active].expand(B, -1, -1)
    elif len(names) != B:
        raise ValueError("a name for each row, please")
    else:
        prompts = torch.stack([library[n] for n in names])
    return torch.cat((prompts, embedded), dim=1)
""",
        """
def prompted(embedded, library, active, **options):
    names = options.pop("names", None)
    if options:
        raise TypeError(f"unknown: {', '.join(options)}")
    names = names or [active for _ in embedded]
    if len(names) < len(embedded) or len(names) > len(embedded):
        raise ValueError(names)
    out = []
    for i, name in enumerate(names):
        out += [torch.vstack((library[name], embedded[i]))]
    return torch.stack(out)
""",
    ],
    "11.4": [
        """
def texts_that_fit(config, memory, num_tokens, num_rows, shared):
    numbers = 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * config["head_dim"]
    used, count = config["num_weights"] * 2 + (2 * numbers * num_rows if shared else 0), 0
    each = 2 * numbers * (num_tokens + (0 if shared else num_rows))
    while used + each <= memory:
        used, count = used + each, count + 1
    return count
""",
        """
def texts_that_fit(config, memory, num_tokens, num_rows, shared):
    c = config
    kib = c["num_hidden_layers"] * c["num_key_value_heads"] * c["head_dim"] * 4
    places = (memory - 2 * c["num_weights"]) / kib
    return math.floor((places - num_rows) / num_tokens if shared else places / (num_rows + num_tokens))


import math
""",
    ],
    "11.5": [
        """
class Library(dict):
    def __init__(self, load, keep):
        self.load, self.keep = load, keep

    def __missing__(self, name):
        return self.load(name)

    def __getitem__(self, name):
        if not all(c.isalnum() or c == "-" for c in name):
            raise KeyError(f"{name!r} is no name")
        prompt = self.pop(name) if name in self else self.load(name)
        self[name] = prompt
        while len(self) > self.keep:
            del self[next(iter(self))]
        return prompt
""",
        """
from functools import lru_cache


class Library:
    def __init__(self, load, keep):
        self._get = lru_cache(maxsize=keep)(load)

    def __getitem__(self, name):
        if not name.replace("-", "a").isalnum():
            raise KeyError(name)
        return self._get(name)
""",
    ],
    "11.6": [
        """
import struct


def read_tensors(data):
    (n,) = struct.unpack("<Q", data[:8])
    names = json.loads(data[8 : n + 8].decode("utf8"))
    body, out = data[n + 8 :], {}
    for name in names:
        if name == "__metadata__":
            continue
        entry = names[name]
        a, b = entry["data_offsets"]
        letter, size = ("f", 4) if entry["dtype"] == "F32" else ("e", 2)
        out[name] = torch.tensor(struct.unpack(f"<{(b - a) // size}{letter}", body[a:b])).view(entry["shape"])
    return out
""",
        """
DTYPES = {"F32": torch.float32, "F16": torch.float16}


def read_tensors(data):
    start = 8 + np.frombuffer(data[:8], "<u8").item()
    header = json.loads(data[8:start])
    return {
        name: torch.frombuffer(bytearray(data[start:]), dtype=torch.uint8)[slice(*t["data_offsets"])]
        .clone()
        .view(DTYPES[t["dtype"]])
        .reshape(t["shape"])
        for name, t in header.items()
        if not name.startswith("__")
    }
""",
    ],
}
