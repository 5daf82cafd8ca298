"""What a Linux system must bring for the window and the tests: which parts are missing, getting them."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from installer.say import Problem, note, step

# Library -> Debian package: everything for the window that Qt's own wheels do not carry. The studio's
# doctor reads the same list.
_LISTS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).resolve().parents[1] / "assets" / "libraries.json").read_text(encoding="utf-8")
)
CORE, X11, SOUND = _LISTS["core"], _LISTS["x11"], _LISTS["sound"]
PACKAGES = CORE | X11 | SOUND

# Program -> Debian package, for the tests alone.
TEST_PROGRAMS = {
    "Xvfb": "xvfb",
    "fc-list": "fontconfig",
    "strace": "strace",
    "unshare": "util-linux",
    "xauth": "xauth",
}
CHINESE_FONT = _LISTS["fonts"]["zh"]


def missing_libraries(libraries: Iterable[str]) -> list[str]:
    """Those of *libraries* that the loader does not find."""
    absent: list[str] = []
    for library in libraries:
        try:
            ctypes.CDLL(library)
        except OSError:
            absent.append(library)
    return absent


def missing_for_window() -> list[str]:
    """Libraries without which no window opens in this session. Empty where the system is not Linux."""
    if sys.platform != "linux":
        return []
    wanted = dict(CORE) if os.environ.get("WAYLAND_DISPLAY") else CORE | X11
    return missing_libraries(wanted)


def has_chinese_font() -> bool:
    """Whether fontconfig knows a font for Chinese; true where it cannot be asked."""
    program = shutil.which("fc-list")
    if program is None:
        return True
    answer = subprocess.run([program, ":lang=zh-cn", "family"], capture_output=True, text=True, check=False)
    return answer.returncode != 0 or bool(answer.stdout.strip())


def prepare(*, tests: bool, online: bool = True) -> None:
    """Say what is missing; install it where that is possible (*online*, root on Debian or Ubuntu)."""
    missing = missing_libraries(PACKAGES)
    if tests:
        missing += [program for program in TEST_PROGRAMS if shutil.which(program) is None]
    if "fc-list" in missing or not has_chinese_font():
        missing.append(CHINESE_FONT)
    if not missing:
        return
    if online and can_install():
        packages = packages_of(missing)
        step("step.libraries", packages=" ".join(packages))
        install(packages)
    else:
        note("note.libraries", missing=" ".join(missing), command=command_for(missing))


def can_install() -> bool:
    """Root with apt-get."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def install(packages: list[str]) -> None:
    """By apt-get, after one update. Raises Problem with its last words."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-q", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        # An update that fails for one of many sources may still have brought what is needed.
        if done.returncode != 0 and arguments[0] == "install":
            raise Problem("apt", packages=" ".join(packages), detail=done.stderr.strip()[-400:])


def packages_of(missing: Iterable[str]) -> list[str]:
    """The Debian packages that hold the *missing* libraries and programs."""
    known = PACKAGES | TEST_PROGRAMS
    return sorted({known.get(each, each) for each in missing})


def command_for(missing: list[str]) -> str:
    """What the user would type to get the *missing* libraries and programs on this distribution."""
    if shutil.which("apt-get"):
        return f"sudo apt-get install {' '.join(packages_of(missing))}"
    # These two install by what a package provides, so that their names for packages need not be known.
    provided = [f"'{each}()(64bit)'" if each in PACKAGES else each for each in missing]
    for manager in ("dnf", "zypper"):
        if shutil.which(manager):
            return f"sudo {manager} install {' '.join(provided)}"
    return " ".join(missing)


def no_display() -> bool:
    """Whether this Linux session has no screen that Qt could open a window on."""
    if sys.platform != "linux":
        return False
    return not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
