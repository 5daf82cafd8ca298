"""The whole benchmark of one device, section by section."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.measurement import Measurements, Rates
from studio.engine.bench import compiling, disk, libraries
from studio.engine.bench.bench import Bench
from studio.engine.bench.load import Load
from studio.families import registry

log = logging.getLogger(__name__)

# How the time is divided; what a section leaves over is for those after it.
SHARES = {
    "load": 4.0,
    "speed": 4.0,
    "nets": 17.0,
    "linear": 4.0,
    "convolution": 8.0,
    "attention": 5.0,
    "pointwise": 2.0,
    "disk": 3.0,
    "own": 12.0,
    "libraries": 11.0,
}
THROTTLED = 1.15  # times as slow at the end as in the beginning


def measure(
    *,
    device: str,
    name: str,
    threads: int,
    versions: dict[str, str],
    folder: Path,
    seconds: float,
    compiler: bool = False,
    check: Callable[[], None],
    progress: Callable[[str, float], None],
) -> Measurements:
    """Measure *device* for about *seconds*; *folder* is an empty one for large files. *compiler*: try that
    too, for as long as it takes.

    *check* raises Cancelled, *progress* gets the section and how much of the whole is done, 0..1.
    Imports torch. Raises whatever the device's library raises.
    """
    bench = Bench(
        device=device,
        threads=threads,
        folder=folder,
        seconds=seconds,
        shares=SHARES,
        check=check,
        progress=progress,
    )
    return _measure(bench, name, versions, compiler=compiler)


def _measure(bench: Bench, name: str, versions: dict[str, str], *, compiler: bool) -> Measurements:
    load = Load()
    bench.enter("load")
    import torch

    from studio.engine.bench import nets, speeds

    torch.set_num_threads(bench.threads)
    with torch.no_grad():
        bench.enter("speed")
        before = speeds.pulse(bench)
        precisions = speeds.precisions(bench)
        matmul = speeds.matmul(bench)
        bandwidth = speeds.memory_bandwidth(bench)
        copy = speeds.copy(bench)
        to_device = speeds.to_device(bench)
        bench.enter("nets")
        references = nets.references(bench, precisions, _threads(bench))
        rates = _rates(bench, precisions)
        bench.enter("disk")
        disk_speed = disk.read(bench)
        bench.enter("own")
        own = _own(bench)
        bench.enter("libraries")
        costs = libraries.libraries(bench)
        bench.leave()
        after = speeds.pulse(bench)
    best = nets.best(references)
    return Measurements(
        device=bench.device,
        name=name,
        versions=versions,
        taken=time.time(),
        threads=bench.threads,
        rates=rates,
        references=tuple(references),
        best=best,
        compiler=compiling.trial(bench, best) if compiler else None,
        matmul=matmul,
        memory_bandwidth=bandwidth,
        disk_read=disk_speed.read if disk_speed else 0.0,
        copy=copy,
        libraries=libraries.as_libraries(costs),
        own=own,
        throttled=after > before * THROTTLED,
        seconds=bench.elapsed,
        details={
            "others": load.others(),
            "pulse": {"before": before, "after": after},
            "to_device": to_device,
            "disk": msgspec.to_builtins(disk_speed),
            "anonymous_bytes": {family: cost.anonymous for family, cost in costs.items()},
            "sections": bench.taken,
            "absent": bench.absent,
            "skipped": bench.skipped,
        },
    )


def _rates(bench: Bench, precisions: list[str]) -> tuple[Rates, ...]:
    """For each type with either memory format; what has no picture in it is the same for both."""
    import torch

    from studio.engine.bench import kernels

    types = {precision: getattr(torch, precision) for precision in precisions}
    both = [(precision, last) for precision in precisions for last in (False, True)]
    bench.enter("linear")
    linear = {name: kernels.linear(bench, dtype) for name, dtype in types.items()}
    call = {name: kernels.call(bench, dtype) for name, dtype in types.items()}
    bench.enter("convolution")
    convolution = {
        (name, last): kernels.convolution(bench, types[name], channels_last=last) for name, last in both
    }
    bench.enter("attention")
    attention = {name: kernels.attention(bench, dtype) for name, dtype in types.items()}
    bench.enter("pointwise")
    pointwise = {
        (name, last): kernels.pointwise(bench, types[name], channels_last=last) for name, last in both
    }
    found = [
        Rates(
            precision=name,
            channels_last=last,
            linear=linear[name],
            convolution=convolution[name, last],
            attention=attention[name],
            pointwise=pointwise[name, last],
            call=call[name],
        )
        for name, last in both
    ]
    # A few small points say too little of large ones; of the plainest, few are better than none.
    full = found[:1] + [rates for rates in found[1:] if kernels.enough(rates)]
    for rates in found:
        if rates not in full:
            bench.absent[f"rates {rates.precision} {rates.channels_last}"] = "no time"
    return tuple(full)


def _own(bench: Bench) -> dict[str, float]:
    """What families measure themselves. One whose library fails here keeps nobody else from it."""
    found: dict[str, float] = {}
    modules: dict[str, Any] = {}
    for name in registry.families():
        with _tolerant(bench, name):
            if module := registry.measure(name):
                modules[name] = module
    while modules:
        wanted = sum(module.SECONDS for module in modules.values())
        name, module = modules.popitem()
        with bench.part(module.SECONDS / wanted), _tolerant(bench, name):
            found |= module.measure(bench)
    return found


@contextmanager
def _tolerant(bench: Bench, family: str) -> Iterator[None]:
    try:
        yield
    except (ImportError, OSError, RuntimeError) as error:
        log.warning("%s could not measure", family, exc_info=error)
        bench.absent[f"own {family}"] = f"{type(error).__name__}: {error}"


def _threads(bench: Bench) -> list[int]:
    """Numbers of threads to try: the usual one, and one per logical core where that differs."""
    if bench.device != "cpu":
        return [bench.threads]
    logical = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return list(dict.fromkeys((bench.threads, logical)))
