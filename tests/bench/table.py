"""One line of the table: a figure, its bar, what was measured, and what that means."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

HEAD = ("figure", "bar", "measured", "spread", "verdict")
TOLERANCE = 2.0  # by how much a short run may miss a bar


@dataclass(frozen=True)
class Row:
    """`verdict`: "met", "missed", "noisy", "broken", or "short": over the bar, but so may a short run."""

    figure: str
    bar: str
    measured: str
    spread: str
    verdict: str

    @property
    def failed(self) -> bool:
        return self.verdict in ("missed", "broken")


def judge(value: float, bar: float, *, short: bool, noisy: bool = False, least: bool = False) -> str:
    """Is *value* at most *bar*, or with *least* at least? A short run fails only at twice the bar."""
    over = bar / value if least else value / bar
    if over <= 1:
        return "met"
    if short:
        return "short" if over <= TOLERANCE else "missed"
    return "noisy" if noisy else "missed"


def holds(truth: bool) -> str:
    """The verdict on what is either so or not."""
    return "met" if truth else "missed"


def table(rows: Sequence[Row]) -> str:
    """As Markdown that can be read in a terminal too."""
    lines = [HEAD, *(dataclasses.astuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]

    def written(line: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([written(HEAD), rule, *(written(line) for line in lines[1:])])


def machine() -> str:
    """Where and when, in one line."""
    memory = psutil.virtual_memory().total / 1e9
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {_processor()}, {psutil.cpu_count()} cores, "
        f"{memory:.0f} GB; {platform.system()} {platform.release()}, Python {platform.python_version()}; "
        f"load {psutil.getloadavg()[0]:.1f} at the start"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
