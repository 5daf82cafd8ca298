"""What the studio keeps: can database and settings be read, and does the clock agree with its files."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import msgspec

from studio.domain.diagnosis import Finding, fail, passed, warn
from studio.services.database import MIGRATIONS
from studio.services.doctor.case import Case
from studio.services.settings import Settings

CLOCK_SECONDS = 3600.0  # between the clock and the files of computers and drives that were carried about


def database(case: Case) -> Finding:
    """Whether the database holds together. It is only read."""
    file = case.paths.data / "studio.db"
    if not file.exists():
        return _aside(file) or passed("doctor.data.database.none")
    try:
        version, verdict = _look(file)
    except sqlite3.DatabaseError as error:
        busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
        if busy:
            return warn("doctor.data.database.busy", "doctor.data.database.again")
        return fail(
            "doctor.data.database.broken", "doctor.data.database.anew", path=str(file), reason=str(error)
        )
    if version > len(MIGRATIONS):
        return fail("failure.data.newer", "failure.data.newer.hint")
    if verdict != "ok":
        return fail(
            "doctor.data.database.broken", "doctor.data.database.anew", path=str(file), reason=verdict
        )
    return _aside(file) or passed("doctor.data.database.whole")


def _look(file: Path) -> tuple[int, str]:
    """Its version, and what SQLite says about it. Raises sqlite3.Error."""
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    finally:
        connection.close()
    return version, verdict


def settings(case: Case) -> Finding:
    """Whether the settings can be read."""
    file = case.paths.config / "settings.json"
    try:
        msgspec.json.decode(file.read_bytes(), type=Settings)
    except FileNotFoundError:
        return _aside(file) or passed("doctor.data.settings.none")
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        return fail(
            "doctor.data.settings.broken", "doctor.data.settings.remove", path=str(file), reason=str(error)
        )
    return _aside(file) or passed("doctor.data.settings.whole")


def _aside(file: Path) -> Finding | None:
    """What an earlier start could not read and kept beside *file*."""
    kept = sorted(file.parent.glob(f"{file.stem}.broken-*{file.suffix}"))
    if not kept:
        return None
    return warn("doctor.data.aside", "doctor.data.aside.look", path=", ".join(map(str, kept)))


def clock(case: Case) -> Finding:
    """Whether the clock is not behind what the studio wrote earlier."""
    if case.newest is not None and case.newest > case.now + CLOCK_SECONDS:
        values = {"now": _day(case.now), "then": _day(case.newest)}
        return warn("doctor.data.clock.behind", "doctor.data.clock.set", **values)
    return passed("doctor.data.clock.plausible", now=_day(case.now))


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


CHECKS = {"database": database, "settings": settings, "clock": clock}
