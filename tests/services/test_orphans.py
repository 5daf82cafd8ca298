"""E2: however the studio ends, its engine is gone within two seconds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.fakes.studio_to_kill import write_family

GONE = 2.0  # seconds, as promised
MOMENTS = ("start", "ready", "load", "run")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill_at(moment: str, folder: Path, root: Path, delay: float = 0.0) -> tuple[bool, float]:
    """Start a studio, kill it; whether its engine lived at that moment, and for how long it outlived it."""
    folder.mkdir()
    write_family(folder)
    studio = subprocess.Popen(
        [sys.executable, str(root / "tests" / "fakes" / "studio_to_kill.py"), str(folder), moment],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        text=True,
    )
    with studio:
        try:
            assert studio.stdout
            engine = int(studio.stdout.readline())
            assert studio.stdout.readline() == "now\n"
            time.sleep(delay)
            lived = alive(engine)
        finally:
            studio.send_signal(signal.SIGKILL)
            killed = time.monotonic()
    while alive(engine):
        if time.monotonic() - killed > 30:
            os.kill(engine, signal.SIGKILL)
            break
        time.sleep(0.005)
    return lived, time.monotonic() - killed


@pytest.mark.parametrize("moment", MOMENTS)
def test_e2_a_killed_studio_leaves_no_engine(moment: str, tmp_path: Path, root: Path) -> None:
    lived, outlived = kill_at(moment, tmp_path / "home", root)
    assert lived
    assert outlived < GONE


@pytest.mark.heavy
def test_e2_twenty_times_at_any_moment(tmp_path: Path, root: Path) -> None:
    chance = random.Random(7)
    results = [
        (moment, *kill_at(moment, tmp_path / f"{n}", root, chance.uniform(0, 0.3)))
        for n, moment in enumerate(MOMENTS * 5)
    ]
    worst = max(outlived for _, _, outlived in results)
    print(
        f"E2: {len(results)} kills, {sum(lived for _, lived, _ in results)} of a living engine,"
        f" outlived by {worst:.3f} s at most"
    )
    assert all(lived for _, lived, _ in results)
    assert worst < GONE, results
