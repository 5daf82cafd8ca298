"""The limits of a container or a session on Linux, in both forms of control groups.

A limit may stand at any level between this process's group and the root: the smallest one counts. A limit
that is there and cannot be read is not the same as none: it raises `Unreadable`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from studio.domain.machine import Limits
from studio.services.machine.parse import fields, lines, value, whole
from studio.services.machine.sources import Sources

# Where version 1 is mounted unless the list of mounts says otherwise, and a file that is always there.
_ROOTS = {"memory": ("/sys/fs/cgroup/memory",), "cpu": ("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu")}
_FILES = {"memory": "memory.limit_in_bytes", "cpu": "cpu.cfs_quota_us"}
_MANY = 2**60  # how version 1 says "no limit"
_SIGNS = {"docker": "docker", "libpod": "podman", "kubepods": "kubernetes", "lxc": "lxc"}


class Unreadable(Exception):
    """There may be a limit, and it cannot be told."""


def limits(sources: Sources, system: dict[str, str]) -> Limits:
    """What this process may use of the computer; a limit that cannot be read is not known."""
    if system.get("system") != "linux":
        return Limits()
    try:
        allowed = memory(sources)
    except Unreadable:
        allowed = None
    try:
        share = cpus(sources)
    except Unreadable:
        share = None
    return Limits(
        container=_container(sources, system), memory_bytes=allowed[0] if allowed else None, cpus=share
    )


def memory(sources: Sources) -> tuple[int, int] | None:
    """Bytes allowed, and of those still free, None without a limit. Cache that can be dropped is free."""
    found: list[tuple[int, int]] = []
    for folder, version in _groups(sources, "memory"):
        names = ("max", "high") if version == 2 else ("limit_in_bytes",)
        allowed = [_limit(sources, f"{folder}/memory.{name}") for name in names]
        used_file = f"{folder}/memory.{'current' if version == 2 else 'usage_in_bytes'}"
        used = sources.read("text", used_file)
        if used is not None and sources.read("text", f"{folder}/memory.{names[0]}") is None:
            raise Unreadable  # the one is never there without the other
        limit = min((number for number in allowed if number is not None), default=None)
        if limit is not None:
            taken = whole(value(used))
            if taken is None:
                raise Unreadable
            in_use = max(0, taken - _droppable(sources, folder, version))
            found.append((limit, max(0, limit - in_use)))
    if not found:
        return None
    return min(limit for limit, _ in found), min(free for _, free in found)


def swap(sources: Sources) -> tuple[int, int] | None:
    """As `memory`, for what may be moved to the disk."""
    found: list[tuple[int, int]] = []
    for folder, version in _groups(sources, "memory"):
        if version == 2:
            limit = _limit(sources, f"{folder}/memory.swap.max")
            taken = whole(value(sources.read("text", f"{folder}/memory.swap.current"))) or 0
        else:  # there memory and swap are counted together
            both = _limit(sources, f"{folder}/memory.memsw.limit_in_bytes")
            alone = _limit(sources, f"{folder}/memory.limit_in_bytes")
            limit = max(0, both - alone) if both is not None and alone is not None else None
            taken = 0
        if limit is not None:
            found.append((limit, max(0, limit - taken)))
    if not found:
        return None
    return min(limit for limit, _ in found), min(free for _, free in found)


def cpus(sources: Sources) -> float | None:
    """How many cores' worth of time is allowed, None without a limit."""
    quotas: list[float] = []
    for folder, version in _groups(sources, "cpu"):
        if version == 2:
            text = sources.read("text", f"{folder}/cpu.max")
            quota, _, period = value(text).partition(" ")
            without = quota == "max"
        else:
            text = sources.read("text", f"{folder}/cpu.cfs_quota_us")
            quota = value(text)
            period = value(sources.read("text", f"{folder}/cpu.cfs_period_us"))
            without = quota == "-1"
        if text is None or without:
            continue
        share, of = whole(quota), whole(period)
        if not share or not of:
            raise Unreadable
        quotas.append(share / of)
    return min(quotas, default=None)


def _limit(sources: Sources, path: str) -> int | None:
    """The number in a file, None without one, and for "max" and version 1's way to say it."""
    text = sources.read("text", path)
    if text is None or value(text) == "max":
        return None
    limit = whole(value(text), 2**64) if re.fullmatch(r"[0-9]{1,16}", value(text)) else None
    if limit is None:
        if re.fullmatch(r"9[0-9]{18}", value(text)):
            return None
        raise Unreadable
    return limit if limit < _MANY else None


def _droppable(sources: Sources, folder: str, version: int) -> int:
    """Cached file pages, as the kernel counts them into MemAvailable."""
    # Version 1 counts a group's own pages apart from those with its children's, which `used` includes.
    text = sources.read("text", f"{folder}/memory.stat")
    if text is None:
        return 0
    found = fields(lines(text), " ")
    total = 0
    for name in ("inactive_file", "active_file"):
        pages = whole(found.get(f"{'' if version == 2 else 'total_'}{name}"))
        if pages is None:
            raise Unreadable
        total += pages
    return total


def _groups(sources: Sources, controller: str) -> Iterator[tuple[str, int]]:
    """Folders from this process's group up to the mount's root, with the version 1 or 2."""
    text = sources.read("text", "/proc/self/cgroup")
    if text is None:
        return
    found = [re.fullmatch(r"(\d{1,4}):([^:]*):(/.*)", line) for line in lines(text)]
    entries = [entry for entry in found if entry and (entry[2] or entry[1] == "0")]
    if not entries or len(entries) < len(found):
        raise Unreadable
    named = any(controller in entry[2].split(",") for entry in entries)
    if not named and _mounted(sources, controller, 1):
        raise Unreadable  # this process is in a group of it, and the list does not say in which
    for number, controllers, path in (entry.groups() for entry in entries):
        version = 2 if number == "0" and not controllers else 1
        if version == 1 and controller not in controllers.split(","):
            continue
        mount, root = _mounted(sources, controller, version) or (_usual(sources, controller, version), "/")
        inside = path.removeprefix(root.rstrip("/")) if path.startswith(root) else ""
        parts = [part for part in inside.split("/") if part and part != ".."]
        for depth in range(len(parts), -1, -1):
            yield "/".join([mount, *parts[:depth]]), version


def _mounted(sources: Sources, controller: str, version: int) -> tuple[str, str] | None:
    """Where the hierarchy is mounted, and which of its folders is there to be seen."""
    for line in lines(sources.read("text", "/proc/self/mountinfo")):
        left, _, right = line.partition(" - ")
        places, kind = left.split(" "), right.split(" ")
        if len(places) < 5 or len(kind) < 3 or not places[4].startswith("/sys/"):
            continue
        is_v2 = version == 2 and kind[0] == "cgroup2"
        is_v1 = version == 1 and kind[0] == "cgroup" and controller in kind[2].split(",")
        if is_v2 or is_v1:
            return places[4], places[3]
    return None


def _usual(sources: Sources, controller: str, version: int) -> str:
    if version == 2:
        return "/sys/fs/cgroup"
    roots = _ROOTS[controller]
    there = (root for root in roots if sources.read("text", f"{root}/{_FILES[controller]}") is not None)
    return next(there, roots[-1])


def _container(sources: Sources, system: dict[str, str]) -> str:
    if sources.read("environment", "KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    if sources.read("exists", "/.dockerenv"):
        return "docker"
    if sources.read("exists", "/run/.containerenv"):
        return "podman"
    groups = sources.read("text", "/proc/self/cgroup") or ""
    for sign, kind in _SIGNS.items():
        if sign in groups:
            return kind
    if named := sources.read("environment", "container"):
        return named if named in _SIGNS.values() else "container"
    return "wsl" if "microsoft" in system.get("kernel", "").lower() else ""
