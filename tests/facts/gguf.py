"""Language models as GGUF files: the tensors of each architecture, and the types of a quantization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor

BLOCKS = {
    "F32": (1, 4), "F16": (1, 2), "Q8_0": (32, 34), "Q4_0": (32, 18), "Q5_0": (32, 22), "MXFP4": (32, 17),
    "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210),
}  # fmt: skip
"""Weights in a block, and its bytes."""

Shape = tuple[int, ...]


class Text(Struct, frozen=True, kw_only=True):
    """One language model. Every `full`-th layer attends, the others mix tokens by a state (0: all attend)."""

    architecture: str
    layers: int
    width: int
    inner: int
    heads: int
    kv: int
    head: int
    vocabulary: int
    tied: bool = False
    context: int = 131_072
    words: str = "gpt2"
    quantization: str = "Q4_K_M"
    biases: bool = False
    head_norms: bool = False
    fused: bool = False
    post_norms: bool = False
    window: int = 0
    pattern: tuple[bool, ...] = ()
    experts: int = 0
    used: int = 0
    expert_inner: int = 0
    full: int = 0
    state_heads: tuple[int, int] = (0, 0)
    per_layer: int = 0
    wide: tuple[int, int] = (0, 0)


def facts(text: Text) -> ModelFacts:
    tensors = tuple(_typed(text, name, shape) for name, shape in _tensors(text))
    return ModelFacts(layout="gguf", parts={"model": PartFacts(config=_config(text), tensors=tensors)})


def _config(text: Text) -> dict[str, Any]:
    own = {
        "context_length": text.context,
        "embedding_length": text.width,
        "block_count": text.layers,
        "feed_forward_length": text.inner,
        "attention.head_count": text.heads,
        "attention.head_count_kv": text.kv,
        "attention.key_length": text.head,
        "attention.value_length": text.head,
        "attention.sliding_window": text.window,
        "attention.sliding_window_pattern": text.pattern,
        "expert_count": text.experts,
        "expert_used_count": text.used,
    }
    config: dict[str, Any] = {"general.architecture": text.architecture, "tokenizer.ggml.model": text.words}
    return config | {f"{text.architecture}.{key}": value for key, value in own.items() if value}


def _tensors(text: Text) -> Iterator[tuple[str, Shape]]:
    yield "token_embd.weight", (text.vocabulary, text.width)
    yield "output_norm.weight", (text.width,)
    if not text.tied:
        yield "output.weight", (text.vocabulary, text.width)
    if text.per_layer:
        yield "per_layer_token_embd.weight", (text.vocabulary, text.layers * text.per_layer)
        yield "per_layer_model_proj.weight", (text.layers * text.per_layer, text.width)
    for layer in range(text.layers):
        for name, shape in _layer(text, layer):
            yield f"blk.{layer}.{name}", shape


def _layer(text: Text, layer: int) -> Iterator[tuple[str, Shape]]:
    yield "attn_norm.weight", (text.width,)
    if text.full and layer % text.full != text.full - 1:
        yield from _state(text)
    else:
        yield from _attention(text, layer)
    yield "ffn_norm.weight", (text.width,)
    if text.post_norms:
        yield "post_attention_norm.weight", (text.width,)
        yield "post_ffw_norm.weight", (text.width,)
    if text.experts:
        sizes = (text.experts, text.expert_inner, text.width)
        yield "ffn_gate_inp.weight", (text.experts, text.width)
        yield "ffn_gate_exps.weight", sizes
        yield "ffn_up_exps.weight", sizes
        yield "ffn_down_exps.weight", (text.experts, text.width, text.expert_inner)
    else:
        first, later = text.wide
        inner = later if first and layer >= first else text.inner
        if text.fused:
            yield "ffn_up.weight", (2 * inner, text.width)
        else:
            yield "ffn_gate.weight", (inner, text.width)
            yield "ffn_up.weight", (inner, text.width)
        yield "ffn_down.weight", (text.width, inner)
    if text.per_layer:
        yield "inp_gate.weight", (text.per_layer, text.width)
        yield "proj.weight", (text.width, text.per_layer)


def _attention(text: Text, layer: int) -> Iterator[tuple[str, Shape]]:
    # Where a pattern marks layers that look back over a window, the others have heads twice as wide.
    head = text.head if not text.pattern or not text.pattern[layer] else text.head // 2
    query, keys = text.heads * head, text.kv * head
    if text.fused:
        yield "attn_qkv.weight", (query + 2 * keys, text.width)
    else:
        # A gate decides over what was seen, and comes out of the same matrix.
        yield "attn_q.weight", (query * (2 if text.full else 1), text.width)
        yield "attn_k.weight", (keys, text.width)
        yield "attn_v.weight", (keys, text.width)
    yield "attn_output.weight", (text.width, query)
    if text.biases:
        yield "attn_q.bias", (query,)
        yield "attn_k.bias", (keys,)
        yield "attn_v.bias", (keys,)
    if text.head_norms:
        yield "attn_q_norm.weight", (head,)
        yield "attn_k_norm.weight", (head,)


def _state(text: Text) -> Iterator[tuple[str, Shape]]:
    keys, values = (heads * 128 for heads in text.state_heads)
    yield "attn_qkv.weight", (2 * keys + values, text.width)
    yield "attn_gate.weight", (values, text.width)
    yield "ssm_conv1d.weight", (2 * keys + values, 4)
    yield "ssm_alpha.weight", (text.state_heads[1], text.width)
    yield "ssm_beta.weight", (text.state_heads[1], text.width)
    yield "ssm_a", (text.state_heads[1],)
    yield "ssm_norm.weight", (128,)
    yield "ssm_out.weight", (text.width, values)


# --- types --------------------------------------------------------------------------------------


def _typed(text: Text, name: str, shape: Shape) -> Tensor:
    kind = _type(text, name, shape)
    elements = 1
    for size in shape:
        elements *= size
    weights, size = BLOCKS[kind]
    return Tensor(name, kind, shape, elements // weights * size)


def _type(text: Text, name: str, shape: Shape) -> str:
    if len(shape) == 1 or "ffn_gate_inp" in name or "ssm_conv1d" in name:
        return "F32"
    top = not name.startswith("blk.")
    last = name == "output.weight" or (text.tied and name == "token_embd.weight")
    if text.quantization == "MXFP4":
        return "MXFP4" if "_exps" in name else "Q8_0"
    if text.quantization == "Q4_0":
        return _fitting("Q6_K" if top else "Q4_0", shape)
    if last:
        return _fitting("Q6_K", shape)
    layer = 0 if top else int(name.split(".")[1])
    heavy = any(word in name for word in ("attn_v.", "ffn_down"))
    if heavy and _more(layer, text.layers):
        return _fitting("Q6_K", shape)
    return _fitting("Q5_K" if "attn_qkv" in name else "Q4_K", shape)


def _more(layer: int, layers: int) -> bool:
    """The first and the last eighth, and each third between them, get more bits."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _fitting(kind: str, shape: Shape) -> str:
    """Rows that are no whole number of large blocks get another type of about the same size."""
    if shape[-1] % BLOCKS[kind][0] == 0:
        return kind
    smaller = {"Q4_K": "Q5_0", "Q5_K": "Q5_0", "Q6_K": "Q8_0"}.get(kind, "F16")
    return smaller if shape[-1] % 32 == 0 else "F16"
