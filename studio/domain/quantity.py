"""Numbers as people say them, in the user's language. A GB is 10^9 bytes, everywhere."""

from __future__ import annotations

from studio.domain.text import t


def gigabytes(size: float) -> str:
    """One decimal, without the unit: "0.9"."""
    return f"{size / 1e9:.1f}"


def size(number: float) -> str:
    """Of a file: "58 MB", "1.4 GB"."""
    if number >= 1e9:
        return f"{gigabytes(number)} GB"
    return f"{number / 1e6:.0f} MB" if number >= 1e6 else f"{max(number, 0) / 1e3:.0f} kB"


def money(dollars: int) -> str:
    """Of US dollars: "US$ 1,000,000"."""
    return t("money.dollars", n=f"{dollars:,}")


def speed(per_second: float) -> str:
    """Of a transfer: "9.4 MB/s"."""
    return f"{per_second / 1e6:.1f} MB/s" if per_second >= 1e5 else f"{per_second / 1e3:.0f} kB/s"


def duration(seconds: float) -> str:
    """At the grain that a person plans with: "4 s", "2 min", "1.5 h"."""
    if seconds < 90:
        return t("time.seconds", n=max(1, round(seconds)))
    if seconds < 90 * 60:
        return t("time.minutes", n=round(seconds / 60))
    return t("time.hours", n=f"{seconds / 3600:.1f}")


def clock(seconds: float) -> str:
    """Of a sound: "1:05"."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def length(seconds: float) -> str:
    """Of a whole sound, as `clock`; one that is there is never "0:00"."""
    return clock(max(seconds, 1.0) if seconds else 0.0)
