"""Small random models of every architecture, with a tokenizer that knows bytes alone: what the properties run on."""

from functools import cache

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from peft_course import LM, FineTuning, Prefix, SoftPrompt
from peft_course.prompts.prompt import Prompt

DECODERS = ["gpt2", "llama", "mistral", "qwen2", "opt", "gpt-neox"]
ENCODER_DECODERS = ["t5", "bart"]

EOS, PAD = "<|endoftext|>", "<|pad|>"


def byte_tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([EOS, PAD, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS, bos_token=EOS, pad_token=PAD)


ENDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
SIZES = ENDS | {
    "vocab_size": 258,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}  # as Llama and its kin call them


@cache
def random_lm(architecture: str, seed: int = 0) -> LM:
    """A frozen random model of two layers, width 32, with dropout configured, as real ones have."""
    torch.manual_seed(seed)
    match architecture:
        case "gpt2":
            model = GPT2LMHeadModel(GPT2Config(vocab_size=258, n_embd=32, n_layer=2, n_head=4, n_positions=256, **ENDS))
        case "llama":
            model = LlamaForCausalLM(LlamaConfig(**SIZES))
        case "mistral":
            model = MistralForCausalLM(MistralConfig(**SIZES))
        case "qwen2":
            model = Qwen2ForCausalLM(Qwen2Config(**SIZES))
        case "opt":
            sizes = {"hidden_size": 32, "word_embed_proj_dim": 32, "ffn_dim": 48, "num_hidden_layers": 2}
            model = OPTForCausalLM(OPTConfig(vocab_size=258, num_attention_heads=4, **sizes, **ENDS))
        case "gpt-neox":
            sizes = {key: value for key, value in SIZES.items() if key != "num_key_value_heads"}
            model = GPTNeoXForCausalLM(GPTNeoXConfig(**sizes))
        case "t5":
            sizes = {"vocab_size": 258, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
            model = T5ForConditionalGeneration(T5Config(**sizes, decoder_start_token_id=1, **ENDS))
        case "bart":
            sizes = {
                f"{side}_{what}": n
                for side in ("encoder", "decoder")
                for what, n in {"layers": 2, "attention_heads": 4, "ffn_dim": 48}.items()
            }
            more = {"decoder_start_token_id": 0, "forced_eos_token_id": None, "max_position_embeddings": 256}
            model = BartForConditionalGeneration(BartConfig(vocab_size=258, d_model=32, **sizes, **more, **ENDS))
        case _:
            raise ValueError(architecture)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name and "bias" not in name:
                parameter.normal_(std=0.25)  # far from uniform, so that a mistake shows in the logits
    return LM(model, byte_tokenizer(), architecture)


def prompts_of_each_kind(lm: LM) -> dict[str, Prompt]:
    """All that can be trained."""
    made = {
        "soft": SoftPrompt(lm, 3),
        "flat prefix": Prefix(lm, 4),
        "prefix through a perceptron": Prefix(lm, 4, bottleneck=6, hidden=5),
        "full fine-tuning": FineTuning(lm),
    }
    if lm.is_encoder_decoder:
        made["prefix on cross-attention too"] = Prefix(lm, 4, cross_attention=True)
    return made
