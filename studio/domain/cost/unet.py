"""UNet2DConditionModel: the denoiser of Stable Diffusion 1.x, 2.x and XL, from its config.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from studio.domain.cost import blocks
from studio.domain.cost.ops import Walk
from studio.domain.cost.walker import Values, Walker

CROSS = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D", "UNetMidBlock2DCrossAttn")
PLAIN = ("DownBlock2D", "UpBlock2D")
POOLED = 1280  # features of the pooled text that XL adds to the time; its size of the picture is six numbers
DEFAULTS: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2,
    "cross_attention_dim": 1280,
    "transformer_layers_per_block": 1,
    "attention_head_dim": 8,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
}


class _Level(NamedTuple):
    """What one block of the way down, and its counterpart on the way up, are made of."""

    channels: int
    resnets: int
    heads: int
    layers: Any
    context: int
    only_context: bool


class _Net:
    """A configuration and one picture's batch on their way through it."""

    def __init__(self, config: dict[str, Any], batch: int, tokens: int) -> None:
        self.config = DEFAULTS | {key: value for key, value in config.items() if value is not None}
        self.config["mid_block_type"] = config.get("mid_block_type", DEFAULTS["mid_block_type"])
        self.w, self.batch, self.tokens = Walker(), batch, tokens
        c = self.config
        channels: Sequence[int] = c["block_out_channels"]
        # What the configuration calls the width of a head is the number of heads (an old mistake of theirs).
        heads = c.get("num_attention_heads") or c["attention_head_dim"]
        rows: tuple[Any, ...] = (
            channels,
            c["layers_per_block"],
            heads,
            c["transformer_layers_per_block"],
            c["cross_attention_dim"],
            c.get("only_cross_attention", False),
        )
        columns: list[Sequence[Any]] = [
            each if isinstance(each, list | tuple) else [each] * len(channels) for each in rows
        ]
        self.levels = [_Level(*level) for level in zip(*columns, strict=True)]
        self.time_width: int = c.get("time_embedding_dim") or channels[0] * 4

    def upwards(self) -> list[_Level]:
        """The levels from the lowest, with other depths where the configuration says so."""
        own = self.config.get("reverse_transformer_layers_per_block")
        levels = self.levels[::-1]
        return [level._replace(layers=own[i]) for i, level in enumerate(levels)] if own else levels

    def embed(self, text_width: int) -> tuple[Values, dict[int, Values]]:
        """The time, with what is added to it, and the text in each width in which a block reads it."""
        c, w, batch = self.config, self.w, self.batch
        time = w.pointwise(w.new(batch, c["block_out_channels"][0]), calls=4)
        time = self._embedding(time)
        kind = c.get("class_embed_type")
        if kind == "simple_projection":
            time = w.pointwise(w.linear(w.new(batch, c["projection_class_embeddings_input_dim"]), time.width))
        elif kind in {"timestep", "projection"}:
            given = c.get("projection_class_embeddings_input_dim") if kind == "projection" else None
            time = w.pointwise(self._embedding(w.new(batch, given or c["block_out_channels"][0])))
        elif kind or c.get("num_class_embeds"):
            time = w.pointwise(time, calls=2)
        if c.get("class_embeddings_concat"):
            time = w.new(batch, 2 * time.width)
        if c.get("addition_embed_type") == "text_time":
            given = w.pointwise(w.new(batch, c["projection_class_embeddings_input_dim"]), calls=5)
            time = w.pointwise(self._embedding(given))
        elif c.get("addition_embed_type"):
            raise ValueError(f"addition_embed_type {c['addition_embed_type']}")
        text = w.new(batch * self.tokens, c.get("encoder_hid_dim") or text_width)
        if c.get("encoder_hid_dim"):
            text = w.linear(text, text_width)
        widths = {level.context for level in self.levels}
        return time, {width: text.view(text.rows, width) for width in widths}

    def _embedding(self, values: Values) -> Values:
        hidden = self.w.linear(values, self.time_width)
        return self.w.linear(self.w.pointwise(hidden), self.time_width)

    def residual(self, x: Values, channels: int, time: Values) -> Values:
        shift = self.config.get("resnet_time_scale_shift") == "scale_shift"
        return blocks.resnet(self.w, x, channels, time=time, scale_shift=shift)

    def look(self, kind: str, x: Values, level: _Level, n: int, text: dict[int, Values]) -> Values:
        """The transformer number *n* of a block, if it is of the *kind* that has them."""
        if kind not in CROSS:
            if kind not in PLAIN:
                raise ValueError(f"a block of kind {kind}")
            return x
        layers = level.layers if isinstance(level.layers, int) else level.layers[n]
        return blocks.transformer(
            self.w,
            x,
            batch=self.batch,
            heads=level.heads,
            layers=layers,
            context=text[level.context],
            linear=bool(self.config.get("use_linear_projection")),
            only_context=level.only_context,
        )


def unet(config: dict[str, Any], *, batch: int, height: int, width: int, tokens: int) -> Walk:
    """One step of the denoiser on *batch* latents of *height* x *width*, each with *tokens* of text.

    Raises ValueError for blocks that are none of Stable Diffusion's, KeyError for a config without sizes.
    """
    net = _Net(config, batch, tokens)
    w, c, levels = net.w, net.config, net.levels
    sample = w.new(batch * height * width, c["in_channels"])
    time, text = net.embed(levels[0].context)
    x = w.convolution(sample, levels[0].channels, c["conv_in_kernel"] ** 2)
    skips = [x]
    sizes = [(height, width)]
    for i, (kind, level) in enumerate(zip(c["down_block_types"], levels, strict=True)):
        for n in range(level.resnets):
            x = net.residual(x, level.channels, time)
            x = net.look(kind, x, level, n, text)
            skips.append(x)
        if i < len(levels) - 1:
            size = tuple((side + 1) // 2 for side in sizes[-1])
            sizes.append((size[0], size[1]))
            x = w.convolution(x, level.channels, 9, rows=batch * size[0] * size[1])
            skips.append(x)
    x = _middle(net, x, time, text)
    for kind, level in zip(c["up_block_types"], net.upwards(), strict=True):
        sizes.pop()
        x = _up(net, x, kind, level, time, text, skips, sizes)
    x = w.pointwise(x)
    x = w.pointwise(x)
    w.convolution(x, c["out_channels"], c["conv_out_kernel"] ** 2)
    return w.walk


def _middle(net: _Net, x: Values, time: Values, text: dict[int, Values]) -> Values:
    kind, level = net.config["mid_block_type"], net.levels[-1]._replace(only_context=False)
    if kind is None:
        return x
    h = net.residual(x, level.channels, time)
    if kind == "UNetMidBlock2DCrossAttn":
        h = net.look(kind, h, level, 0, text)
        return net.residual(h, level.channels, time)
    if kind != "UNetMidBlock2D":
        raise ValueError(f"a middle block of kind {kind}")
    return h  # in this place it has but the one


def _up(
    net: _Net,
    x: Values,
    kind: str,
    level: _Level,
    time: Values,
    text: dict[int, Values],
    skips: list[Values],
    sizes: list[tuple[int, int]],
) -> Values:
    """One block of the way up. Its skips are taken off the pile, and are held until it ends, as is *x*."""
    count = level.resnets + 1
    mine = [skips.pop() for _ in range(count)]
    h = x
    for n, skip in enumerate(mine):
        h = net.w.pointwise(h, h.width + skip.width)
        h = net.residual(h, level.channels, time)
        h = net.look(kind, h, level, n, text)
    if sizes:
        h = net.w.resize(h, net.batch * sizes[-1][0] * sizes[-1][1])
        h = net.w.convolution(h, level.channels, 9)
    return h
