"""Disks: room, speed, and whether what lies on them belongs there."""

from __future__ import annotations

from studio.domain.diagnosis import Finding, fail, passed, skipped, warn
from studio.domain.quantity import size, speed
from studio.services.doctor.case import Case, Place

FULL_BYTES = 1_000_000_000  # with less, results and downloads begin to fail
LOW_BYTES = 10_000_000_000
SMALL_BYTES = 60_000_000_000  # models are large; a disk below this is soon full of them
SLOW_BYTES_PER_SECOND = 150e6
_SLOW = ("hdd", "network", "card")


def space(case: Case) -> list[Finding]:
    """Whether each disk that the studio writes to has room."""
    return [_space(case, place) for place in case.places] or [skipped("doctor.disks.unknown")]


def _space(case: Case, place: Place) -> Finding:
    free, total = place.disk.free_bytes, place.disk.total_bytes
    if free is None:
        return skipped("doctor.disks.space.unknown", path=place.disk.path)
    action = ""
    if "outputs" in place.roles and case.trashed:
        action = "empty_trash"
    elif "models" in place.roles:
        action = "choose_models"
    elif "outputs" in place.roles:
        action = "choose_outputs"
    values = {
        "path": place.disk.path,
        "free": size(free),
        "total": size(total) if total else "?",
        "n": case.trashed,
    }
    fix = "doctor.disks.space.trash" if action == "empty_trash" else "doctor.disks.space.room"
    if free < FULL_BYTES:
        return fail("doctor.disks.space.full", fix, action=action, **values)
    if free < LOW_BYTES:
        return warn("doctor.disks.space.low", fix, action=action, **values)
    return passed("doctor.disks.space.enough", **values)


def models(case: Case) -> Finding:
    """Whether the models' disk is quick enough and large enough for them."""
    disk = case.place("models")
    if disk is None:
        return skipped("doctor.disks.unknown")
    values = {"path": disk.path}
    if disk.kind in _SLOW:
        values["kind"] = f"doctor.disks.kind.{disk.kind}"
        return warn("doctor.disks.models.slow", "doctor.disks.models.move", action="choose_models", **values)
    read = case.measurements.disk_read if case.measurements else 0.0
    if 0 < read < SLOW_BYTES_PER_SECOND:
        values["speed"] = speed(read)
        return warn(
            "doctor.disks.models.measured", "doctor.disks.models.move", action="choose_models", **values
        )
    if disk.total_bytes is not None and disk.total_bytes < SMALL_BYTES:
        values["total"] = size(disk.total_bytes)
        return warn("doctor.disks.models.small", "doctor.disks.models.move", action="choose_models", **values)
    if disk.kind is None and not read:
        return skipped("doctor.disks.models.unknown", path=disk.path)
    return passed("doctor.disks.models.good", path=disk.path)


def cache(case: Case) -> Finding:
    """Whether what the studio keeps at hand is quick to get."""
    disk = case.place("cache")
    if disk is None:
        return skipped("doctor.disks.unknown")
    path = str(case.paths.cache)
    if disk.kind in _SLOW:
        kind = f"doctor.disks.kind.{disk.kind}"
        return warn("doctor.disks.cache.slow", "doctor.disks.cache.move", path=path, kind=kind)
    return passed("doctor.disks.cache.good", path=path)


def temp(case: Case) -> Finding:
    """Whether temporary files would take memory instead of disk."""
    disk = case.place("temp")
    if disk is None:
        return skipped("doctor.disks.unknown")
    if disk.kind == "tmpfs":
        total = size(disk.total_bytes) if disk.total_bytes else "?"
        return warn("doctor.disks.temp.memory", "doctor.disks.temp.move", path=str(case.temp), total=total)
    return passed("doctor.disks.temp.disk", path=str(case.temp))


CHECKS = {"space": space, "models": models, "cache": cache, "temp": temp}
