"""The program as a user starts it in a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 560  # for one command; a hang, not a slow machine, is what it catches


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "studio", *arguments]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def studio(
    *arguments: str, cwd: Path | None = None, stdin: bytes = b"", **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m studio ...` to its end."""
    done = subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        input=stdin,
        cwd=cwd,
        timeout=SECONDS,
        env=environment(**changes),
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    )
