"""The one seam to the outside: raw readings of the system, as JSON, so that other machines can be replayed.

A reading that fails is None; nothing here raises.
"""

from __future__ import annotations

import glob
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psutil

from studio.services.machine import nvml, windows

log = logging.getLogger(__name__)

COMMAND_SECONDS = 5.0
TEXT_BYTES = 2_000_000


class Sources(Protocol):
    """`read("text", "/proc/cpuinfo")`: what there is to read is `READERS`."""

    def read(self, what: str, *arguments: str) -> Any: ...


class Live:
    """This computer."""

    def read(self, what: str, *arguments: str) -> Any:
        try:
            return READERS[what](*arguments)
        except (OSError, ValueError, AttributeError, psutil.Error, subprocess.SubprocessError) as error:
            log.debug("%s %s: %s", what, arguments, error)
            return None


class Recorder:
    """Keeps every reading of another source in `readings`, for `Replay`."""

    def __init__(self, source: Sources) -> None:
        self._source = source
        self.readings: dict[str, Any] = {}

    def read(self, what: str, *arguments: str) -> Any:
        value = self._source.read(what, *arguments)
        self.readings[_key(what, arguments)] = value
        return value


class Replay:
    """A recorded computer; what was not recorded is None."""

    def __init__(self, readings: dict[str, Any]) -> None:
        self._readings = readings

    def read(self, what: str, *arguments: str) -> Any:
        return self._readings.get(_key(what, arguments))


def _key(what: str, arguments: tuple[str, ...]) -> str:
    return " ".join((what, *arguments))


def _text(path: str) -> str:
    with Path(path).open("rb") as file:
        return file.read(TEXT_BYTES).decode("utf-8", "replace").strip("\0\n ")


def _glob(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern))  # noqa: PTH207 - patterns from the root


def _command(*arguments: str) -> str:
    done = subprocess.run(
        arguments, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS
    )
    return done.stdout.decode("utf-8", "replace").strip()


def _system() -> dict[str, str]:
    name = platform.platform(terse=True)
    if sys.platform == "linux":
        name = f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}"
    elif sys.platform == "darwin":
        name = f"macOS {platform.mac_ver()[0]}"
    return {
        "system": sys.platform,
        "name": name,
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def _cores() -> dict[str, Any]:
    """`usable`: numbers of the logical cores that this process may run on, None where nothing says."""
    process = psutil.Process()
    usable: list[int] | None = process.cpu_affinity() if hasattr(process, "cpu_affinity") else None
    return {
        "physical": psutil.cpu_count(logical=False),
        "logical": psutil.cpu_count(),
        "usable": usable,
    }


def _memory() -> dict[str, int]:
    memory = psutil.virtual_memory()
    return {"total": memory.total, "available": memory.available}


def _disk(path: str) -> dict[str, int]:
    usage = shutil.disk_usage(path)
    return {"total": usage.total, "free": usage.free, "device": Path(path).stat().st_dev}


READERS: dict[str, Callable[..., Any]] = {
    "system": _system,
    "text": _text,
    "glob": _glob,
    "exists": os.path.exists,
    "command": _command,
    "environment": os.environ.get,
    "cores": _cores,
    "memory": _memory,
    "disk": _disk,
    "nvml": nvml.read,
    "windows_cpu": windows.cpu,
    "windows_displays": windows.displays,
}
