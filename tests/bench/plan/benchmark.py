"""The micro-benchmark as the terminal runs it, in a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from studio.domain.measurement import Measurements

ROOT = Path(__file__).resolve().parents[3]


def benchmark() -> Measurements:
    """What `studio bench machine` finds for the CPU. RuntimeError when it fails."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        done = subprocess.run(
            [sys.executable, "-m", "studio", "bench", "machine", "--device", "cpu", "--json"],
            cwd=ROOT,
            env={**os.environ, "STUDIO_HOME": home},
            capture_output=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return msgspec.json.decode(done.stdout, type=Measurements)
