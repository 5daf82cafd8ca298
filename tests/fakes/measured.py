"""Measurements of a computer that does not exist: round figures, to calculate with."""

from __future__ import annotations

from typing import Any

import msgspec

from studio.domain.measurement import Library, Measurements, Rates, Setting

RATES = Rates(
    precision="float32",
    channels_last=False,
    linear=((1.0, 1e-10), (64.0, 1e-9), (1024.0, 1.6e-8)),
    convolution=((64.0, 1024.0, 1e-11), (320.0, 4096.0, 1e-11)),
    attention=((64.0, 64.0, 64.0, 1e-11), (1024.0, 1024.0, 64.0, 1e-11)),
    pointwise=((1000.0, 1e-9), (1e6, 1e-9)),
    call=1e-5,
)


def measured(device: str = "cpu", **changes: Any) -> Measurements:
    """16 bits are twice as fast as 32; the libraries of every family take 3 s and 300 MB."""
    half = msgspec.structs.replace(
        RATES,
        precision="bfloat16",
        linear=tuple((rows, seconds / 2) for rows, seconds in RATES.linear),
        convolution=tuple((*sizes, seconds / 2) for *sizes, seconds in RATES.convolution),
    )
    plain = Measurements(
        device=device,
        name="none",
        versions={},
        taken=1.0,
        threads=2,
        rates=(RATES, half),
        references=(),
        best=Setting(precision="bfloat16", threads=2),
        matmul={},
        memory_bandwidth=1e10,
        disk_read=1e9,
        copy={"bfloat16>float32": 1e-9, "float16>float32": 1e-9},
        libraries={
            name: Library(seconds=3.0, bytes=300_000_000)
            for name in ("stable_diffusion", "transformers_text", "gguf_text")
        },
    )
    return msgspec.structs.replace(plain, **changes)
