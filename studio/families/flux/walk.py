"""FluxTransformer2DModel, from its config.json: blocks that keep words and picture apart, then join them.

One picture at a time; `Values` are tokens and their features.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from studio.domain.cost.ops import Walk
from studio.domain.cost.walker import Values, Walker

DEFAULTS: dict[str, Any] = {
    "in_channels": 64,
    "num_layers": 19,
    "num_single_layers": 38,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 768,
    "guidance_embeds": False,
    "patch_size": 1,
    "axes_dims_rope": [16, 56, 56],
}
PATCH = 2  # latents a side that are one token
MLP = 4  # times the width
TIME = 256  # features of a point in time before it is embedded
POSITIONS = 15  # operations for the positions of tokens, on each of the three axes
DOUBLE = 2  # positions are computed in numbers of eight bytes


def words_read(config: Any) -> int:
    """Tokens of a prompt that a model with this configuration was trained with."""
    return 512 if config.get("guidance_embeds") else 256


class _Heads(NamedTuple):
    count: int
    width: int


def transformer(config: dict[str, Any], *, patches: int, words: int) -> Walk:
    """One step for a picture of *patches* and a prompt of *words* tokens."""
    c = DEFAULTS | {key: value for key, value in config.items() if value is not None}
    heads = _Heads(c["num_attention_heads"], c["attention_head_dim"])
    width = heads.count * heads.width
    w = Walker()
    latents, prompt = w.new(patches, c["in_channels"]), w.new(words, c["joint_attention_dim"])
    x = w.linear(latents, width)
    time = _embedded(w, c, width)
    context = w.linear(prompt, width)
    turn = _positions(w, patches + words, c["axes_dims_rope"])
    for block, count in ((_double, c["num_layers"]), (_single, c["num_single_layers"])):
        if count:  # what none of is there is never alive
            with w.times(count):
                context, x = block(w, context, x, time, turn, heads)
    x = _modulated(w, x, w.linear(w.pointwise(time), 2 * width))
    result = w.linear(x, c["patch_size"] ** 2 * c.get("out_channels", c["in_channels"]))
    del result, latents, prompt
    return w.walk


def _embedded(w: Walker, c: dict[str, Any], width: int) -> Values:
    """The point in time, the guidance and the prompt as a whole: one row."""
    total = None
    for inputs in [TIME] * (2 if c["guidance_embeds"] else 1) + [c["pooled_projection_dim"]]:
        one = w.new(1, inputs)
        if inputs == TIME:
            one = w.pointwise(one, calls=9)
        one = w.linear(one, width)
        one = w.pointwise(one)
        one = w.linear(one, width)
        total = one if total is None else w.pointwise(one)
    assert total is not None
    return total


def _positions(w: Walker, tokens: int, axes: list[int]) -> Values:
    """How much each token turns its queries and keys: sines and cosines, of a head's width."""
    kept = w.new(tokens, 0)
    for axis in axes:
        angles = w.pointwise(w.new(tokens, axis // 2 * DOUBLE), calls=POSITIONS - 4)
        turned = w.pointwise(w.new(tokens, axis * DOUBLE))
        kept = w.pointwise(turned, kept.width + 2 * axis, calls=3)
        del angles
    return w.pointwise(kept, calls=2)


def _modulated(w: Walker, x: Values, by: Values) -> Values:
    """A norm, scaled and shifted."""
    h = w.pointwise(x)
    h = w.pointwise(h)
    result = w.pointwise(h)
    del by
    return result


def _double(
    w: Walker, context: Values, x: Values, time: Values, turn: Values, heads: _Heads
) -> tuple[Values, Values]:
    width = x.width
    by_x = w.linear(w.pointwise(time), 6 * width)
    normal = _modulated(w, x, by_x)
    by_context = w.linear(w.pointwise(time), 6 * width)
    normal_context = _modulated(w, context, by_context)
    seen, seen_context = _attention(w, normal, normal_context, turn, heads)
    seen = w.pointwise(seen)
    h = w.pointwise(seen)
    normal = _modulated(w, h, by_x)
    fed = _feed_forward(w, normal)
    fed = w.pointwise(fed)
    h = w.pointwise(fed)
    seen_context = w.pointwise(seen_context)
    c = w.pointwise(seen_context)
    normal_context = _modulated(w, c, by_context)
    fed_context = _feed_forward(w, normal_context)
    fed_context = w.pointwise(fed_context)
    return w.pointwise(fed_context), h


def _single(
    w: Walker, context: Values, x: Values, time: Values, turn: Values, heads: _Heads
) -> tuple[Values, Values]:
    whole = w.pointwise(w.new(0, 0).view(context.rows + x.rows, x.width))
    by = w.linear(w.pointwise(time), 3 * x.width)
    normal = _modulated(w, whole, by)
    wide = w.linear(normal, MLP * x.width)
    wide = w.pointwise(wide)
    seen, _ = _attention(w, normal, None, turn, heads)
    both = w.pointwise(wide, seen.width + wide.width)
    h = w.linear(both, x.width)
    h = w.pointwise(h)
    del both
    h = w.pointwise(h)
    return h.view(context.rows, x.width), h.view(x.rows, x.width)


def _attention(
    w: Walker, x: Values, context: Values | None, turn: Values, heads: _Heads
) -> tuple[Values, Values]:
    width = heads.count * heads.width
    query, key, value = (w.linear(x, width) for _ in range(3))
    own = ()
    if context is not None:
        own = tuple(w.linear(context, width) for _ in range(3))
    query = _head_norm(w, query, heads)
    key = _head_norm(w, key, heads)
    if own:
        own = (_head_norm(w, own[0], heads), _head_norm(w, own[1], heads), own[2])
        query, key, value = (
            w.pointwise(one.view(one.rows + mine.rows, width))
            for one, mine in zip((query, key, value), own, strict=True)
        )
    query = _turned(w, query, turn)
    key = _turned(w, key, turn)
    h = w.attention(query, key, batch=1, heads=heads.count)
    if context is None:
        return h, h
    seen = w.linear(h.view(x.rows, width), x.width)
    seen_context = w.linear(h.view(context.rows, width), context.width)
    del own, value
    return seen, seen_context


def _head_norm(w: Walker, x: Values, heads: _Heads) -> Values:
    """Over each head's own width."""
    squares = w.pointwise(x)
    w.pointwise(squares.view(x.rows, heads.count), calls=3)
    del squares
    h = w.pointwise(x)
    return w.pointwise(h)


def _turned(w: Walker, x: Values, turn: Values) -> Values:
    """By its position."""
    other = w.pointwise(x.view(x.rows, x.width // 2))
    other = w.pointwise(other, x.width)
    stays = w.pointwise(x)
    turned = w.pointwise(other)
    result = w.pointwise(stays)
    del turn, turned, other
    return result


def _feed_forward(w: Walker, x: Values) -> Values:
    h = w.linear(x, MLP * x.width)
    h = w.pointwise(h)
    return w.linear(h, x.width)
