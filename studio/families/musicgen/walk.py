"""What makes music, from config.json: the decoder that writes frames, and EnCodec's, which renders them."""

from __future__ import annotations

from typing import Any

from studio.domain.cost.ops import Convolution, Linear, Pointwise, Walk
from studio.domain.cost.walker import Values, Walker

DECODER: dict[str, Any] = {
    "vocab_size": 2048,
    "num_hidden_layers": 24,
    "ffn_dim": 4096,
    "num_attention_heads": 16,
    "hidden_size": 1024,
    "num_codebooks": 4,
    "audio_channels": 1,
}
ENCODEC: dict[str, Any] = {
    "sampling_rate": 24_000,
    "audio_channels": 1,
    "hidden_size": 128,
    "num_filters": 32,
    "num_residual_layers": 1,
    "upsampling_ratios": [8, 5, 4, 2],
    "kernel_size": 7,
    "last_kernel_size": 7,
    "residual_kernel_size": 3,
    "compress": 2,
    "num_lstm_layers": 2,
    "use_conv_shortcut": True,
}
GATES = 4  # of an LSTM
MASKS = 15  # operations for masks and positions
PADDING = 20  # operations to find out how much


def frames_of(seconds: int, frame_rate: int, codebooks: int, channels: int) -> int:
    """How many frames to write for so much sound.

    Each codebook begins one frame after the one before, both channels at once.
    """
    return seconds * frame_rate + codebooks // channels - 1


def completed(defaults: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    return defaults | {key: value for key, value in config.items() if value is not None}


def frame(
    decoder: dict[str, Any], *, batch: int, before: int, words: int, encoder_width: int | None = None
) -> Walk:
    """One frame after *before* others, for a prompt of *words* tokens. The cache of all of them is alive:
    what a frame adds to it is copied with all that was there.

    The words are brought from *encoder_width*, if that is another one, to the decoder's for every frame.
    """
    c = completed(DECODER, decoder)
    w, width, layers = Walker(), c["hidden_size"], c["num_hidden_layers"]
    cache = w.new(batch * layers * 2 * (before + words), width)
    read = w.new(batch * words, encoder_width or width)
    if read.width != width:
        read = w.pointwise(w.linear(read, width))
    x = w.new(batch, width)
    for _ in range(c["num_codebooks"]):
        x = w.pointwise(x, calls=2)
    x = w.pointwise(x, calls=MASKS)
    with w.times(layers):
        x = _layer(w, x, c, batch=batch, before=before, words=words)
    x = w.pointwise(x)
    scores = [w.linear(x, c["vocab_size"]) for _ in range(c["num_codebooks"])]
    stacked = w.pointwise(scores[0].view(batch * c["num_codebooks"], c["vocab_size"]))
    del cache, scores, stacked, read
    return w.walk


def words_read(decoder: dict[str, Any], *, batch: int, words: int) -> Walk:
    """What only the first frame needs: keys and values of every word, for every layer."""
    c = completed(DECODER, decoder)
    w, width, layers = Walker(), c["hidden_size"], c["num_hidden_layers"]
    kept = w.new(2 * layers * batch * words, width)
    w.count(Linear(batch * words, width, width), 2 * layers)
    del kept
    return w.walk


def _layer(w: Walker, x: Values, c: dict[str, Any], *, batch: int, before: int, words: int) -> Values:
    heads, width = c["num_attention_heads"], x.width
    h = w.pointwise(x)
    query = w.linear(h, width)
    key = w.linear(h, width)
    w.linear(h, width)
    key = key.view(batch * (before + 1), width)
    for _ in range(2):  # one after the other, longer ones take the place of those in the cache
        w.pointwise(key)
    seen = w.attention(query, key, batch=batch, heads=heads)
    del key
    x = w.pointwise(w.linear(seen, width))
    h = w.pointwise(x)
    query = w.linear(h, width)
    # The words' keys lie in the cache.
    seen = w.attention(query, query.view(batch * words, width), batch=batch, heads=heads)
    x = w.pointwise(w.linear(seen, width))
    h = w.pointwise(x)
    h = w.linear(h, c["ffn_dim"])
    h = w.pointwise(h)
    return w.pointwise(w.linear(h, width))


def rendering(encodec: dict[str, Any], *, frames: int, books: int) -> Walk:
    """The tokens of *frames* become sound, of one channel."""
    c = completed(ENCODEC, encodec)
    w = Walker()
    x = w.new(frames, c["hidden_size"])
    for _ in range(books):
        x = w.pointwise(x, calls=2)
    x = _convolution(w, x, 2 ** len(c["upsampling_ratios"]) * c["num_filters"], c["kernel_size"])
    x = _lstm(w, x, c["num_lstm_layers"])
    for ratio in c["upsampling_ratios"]:
        x = w.pointwise(x)
        x = _wider(w, x, ratio)
        for _ in range(c["num_residual_layers"]):
            x = _residual(w, x, c)
    x = w.pointwise(x)
    sound = _convolution(w, x, c["audio_channels"], c["last_kernel_size"])
    del sound
    return w.walk


def _convolution(w: Walker, x: Values, outputs: int, kernel: int) -> Values:
    """Its weights are put together anew each time."""
    padded = w.pointwise(x.view(x.rows + kernel - 1, x.width))
    weights = w.pointwise(w.new(outputs, 0), x.width * kernel, calls=1)
    w.count(Pointwise(1), PADDING)
    result = w.convolution(padded, outputs, kernel, rows=x.rows)
    del weights
    return result


def _wider(w: Walker, x: Values, ratio: int) -> Values:
    """*ratio* times as many positions of half the channels; each sees two of those before."""
    outputs, kernel = x.width // 2, 2 * ratio
    weights = w.pointwise(w.new(outputs, 0), x.width * kernel)
    w.count(Convolution(x.rows, x.width, outputs, kernel))
    longer = w.new(x.rows * ratio + ratio, outputs)
    del weights
    return longer.view(x.rows * ratio, outputs)


def _lstm(w: Walker, x: Values, layers: int) -> Values:
    """Each position waits for the one before."""
    h = x
    for _ in range(layers):
        w.count(Linear(x.rows, x.width, GATES * x.width))
        w.count(Linear(1, x.width, GATES * x.width), x.rows, calls=0)
        h = w.new(x.rows, x.width)
    return w.pointwise(h)


def _residual(w: Walker, x: Values, c: dict[str, Any]) -> Values:
    h = w.pointwise(x)
    h = _convolution(w, h, x.width // c["compress"], c["residual_kernel_size"])
    h = w.pointwise(h)
    h = _convolution(w, h, x.width, 1)
    past = _convolution(w, x, x.width, 1) if c["use_conv_shortcut"] else x
    result = w.pointwise(h)
    del past
    return result
