"""The Linux libraries that the window needs, from the installer's list, and a program to try them.

Run as a program, it loads those named as arguments and prints the ones that cannot be: a driver's library
may crash when it is loaded.
"""

from __future__ import annotations

import ctypes
import json
import sys
from functools import cache

from studio.services.paths import ASSETS


@cache
def packages() -> dict[str, dict[str, str]]:
    """Library -> Debian package, by what it is for: "core", "x11", "sound". "fonts" has a package alone."""
    return json.loads((ASSETS / "libraries.json").read_text(encoding="utf-8"))


def command(names: list[str]) -> list[str]:
    """What prints those of *names* that do not load, a line each."""
    return [sys.executable, "-m", __name__, *names]


def main(names: list[str]) -> None:
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
