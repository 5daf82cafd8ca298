"""What `lscpu` says of the processor, where the kernel's own file is not there to be read."""

from __future__ import annotations

import re

from studio.domain.machine import Cpu
from studio.services.machine.parse import UNITS, decimal, fields, lines, whole
from studio.services.machine.sources import Sources

MOST_CORES = 4096


def read(sources: Sources) -> Cpu:
    """The figures of the whole computer, with every flag. Unknown where it has several kinds of cores."""
    said = fields(lines(sources.read("command", "lscpu")))
    clock = decimal(said.get("CPU max MHz"), 20_000)
    return Cpu(
        name=said.get("Model name", ""),
        physical_cores=_product(said, "socket") or _product(said, "cluster"),
        logical_cores=whole(said.get("CPU(s)"), MOST_CORES),
        flags=tuple(said.get("Flags", "").lower().split()),
        l1d_bytes=_cache(said, "L1d"),
        l2_bytes=_cache(said, "L2"),
        l3_bytes=_cache(said, "L3"),
        frequency_max_hz=round(clock * 1e6) if clock else None,
    )


def _product(said: dict[str, str], of: str) -> int | None:
    cores = whole(said.get(f"Core(s) per {of}"), MOST_CORES)
    number = whole(said.get(f"{of.capitalize()}(s)"), MOST_CORES)
    return cores * number if cores and number else None


def _cache(said: dict[str, str], level: str) -> int | None:
    """Of one: `128 KiB (4 instances)` is the sum of four. A sum over how many nobody knows is no figure."""
    text = said.get(f"{level} cache") or said.get(level) or ""
    found = re.fullmatch(r"([0-9.]+) ([KMGT]iB) \(([0-9]+) instances?\)", text)
    total = decimal(found[1]) if found else None
    number = whole(found[3], MOST_CORES) if found else None
    if found is None or not total or not number:
        return None
    # It rounds to a tenth; caches are made of whole pages, so that a rounded sum is found out.
    each, left = divmod(total * UNITS[found[2]], number)
    return int(each) if not left and each % 4096 == 0 else None
