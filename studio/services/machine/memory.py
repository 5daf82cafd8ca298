"""Memory, and the part of the disk that stands in for it, as far as this process may use them."""

from __future__ import annotations

from studio.domain.machine import Ram
from studio.services.machine import cgroups
from studio.services.machine.parse import count, fields, kilobytes, lines, table, whole
from studio.services.machine.sources import SYSCTL, Sources


def read_ram(sources: Sources) -> Ram:
    """What this process may use, in bytes."""
    total, available, swap_total, swap_free = _host(sources)
    try:
        limit, swap_limit = cgroups.memory(sources), cgroups.swap(sources)
    except cgroups.Unreadable:
        return Ram()
    if limit is not None:
        total, available = _least(total, limit[0]), _least(available, limit[1])
    if swap_limit is not None:
        swap_total, swap_free = _least(swap_total, swap_limit[0]), _least(swap_free, swap_limit[1])
    return Ram(
        total_bytes=total,
        available_bytes=available,
        swap_total_bytes=swap_total,
        swap_free_bytes=swap_free,
    )


def _host(sources: Sources) -> tuple[int | None, int | None, int | None, int | None]:
    text = sources.read("text", "/proc/meminfo")
    if text is not None:
        said = fields(lines(text))
        names = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
        total, available, swap_total, swap_free = (kilobytes(said.get(name)) for name in names)
    else:
        memory = table(sources.read("memory"))
        names = ("total", "available", "swap_total", "swap_free")
        total, available, swap_total, swap_free = (count(memory.get(name)) for name in names)
        if total is None:
            said = fields(lines(sources.read("command", *SYSCTL)))
            total = whole(said.get("hw.memsize"))
    return total, available, swap_total, swap_free


def _least(host: int | None, limit: int) -> int | None:
    """What the host does not say could be less than the limit."""
    return min(host, limit) if host is not None else None
