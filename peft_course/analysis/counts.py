"""How many numbers each method trains, stores and keeps in a text's cache, for a model of any shape.

The formulas need no model: a shape of 70 billion parameters is counted like one of a million. That they agree with
what the package trains and stores, and with the models' own sizes, is tested.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Shape:
    """`layers` L of width D, `heads` of queries, `kv_heads` H of keys and values, of `head_size` d each.

    `encoder_layers` is 0 for a decoder-only model; else `layers` are the decoder's. `parameters` are the model's own.
    Raises ValueError for a shape that no model has.
    """

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    parameters: int
    encoder_layers: int = 0

    def __post_init__(self) -> None:
        for name in (each.name for each in fields(self)):
            least, value = int(name != "encoder_layers"), getattr(self, name)
            if value < least:
                raise ValueError(f"{name} is {least} or more, got {value}; give the model's own number")
        if self.heads % self.kv_heads:
            raise ValueError(
                f"each head of keys and values serves as many heads of queries, and {self.heads} are not a multiple of "
                f"{self.kv_heads}; choose a divisor of {self.heads} for the heads of keys and values"
            )

    @property
    def stacks(self) -> tuple[int, ...]:
        """The layers of each stack that has a prefix."""
        return (self.encoder_layers, self.layers) if self.encoder_layers else (self.layers,)

    def row(self, layers: int) -> int:
        """How many numbers a row of P_θ has over so many layers, 2·L·H·d."""
        return 2 * layers * self.kv_heads * self.head_size


@dataclass(frozen=True)
class Counts:
    """Numbers `trained`, `stored` for the task, and `cached`: kept besides for each text while it is being written."""

    trained: int
    stored: int
    cached: int


@dataclass(frozen=True)
class Sizes:
    """P virtual tokens, the perceptron's `bottleneck` k and width `hidden` m, LoRA's `rank` r."""

    num_virtual_tokens: int = 10
    bottleneck: int = 64
    hidden: int = 64
    rank: int = 8


def counts(shape: Shape, sizes: Sizes) -> dict[str, Counts]:
    """What each method trains, stores and caches on a model of this `shape`.

    An encoder–decoder has a prefix in either stack. The cache of a text holds what the decoder reads again at every
    token: the decoder's own prefix, or, of a soft prompt in the encoder, its keys and values in cross-attention.
    """
    P, k, m = sizes.num_virtual_tokens, sizes.bottleneck, sizes.hidden
    soft, cached = P * shape.width, P * shape.row(shape.layers)
    flat = sum(P * shape.row(layers) for layers in shape.stacks)
    perceptron = sum(P * k + (k + 1) * m + (m + 1) * shape.row(layers) for layers in shape.stacks)
    return {
        "soft prompt": Counts(soft, soft, cached),
        "prefix, flat": Counts(flat, flat, cached),
        "prefix, perceptron": Counts(perceptron, flat, cached),
        "LoRA": Counts(low_rank := _low_rank(shape, sizes.rank), low_rank, 0),
        "fine-tuning": Counts(shape.parameters, shape.parameters, 0),
    }


def _low_rank(shape: Shape, rank: int) -> int:
    """A ``[r, D]`` and B ``[out, r]`` for the queries and the values of every attention, cross-attention included."""
    attentions = shape.layers + (shape.encoder_layers + shape.layers if shape.encoder_layers else 0)
    queries, values = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    return attentions * rank * (2 * shape.width + queries + values)


def _gpt2(layers: int, width: int, parameters: int) -> Shape:
    return Shape(layers, width, width // 64, width // 64, 64, parameters)


def _t5(layers: int, width: int, heads: int, head_size: int, parameters: int) -> Shape:
    return Shape(layers, width, heads, heads, head_size, parameters, encoder_layers=layers)


MODELS = {
    "course-gpt": Shape(4, 128, 4, 4, 32, 1_053_824),
    "course-t5": _t5(4, 128, 4, 32, 2_108_416),
    "GPT-2 small": _gpt2(12, 768, 124_439_808),
    "GPT-2 medium": _gpt2(24, 1024, 354_823_168),
    "GPT-2 large": _gpt2(36, 1280, 774_030_080),
    "GPT-2 XL": _gpt2(48, 1600, 1_557_611_200),
    "Llama 2 7B": Shape(32, 4096, 32, 32, 128, 6_738_415_616),
    "Llama 2 13B": Shape(40, 5120, 40, 40, 128, 13_015_864_320),
    "Llama 2 70B": Shape(80, 8192, 64, 8, 128, 68_976_648_192),
    "Llama 3 8B": Shape(32, 4096, 32, 8, 128, 8_030_261_248),
    "Llama 3 70B": Shape(80, 8192, 64, 8, 128, 70_553_706_496),
    "T5 small": _t5(6, 512, 8, 64, 60_506_624),
    "T5 base": _t5(12, 768, 12, 64, 222_903_552),
    "T5 large": _t5(24, 1024, 16, 64, 737_668_096),
    "T5 3B": _t5(24, 1024, 32, 128, 2_851_598_336),
    "T5 11B": _t5(24, 1024, 128, 128, 11_307_321_344),
}
