"""Memory: is there enough for the models that are here, with what the disk lends, and within which limits."""

from __future__ import annotations

from studio.domain.diagnosis import Finding, fail, passed, skipped, warn
from studio.domain.quantity import size
from studio.services.doctor.case import Case

BASE_BYTES = 1_500_000_000  # the system, the window and the libraries, beside a model
LEAST_BYTES = 2_000_000_000
COMMIT_SHARE = 0.5  # of the memory: on Windows, a model larger than this wants a page file


def available(case: Case) -> Finding:
    """Whether the largest model would find room right now."""
    free, need = case.machine.ram.available_bytes, case.largest
    if free is None:
        return skipped("doctor.memory.unknown")
    if need is None:
        return skipped("doctor.no_models")
    values = {"model": need.title, "needed": size(need.memory_bytes), "free": size(free)}
    if need.memory_bytes <= free:
        return passed("doctor.memory.available.enough", **values)
    if case.engine_busy:
        return warn(
            "doctor.memory.available.held", "doctor.memory.available.free", action="free_memory", **values
        )
    return warn("doctor.memory.available.short", "doctor.memory.available.close", **values)


def swap(case: Case) -> Finding:
    """Whether memory and swap (or page file) together hold the largest model."""
    ram, need = case.machine.ram, case.largest
    if ram.total_bytes is None or ram.swap_total_bytes is None:
        return skipped("doctor.memory.unknown")
    if need is None:
        return skipped("doctor.no_models")
    values = {
        "model": need.title,
        "needed": size(need.memory_bytes + BASE_BYTES),
        "memory": size(ram.total_bytes),
        "swap": size(ram.swap_total_bytes),
    }
    if need.memory_bytes + BASE_BYTES > ram.total_bytes + ram.swap_total_bytes:
        return warn("doctor.memory.swap.small", _larger(case), **values)
    # Windows promises a model its whole room at once, whether it is used or not.
    uncommitted = case.platform == "win32" and not ram.swap_total_bytes
    if uncommitted and need.memory_bytes > COMMIT_SHARE * ram.total_bytes:
        return warn("doctor.memory.swap.no_page_file", _larger(case), **values)
    return passed("doctor.memory.swap.enough", **values)


def _larger(case: Case) -> str:
    if case.machine.limits.limited:
        return "doctor.memory.swap.container"
    return {
        "win32": "doctor.memory.swap.windows",
        "darwin": "doctor.memory.swap.mac",
    }.get(case.platform, "doctor.memory.swap.linux")


def limit(case: Case) -> Finding:
    """Whether a container leaves enough to work with. What it leaves is all that is ever counted."""
    limits, total = case.machine.limits, case.machine.ram.total_bytes
    if not limits.limited and not limits.container:
        return passed("doctor.memory.limit.none")
    kind = limits.container or "container"
    most = limits.memory_bytes
    if most is None:
        return passed("doctor.memory.limit.unlimited", kind=kind)
    values = {"kind": kind, "limit": size(most if total is None else min(most, total))}
    if most < LEAST_BYTES:
        return fail("doctor.memory.limit.small", "doctor.memory.swap.container", **values)
    return passed("doctor.memory.limit.known", **values)


CHECKS = {"available": available, "swap": swap, "limit": limit}
