"""AutoencoderKL: pictures to latents and back, from its config.json."""

from __future__ import annotations

from typing import Any

from studio.domain.cost import blocks
from studio.domain.cost.ops import Walk
from studio.domain.cost.walker import Values, Walker

DEFAULTS: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "block_out_channels": [64],
    "layers_per_block": 1,
    "sample_size": 32,
    "use_quant_conv": True,
    "use_post_quant_conv": True,
    "mid_block_add_attention": True,
}
KINDS = ("DownEncoderBlock2D", "UpDecoderBlock2D")
OVERLAP = 0.25  # of a tile with the next one; what diffusers has
BLENDS = 6  # operations for each line of pixels that two tiles share


def scale(config: dict[str, Any]) -> int:
    """Pixels on a side of one latent."""
    return 2 ** (len(_completed(config)["block_out_channels"]) - 1)


def decode(config: dict[str, Any], *, batch: int, height: int, width: int) -> Walk:
    """Latents of *height* x *width* become pictures. Raises ValueError for blocks that are not its own."""
    w, c = Walker(), _completed(config)
    sample = w.new(batch * height * width, c["latent_channels"])
    pictures = _decode(w, c, sample, batch, height * width)
    del pictures
    return w.walk


def encode(config: dict[str, Any], *, batch: int, height: int, width: int) -> Walk:
    """Pictures of *height* x *width* pixels become latents. Raises ValueError as `decode`."""
    w, c = Walker(), _completed(config)
    channels = c["block_out_channels"]
    pictures = w.new(batch * height * width, c["in_channels"])
    sample = w.convolution(pictures, channels[0], 9)
    for i, kind in enumerate(c["down_block_types"]):
        height, width = (height, width) if i == 0 else (height // 2, width // 2)
        last = i == len(channels) - 1
        sample = _down(w, sample, kind, channels[i], c, 0 if last else batch * (height // 2) * (width // 2))
    sample = _middle(w, sample, batch, c)
    sample = w.pointwise(sample)
    sample = w.pointwise(sample)
    moments = w.convolution(sample, 2 * c["latent_channels"], 9)
    if c["use_quant_conv"]:
        moments = w.linear(moments, moments.width)
    latents = w.pointwise(moments, calls=4)
    del latents
    return w.walk


def decode_tiled(config: dict[str, Any], *, batch: int, height: int, width: int) -> Walk:
    """As `decode`, tile by tile where the latents are larger than one tile. All tiles are kept, then joined."""
    c = _completed(config)
    side = c["sample_size"][0] if isinstance(c["sample_size"], list | tuple) else c["sample_size"]
    tile = side // scale(c)
    if max(height, width) <= tile:
        return decode(config, batch=batch, height=height, width=width)
    w = Walker()
    latents = w.new(batch * height * width, c["latent_channels"])
    step, pixels = int(tile * (1 - OVERLAP)), scale(c)
    rows = [min(tile, height - at) for at in range(0, height, step)]
    columns = [min(tile, width - at) for at in range(0, width, step)]
    done: list[Values] = []
    for high in rows:
        for wide in columns:
            piece = latents.view(batch * high * wide, latents.width)
            done.append(_decode(w, c, piece, batch, high * wide))
    blended = int(side * OVERLAP)
    shared = (len(rows) - 1) * len(columns) + len(rows) * (len(columns) - 1)
    line = w.new(batch * tile * pixels, c["out_channels"])
    with w.times(shared * blended):
        w.pointwise(line, calls=BLENDS)
    strips = [
        w.pointwise(done[0].view(batch * min(high, step) * width * pixels**2, c["out_channels"])) for high in rows
    ]
    joined = w.pointwise(latents.view(latents.rows * pixels**2, c["out_channels"]))
    del joined, strips
    return w.walk


def _decode(w: Walker, c: dict[str, Any], latents: Values, batch: int, area: int) -> Values:
    channels = c["block_out_channels"]
    z = w.linear(latents, latents.width) if c["use_post_quant_conv"] else latents
    sample = w.convolution(z, channels[-1], 9)
    sample = _middle(w, sample, batch, c)
    for i, kind in enumerate(c["up_block_types"]):
        last = i == len(channels) - 1
        sample = _up(w, sample, kind, channels[-1 - i], c, 0 if last else batch * area * 4 ** (i + 1))
    sample = w.pointwise(sample)
    sample = w.pointwise(sample)
    return w.convolution(sample, c["out_channels"], 9)


def _up(w: Walker, x: Values, kind: str, channels: int, c: dict[str, Any], grown: int) -> Values:
    """Residual blocks, then *grown* positions (0: as many as before)."""
    h = x
    for _ in range(_resnets(kind, c) + 1):
        h = blocks.resnet(w, h, channels)
    if grown:
        h = w.resize(h, grown)
        h = w.convolution(h, channels, 9)
    return h


def _down(w: Walker, x: Values, kind: str, channels: int, c: dict[str, Any], shrunk: int) -> Values:
    h = x
    for _ in range(_resnets(kind, c)):
        h = blocks.resnet(w, h, channels)
    if shrunk:
        padded = w.pointwise(h)
        h = w.convolution(padded, channels, 9, rows=shrunk)
    return h


def _resnets(kind: str, c: dict[str, Any]) -> int:
    if kind not in KINDS:
        raise ValueError(f"a block of kind {kind}")
    return c["layers_per_block"]


def _middle(w: Walker, x: Values, batch: int, c: dict[str, Any]) -> Values:
    h = blocks.resnet(w, x, x.width)
    if c["mid_block_add_attention"]:
        h = blocks.picture_attention(w, h, batch=batch, heads=1)
    return blocks.resnet(w, h, x.width)


def _completed(config: dict[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in config.items() if value is not None}
    complete = DEFAULTS | given
    blocks_count = len(complete["block_out_channels"])
    return {
        "down_block_types": [KINDS[0]] * blocks_count,
        "up_block_types": [KINDS[1]] * blocks_count,
    } | complete
