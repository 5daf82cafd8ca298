"""How long it takes to say what 2,000 model files are, and how much of them is read for that.

Headers of real layouts, each with another name in its metadata; the files are as large as the models are, and
hold nothing.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from studio.services.scan.places import Spot
from studio.services.scan.scan import scan
from tests.bench.table import Row, holds, judge
from tests.layouts.files import names, write_file

FILES = 2000
BAR = 5.0  # seconds
SHARE = 0.05  # of a file's bytes that may be read; small ones are nearly all header


def measure(short: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        folder = Path(home) / "models"
        total = _fill(folder)
        times, found = [], 0
        for _ in range(1 if short else 5):
            read = _read()
            began = time.perf_counter()
            result = scan([Spot("", folder)])
            times.append(time.perf_counter() - began)
            read = _read() - read
            found = sum(seen.finding.kind != "unknown" for seen in result.found)
    median = statistics.median(times)
    noisy = max(times) > 1.5 * min(times)
    return [
        Row(
            f"look through {FILES:,} model files",
            f"≤ {BAR:.0f} s",
            f"{median:.2f} s, {found:,} known",
            f"{min(times):.2f} to {max(times):.2f} s in {len(times)}",
            judge(median, BAR, short=short, noisy=noisy) if found == FILES else "missed",
        ),
        Row(
            "of which is read",
            f"≤ {SHARE:.0%} of what they hold",
            f"{read / 1e6:.0f} MB of {total / 1e12:.1f} TB",
            "headers alone",
            holds(read <= SHARE * total),
        ),
    ]


def _fill(folder: Path) -> int:
    """Files of every layout in turn; returns what they hold in bytes."""
    folder.mkdir()
    known = names()
    return sum(
        write_file(
            folder / f"{number:04}-{known[number % len(known)]}.safetensors", known[number % len(known)]
        )
        for number in range(FILES)
    )


def _read() -> int:
    """Bytes that this process has read so far, from files or from the system's cache of them."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise RuntimeError("the system does not count what is read")
