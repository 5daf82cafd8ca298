"""AutoencoderKL: pictures to latents and back, from its config.json."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
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
BLENDS = 4  # operations for each line of pixels that two tiles share


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
    """As `decode`, tile by tile where the latents are larger than one. All tiles are kept, then joined."""
    c = _completed(config)
    side = _tile_pixels(c)
    tile = side // scale(c)
    if max(height, width) <= tile:
        return decode(config, batch=batch, height=height, width=width)
    w = Walker()
    latents = w.new(batch * height * width, c["latent_channels"])
    rows, columns = _tiles(height, tile), _tiles(width, tile)
    area = batch * sum(rows) * sum(columns) * scale(c) ** 2
    kept = w.new(area, c["out_channels"])  # all but the one in work, which is small beside its own work
    for (high, wide), count in Counter((high, wide) for high in rows for wide in columns).items():
        with w.times(count):
            _decode(w, c, latents.view(batch * high * wide, latents.width), batch, high * wide)
    lines = len(columns) * _shared(rows, c, side) + len(rows) * _shared(columns, c, side)
    if lines:
        line = kept.view(area // (len(rows) * len(columns)) // (tile * scale(c)), c["out_channels"])
        with w.times(lines):
            w.pointwise(line, calls=BLENDS)
    strips = w.pointwise(latents.view(latents.rows * scale(c) ** 2, c["out_channels"]), calls=len(rows))
    joined = w.pointwise(strips)
    del joined, kept
    return w.walk


def _tile_pixels(c: dict[str, Any]) -> int:
    """The side of a tile: that of the pictures that it was trained with."""
    size: int | list[int] = c["sample_size"]
    return size if isinstance(size, int) else size[0]


def _tiles(length: int, tile: int) -> list[int]:
    """The lengths of overlapping tiles that cover *length*."""
    return [min(tile, length - at) for at in range(0, length, int(tile * (1 - OVERLAP)))]


def _shared(lengths: list[int], c: dict[str, Any], side: int) -> int:
    """Lines of pixels in which neighbours of one row are blended."""
    return sum(min(int(side * OVERLAP), scale(c) * min(pair)) for pair in pairwise(lengths))


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
