"""The four embedded models: their architecture and how each was trained."""

from dataclasses import dataclass

from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from peft_course.loading import load_lm
from peft_course.pretraining.tokenizer import VOCABULARY
from peft_course.pretraining.warm_start import warm_start


@dataclass(frozen=True)
class Recipe:
    """A model of `layers` blocks (in an encoder–decoder: in either stack) and its training.

    Small batches and many updates: `rows` packed rows of `length` tokens an update (an encoder–decoder: `rows` pairs).
    The learning rate rises over `warm_up` updates, stays, and falls linearly to zero over the last `cool_down`, so
    that a run can be lengthened without having been planned so (compare Hu et al. 2024, arXiv 2404.06395). `bf16`:
    matrix products in bfloat16.

    From step `practice_from` on the documents are those of `corpus.PRACTICE`, and three in four contexts (whose
    contents are random anyway) carry no loss, so that the answers count for more. An encoder–decoder is only asked for
    answers from the start. `start_from` is the embedded decoder whose weights both stacks of an encoder–decoder begin
    with.
    """

    name: str
    width: int
    layers: int
    heads: int
    hidden: int
    steps: int
    encoder_decoder: bool = False
    rows: int = 4
    length: int = 192
    learning_rate: float = 2e-3
    warm_up: int = 200
    cool_down: int = 3000
    practice_from: int = 0
    bf16: bool = True
    start_from: str | None = None
    seed: int = 0


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "course-gpt-small", width=64, layers=2, heads=4, hidden=176, steps=13_000, practice_from=4000, bf16=False
        ),
        Recipe(
            "course-gpt", width=128, layers=4, heads=4, hidden=344, steps=26_000, cool_down=4000, practice_from=13_504
        ),
        Recipe(
            "course-gpt-large",
            width=256,
            layers=4,
            heads=8,
            hidden=688,
            steps=12_500,
            learning_rate=1e-3,
            cool_down=2300,
            practice_from=3008,
        ),
        Recipe(
            "course-t5",
            width=128,
            layers=4,
            heads=4,
            hidden=344,
            steps=7000,
            encoder_decoder=True,
            rows=16,
            learning_rate=1e-3,
            cool_down=2000,
            start_from="course-gpt",
        ),
    )
}


def build(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """The model with its initial weights; set torch's seed before."""
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    if recipe.encoder_decoder:
        model = T5ForConditionalGeneration(
            T5Config(
                vocab_size=VOCABULARY,
                d_model=recipe.width,
                d_kv=recipe.width // recipe.heads,
                d_ff=recipe.hidden,
                dropout_rate=0.0,
                num_layers=recipe.layers,
                num_heads=recipe.heads,
                feed_forward_proj="gated-silu",
                initializer_factor=0.3,
                tie_word_embeddings=True,
                bos_token_id=end,
                eos_token_id=end,
                pad_token_id=pad,
                decoder_start_token_id=pad,
            )
        )
        if recipe.start_from:
            warm_start(model, load_lm(recipe.start_from, device="cpu").model)
        return model
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=recipe.width,
            intermediate_size=recipe.hidden,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            attn_implementation="eager",
            bos_token_id=end,
            eos_token_id=end,
            pad_token_id=pad,
        )
    )
