"""The one seam to the outside: raw readings of the system, as JSON, so that other machines can be replayed.

A reading that fails is None; nothing here raises. Texts keep the end of their last line: without it they
were cut off. What calls a maker's library runs in a process of its own (see `native`), and a command that
does not end in time is ended.
"""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import locale
import logging
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psutil

from studio.services.machine import native

log = logging.getLogger(__name__)

COMMAND_SECONDS = 2.5
TEXT_BYTES = 4_000_000
SYSCTL = ("sysctl", "hw", "machdep.cpu")  # everything about a Mac's processor in one go

# Where NVIDIA's library lies, or what its driver leaves; without any of it there is nothing to ask.
_NVIDIA = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg", r"C:\Windows\System32\nvml.dll")


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
        return file.read(TEXT_BYTES).decode("utf-8", "replace")


def _glob(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern))  # noqa: PTH207 - patterns from the root


def _access(path: str) -> bool:
    return os.access(path, os.R_OK | os.W_OK)


def _command(*arguments: str) -> str:
    """Its output. Ends it, and what it started, after `COMMAND_SECONDS`. Raises OSError, SubprocessError."""
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C"},
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    try:
        output, _ = process.communicate(timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        _end(process)
        raise
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return output.decode("utf-8", "replace").replace("\r\n", "\n")


def _end(process: subprocess.Popen[bytes]) -> None:
    """By force, with its children; one that hangs in the kernel is left to it."""
    with contextlib.suppress(OSError):  # it has just ended by itself
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=0.2)


def _system() -> dict[str, str]:
    name = platform.platform(terse=True)
    kernel = platform.release()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a system without the file still has a kernel
            name = platform.freedesktop_os_release()["PRETTY_NAME"]
    elif sys.platform == "darwin":
        name = f"macOS {platform.mac_ver()[0]}"
    elif sys.platform == "win32":
        kernel = platform.version()
    return {
        "system": sys.platform,
        "name": name,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "kernel": kernel,
        "locale": ".".join(filter(None, locale.getlocale())),
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
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "total": memory.total,
        "available": memory.available,
        "swap_total": swap.total,
        "swap_free": swap.free,
    }


def _disk(path: str) -> dict[str, Any]:
    """`number`: of its device, as Linux writes it."""
    usage = shutil.disk_usage(path)
    device = Path(path).stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}" if sys.platform != "win32" else ""
    return {"total": usage.total, "free": usage.free, "device": device, "number": number}


def _mount(path: str) -> str:
    """Where the disk of *path* begins."""
    place = Path(path).resolve()
    return str(next(folder for folder in (place, *place.parents) if folder.is_mount()))


def _nvml() -> Any:
    there = any(map(os.path.exists, _NVIDIA)) or shutil.which("nvidia-smi") is not None
    return native.ask("nvml") if there else {"error": "NVML Shared Library Not Found"}


def _opencl() -> Any:
    return native.ask("opencl") if importlib.util.find_spec("pyopencl") else None


def _windows(what: str) -> Callable[..., Any]:
    def read(*arguments: str) -> Any:
        return native.ask(what, *arguments) if sys.platform == "win32" else None

    return read


READERS: dict[str, Callable[..., Any]] = {
    "system": _system,
    "text": _text,
    "glob": _glob,
    "exists": os.path.exists,
    "access": _access,
    "realpath": os.path.realpath,
    "mount": _mount,
    "command": _command,
    "environment": os.environ.get,
    "cores": _cores,
    "memory": _memory,
    "disk": _disk,
    "nvml": _nvml,
    "opencl": _opencl,
    "windows_cpu": _windows("windows_cpu"),
    "windows_displays": _windows("windows_displays"),
    "windows_accelerators": _windows("windows_accelerators"),
    "windows_disk": _windows("windows_disk"),
    "windows_sound": _windows("windows_sound"),
}
