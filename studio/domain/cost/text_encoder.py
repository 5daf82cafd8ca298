"""The encoders that read a prompt for a denoiser, CLIPTextModel and T5EncoderModel, from config.json."""

from __future__ import annotations

from typing import Any

from studio.domain.cost.layers import activation, rms_norm
from studio.domain.cost.ops import Walk
from studio.domain.cost.walker import Values, Walker

CLIP_DEFAULTS: dict[str, Any] = {
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "hidden_act": "quick_gelu",
    "projection_dim": 512,
}
T5_DEFAULTS: dict[str, Any] = {
    "d_model": 512,
    "d_kv": 64,
    "d_ff": 2048,
    "num_layers": 6,
    "num_heads": 8,
    "feed_forward_proj": "relu",
}
BUCKETS = 16  # operations that sort the distances of tokens into buckets
DISTANCES = 6  # numbers of eight bytes that this takes for each pair of tokens, twice


def clip(
    config: dict[str, Any], *, batch: int, tokens: int, projected: bool = False, all_layers: bool = False
) -> Walk:
    """CLIPTextModel, or one with a projection of its last token. *all_layers*: what each gives is kept."""
    c = CLIP_DEFAULTS | config.get("text_config", config)
    w = Walker()
    x = w.pointwise(w.new(batch * tokens, c["hidden_size"]))
    x = w.pointwise(x, calls=2)
    # The embeddings are kept while the layers, of which this is not the first, go on.
    layers = c["num_hidden_layers"]
    kept = w.new(x.rows * (layers - 1 if all_layers else min(1, layers - 1)), x.width)
    with w.times(layers):
        x = _clip_layer(w, x, batch, c)
    x = w.pointwise(x)
    pooled = w.pointwise(w.new(batch, x.width), calls=4)
    if projected:
        pooled = w.linear(pooled, c["projection_dim"])
    del kept, pooled
    return w.walk


def _clip_layer(w: Walker, x: Values, batch: int, c: dict[str, Any]) -> Values:
    h = w.pointwise(x)
    h = _attention(w, h, batch, c["num_attention_heads"], x.width)
    residual = w.pointwise(h)
    h = w.pointwise(residual)
    h = _feed_forward(w, h, c)
    return w.pointwise(h)


def _attention(w: Walker, x: Values, batch: int, heads: int, inner: int) -> Values:
    query = w.linear(x, inner)
    key = w.linear(x, inner)
    value = w.linear(x, inner)
    h = w.attention(query, key, batch=batch, heads=heads, causal=True)
    result = w.linear(h, x.width)
    del query, key, value
    return result


def _feed_forward(w: Walker, x: Values, c: dict[str, Any]) -> Values:
    h = w.linear(x, c["intermediate_size"])
    h = activation(w, h, c["hidden_act"])
    return w.linear(h, x.width)


def t5(config: dict[str, Any], *, batch: int, tokens: int, masked: bool = False) -> Walk:
    """T5EncoderModel. All layers share one bias by distance, (heads, tokens, tokens), and each copies it;
    *masked*, when it is told which tokens are only there to fill up: twice.
    """
    c = T5_DEFAULTS | config
    w = Walker()
    x = w.pointwise(w.new(batch * tokens, c["d_model"]))
    kept = w.new(x.rows * min(1, c["num_layers"] - 1), x.width)
    first = w.new(x.rows, x.width + 3 * c["num_heads"] * c["d_kv"])  # what the first layer has by then
    distances = w.pointwise(w.new(tokens * tokens, DISTANCES), calls=BUCKETS)
    distances = distances.view(tokens * tokens, 2)
    bias = w.pointwise(distances, c["num_heads"])
    del first
    del distances
    with w.times(c["num_layers"]):
        x = _t5_layer(w, x, bias, batch, masked, c)
    x = rms_norm(w, x)
    del kept
    return w.walk


def _t5_layer(w: Walker, x: Values, bias: Values, batch: int, masked: bool, c: dict[str, Any]) -> Values:
    inner = c["num_heads"] * c["d_kv"]
    h = rms_norm(w, x)
    query = w.linear(h, inner)
    key = w.linear(h, inner)
    value = w.linear(h, inner)
    mask = bias
    if masked:
        mask = w.pointwise(bias.view(bias.rows * batch, bias.width), calls=2)
    mask = w.pointwise(mask)
    seen = w.attention(query, key, batch=batch, heads=c["num_heads"])
    del mask
    seen = w.linear(seen, x.width)
    del query, key, value
    x_seen = w.pointwise(seen)
    del seen, h
    h = rms_norm(w, x_seen)
    fed = _t5_feed_forward(w, h, c)
    return w.pointwise(fed)


def _t5_feed_forward(w: Walker, x: Values, c: dict[str, Any]) -> Values:
    kind: str = c["feed_forward_proj"]
    gated = kind.startswith("gated-")
    # "gated-gelu" means the approximation by a hyperbolic tangent.
    name = "gelu_new" if kind == "gated-gelu" else c.get("dense_act_fn") or kind.removeprefix("gated-")
    h = w.linear(x, c["d_ff"])
    active = activation(w, h, name)
    del h
    if gated:
        other = w.linear(x, c["d_ff"])
        product = w.pointwise(active)
        result = w.linear(product, x.width)
        del other
        return result
    return w.linear(active, x.width)
