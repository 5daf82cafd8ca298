"""How long things move: never over 150 ms, not at all where the system or the user asks for calm."""

from __future__ import annotations

import configparser
import ctypes
import os
import plistlib
import subprocess
import sys
from functools import cache
from pathlib import Path

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
    """Asked at the first motion, not at start. Qt has no such hint."""
    if sys.platform == "win32":
        enabled, get_client_area_animation = ctypes.c_int(1), 0x1042
        ctypes.windll.user32.SystemParametersInfoW(get_client_area_animation, 0, ctypes.byref(enabled), 0)
        return not enabled.value
    if sys.platform == "darwin":
        return _mac_reduced(Path.home() / "Library/Preferences/com.apple.universalaccess.plist")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return _ini_says(config / "kdeglobals", "KDE", "AnimationDurationFactor", ("0",)) or _gnome_reduced()


def _mac_reduced(file: Path) -> bool:
    try:
        return bool(plistlib.loads(file.read_bytes()).get("reduceMotion"))
    except (OSError, plistlib.InvalidFileException):  # never set, or not readable from a sandbox
        return False


def _ini_says(file: Path, section: str, key: str, values: tuple[str, ...]) -> bool:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):  # another program's file
        return False
    return parser.get(section, key, fallback="") in values


def _gnome_reduced() -> bool:
    if "GNOME" not in os.environ.get("XDG_CURRENT_DESKTOP", ""):
        return False
    command = ["gsettings", "get", "org.gnome.desktop.interface", "enable-animations"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=1, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "false"
