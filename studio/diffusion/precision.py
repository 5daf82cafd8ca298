"""In which numbers to compute, decided by trying where it matters."""

from __future__ import annotations

import functools
import time

import torch

from studio.domain.family import FamilySpec

SMALL = 400 * 2**20  # bytes of weights; below, a step is too short for any of this to matter


class Types:
    """The type of each part of a model, by name."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def __getitem__(self, part: str) -> torch.dtype:
        return getattr(torch, self._names.get(part, self._names["*"]))


def choose(spec: FamilySpec, *, device: str, planned: dict[str, str], weight_bytes: int) -> Types:
    """What to compute the parts of a model of *spec* in: as *planned*, if anything was.

    Else, on the CPU bfloat16 is taken where the denoiser has many *weight_bytes* if it is faster here:
    without instructions of its own it is many times slower. Accelerators compute in 16 bits.
    """
    if planned:
        return Types({"*": "float32", **planned})
    plain, half = spec.precisions["cpu" if device == "cpu" else "gpu"][:2]
    large = weight_bytes >= SMALL
    quick = device != "cpu" or (large and bfloat16_is_faster(torch.get_num_threads()))
    return Types(half if quick else plain)


@functools.cache
def bfloat16_is_faster(threads: int) -> bool:  # noqa: ARG001 - the answer may differ with them
    """Whether one layer like those of a denoiser takes less time in bfloat16. About 0.2 seconds."""
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
