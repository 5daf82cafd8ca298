"""Speeds of the device as a whole: matrices, memory, conversions; and which types are worth a try."""

from __future__ import annotations

import torch
from torch.nn import functional

from studio.engine.bench.bench import Bench

READ_BYTES = 320 * 2**20
COPIED = 24 * 2**20  # elements: in any type so many that each copy gets memory that nobody had yet
MOVED = 32 * 2**20
LONG_ENOUGH = 0.02  # seconds of one product of matrices
SMALLEST, LARGEST = 256, 8192
TOO_SLOW = 5  # times as long as float32
STORED = ("float32", "float16", "bfloat16")


def precisions(bench: Bench) -> list[str]:
    """float32, and the shorter types that are not hopeless here: those without instructions of their own."""
    plain = _small(bench, torch.float32)
    found = ["float32"]
    for name in ("bfloat16", "float16"):
        try:
            times = _small(bench, getattr(torch, name))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            bench.absent[name] = str(error).partition("\n")[0]
            continue
        worst = max(time / before for time, before in zip(times, plain, strict=True))
        if worst > TOO_SLOW:
            bench.absent[name] = f"{worst:.0f} times as slow as float32"
        else:
            found.append(name)
    return found


def _small(bench: Bench, dtype: torch.dtype) -> tuple[float, float]:
    """Seconds of a small convolution and of a small product; on one thread, which waits for no other."""
    picture = torch.ones(1, 128, 16, 16, device=bench.device, dtype=dtype)
    kernel = torch.ones(128, 128, 3, 3, device=bench.device, dtype=dtype)
    rows = torch.ones(64, 512, device=bench.device, dtype=dtype)
    weights = torch.ones(512, 512, device=bench.device, dtype=dtype)
    torch.set_num_threads(1)
    try:
        return (
            bench.seconds(lambda: functional.conv2d(picture, kernel, padding=1)),
            bench.seconds(lambda: functional.linear(rows, weights)),
        )
    finally:
        torch.set_num_threads(bench.threads)


def matmul(bench: Bench) -> dict[str, float]:
    """Multiply-adds a second by type, of matrices large enough to fill the device."""
    found: dict[str, float] = {}
    for name in ("float32", "bfloat16", "int8", "float16"):
        if bench.left < 0:
            bench.skip("matmul", name)
            continue
        try:
            found[name] = _product(bench, getattr(torch, name))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            bench.absent[f"matmul {name}"] = str(error).partition("\n")[0]
    return found


def _product(bench: Bench, dtype: torch.dtype) -> float:
    side = SMALLEST
    while True:
        matrix = torch.ones(side, side, device=bench.device, dtype=dtype)
        multiply = torch._int_mm if dtype == torch.int8 else torch.matmul
        seconds = bench.seconds(lambda a=matrix, m=multiply: m(a, a))
        if seconds >= LONG_ENOUGH or side >= LARGEST:
            return side**3 / seconds
        side *= 2


def memory_bandwidth(bench: Bench) -> float:
    """Bytes a second that are read by all threads."""
    values = torch.ones(READ_BYTES // 4, device=bench.device)
    return READ_BYTES / bench.seconds(values.sum)


def copy(bench: Bench) -> dict[str, float]:
    """Seconds for an element of a file's type to become one of another type, on the device."""
    found: dict[str, float] = {}
    for stored in STORED:
        values = torch.ones(COPIED, dtype=getattr(torch, stored), device=bench.device)
        for wanted in STORED:
            if wanted == stored:
                continue  # such a file is mapped
            target = getattr(torch, wanted)
            seconds = bench.seconds(lambda v=values, t=target: v.to(t, copy=True))
            found[f"{stored}>{wanted}"] = seconds / COPIED
    return found


def to_device(bench: Bench) -> float | None:
    """Bytes a second from the computer's memory to the device; None where they are the same."""
    if bench.device == "cpu":
        return None
    values = torch.ones(MOVED)
    return 4 * MOVED / bench.seconds(lambda: values.to(bench.device))


def pulse(bench: Bench) -> float:
    """Seconds of one fixed piece of work, the same whenever it is asked for."""
    matrix = torch.ones(1024, 1024, device=bench.device)
    return min(bench.seconds(lambda: matrix @ matrix) for _ in range(2))
