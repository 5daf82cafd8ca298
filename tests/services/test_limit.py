"""One rate for all downloads, in this process and in others."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from studio.services.downloads.limit import Limit

TAKE = """
import sys, time
from pathlib import Path
from studio.services.downloads.limit import Limit
limit = Limit(Path(sys.argv[1]))
for _ in range(20):
    limit.take(10_000, time.sleep)
"""


def test_processes_share_it(tmp_path: Path) -> None:
    """Two that want 200,000 bytes each, at 400,000 a second."""
    file = tmp_path / "rate"
    began = time.monotonic()
    both(file)
    unlimited = time.monotonic() - began
    Limit(file).set(400_000)
    began = time.monotonic()
    both(file)
    limited = time.monotonic() - began
    assert limited > 0.95
    assert limited > unlimited


def both(file: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", TAKE, str(file)]) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]


def test_it_changes_while_it_is_used(tmp_path: Path) -> None:
    slept: list[float] = []
    used, changed = Limit(tmp_path / "rate"), Limit(tmp_path / "rate")
    used.take(10**9, slept.append)
    assert slept == []
    changed.set(1000)
    used.take(500, slept.append)
    assert 0.4 < slept[-1] <= 0.5
    used.take(500, slept.append)
    assert 0.8 < slept[-1] <= 1.0
    changed.set(0)
    used.take(10**9, slept.append)
    assert len(slept) == 2


def test_a_clock_of_another_start_holds_up_nobody_for_long(tmp_path: Path) -> None:
    limit = Limit(tmp_path / "rate")
    limit.set(1000)
    ahead = limit._read()
    assert ahead == (1000, 0.0)
    (tmp_path / "rate").write_bytes(ahead[0].to_bytes(8, "little") + b"\0\0\0\0\0\0\xf0\x7e")  # far ahead
    slept: list[float] = []
    limit.take(1000, slept.append)
    assert slept[0] < 70


def test_nonsense_is_no_limit(tmp_path: Path) -> None:
    (tmp_path / "rate").write_bytes(b"nonsense")
    slept: list[float] = []
    Limit(tmp_path / "rate").take(10**9, slept.append)
    assert slept == []
