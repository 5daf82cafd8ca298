"""All facts together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.domain.machine import Disk, Machine, Ram
from studio.services.machine import accelerators, cgroups, cpu
from studio.services.machine.sources import Live, Sources


def read_machine(*folders: Path, sources: Sources | None = None) -> Machine:
    """This computer, as far as it can be read; *folders* say which disks matter.

    Takes up to a tenth of a second (a driver may wake): call it in a thread. Never raises.
    """
    sources = sources or Live()
    system: dict[str, str] = sources.read("system") or {}
    return Machine(
        cpu=cpu.read(sources, system),
        ram=read_ram(sources),
        disks=_disks(sources, folders),
        accelerators=accelerators.read(sources, system),
        os=system.get("name", ""),
        python=system.get("python", ""),
    )


def read_ram(sources: Sources) -> Ram:
    """What this process may use, in bytes."""
    memory: dict[str, int] = sources.read("memory") or {"total": 0, "available": 0}
    total, available = memory["total"], memory["available"]
    limit = cgroups.memory(sources)
    if limit is not None:
        total, available = min(total, limit[0]), min(available, limit[1])
    return Ram(total_bytes=total, available_bytes=available)


def _disks(sources: Sources, folders: tuple[Path, ...]) -> tuple[Disk, ...]:
    """The disk of each folder, once; a folder that is not there yet will lie where its parent does."""
    found: dict[Any, Disk] = {}
    for folder in folders:
        for place in (folder, *folder.parents):
            usage: dict[str, int] | None = sources.read("disk", str(place))
            if usage is not None:
                disk = Disk(path=str(folder), total_bytes=usage["total"], free_bytes=usage["free"])
                found.setdefault(usage.get("device"), disk)
                break
    return tuple(found.values())
