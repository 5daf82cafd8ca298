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
        self._cores = _cores()

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
        before, now = self._cores, _cores()
        self._cores = now
        cores: dict[str, Any] = self._sources.read("cores") or {}
        usable: list[int] = cores.get("usable") or []
        mine = [core for core in usable if core < len(now)] or range(len(now))
        busy = passed = 0.0
        for core in mine:
            if core < len(before):  # else it was switched on meanwhile
                busy += now[core][0] - before[core][0]
                passed += now[core][1] - before[core][1]
        return min(100.0, max(0.0, 100 * busy / passed)) if passed > 0 else 0.0

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


def _cores() -> list[tuple[float, float]]:
    """(busy, all) seconds of each core since the computer started.

    psutil's own percentages count for each thread apart: one that asks for the first time gets 0.
    """
    found: list[tuple[float, float]] = []
    for core in psutil.cpu_times(percpu=True):
        guests = getattr(core, "guest", 0.0) + getattr(core, "guest_nice", 0.0)  # counted as the user's too
        whole = sum(core) - guests
        found.append((whole - core.idle - getattr(core, "iowait", 0.0), whole))
    return found


def _resident(pid: int) -> int | None:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return None
