"""How much memory there is for this program: a container's limit counts, not its host's memory."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from studio.domain.machine import Ram

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


def ram() -> Ram:
    """What this process may use, now."""
    memory = psutil.virtual_memory()
    total, available = memory.total, memory.available
    for limit, used in _limits():
        total = min(total, limit)
        available = min(available, max(limit - used, 0))
    return Ram(total_bytes=total, available_bytes=available)


def kills() -> int:
    """How often the kernel has ended a process for want of memory since the system started; 0 if unknown."""
    if sys.platform != "linux":
        return 0
    try:
        lines = (_PROC / "vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _limits() -> list[tuple[int, int]]:
    """Limit and use in bytes of every control group that this process is in and that has a limit.

    Its own folder and those above it all count. Inside a container they may be the root's.
    """
    if sys.platform != "linux":
        return []
    try:
        lines = (_PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    found: list[tuple[int, int]] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, names = _CGROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = _CGROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        folder = root / path.lstrip("/")
        while True:
            if limit := _limit(folder, *names):
                found.append(limit)
            if folder == root:
                break
            folder = folder.parent
    return found


def _limit(folder: Path, limit_name: str, used_name: str, cache_name: str) -> tuple[int, int] | None:
    try:
        limit = (folder / limit_name).read_text().strip()
        used = int((folder / used_name).read_text())
        stat = (folder / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return None
    if not limit.isdecimal():  # "max"
        return None
    # Files in the cache are given back when memory is wanted.
    cache = next((int(line.split()[1]) for line in stat if line.startswith(f"{cache_name} ")), 0)
    return int(limit), max(used - cache, 0)
