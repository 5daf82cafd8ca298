"""How long things move: never over 150 ms, not at all where the system or the user asks for calm."""

from __future__ import annotations

from functools import cache

from studio.app.observable import Property

PREFERENCES = ("system", "full", "reduced")
DURATION_MS = 140

preference: Property[str] = Property("system")


def set_preference(name: str) -> None:
    """Raises ValueError for one that is not in `PREFERENCES`."""
    if name not in PREFERENCES:
        raise ValueError(f"unknown motion preference: {name}")
    preference.value = name


def duration() -> int:
    """Milliseconds for a transition; 0 means: be there at once."""
    reduced = preference.value == "reduced" or (preference.value == "system" and _system_reduced())
    return 0 if reduced else DURATION_MS


@cache
def _system_reduced() -> bool:
    from studio.app.reduced_motion import asked_by_system  # at the first motion, not at start

    return asked_by_system()
