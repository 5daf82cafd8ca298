"""Figures that move: how busy the processor is, how full the memory, how much the engine holds."""

from __future__ import annotations

import time
from typing import Any

import psutil
from msgspec import Struct

from studio.services.machine.memory import read_ram
from studio.services.machine.sources import Live, Sources


class GpuLoad(Struct, frozen=True, kw_only=True):
    """Memory in bytes, `percent` busy; None where the driver does not say."""

    name: str
    used_bytes: int | None = None
    total_bytes: int | None = None
    percent: float | None = None


class Figures(Struct, frozen=True, kw_only=True):
    """`cpu_percent` of the cores that the studio may use, 0..100. `engine_bytes`: None without an engine.

    `ram_total_bytes` is 0 where it is not known. `disk_bytes_per_second`: read and written since the
    last reading, of all disks; None at the first, and where the system does not count.
    """

    cpu_percent: float
    ram_used_bytes: int
    ram_total_bytes: int
    engine_bytes: int | None = None
    disk_bytes_per_second: float | None = None
    gpus: tuple[GpuLoad, ...] = ()


class Meter:
    """Reads the figures since its last reading. A reading takes milliseconds, with a GPU a few tens."""

    def __init__(self, sources: Sources | None = None) -> None:
        self._sources = sources or Live()
        self._without_nvidia = False
        self._disk: tuple[float, int] | None = None
        psutil.cpu_percent(percpu=True)  # the first reading is the start of an interval

    def read(self, engine_pid: int | None = None) -> Figures:
        """Never raises; an engine that has gone has no figure."""
        ram = read_ram(self._sources)
        total, available = ram.total_bytes or 0, ram.available_bytes or 0
        return Figures(
            cpu_percent=self._cpu(),
            ram_used_bytes=max(0, total - available),
            ram_total_bytes=total,
            engine_bytes=_resident(engine_pid) if engine_pid else None,
            disk_bytes_per_second=self._disks(),
            gpus=self._gpus(),
        )

    def _cpu(self) -> float:
        every = psutil.cpu_percent(percpu=True)
        cores: dict[str, Any] = self._sources.read("cores") or {}
        usable: list[int] = cores.get("usable") or []
        mine = [every[core] for core in usable if core < len(every)] or every
        return sum(mine) / len(mine)

    def _disks(self) -> float | None:
        counted = psutil.disk_io_counters()
        if counted is None:
            return None
        before, now = self._disk, (time.monotonic(), counted.read_bytes + counted.write_bytes)
        self._disk = now
        if before is None or now[0] <= before[0] or now[1] < before[1]:  # a disk that was taken out
            return None
        return (now[1] - before[1]) / (now[0] - before[0])

    def _gpus(self) -> tuple[GpuLoad, ...]:
        if self._without_nvidia:
            return ()
        answer: dict[str, Any] = self._sources.read("nvml") or {}
        gpus: list[dict[str, Any]] = answer.get("gpus") or []
        self._without_nvidia = not gpus
        return tuple(
            GpuLoad(
                name=gpu["name"],
                used_bytes=gpu["total"] - gpu["free"] if gpu["total"] is not None else None,
                total_bytes=gpu["total"],
                percent=gpu["percent"],
            )
            for gpu in gpus
        )


def _resident(pid: int) -> int | None:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return None
