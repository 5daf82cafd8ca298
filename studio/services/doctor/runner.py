"""All checks at once, for a limited time: one that hangs or crashes says so and takes no other along."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

import msgspec

from studio.domain.diagnosis import Finding, skipped, warn
from studio.services.doctor import (
    data,
    desktop,
    disks,
    engine,
    folders,
    hardware,
    memory,
    network,
    software,
)
from studio.services.doctor.case import Case, Check

log = logging.getLogger(__name__)

SECONDS = 4.0

# By key, "theme.check", in the order in which they are shown.
CHECKS: dict[str, Check] = {
    f"{module.__name__.rpartition('.')[2]}.{name}": check
    for module in (hardware, engine, memory, disks, folders, software, desktop, data, network)
    for name, check in module.CHECKS.items()
}


def run(case: Case, checks: Mapping[str, Check] = CHECKS, *, seconds: float = SECONDS) -> tuple[Finding, ...]:
    """What each of *checks* finds within *seconds*. Never raises; the thread of a hanging one stays."""
    found: dict[str, list[Finding]] = {}

    def look(key: str, check: Check) -> None:
        try:
            answer = check(case)
            found[key] = answer if isinstance(answer, list) else [answer]
        except Exception as error:
            log.exception("the check %s failed", key)
            words = f"{type(error).__name__}: {error}"
            found[key] = [warn("doctor.crashed", "doctor.report_it", error=words)]

    threads = {
        key: threading.Thread(target=look, args=(key, check), name=f"check {key}", daemon=True)
        for key, check in checks.items()
    }
    end = time.monotonic() + seconds
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(0.0, end - time.monotonic()))
    answers = dict(found)
    late = [skipped("doctor.late", seconds=f"{seconds:g}")]
    return tuple(
        msgspec.structs.replace(finding, key=key) for key in checks for finding in answers.get(key, late)
    )
