"""All facts together: every probe at once, each for a limited time, and none may take the others with it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.domain.machine import Cpu, Limits, Machine, Ram
from studio.services.machine import accelerators, cgroups, cpu, disks
from studio.services.machine.memory import read_ram
from studio.services.machine.sources import Live, Sources

log = logging.getLogger(__name__)

PROBE_SECONDS = 3.0

__all__ = ["read_machine", "read_ram"]


def read_machine(*folders: Path, sources: Sources | None = None) -> Machine:
    """This computer, as far as it can be read; *folders* say which disks matter.

    Takes up to `PROBE_SECONDS`, mostly some hundredths (a driver may wake): call it in a thread. Never
    raises; what did not answer in time is unknown.
    """
    sources = sources or Live()
    system: dict[str, str] = sources.read("system") or {}
    found = together(
        {
            "cpu": lambda: cpu.read(sources, system),
            "ram": lambda: read_ram(sources),
            "limits": lambda: cgroups.limits(sources, system),
            "accelerators": lambda: accelerators.read(sources, system),
            **{f"disk {n}": _disk(sources, system, folder) for n, folder in enumerate(folders)},
        }
    )
    places = [disk for n, _ in enumerate(folders) if (disk := found.get(f"disk {n}"))]
    return Machine(
        cpu=found.get("cpu") or Cpu(),
        ram=found.get("ram") or Ram(),
        disks=disks.distinct(places),
        accelerators=found.get("accelerators") or (),
        limits=found.get("limits") or Limits(),
        os=system.get("name", ""),
        kernel=system.get("kernel", ""),
        python=system.get("python", ""),
        locale=system.get("locale", ""),
    )


def _disk(sources: Sources, system: dict[str, str], folder: Path) -> Callable[[], Any]:
    return lambda: disks.read(sources, system, folder)


def together(probes: dict[str, Callable[[], Any]], seconds: float = PROBE_SECONDS) -> dict[str, Any]:
    """What each probe found within *seconds*. One that fails or hangs is missing; its thread stays behind."""
    found: dict[str, Any] = {}

    def run(name: str, probe: Callable[[], Any]) -> None:
        try:
            found[name] = probe()
        except Exception:
            log.exception("the probe of %s failed", name)

    threads = {
        name: threading.Thread(target=run, args=(name, probe), name=f"probe {name}", daemon=True)
        for name, probe in probes.items()
    }
    end = time.monotonic() + seconds
    for thread in threads.values():
        thread.start()
    for name, thread in threads.items():
        thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            log.warning("the probe of %s gave no answer within %.0f s", name, seconds)
    return dict(found)
