"""The limits of a container or a session on Linux, in both forms of control groups.

A limit may stand at any level between this process's group and the root: the smallest one counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from studio.services.machine.sources import Sources

_ROOTS = {"memory": "/sys/fs/cgroup/memory", "cpu": "/sys/fs/cgroup/cpu", "": "/sys/fs/cgroup"}


def memory(sources: Sources) -> tuple[int, int] | None:
    """Bytes allowed, and of those still free, None without a limit. Cache that can be dropped is free."""
    limits: list[tuple[int, int]] = []
    for folder, version in _groups(sources, "memory"):
        if version == 2:
            allowed = [_number(sources, f"{folder}/memory.{name}") for name in ("max", "high")]
            used = _number(sources, f"{folder}/memory.current")
        else:
            allowed = [_number(sources, f"{folder}/memory.limit_in_bytes")]
            used = _number(sources, f"{folder}/memory.usage_in_bytes")
        limit = min((value for value in allowed if value is not None), default=None)
        if limit is not None:
            in_use = max(0, (used or 0) - _droppable(sources, folder, version))
            limits.append((limit, max(0, limit - in_use)))
    if not limits:
        return None
    return min(limit for limit, _ in limits), min(free for _, free in limits)


def cpus(sources: Sources) -> float | None:
    """How many cores' worth of time is allowed, None without a limit."""
    quotas: list[float] = []
    for folder, version in _groups(sources, "cpu"):
        if version == 2:
            quota, _, period = (sources.read("text", f"{folder}/cpu.max") or "").partition(" ")
        else:
            quota = sources.read("text", f"{folder}/cpu.cfs_quota_us") or ""
            period = sources.read("text", f"{folder}/cpu.cfs_period_us") or ""
        if quota.isdecimal() and period.isdecimal() and int(period) > 0:
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def _droppable(sources: Sources, folder: str, version: int) -> int:
    """Cached file pages, as the kernel counts them into MemAvailable."""
    # Version 1 counts a group's own pages apart from those with its children's, which `used` includes.
    names = [f"{'' if version == 2 else 'total_'}{name}" for name in ("inactive_file", "active_file")]
    total = 0
    for line in (sources.read("text", f"{folder}/memory.stat") or "").splitlines():
        name, _, value = line.partition(" ")
        if name in names and value.isdecimal():
            total += int(value)
    return total


def _groups(sources: Sources, controller: str) -> Iterator[tuple[str, int]]:
    """Folders from this process's group up to the mount's root, with the version 1 or 2."""
    for line in (sources.read("text", "/proc/self/cgroup") or "").splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        version = 2 if number == "0" and not controllers else 1
        if version == 1 and controller not in controllers.split(","):
            continue
        mount, root = _mount(sources, controller, version)
        inside = path.removeprefix(root.rstrip("/")) if path.startswith(root) else ""
        parts = [part for part in inside.split("/") if part and part != ".."]
        for depth in range(len(parts), -1, -1):
            yield "/".join([mount, *parts[:depth]]), version


def _mount(sources: Sources, controller: str, version: int) -> tuple[str, str]:
    """Where the hierarchy is mounted, and which of its folders is there to be seen."""
    for line in (sources.read("text", "/proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if len(fields) < 5 or len(kind) < 3:
            continue
        is_v2 = version == 2 and kind[0] == "cgroup2"
        is_v1 = version == 1 and kind[0] == "cgroup" and controller in kind[2].split(",")
        if is_v2 or is_v1:
            return fields[4], fields[3]
    return _ROOTS["" if version == 2 else controller], "/"


def _number(sources: Sources, path: str) -> int | None:
    """None too for "max" and for version 1's way to say it."""
    text = sources.read("text", path) or ""
    return int(text) if text.isdecimal() and int(text) < 2**60 else None
