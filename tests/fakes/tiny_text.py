"""Real language models, small enough to build in a test: a few hundred KB, random weights.

Both forms hold the same architecture (Llama) and the same vocabulary (byte-level BPE, trained
here on the text below), so that one test can be run on either. They end no text by themselves: the
ends of a text have no weights, so that they are never among the likeliest tokens.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

TRAINING = (
    "the quick brown fox jumps over the lazy dog and the small red apple lies on the table while it rains. "
    "a model that is this small can only learn to count one two three four five six seven eight nine ten. "
    "今天的天气很好，我们一起去公园散步吧。苹果是红色的，天空是蓝色的，草是绿色的。"
)
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WIDTH, LAYERS, HEADS, FEED_FORWARD = 64, 2, 4, 128


def _vocabulary() -> str:
    return trained(TRAINING, 400)


@cache
def trained(text: str, size: int) -> str:
    """A tokenizer of *size* words or parts of words of *text*, as the JSON text of a `tokenizer.json`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [text] * 4,
        trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(SPECIALS),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return tokenizer.to_str()


def write_gguf(
    path: Path, *, chat: bool = True, context: int = 4096, layers: int = LAYERS, template: str = TEMPLATE
) -> Path:
    """A Llama with random float32 weights as one GGUF file, with a chat template or as a base model."""
    import gguf

    model = json.loads(_vocabulary())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if token in SPECIALS else gguf.TokenType.NORMAL for token in tokens]
    )
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    if chat:
        writer.add_chat_template(template)
    rng = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        scale = 1.0 if "norm" in name else 0.4
        values = np.ones(shape) if "norm" in name else rng.standard_normal(shape) * scale
        if name == "output.weight":
            values[: len(SPECIALS)] = 0
        writer.add_tensor(name, values.astype(np.float32))

    add("token_embd.weight", len(tokens), WIDTH)
    for i in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{i}.{name}.weight", WIDTH, WIDTH)
        add(f"blk.{i}.ffn_gate.weight", FEED_FORWARD, WIDTH)
        add(f"blk.{i}.ffn_up.weight", FEED_FORWARD, WIDTH)
        add(f"blk.{i}.ffn_down.weight", WIDTH, FEED_FORWARD)
        add(f"blk.{i}.attn_norm.weight", WIDTH)
        add(f"blk.{i}.ffn_norm.weight", WIDTH)
    add("output_norm.weight", WIDTH)
    add("output.weight", len(tokens), WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def fast_tokenizer(vocabulary: str = "") -> Any:
    """The same *vocabulary* (this module's own unless given) as transformers holds it."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(vocabulary or _vocabulary()),
        eos_token="<|im_end|>",
        bos_token="<|endoftext|>",
    )


def write_transformers(
    folder: Path, *, chat: bool = True, context: int = 4096, template: str = TEMPLATE
) -> Path:
    """A Llama with random float32 weights as a transformers folder, for conversation or as a base model."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = fast_tokenizer()
    if chat:
        tokenizer.chat_template = template
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=FEED_FORWARD,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            max_position_embeddings=context,
            bos_token_id=0,
            eos_token_id=2,
            initializer_range=0.4,
        )
    )
    with torch.no_grad():
        model.lm_head.weight[: len(SPECIALS)] = 0
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder
