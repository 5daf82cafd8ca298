"""Whether the system asks programs to move less: Qt has no such hint."""

from __future__ import annotations

import configparser
import ctypes
import os
import plistlib
import subprocess
import sys
from pathlib import Path


def asked_by_system() -> bool:
    """False where it cannot be found out."""
    if sys.platform == "win32":
        enabled, get_client_area_animation = ctypes.c_int(1), 0x1042
        ctypes.windll.user32.SystemParametersInfoW(get_client_area_animation, 0, ctypes.byref(enabled), 0)
        return not enabled.value
    if sys.platform == "darwin":
        return mac_asks(Path.home() / "Library/Preferences/com.apple.universalaccess.plist")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return kde_asks(config / "kdeglobals") or _gnome_asks()


def mac_asks(file: Path) -> bool:
    """From the file of the accessibility settings."""
    try:
        return bool(plistlib.loads(file.read_bytes()).get("reduceMotion"))
    except (OSError, plistlib.InvalidFileException):  # never set, or not readable from a sandbox
        return False


def kde_asks(file: Path) -> bool:
    """From KDE's global settings: animations take no time."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):  # another program's file
        return False
    return parser.get("KDE", "AnimationDurationFactor", fallback="") == "0"


def _gnome_asks() -> bool:
    if "GNOME" not in os.environ.get("XDG_CURRENT_DESKTOP", ""):
        return False
    command = ["gsettings", "get", "org.gnome.desktop.interface", "enable-animations"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=1, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "false"
