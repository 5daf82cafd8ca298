"""The disks that the studio's folders lie on: how large, how full, and of what kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from studio.domain.machine import Disk
from studio.services.machine.parse import count, fields, lines, table, value
from studio.services.machine.sources import Sources

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "afs", "fuse.sshfs", "drvfs"}
_MEMORY = {"tmpfs", "ramfs"}
_BLOCK = "/sys/class/block"


class Place(NamedTuple):
    """A folder's disk, and what tells it from others."""

    disk: Disk
    device: Any


def read(sources: Sources, system: dict[str, str], folder: Path) -> Place | None:
    """The disk of *folder*, which need not be there yet: it will lie where its parent does."""
    for place in (folder, *folder.parents):
        usage: dict[str, Any] | None = sources.read("disk", str(place))
        if usage is not None:
            kind, filesystem = _kind(sources, system, str(place), usage)
            disk = Disk(
                path=str(folder),
                total_bytes=count(usage.get("total"), 2**60),
                free_bytes=count(usage.get("free"), 2**60),
                kind=kind,
                filesystem=filesystem,
            )
            return Place(disk, usage.get("device"))
    return None


def distinct(places: Iterable[Place]) -> tuple[Disk, ...]:
    """Each disk once, for the first folder on it."""
    found: dict[Any, Disk] = {}
    for place in places:
        found.setdefault(place.device, place.disk)
    return tuple(found.values())


def _kind(
    sources: Sources, system: dict[str, str], place: str, usage: dict[str, Any]
) -> tuple[str | None, str | None]:
    match system.get("system"):
        case "linux":
            return _linux(sources, str(usage.get("number") or ""))
        case "darwin":
            return _mac(sources, place)
        case "win32":
            said = table(sources.read("windows_disk", place))
            return said.get("kind"), said.get("filesystem")
        case _:
            return None, None


def _linux(sources: Sources, number: str) -> tuple[str | None, str | None]:
    filesystem, device = _mounted(sources, number)
    if filesystem in _NETWORK:
        return "network", filesystem
    if filesystem in _MEMORY:
        return "tmpfs", filesystem
    if not number.startswith("0:"):
        device = sources.read("realpath", f"/sys/dev/block/{number}") or ""
    elif device.startswith("/dev/"):  # file systems over several disks have a number of their own
        device = sources.read("realpath", device) or ""
    return _medium(sources, device), filesystem


def _mounted(sources: Sources, number: str) -> tuple[str | None, str]:
    """File system and device of what is mounted under *number*."""
    for line in lines(sources.read("text", "/proc/self/mountinfo")):
        left, _, right = line.partition(" - ")
        places, kind = left.split(" "), right.split(" ")
        if len(places) >= 5 and len(kind) >= 2 and number and places[2] == number:
            return kind[0], kind[1]
    return None, ""


def _medium(sources: Sources, device: str, depth: int = 3) -> str | None:
    """Of a disk or a part of one, by its path in /sys or /dev."""
    parts = device.split("/")
    for name in (parts[-1], parts[-2] if len(parts) > 1 else ""):
        turning = value(sources.read("text", f"{_BLOCK}/{name}/queue/rotational")) if name else ""
        if not turning:
            continue
        if re.match(r"(?:dm-|md)\d", name):  # built of others
            below: list[str] = sources.read("glob", f"{_BLOCK}/{name}/slaves/*") or []
            kinds = {_medium(sources, path, depth - 1) for path in below} if depth else set[str | None]()
            return kinds.pop() if len(kinds) == 1 else None
        if name.startswith("nvme"):
            return "nvme"
        if name.startswith("mmcblk"):
            return "card"
        if re.match(r"(?:vd|xvd|loop|ram|zram|nbd|rbd)", name):  # what is behind it cannot be seen
            return None
        return {"0": "ssd", "1": "hdd"}.get(turning)
    return None


def _mac(sources: Sources, place: str) -> tuple[str | None, str | None]:
    mount: str | None = sources.read("mount", place)
    said = fields(lines(sources.read("command", "diskutil", "info", mount))) if mount else {}
    filesystem = said.get("Type (Bundle)")
    if said.get("Protocol") in ("PCI-Express", "Apple Fabric"):
        return "nvme", filesystem
    return {"Yes": "ssd", "No": "hdd"}.get(said.get("Solid State", "")), filesystem
