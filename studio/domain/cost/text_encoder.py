"""The encoders that read a prompt for a denoiser: CLIPTextModel and T5EncoderModel, from their config.json."""

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


def clip(
    config: dict[str, Any], *, batch: int, tokens: int, projected: bool = False, all_layers: bool = False
) -> Walk:
    """CLIPTextModel, or one with a projection of its last token. *all_layers*: what each gives is kept."""
    c = CLIP_DEFAULTS | config.get("text_config", config)
    w = Walker()
    x = w.pointwise(w.new(batch * tokens, c["hidden_size"]))
    embedded = w.pointwise(x, calls=2)
    x = embedded
    kept: list[Values] = []
    if all_layers:
        kept.append(w.new(x.rows * max(0, c["num_hidden_layers"] - 1), x.width))
    with w.times(c["num_hidden_layers"]):
        x = _clip_layer(w, x, batch, c)
    x = w.pointwise(x)
    pooled = w.pointwise(w.new(batch, x.width), calls=4)
    if projected:
        pooled = w.linear(pooled, c["projection_dim"])
    del embedded, kept, pooled
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
    h = w.attention(query, key, batch=batch, heads=heads)
    result = w.linear(h, x.width)
    del query, key, value
    return result


def _feed_forward(w: Walker, x: Values, c: dict[str, Any]) -> Values:
    h = w.linear(x, c["intermediate_size"])
    h = activation(w, h, c["hidden_act"])
    return w.linear(h, x.width)


def t5(config: dict[str, Any], *, batch: int, tokens: int) -> Walk:
    """T5EncoderModel. All layers share one bias by distance, (heads, tokens, tokens), and each copies it."""
    c = T5_DEFAULTS | config
    w = Walker()
    x = w.pointwise(w.new(batch * tokens, c["d_model"]))
    embedded = x
    distances = w.pointwise(w.new(tokens * tokens, 2), calls=BUCKETS)  # of eight bytes each
    bias = w.pointwise(distances.view(tokens * tokens, c["num_heads"]))
    del distances
    with w.times(c["num_layers"]):
        x = _t5_layer(w, x, bias, batch, c)
    x = rms_norm(w, x)
    del embedded
    return w.walk


def _t5_layer(w: Walker, x: Values, bias: Values, batch: int, c: dict[str, Any]) -> Values:
    inner = c["num_heads"] * c["d_kv"]
    h = rms_norm(w, x)
    query = w.linear(h, inner)
    key = w.linear(h, inner)
    value = w.linear(h, inner)
    mask = w.pointwise(bias)
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
        active = w.pointwise(active)
        result = w.linear(active, x.width)
        del other
        return result
    return w.linear(active, x.width)
