"""An encoder–decoder that begins with a decoder's weights computes what the decoder computes, where both can."""

import pytest
import torch
from random_models import random_lm
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from peft_course.pretraining.warm_start import warm_start


def pair() -> tuple[T5ForConditionalGeneration, LlamaForCausalLM]:
    torch.manual_seed(0)
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=1,
        )
    )  # fmt: skip
    t5 = T5ForConditionalGeneration(
        T5Config(
            vocab_size=50, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, feed_forward_proj="gated-silu",
            tie_word_embeddings=True, decoder_start_token_id=1,
        )
    )  # fmt: skip
    return t5.eval(), llama.eval()


def test_a_text_of_one_token_gets_the_decoders_logits() -> None:
    t5, llama = pair()
    warm_start(t5, llama)
    for block in t5.decoder.block:
        block.layer[1].EncDecAttention.o.weight.data.zero_()  # nothing is read of the encoder
    for token in (3, 17, 42):  # of one token there is no position that could matter
        ids = torch.tensor([[token]])
        with torch.no_grad():
            found = t5(input_ids=torch.tensor([[5]]), decoder_input_ids=ids).logits
            torch.testing.assert_close(found, llama(ids).logits, atol=1e-5, rtol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    t5, _ = pair()
    with pytest.raises(ValueError, match="a T5 starts from a Llama"):
        warm_start(t5, random_lm("gpt2").model)
    with pytest.raises(ValueError, match="and the decoder's"):
        warm_start(t5, random_lm("llama").model)
