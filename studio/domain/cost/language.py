"""Causal language models in transformers: reading a prompt at once, and writing one token after another."""

from __future__ import annotations

from studio.domain.cost.cost import PartFacts
from studio.domain.cost.decoder import Decoder, Experts, Layer, decoder
from studio.domain.cost.layers import activation, rms_norm
from studio.domain.cost.ops import Attention, Linear, Pointwise, Walk
from studio.domain.cost.walker import Values, Walker

SCORES = 5  # operations on scores that are written out: scale, bound, hide, make shares of one
MIXING = 16  # operations of a layer that mixes tokens by another way than attention
MASKING = 12  # operations that say who may look at whom
ROUTING = 6  # operations that choose experts for each token


def read(facts: PartFacts, tokens: int) -> Walk:
    """The first *tokens* at once. `alive` is without the cache that stays: see `cache`."""
    return _walk(facts.once(decoder), tokens, before=0)


def write(facts: PartFacts, context: int) -> Walk:
    """One token more, of which there are *context* before it. `alive` is without the cache that stays."""
    return _walk(facts.once(decoder), 1, before=context)


def cache(facts: PartFacts, context: int) -> int:
    """Elements of keys and values that are kept for *context* tokens."""
    return _cached(facts.once(decoder), context)


def loaded(facts: PartFacts) -> int:
    """Elements of the weights in memory: those that lie in the files twice count once."""
    return facts.elements - facts.once(decoder).spare


def _cached(net: Decoder, context: int) -> int:
    return sum(count * (layer.key + layer.value) * _seen(layer, context) for layer, count in net.layers)


def _per_token(net: Decoder) -> int:
    return sum(count * (layer.key + layer.value) for layer, count in net.layers)


def _seen(layer: Layer, context: int) -> int:
    return context if layer.window is None else min(context, max(1, layer.window - 1))


def _past(layer: Layer, before: int) -> int:
    """How many tokens' keys there are already."""
    return _seen(layer, before) if before else 0


def _masked(layer: Layer, tokens: int, keys: int) -> bool:
    return tokens > 1 and layer.window is not None and keys >= layer.window


def _walk(net: Decoder, tokens: int, *, before: int) -> Walk:
    w = Walker()
    x = w.pointwise(w.new(tokens, net.hidden), calls=2)
    depth = sum(count for _, count in net.layers)
    # The embeddings stay until the last layer, and what slid out of a window until the next token.
    kept = w.new(tokens * (min(1, depth - 1) + net.placed), net.hidden)
    past = w.new(1, 0 if before else tokens * _per_token(net) - _cached(net, tokens))
    turns = w.new(tokens, 2 * max((layer.query for layer, _ in net.layers), default=0) // net.heads)
    if any(_masked(layer, tokens, _past(layer, before) + tokens) for layer, _ in net.layers) or net.scores:
        w.count(Pointwise(tokens * (before + tokens)), MASKING)
    for layer, count in net.layers:
        with w.times(count):
            x = _layer(w, x, net, layer, before)
    x = _norm(w, x, net)
    last = x.view(1, x.width)
    logits = w.linear(last, net.vocabulary)
    del kept, past, turns, logits
    return w.walk


def _norm(w: Walker, x: Values, net: Decoder) -> Values:
    return rms_norm(w, x) if net.rms else w.pointwise(x)


def _layer(w: Walker, x: Values, net: Decoder, layer: Layer, before: int) -> Values:
    for outputs, inputs in layer.linears:
        w.count(Linear(x.rows, inputs, outputs))
    h = _norm(w, x, net)
    residual, scores = x, None
    if layer.query:
        seen = _attention(w, h, net, layer, before)
        if net.scores:  # those that were written out are handed on, though nobody asks for them
            scores = w.new(x.rows, net.heads * (_past(layer, before) + x.rows))
        for _ in range(max(0, layer.norms - 3)):
            seen = _norm(w, seen, net)
        residual = w.pointwise(seen)
        del seen
    elif layer.linears:
        residual = w.pointwise(h, calls=MIXING)
    if not layer.wide and not layer.experts:
        return residual
    h = _norm(w, residual, net)
    h = _experts(w, h, net, layer.experts, layer) if layer.experts else _forward(w, h, net, layer)
    if layer.norms > 3:
        h = _norm(w, h, net)
    result = w.pointwise(h)
    del scores
    return result


def _attention(w: Walker, x: Values, net: Decoder, layer: Layer, before: int) -> Values:
    """Past keys and values are joined with the new ones, which copies them; the copies are the cache."""
    tokens, past = x.rows, _past(layer, before)
    widths = (layer.query, layer.key, layer.value)
    made = w.new(tokens, sum(widths) if layer.together else 0)
    query, key, value = (
        made.view(tokens, width) if layer.together else w.new(tokens, width) for width in widths
    )
    if layer.head_norms:
        query = _norm(w, query, net)
        key = _norm(w, key, net)
    if net.rotary:
        turned = _turn(w, query)
        key = _turn(w, key)
        query = turned
        del turned
    for width in (layer.key, layer.value):
        w.count(Pointwise((past + tokens) * width))
    joined = w.new(past, layer.key)
    del joined, key, value
    keys = past + tokens
    # A mask hides from the kernel that keys may be shared by several heads: they are copied for each.
    masked = _masked(layer, tokens, keys)
    written = masked or bool(net.scores)
    mask = w.pointwise(w.new(tokens, keys // 4 + 1), calls=2) if written else None
    shared = layer.key < layer.query and written
    copies = [w.new(keys, layer.query) for _ in range(2 if shared else 0)]
    seen = keys if written or tokens == 1 else (keys + 1) // 2
    w.count(Attention(net.heads, tokens, seen, layer.query // net.heads), calls=2 if net.scores else 1)
    if not net.scores:
        w.scores(net.heads, tokens * keys)
    if net.scores:
        scores = w.new(tokens, net.heads * keys)
        kept = w.new(tokens, net.heads * keys * (net.scores - 2))
        for _ in range(SCORES):
            scores = w.pointwise(scores)
        del scores, kept
    del mask, copies
    h = w.new(tokens, layer.query)
    result = w.new(tokens, x.width)
    del made, query, h
    return result


def _turn(w: Walker, x: Values) -> Values:
    """Positions turn pairs of features: each half times a cosine, plus the other half times a sine."""
    straight = w.pointwise(x)
    other = w.pointwise(x, calls=2)
    other = w.pointwise(other)
    result = w.pointwise(straight)
    del straight, other
    return result


def _forward(w: Walker, x: Values, net: Decoder, layer: Layer) -> Values:
    made = w.new(x.rows, layer.wide * (2 if layer.fused else 1))
    active = activation(w, made.view(x.rows, layer.wide), net.activation)
    if layer.gated:
        if not layer.fused:
            made = w.new(x.rows, layer.wide)
        active = w.pointwise(active)
    del made
    return w.new(x.rows, x.width)


def _experts(w: Walker, x: Values, net: Decoder, experts: Experts, layer: Layer) -> Values:
    """Tokens are sorted by the experts that they pass, each as often as it passes one."""
    shared = _forward(w, x, net, layer) if layer.wide else None
    w.count(Pointwise(x.rows * experts.total), ROUTING)
    sent = x.rows * experts.used
    busy = min(experts.total, sent)
    each, more = divmod(sent, busy)
    for outputs, inputs in experts.weights:
        w.count(Linear(each + 1, inputs, outputs), more, calls=0)
        w.count(Linear(each, inputs, outputs), busy - more, calls=1)
    wide = max(outputs * inputs for outputs, inputs in experts.weights) // x.width
    given = w.pointwise(w.new(sent, x.width))
    both = w.new(sent, wide)
    # Those with a bias also bound both halves, in new values each time.
    bounded = w.new(sent, wide + 3 * wide // 2) if experts.biased else None
    half = both.view(sent, wide // 2) if len(experts.weights) == 2 else both
    active = w.pointwise(half)
    active = w.pointwise(active)
    del both, half, bounded
    down = w.new(sent, x.width)
    del active
    h = w.pointwise(down)
    h = w.pointwise(h)
    del given, down
    joined = w.pointwise(x, calls=2)
    del h
    return w.pointwise(joined) if shared else joined
