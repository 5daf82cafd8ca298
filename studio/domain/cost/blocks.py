"""The blocks that diffusers' networks are built of: residual, attention, transformer, resampling.

Pictures are `Values` of batch x height x width rows and channels. As in the framework, an argument
stays alive as long as the call that it was given to.
"""

from __future__ import annotations

from studio.domain.cost.walker import Values, Walker

FEED_FORWARD = 4  # times the width, before the gate doubles it


def resnet(
    w: Walker, x: Values, outputs: int, *, time: Values | None = None, scale_shift: bool = False
) -> Values:
    """Two convolutions around a shift by the *time*, and a way past them."""
    h = w.pointwise(x)
    h = w.pointwise(h)
    h = w.convolution(h, outputs, 9)
    if time is not None:
        shift = w.pointwise(time)
        shift = w.linear(shift, outputs * (2 if scale_shift else 1))
        h = w.pointwise(h)
    h = w.pointwise(h, calls=2 if scale_shift else 1)
    h = w.pointwise(h)
    h = w.convolution(h, outputs, 9)
    past = w.convolution(x, outputs, 1) if x.width != outputs else x
    total = w.pointwise(h)
    scaled = w.pointwise(total)
    del past
    return scaled


def attention(w: Walker, x: Values, *, batch: int, heads: int, context: Values | None = None) -> Values:
    """Tokens look at one another, or at *context*. Query, key and value stay until the end."""
    query = w.linear(x, x.width)
    key = w.linear(context or x, x.width)
    value = w.linear(context or x, x.width)
    h = w.attention(query, key, batch=batch, heads=heads)
    h = w.linear(h, x.width)
    scaled = w.pointwise(h)
    del query, key, value
    return scaled


def picture_attention(w: Walker, x: Values, *, batch: int, heads: int) -> Values:
    """Attention between all positions of a picture, with its own norm and residual."""
    h = w.pointwise(x)
    query = w.linear(h, x.width)
    context = h
    key = w.linear(context, x.width)
    value = w.linear(context, x.width)
    h = w.attention(query, key, batch=batch, heads=heads)
    h = w.linear(h, x.width)
    h = w.pointwise(h)
    scaled = w.pointwise(h)
    del query, key, value, context
    return scaled


def feed_forward(w: Walker, x: Values) -> Values:
    """With a gate: half of the features decide how much of the other half passes."""
    both = w.linear(x, 2 * FEED_FORWARD * x.width)
    half = both.view(x.rows, FEED_FORWARD * x.width)
    gate = w.pointwise(half)
    h = w.pointwise(half)
    del both, half, gate
    return w.linear(h, x.width)


def transformer_block(
    w: Walker, x: Values, *, batch: int, heads: int, context: Values | None, only_context: bool
) -> Values:
    """Self-attention, attention to *context* where there is one, feed-forward."""
    normal = w.pointwise(x)
    seen = attention(w, normal, batch=batch, heads=heads, context=context if only_context else None)
    h = w.pointwise(x)
    if context is not None:
        normal = w.pointwise(h)
        seen = attention(w, normal, batch=batch, heads=heads, context=context)
        h = w.pointwise(h)
    normal = w.pointwise(h)
    fed = feed_forward(w, normal)
    result = w.pointwise(h)
    del seen, fed
    return result


def transformer(
    w: Walker,
    x: Values,
    *,
    batch: int,
    heads: int,
    layers: int,
    context: Values | None,
    linear: bool,
    only_context: bool = False,
) -> Values:
    """*layers* blocks on the positions of a picture. *linear*: how diffusers projects, not what it costs."""
    width = x.width // heads * heads
    h = w.pointwise(x)
    if linear:
        h = w.pointwise(h)  # a linear layer wants its rows side by side
    h = w.linear(h, width)
    with w.times(layers):
        h = transformer_block(w, h, batch=batch, heads=heads, context=context, only_context=only_context)
    if linear:
        h = w.linear(h, x.width)
        h = w.pointwise(h)
    else:
        h = w.pointwise(h)
        h = w.linear(h, x.width)
    return w.pointwise(h)
