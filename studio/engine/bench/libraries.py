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
STARTING = 0.7  # seconds of a process beside its imports
GRACE = 1.0  # seconds over the section's time to end what was begun


class Cost(Struct, frozen=True):
    """Seconds of importing; resident bytes afterwards, and those among them that stand in no file."""

    seconds: float
    bytes: int
    anonymous: int


def libraries(bench: Bench) -> dict[str, Cost]:
    """By family, each in a new process: the quicker of two runs, of one where there is no time for two.

    Families that make the same of the same libraries are imported once for all of them. An import keeps
    one core busy: in the first turn two run at a time where there are two.
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, spec in families().items():
        alike.setdefault((*spec.libraries, *spec.tasks), []).append(name)
    found: dict[str, Cost] = {}
    _turn(bench, [names[0] for names in alike.values()], found, together=min(2, bench.threads))
    for name, known in sorted(found.items(), key=lambda item: item[1].seconds):
        if bench.left > known.seconds + STARTING:
            _turn(bench, [name], found, together=1)
    return {name: found[names[0]] for names in alike.values() for name in names if names[0] in found}


def as_libraries(costs: dict[str, Cost]) -> dict[str, Library]:
    return {name: Library(seconds=cost.seconds, bytes=cost.bytes) for name, cost in costs.items()}


def _turn(bench: Bench, waiting: list[str], found: dict[str, Cost], *, together: int) -> None:
    """Import each of *waiting*; a quicker run takes the place of one that is in *found*."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        while waiting or running:
            bench.check_cancelled()
            if bench.left < 0:
                waiting = _give_up(bench, waiting)
            while waiting and len(running) < together:
                name = waiting.pop(0)
                running[name] = _start(bench, name)
            for name, child in list(running.items()):
                if child.poll() is not None:
                    _take(bench, name, running.pop(name), found)
            if bench.left < -GRACE:
                _give_up(bench, list(running))
                break
            time.sleep(LOOK)
    finally:
        for child in running.values():
            child.kill()
            child.communicate()


def _give_up(bench: Bench, names: list[str]) -> list[str]:
    for name in names:
        bench.skip("libraries", name)
    return []


def _start(bench: Bench, family: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"{__package__}.importing", family, bench.device]
    return subprocess.Popen(
        [*command, *studio.families.__path__[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _take(bench: Bench, family: str, child: subprocess.Popen[bytes], found: dict[str, Cost]) -> None:
    answer, _ = child.communicate()
    if child.returncode != 0:
        bench.absent[f"libraries {family}"] = f"exit code {child.returncode}"
        log.warning("the libraries of %s could not be imported: code %d", family, child.returncode)
        return
    cost = msgspec.json.decode(answer.splitlines()[-1], type=Cost)
    if family not in found or cost.seconds < found[family].seconds:
        found[family] = cost
