"""What each family's libraries cost a fresh engine, its files in the page cache."""

from __future__ import annotations

import logging
import subprocess
import sys
import time

import msgspec
from msgspec import Struct

import studio.families
from studio.domain.measurement import Library
from studio.engine.bench.bench import Bench
from studio.families.registry import families

log = logging.getLogger(__name__)

LOOK = 0.02  # seconds between two looks at a child


class Cost(Struct, frozen=True):
    """Seconds of importing; resident bytes afterwards, and those among them that stand in no file."""

    seconds: float
    bytes: int
    anonymous: int


def libraries(bench: Bench) -> dict[str, Cost]:
    """By family: the quicker of two runs, each in a new process; of one where there is no time for two."""
    found: dict[str, Cost] = {}
    for turn in range(2):
        for name in families():
            known = found.get(name)
            if bench.left < (known.seconds + 0.5 if known else 0.0):
                if not turn:
                    bench.skip("libraries", name)
                continue
            cost = _import(bench, name)
            if cost is not None and (known is None or cost.seconds < known.seconds):
                found[name] = cost
    return found


def as_libraries(costs: dict[str, Cost]) -> dict[str, Library]:
    return {name: Library(seconds=cost.seconds, bytes=cost.bytes) for name, cost in costs.items()}


def _import(bench: Bench, family: str) -> Cost | None:
    """None when it took more than the time that is left, or failed; why, the log tells."""
    command = [sys.executable, "-m", f"{__package__}.importing", family, bench.device]
    child = subprocess.Popen(
        [*command, *studio.families.__path__[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        # One over the limit may end; it is not begun when there is no time.
        limit = time.monotonic() + max(bench.left, 0.0) + 1.0
        while child.poll() is None:
            bench.check_cancelled()
            if time.monotonic() > limit:
                bench.skip("libraries", family)
                return None
            time.sleep(LOOK)
        assert child.stdout is not None
        answer = child.stdout.read()
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    if child.returncode != 0:
        bench.absent[f"libraries {family}"] = f"exit code {child.returncode}"
        log.warning("the libraries of %s could not be imported: code %d", family, child.returncode)
        return None
    return msgspec.json.decode(answer.splitlines()[-1], type=Cost)
