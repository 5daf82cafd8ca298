"""How much of the processor other programs took meanwhile: figures from a busy computer are too slow."""

from __future__ import annotations

import psutil


class Load:
    """From its making on."""

    def __init__(self) -> None:
        self._before = _times()

    def others(self) -> float:
        """The share of all processors' time, 0..1, that neither this process nor its children used."""
        busy, own, total = (now - before for now, before in zip(_times(), self._before, strict=True))
        return min(1.0, max(0.0, busy - own) / total) if total > 0 else 0.0


def _times() -> tuple[float, float, float]:
    """Seconds so far of all processors that were busy, of this process with its ended children, in all."""
    system, own = psutil.cpu_times(), psutil.Process().cpu_times()
    total = sum(
        getattr(system, name, 0.0) for name in ("user", "system", "idle", "iowait", "nice", "irq", "softirq")
    )
    idle = system.idle + getattr(system, "iowait", 0.0)
    return total - idle, own.user + own.system + own.children_user + own.children_system, total
