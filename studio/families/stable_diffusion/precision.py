"""In which numbers to compute, decided by trying where it matters."""

from __future__ import annotations

import functools
import time

import torch

SMALL = 400 * 2**20  # bytes of weights; below, a step is too short for any of this to matter


def choose(device: str, asked: str, weight_bytes: int) -> torch.dtype:
    """The type for a denoiser of *weight_bytes*. *asked* is "auto" or a name of `torch`'s.

    On the CPU bfloat16 is taken for large ones if it is faster here: without instructions of its own
    it is many times slower. Accelerators compute in float16.
    """
    if asked != "auto":
        return getattr(torch, asked)
    if device != "cpu":
        return torch.float16
    if weight_bytes < SMALL or not bfloat16_is_faster(torch.get_num_threads()):
        return torch.float32
    return torch.bfloat16


@functools.cache
def bfloat16_is_faster(threads: int) -> bool:  # noqa: ARG001 - the answer may differ with them
    """Whether one layer like those of the denoiser takes less time in bfloat16. About 0.2 seconds."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    return _seconds(torch.bfloat16) < _seconds(torch.float32)


@torch.no_grad()
def _seconds(dtype: torch.dtype) -> float:
    convolution = torch.nn.Conv2d(320, 320, 3, padding=1).to(dtype, memory_format=torch.channels_last)
    values = torch.ones(2, 320, 32, 32).to(dtype, memory_format=torch.channels_last)
    times: list[float] = []
    for _ in range(4):
        began = time.perf_counter()
        convolution(values)
        times.append(time.perf_counter() - began)
    return min(times[1:])  # the first one prepares
