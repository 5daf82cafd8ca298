"""What a generator's picture costs, counted from its config.json."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from studio.domain.cost.cost import Cost, ModelFacts, Part, Stage
from studio.domain.cost.ops import Convolution, Pointwise, Walk
from studio.domain.cost.walker import Walker

PART = "model"
FIRST, TAPS = 4, 16  # pixels on a side of the first layer's output; of all filters
DEFAULTS = {"nz": 100, "ngf": 64, "nc": 3, "image_size": 64}


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request."""
    part = facts.parts[PART]
    walk = draw(part.config)
    return Cost(
        parts=(Part.of(PART, part, _weights(part.config)),),
        stages=(
            Stage(
                phase="draw",
                part=PART,
                ops=walk.ops,
                repeats=values["count"],
                alive=walk.alive,
                calls=walk.calls,
            ),
        ),
    )


def draw(config: dict[str, Any]) -> Walk:
    """One picture. Each position of a layer's input is spread over 16 of its output."""
    w = Walker()
    sizes = _sizes(config)
    noise = x = w.new(1, sizes[0])
    area = 1
    for n, width in enumerate(sizes[1:], 1):
        w.count(Convolution(area, x.width, width, TAPS))
        area = FIRST * FIRST if n == 1 else 4 * area
        x = w.new(area, width)
        if n < len(sizes) - 1:
            x = w.pointwise(x)
            w.count(Pointwise(x.elements))  # in place
    x = w.pointwise(x)
    del noise, x
    return w.walk


def _sizes(config: dict[str, Any]) -> list[int]:
    """The channels of the noise and behind each layer."""
    c = DEFAULTS | config
    doublings = (c["image_size"] // FIRST).bit_length() - 1
    return [c["nz"], *(c["ngf"] << left for left in reversed(range(doublings))), c["nc"]]


def _weights(config: dict[str, Any]) -> int:
    """The files have running statistics beside them, which are few."""
    sizes = _sizes(config)
    return sum(a * b * TAPS for a, b in pairwise(sizes)) + sum(2 * size for size in sizes[1:-1])
