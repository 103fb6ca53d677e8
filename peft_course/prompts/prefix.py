"""Prefix tuning (Li and Liang 2021, arXiv 2101.00190).

The activation at position i is h_i = P_θ[i, :] if i belongs to the prefix, and what the model computes from
z_i and everything before it otherwise (section 4.1). All that later positions ever read of h_i is a key and a value in
every block, so those are what P_θ ``[P, 2·L·H·d]`` holds, and they go in front of the block's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from .. import checkpoints
from ..architecture import by_layer
from ..conditions import Condition
from ..lm import LM
from .prompt import INPUT, Prompt
from .soft import SoftPrompt


class Rows(nn.Module):
    """P_θ learnt directly."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(value.clone())

    def forward(self) -> Tensor:
        return self.rows  # [P, 2·L·H·d]


class Perceptron(nn.Module):
    """P_θ[i, :] = start[i, :] + MLP(P'[i, :]), as many rows in P' as in P_θ, but narrower ones (section 4.3).

    The last layer begins at zero, so that training begins at `start`, whatever the seed.
    """

    def __init__(self, start: Tensor, bottleneck: int, hidden: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.reduced = nn.Parameter(torch.randn(len(start), bottleneck))  # P' [P, k]
            last = nn.Linear(hidden, start.shape[1])
            self.mlp = nn.Sequential(nn.Linear(bottleneck, hidden), nn.Tanh(), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.register_buffer("start", start.clone())

    def forward(self) -> Tensor:
        return self.start + self.mlp(self.reduced)  # [P, 2·L·H·d]


class Prefix(Prompt):
    """A key and a value for each of `num_virtual_tokens` positions in every block of the model.

    With a `bottleneck` k, P_θ comes from a narrow P' ``[P, k]`` through a two-layer perceptron of width `hidden`
    (k by default); with None it is learnt directly. A decoder-only model has one prefix. An encoder–decoder has one on
    the encoder's self-attention and one on the decoder's, z = [Prefix; x; Prefix'; y] (section 4.2), and with
    `cross_attention` a third in front of what the decoder reads of the encoder.

    `stacks` names the ones to have a prefix where not all shall ("encoder", "decoder", "cross"), and `layers` the
    blocks, counted from 0 and in the paper all of them; L counts these.

    `values` are each stack's initial rows ``[P, 2·L·H·d]``; without them, the keys and values of random tokens.
    """

    def __init__(
        self,
        lm: LM,
        num_virtual_tokens: int = 10,
        bottleneck: int | None = None,
        hidden: int | None = None,
        cross_attention: bool = False,
        values: Mapping[str, Tensor] | None = None,
        seed: int = 0,
        template: str = INPUT,
        stacks: Sequence[str] | None = None,
        layers: Sequence[int] | None = None,
    ) -> None:
        super().__init__(template)
        if num_virtual_tokens < 1:
            raise ValueError(f"a prefix needs at least 1 virtual token, got {num_virtual_tokens}")
        if values is None:
            draw = torch.Generator().manual_seed(seed)
            ids = torch.randint(len(lm.embedding_matrix), (num_virtual_tokens,), generator=draw)
            values = keys_and_values(lm, ids)
        self.facts, self.made_for = checkpoints.facts(lm) | _shape(lm), checkpoints.fingerprint(lm)
        names = [name for name in lm.stacks if name != "cross" or cross_attention] if stacks is None else list(stacks)
        self.layers = None if layers is None else tuple(layers)
        _check_place(lm, names, self.layers)
        self.heads = {name: (lm.stacks[name].heads, lm.stacks[name].head_size) for name in names}
        self.stacks = nn.ModuleDict()
        for number, name in enumerate(names):
            start = self._of_layers(name, values[name].float().to(lm.device))
            if bottleneck is None:
                self.stacks[name] = Rows(start)
            else:
                perceptron = Perceptron(start.cpu(), bottleneck, hidden or bottleneck, seed + number)
                self.stacks[name] = perceptron.to(lm.device)

    @property
    def learning_rate(self) -> float:  # type: ignore[override]
        return 0.01 if self.has_perceptron else 0.1

    @property
    def has_perceptron(self) -> bool:
        return any(isinstance(stack, Perceptron) for stack in self.stacks.values())

    @property
    def num_virtual_tokens(self) -> int:
        return len(next(iter(self.stacks.values()))())

    def condition(self, lm: LM) -> Condition:
        prefixes = {name: self._by_layer(name, stack()) for name, stack in self.stacks.items()}
        return Condition(prefixes, layers={} if self.layers is None else dict.fromkeys(prefixes, self.layers))

    def _of_layers(self, name: str, rows: Tensor) -> Tensor:
        """Of rows for all layers ``[P, 2·L·H·d]`` those of the prefix's own."""
        if self.layers is None:
            return rows
        heads, head_size = self.heads[name]
        return rows.view(len(rows), -1, 2 * heads * head_size)[:, self.layers].flatten(1)

    def _by_layer(self, name: str, rows: Tensor) -> Tensor:
        """``[P, 2·L·H·d]`` to ``[L, 2, 1, H, P, d]``: a row holds a virtual token's key and value, layer by layer."""
        heads, head_size = self.heads[name]
        by_layer = rows.view(len(rows), -1, 2, heads, head_size)  # [P, L, 2, H, d]
        return by_layer.permute(1, 2, 3, 0, 4).unsqueeze(2)

    @torch.no_grad()
    def drop_perceptron(self) -> Self:
        """Keep P_θ and forget P' and the perceptron: all logits stay as they are (section 4.3). Returns itself."""
        for name, stack in self.stacks.items():
            self.stacks[name] = Rows(stack())
        return self

    # -- other beginnings -------------------------------------------------------------------------------------------
    @classmethod
    def from_text(
        cls, lm: LM, text: str, num_virtual_tokens: int | None = None, bottleneck: int | None = None, seed: int = 0
    ) -> Self:
        """Start from the keys and values that the model computes for `text`, repeated or cut to length."""
        values = text_rows(lm, text, num_virtual_tokens)
        return cls(lm, len(next(iter(values.values()))), bottleneck, values=values, seed=seed)

    @classmethod
    def from_soft_prompt(cls, lm: LM, soft: SoftPrompt) -> Self:
        """The same prompt as a prefix: what the frozen model computes from its vectors. No logit changes.

        Raises ValueError for vectors that do not stand in front, and for an encoder–decoder: there a vector's key
        depends on the text that it stands before.
        """
        if not soft.in_front:
            raise ValueError(f"a prefix stands in front of all, and the vectors of {soft.template!r} do not; train one")
        if lm.is_encoder_decoder:
            raise ValueError(f"{lm.name} reads its input both ways, so no prefix equals a soft prompt; train a prefix")
        values = keys_and_values(lm, soft=SoftPrompt(lm, value=soft.embeddings.detach()))
        return cls(lm, soft.num_virtual_tokens, values=values, template=soft.template)

    @property
    def _is_pefts(self) -> bool:
        """Whether PEFT has the same: a prefix of a decoder-only model."""
        return set(self.stacks) == {"decoder"} and self.facts["task_type"] == "CAUSAL_LM"

    # -- checkpoints ------------------------------------------------------------------------------------------------
    def tensors(self) -> dict[str, Tensor]:
        if self._is_pefts:
            return {"prompt_embeddings": self.stacks["decoder"]()}
        return {name: stack() for name, stack in self.stacks.items()}

    def files(self) -> dict[str, bytes]:
        """P_θ, without the perceptron: as PEFT's prefix tuning for a decoder-only model, else in our own files."""
        config = self.facts | checkpoints.PREFIX_FIELDS | {"num_virtual_tokens": self.num_virtual_tokens}
        if self.layers is not None:  # PEFT's has a row for each
            raise ValueError(f"a prefix in the layers {list(self.layers)} alone has no file format; keep it in memory")
        if self._is_pefts:
            return checkpoints.peft_files(config, self.tensors(), self.template, self.made_for)
        return checkpoints.our_files(config, self.tensors(), self.template, self.made_for)

    @classmethod
    def from_checkpoint(cls, saved: checkpoints.Checkpoint, lm: LM) -> Self:
        """P_θ, or the perceptron that makes it, where it was saved for training on."""
        saved.check_type("PREFIX_TUNING")
        saved.check_model(lm, _shape(lm))
        if lm.is_encoder_decoder and checkpoints.ROWS in saved.tensors:
            raise ValueError(
                f"the prompt in {str(saved.folder)!r} is PEFT's prefix for an encoder–decoder, which has none for the "
                f"encoder and shares the decoder's between layers; train a Prefix instead"
            )
        values = {name.replace(checkpoints.ROWS, "decoder"): saved.rows(name)[1] for name in saved.tensors}
        stacks = {name: stack for name, stack in lm.stacks.items() if name in values}
        expected = {name: 2 * len(s.blocks) * s.heads * s.head_size for name, s in stacks.items()}
        saved.check("rows of the width", expected, {name: rows.shape[1] for name, rows in values.items()})
        length = len(next(iter(values.values())))
        prefix = cls(lm, length, values=values, template=saved.template, stacks=list(stacks))
        prefix.made_for = saved.made_for
        prefix._take_perceptrons(saved)
        saved.warn_of_another_model(lm)
        return prefix

    @torch.no_grad()
    def _take_perceptrons(self, saved: checkpoints.Checkpoint) -> None:
        """Replace the rows of P_θ by what made them, where that was saved; ValueError if it makes other ones."""
        state = saved.training()
        if not any(name.endswith(".reduced") for name in state):
            return
        rows = {name: stack() for name, stack in self.stacks.items()}
        try:
            for name, start in rows.items():
                bottleneck, hidden = state[f"stacks.{name}.reduced"].shape[1], len(state[f"stacks.{name}.mlp.0.weight"])
                self.stacks[name] = Perceptron(start.cpu(), bottleneck, hidden, seed=0).to(start.device)
            self.load_state_dict(state)
            fits = all(torch.allclose(self.stacks[name](), start, rtol=1e-3, atol=1e-3) for name, start in rows.items())
        except (KeyError, IndexError, RuntimeError):
            fits = False
        if not fits:
            raise ValueError(
                f"{checkpoints.TRAINING} in {str(saved.folder)!r} belongs to another prompt than the one there; "
                f"delete it to go on from P_θ alone"
            )


@torch.no_grad()
def keys_and_values(lm: LM, ids: Tensor | None = None, soft: SoftPrompt | None = None) -> dict[str, Tensor]:
    """The keys and values that the frozen model computes for `ids` ``[P]``, or for a soft prompt's vectors.

    Each stack's as rows ``[P, 2·L·H·d]`` of P_θ. An encoder–decoder reads `ids` on both sides.
    """
    ids = (torch.empty(0, dtype=torch.long) if ids is None else ids)[None]
    record = lm.record(ids, ids if lm.is_encoder_decoder else None, soft)
    layers = {name: by_layer(record, stack.blocks)[:, :, 0] for name, stack in lm.stacks.items()}  # [L, 2, H, P, d]
    return {name: each.permute(3, 0, 1, 2, 4).flatten(1) for name, each in layers.items()}


def text_rows(lm: LM, text: str, num_virtual_tokens: int | None = None) -> dict[str, Tensor]:
    """Each stack's keys and values of `text`, repeated or cut to ``[P, 2·L·H·d]``; all of it once by default."""
    ids = torch.tensor(lm.encode(text))
    if not len(ids):
        raise ValueError(f"an initial value needs at least one token, got the text {text!r}")
    length = num_virtual_tokens or len(ids)
    return keys_and_values(lm, ids.repeat(-(-length // len(ids)))[:length])


def random_rows(lm: LM, num_virtual_tokens: int, seed: int = 0) -> dict[str, Tensor]:
    """Each stack's normal numbers ``[P, 2·L·H·d]``, with the mean and the scale of every column over real tokens."""
    draw = torch.Generator().manual_seed(seed)
    real = keys_and_values(lm, torch.randint(len(lm.embedding_matrix), (256,), generator=draw))
    noise = {name: torch.randn(num_virtual_tokens, rows.shape[1], generator=draw) for name, rows in real.items()}
    return {name: (rows.mean(0) + rows.std(0) * noise[name].to(rows.device)) for name, rows in real.items()}


def _check_place(lm: LM, names: Sequence[str], layers: tuple[int, ...] | None) -> None:
    unknown = [name for name in names if name not in lm.stacks]
    if unknown or not names:
        raise ValueError(f"{lm.name} has the stacks {', '.join(lm.stacks)}, not {unknown}; name one or more of them")
    depth = min(len(lm.stacks[name].blocks) for name in names)
    if layers is not None and (not layers or list(layers) != sorted(set(layers) & set(range(depth)))):
        raise ValueError(
            f"{lm.name} has the layers 0 to {depth - 1}, got {list(layers)}; name one or more of them, in rising order"
        )


def _shape(lm: LM) -> dict[str, Any]:
    """PEFT's fields for the shape of P_θ: its `token_dim` is H·d, of key and value heads."""
    stack = lm.stacks["decoder"]
    return {
        "num_attention_heads": stack.heads,
        "num_layers": len(stack.blocks),
        "token_dim": stack.heads * stack.head_size,
    }
