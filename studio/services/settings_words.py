"""Settings as words that a person types, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.failure import StudioError
from studio.services.settings import Settings

NAMES = tuple(
    name for name in Settings.__struct_fields__ if name not in ("shortcuts", "welcomed", "model_roots")
)
"""Those that can be typed here: keys are changed in the window, roots by a command of their own."""

_ON, _OFF = ("on", "true", "yes", "1"), ("off", "false", "no", "0")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?(?:/s)?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_FOLDERS = ("outputs", "models")


def value_of(name: str, words: str) -> Any:
    """What *words* mean for the setting *name*; nothing at all is its usual value.

    Raises StudioError `param.invalid`, `output.unwritable` for a folder that cannot be used.
    """
    words = words.strip()
    usual = getattr(Settings(), name)
    if not words:
        return usual
    value = _reader(name, usual)(words)
    if value is None:
        raise StudioError("param.invalid", name=name, reason=f"settings.takes.{name}")
    if name in _FOLDERS:
        value = str(Path(words).expanduser().absolute())
        check_folder(Path(value))
    return value


def words_of(name: str, settings: Settings) -> str:
    """The value of *name* as `value_of` would read it."""
    value = getattr(settings, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "mirrors":
        return ",".join(value) or "automatic"
    return str(value)


def as_data(settings: Settings) -> dict[str, Any]:
    """Every one of NAMES, as JSON has it."""
    return {name: msgspec.to_builtins(getattr(settings, name)) for name in NAMES}


def check_folder(folder: Path) -> None:
    """Raises StudioError `output.unwritable` for a folder that cannot be written to."""
    probe = folder / ".studio-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise StudioError("output.unwritable", path=str(folder), reason=str(error.strerror)) from error


def _reader(name: str, usual: Any) -> Callable[[str], Any]:
    if name == "bandwidth":
        return _rate
    if isinstance(usual, bool):
        return _switch
    if isinstance(usual, int):
        return _number
    return _list if isinstance(usual, tuple) else str


def _switch(words: str) -> bool | None:
    return True if words.lower() in _ON else False if words.lower() in _OFF else None


def _number(words: str) -> int | None:
    return int(words) if words.isdecimal() else None


def _rate(words: str) -> int | None:
    found = _RATE.fullmatch(words)
    return round(float(found[1]) * _FACTORS[found[2].lower()]) if found else None


def _list(words: str) -> tuple[str, ...]:
    names = (word.strip().rstrip("/") for word in words.split(","))
    return () if words.lower() == "automatic" else tuple(dict.fromkeys(name for name in names if name))
