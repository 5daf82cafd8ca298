from __future__ import annotations

import pytest

from studio.domain.quantity import clock, duration, gigabytes, length, size, speed
from studio.domain.text import set_language


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 kB"),
        (-5, "0 kB"),
        (999, "1 kB"),
        (58_300_000, "58 MB"),
        (1_440_000_000, "1.4 GB"),
        (1e9, "1.0 GB"),
    ],
)
def test_sizes(number: float, words: str) -> None:
    assert size(number) == words


def test_memory_and_speed() -> None:
    assert gigabytes(933e6) == "0.9"
    assert speed(9_440_000) == "9.4 MB/s"
    assert speed(3_400) == "3 kB/s"


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [(0.2, "1 s", "1 秒"), (12.4, "12 s", "12 秒"), (100, "2 min", "2 分钟"), (5400, "1.5 h", "1.5 小时")],
)
def test_durations(seconds: float, english: str, chinese: str) -> None:
    assert duration(seconds) == english
    set_language("zh_CN")
    assert duration(seconds) == chinese


def test_clock() -> None:
    assert (clock(0), clock(65.9), clock(600)) == ("0:00", "1:05", "10:00")


def test_a_sound_of_less_than_a_second_has_a_length() -> None:
    assert (length(0), length(0.8), length(65.9)) == ("0:00", "0:01", "1:05")
