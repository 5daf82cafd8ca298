"""What speech costs: letters become tokens, tokens frames, frames samples, sentence by sentence."""

from __future__ import annotations

from math import prod
from typing import Any

from studio.domain.cost.cost import Cost, ModelFacts, Part, Stage
from studio.domain.cost.ops import Attention, Convolution, Pointwise, Walk
from studio.domain.cost.tokens import eastern
from studio.domain.cost.walker import Values, Walker
from studio.domain.speech import split

PART = "model"
# How quickly people read aloud, which is what voices have learnt from: characters a second.
LETTERS, IDEOGRAPHS = 15.0, 4.5
SPLINE_CALLS = 90  # operations that bend the durations, in each flow
TABLES = 4  # that stay until the end
MASK_CALLS = 24  # operations that say which frames belong to which token
NORM_CALLS = 2  # with which a layer puts its weights together each time, from their direction and length
DEFAULTS: dict[str, Any] = {
    "hidden_size": 192,
    "num_hidden_layers": 6,
    "num_attention_heads": 2,
    "window_size": 4,
    "ffn_dim": 768,
    "ffn_kernel_size": 3,
    "flow_size": 192,
    "use_stochastic_duration_prediction": True,
    "upsample_initial_channel": 512,
    "upsample_rates": [8, 8, 2, 2],
    "upsample_kernel_sizes": [16, 16, 4, 4],
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "depth_separable_channels": 2,
    "depth_separable_num_layers": 3,
    "duration_predictor_flow_bins": 10,
    "duration_predictor_kernel_size": 3,
    "duration_predictor_num_flows": 4,
    "duration_predictor_filter_channels": 256,
    "prior_encoder_num_flows": 4,
    "prior_encoder_num_wavenet_layers": 4,
    "wavenet_kernel_size": 5,
    "speaking_rate": 1.0,
    "sampling_rate": 16_000,
}


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request: two stages at most, for the longest sentence and for all others."""
    part = facts.parts[PART]
    config = DEFAULTS | {key: value for key, value in part.config.items() if value is not None}
    text = values["prompt"]
    lengths = sorted(len(piece.text) for piece in split(text)) or [1]
    share = eastern(text) / max(1, len(text))
    # What takes time grows evenly with a sentence, nearly: all but the longest are taken for alike.
    others = lengths[:-1]
    kinds = {lengths[-1]: 1}
    if others:
        usual = max(1, round(sum(others) / len(others)))
        kinds[usual] = kinds.get(usual, 0) + len(others)
    stages: list[Stage] = []
    for length, count in kinds.items():
        walk = speak(config, tokens=tokens(length), frames=frames(config, length, share, values["speed"]))
        stages.append(
            Stage(phase="speak", part=PART, ops=walk.ops, repeats=count, alive=walk.alive, calls=walk.calls)
        )
    return Cost(parts=(Part.of(PART, part),), stages=tuple(stages))


def tokens(characters: int) -> int:
    """A nothing before and behind each letter, as nearly all of these voices have it."""
    return 2 * characters + 1


def frames(config: dict[str, Any], characters: int, share: float, speed: float) -> int:
    """Of so many *characters*, a *share* 0..1 of which are ideographs or syllables."""
    seconds = characters * (share / IDEOGRAPHS + (1 - share) / LETTERS)
    rate = config["sampling_rate"] / prod(config["upsample_rates"])
    return max(1, round(seconds * rate / (speed * config["speaking_rate"])))


def speak(config: dict[str, Any], *, tokens: int, frames: int) -> Walk:
    """VitsModel once, from *tokens* to the samples of *frames*. *config* as its config.json."""
    c = DEFAULTS | {key: value for key, value in config.items() if value is not None}
    w = Walker()
    hidden = _read(w, c, tokens)
    statistics = w.linear(hidden, 2 * c["flow_size"])
    _last(w, hidden, c)
    # Which frame belongs to which token: tables of all against all, made in several steps.
    tables = [w.new(frames, tokens) for _ in range(TABLES)]
    w.pointwise(tables[0], calls=MASK_CALLS)
    means = w.linear(tables[0], c["flow_size"])
    spreads = w.linear(tables[0], c["flow_size"])
    given = w.pointwise(means, calls=5)
    del statistics
    latents = _flow(w, given, c)
    spectrogram = w.pointwise(latents)
    samples = _sound(w, spectrogram, c)
    del samples, means, spreads, tables, given
    return w.walk


def _read(w: Walker, c: dict[str, Any], tokens: int) -> Values:
    x = w.pointwise(w.new(tokens, c["hidden_size"]), calls=2)
    first = w.new(tokens, c["hidden_size"])
    with w.times(c["num_hidden_layers"]):
        x = _layer(w, x, c, tokens)
    del first
    return w.pointwise(x)


def _layer(w: Walker, x: Values, c: dict[str, Any], tokens: int) -> Values:
    heads = c["num_attention_heads"]
    query = w.pointwise(w.linear(x, x.width), calls=2)
    key = w.pointwise(w.linear(x, x.width))
    value = w.pointwise(w.linear(x, x.width))
    w.count(Attention(heads, tokens, tokens, x.width // heads), calls=2)
    scores = w.new(tokens, heads * tokens)
    if c["window_size"]:  # what a letter is to those near it: for all distances, before and after
        w.count(Attention(heads, tokens, 2 * tokens - 1, x.width // heads), calls=2)
        distances = w.new(tokens, heads * 2 * tokens)
        shifted = w.pointwise(distances, calls=8)
        del distances, shifted
    scores = w.pointwise(scores, calls=2)
    seen = w.new(tokens, x.width)
    seen = w.linear(seen, x.width)
    del query, key, value, scores
    h = w.pointwise(w.pointwise(seen))
    del seen
    wide = w.pointwise(h, calls=2)
    wide = w.convolution(wide, c["ffn_dim"], c["ffn_kernel_size"])
    wide = w.pointwise(wide)
    wide = w.pointwise(wide)
    wide = w.pointwise(wide)
    wide = w.convolution(wide, x.width, c["ffn_kernel_size"])
    return w.pointwise(wide, calls=3)


def _last(w: Walker, hidden: Values, c: dict[str, Any]) -> None:
    """How long each token lasts."""
    if not c["use_stochastic_duration_prediction"]:
        x = w.pointwise(hidden)
        for _ in range(2):
            x = w.convolution(x, c["duration_predictor_filter_channels"], c["duration_predictor_kernel_size"])
            x = w.pointwise(x, calls=3)
        w.linear(x, 1)
        return
    x = _separable(w, w.linear(hidden, hidden.width), c)
    x = w.pointwise(w.linear(x, hidden.width))
    half = c["depth_separable_channels"] // 2
    w.pointwise(w.new(hidden.rows, 2 * half), calls=6)
    with w.times(c["duration_predictor_num_flows"] - 1):
        h = w.linear(w.new(hidden.rows, half), hidden.width)
        h = _separable(w, w.pointwise(h), c)
        h = w.linear(h, half * (3 * c["duration_predictor_flow_bins"] - 1))
        w.pointwise(h, calls=SPLINE_CALLS)


def _separable(w: Walker, x: Values, c: dict[str, Any]) -> Values:
    with w.times(c["depth_separable_num_layers"]):
        h = w.pointwise(x)
        h = w.convolution(h, x.width, c["duration_predictor_kernel_size"], groups=x.width)
        h = w.pointwise(h, calls=2)
        h = w.linear(h, x.width)
        h = w.pointwise(h, calls=2)
        x = w.pointwise(h)
    return w.pointwise(x)


def _flow(w: Walker, x: Values, c: dict[str, Any]) -> Values:
    half, width = c["flow_size"] // 2, c["hidden_size"]
    with w.times(c["prior_encoder_num_flows"]):
        turned = w.pointwise(x)
        h = w.pointwise(w.linear(turned.view(x.rows, half), width))
        h = _wave_net(w, h, c)
        mean = w.pointwise(w.linear(h, half))
        w.pointwise(mean, calls=5)
        return w.pointwise(turned)


def _wave_net(w: Walker, x: Values, c: dict[str, Any]) -> Values:
    layers = c["prior_encoder_num_wavenet_layers"]
    outputs = w.pointwise(x)
    inputs = x
    for n in range(layers):
        both = w.convolution(inputs, 2 * x.width, c["wavenet_kernel_size"])
        zeros = w.pointwise(both)
        acts = w.pointwise(both)
        acts = w.pointwise(acts.view(x.rows, x.width), calls=3)
        both = w.linear(acts, x.width * (2 if n < layers - 1 else 1))
        w.pointwise(w.new(1, x.width), calls=2 * NORM_CALLS)
        inputs = w.pointwise(inputs, calls=2) if n < layers - 1 else inputs
        outputs = w.pointwise(outputs)
        del zeros
    return w.pointwise(outputs)


def _sound(w: Walker, x: Values, c: dict[str, Any]) -> Values:
    """HiFi-GAN: longer and narrower at each level, where several filters look at the same."""
    h = w.convolution(x, c["upsample_initial_channel"], 7)
    sizes = zip(c["resblock_kernel_sizes"], c["resblock_dilation_sizes"], strict=True)
    kinds = [(kernel, len(dilations)) for kernel, dilations in sizes]
    for rate, kernel in zip(c["upsample_rates"], c["upsample_kernel_sizes"], strict=True):
        h = w.pointwise(h)
        h = _longer(w, h, rate, kernel)
        # The sum of the level before is forgotten only when this one's begins.
        total = _filter(w, h, *kinds[0])
        for kind in kinds[1:]:
            seen = _filter(w, h, *kind)
            w.count(Pointwise(seen.elements))
            del seen
        h = w.pointwise(total)
    h = w.pointwise(h)
    h = w.convolution(h, 1, 7)
    return w.pointwise(h)


def _longer(w: Walker, x: Values, rate: int, kernel: int) -> Values:
    """Each position is spread over *kernel* new ones, *rate* apart."""
    w.count(Convolution(x.rows, x.width, x.width // 2, kernel))
    return w.new(x.rows * rate, x.width // 2)


def _filter(w: Walker, x: Values, kernel: int, count: int) -> Values:
    h = x
    for _ in range(count):
        residual = h
        h = w.pointwise(h)
        h = w.convolution(h, x.width, kernel)
        h = w.pointwise(h)
        h = w.convolution(h, x.width, kernel)
        h = w.pointwise(h)
        del residual
    return h
