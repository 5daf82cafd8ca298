"""Single operations: seconds for a unit of each, with sizes as models have them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import psutil
import torch
from torch import nn
from torch.nn import functional

from studio.domain.measurement import Rates
from studio.engine.bench.bench import Bench

INPUTS, OUTPUTS = 1024, 4096
COLD_BYTES = 320 * 2**20  # of weights in turn: more than the last cache holds, or most of it
COLD_KERNELS = 128 * 2**20
ROWS = (1, 2, 4, 16, 64, 256, 1024)
FEW = 1024  # positions; with more of them than this, reading the weights takes no part

# Channels and side of the picture: autoencoders have few and large ones, denoisers the reverse.
CONVOLUTIONS = (
    (64, 16), (64, 64), (64, 256), (128, 8), (128, 128), (128, 256), (256, 64), (320, 32), (320, 64),
    (640, 16), (640, 32), (1280, 8), (1280, 16),
)  # fmt: skip
ATTENTIONS = tuple(
    (queries, keys, width)
    for width in (40, 64, 128)
    for queries, keys in ((64, 64), (256, 256), (1024, 1024), (4096, 4096), (1024, 77), (1, 512))
)
CHANNELS, GROUPS = 64, 32
SIDES = (16, 64, 128, 256, 512)  # of pictures with so many channels: 16 thousand to 16 million elements

Points = tuple[tuple[float, ...], ...]


def linear(bench: Bench, dtype: torch.dtype) -> Points:
    """(rows, seconds per weight)."""
    size = INPUTS * OUTPUTS
    room = min(COLD_BYTES, psutil.virtual_memory().available // 8)
    weights = _copies(_random((OUTPUTS, INPUTS), bench.device, dtype), room)

    def make(sizes: tuple[int]) -> Callable[[], object]:
        values, turn = _random((sizes[0], INPUTS), bench.device, dtype), itertools.cycle(weights)
        return lambda: functional.linear(values, next(turn))

    points = [(rows,) for rows in ROWS]
    # By the work of many rows; of few of them the weights' way from memory counts, as `series` then finds.
    found = bench.series(f"linear {dtype}", points, lambda sizes: float(sizes[0]) * size, make)
    return tuple((float(rows), rate * rows) for (rows,), rate in found)


def convolution(bench: Bench, dtype: torch.dtype, *, channels_last: bool) -> Points:
    """(channels, positions, seconds per multiply-add), 3 x 3."""
    memory = torch.channels_last if channels_last else torch.contiguous_format

    def make(sizes: tuple[int, int]) -> Callable[[], object]:
        channels, side = sizes
        kernel = _random((channels, channels, 3, 3), bench.device, dtype).to(memory_format=memory)
        kernels = _copies(kernel, COLD_KERNELS) if side * side <= FEW else [kernel]
        values = _random((1, channels, side, side), bench.device, dtype).to(memory_format=memory)
        turn = itertools.cycle(kernels)
        return lambda: functional.conv2d(values, next(turn), padding=1)

    def macs(sizes: tuple[int, int]) -> float:
        channels, side = sizes
        return 9.0 * channels * channels * side * side

    found = bench.series(f"convolution {dtype} {channels_last}", CONVOLUTIONS, macs, make)
    return tuple((float(channels), float(side * side), rate) for (channels, side), rate in found)


def attention(bench: Bench, dtype: torch.dtype) -> Points:
    """(queries, keys, width of a head, seconds per multiply-add)."""

    def heads(queries: int) -> int:
        return max(2 if queries > FEW else 8, bench.threads)

    def make(sizes: tuple[int, int, int]) -> Callable[[], object]:
        queries, keys, width = sizes
        asked = _random((1, heads(queries), queries, width), bench.device, dtype)
        known, values = (_random((1, heads(queries), keys, width), bench.device, dtype) for _ in range(2))
        return lambda: functional.scaled_dot_product_attention(asked, known, values)

    def macs(sizes: tuple[int, int, int]) -> float:
        queries, keys, width = sizes
        return 2.0 * heads(queries) * queries * keys * width

    found = bench.series(f"attention {dtype}", ATTENTIONS, macs, make)
    return tuple((float(q), float(k), float(w), rate) for (q, k, w), rate in found)


def pointwise(bench: Bench, dtype: torch.dtype, *, channels_last: bool) -> Points:
    """(elements, seconds per element), the mean of a group norm, an activation and a sum."""
    memory = torch.channels_last if channels_last else torch.contiguous_format

    def make(sizes: tuple[int]) -> Callable[[], object]:
        (side,) = sizes
        values = _random((1, CHANNELS, side, side), bench.device, dtype).to(memory_format=memory)
        scale, shift = (_random((CHANNELS,), bench.device, dtype) for _ in range(2))
        return lambda: functional.silu(functional.group_norm(values, GROUPS, scale, shift)) + values

    def elements(sizes: tuple[int]) -> float:
        return 3.0 * CHANNELS * sizes[0] * sizes[0]

    found = bench.series(f"pointwise {dtype} {channels_last}", [(side,) for side in SIDES], elements, make)
    return tuple((float(CHANNELS * side * side), rate) for (side,), rate in found)


def call(bench: Bench, dtype: torch.dtype) -> float:
    """Seconds of one operation with next to nothing to compute, called as a layer of a model."""
    width, repeats = 64, 8
    layers = [
        layer for _ in range(repeats) for layer in (nn.Linear(width, width), nn.SiLU(), nn.LayerNorm(width))
    ]
    chain = nn.Sequential(*layers).to(bench.device, dtype)
    values = _random((1, width), bench.device, dtype)
    return bench.seconds(lambda: chain(values)) / len(layers)


def enough(rates: Rates) -> bool:
    """Whether at least half of every kind's points were measured."""
    return all(
        2 * len(found) >= len(wanted)
        for found, wanted in (
            (rates.linear, ROWS),
            (rates.convolution, CONVOLUTIONS),
            (rates.attention, ATTENTIONS),
            (rates.pointwise, SIDES),
        )
    )


def _random(shape: tuple[int, ...], device: str, dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(shape, device=device).uniform_(-0.1, 0.1).to(dtype)


def _copies(tensor: torch.Tensor, size: int) -> list[Any]:
    """*tensor* and as many copies of it as fill *size* bytes."""
    count = max(1, size // (tensor.numel() * tensor.element_size()))
    return [tensor, *(tensor.clone() for _ in range(count - 1))]
