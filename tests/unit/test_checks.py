from __future__ import annotations

import numpy as np
import pytest

from studio.services.checks import speech, text

RATE = 24_000
SENTENCE = "The kettle is on, and the day is all yours to do with as you like."
POEM = "秋风送爽叶飘零，霜雪纷飞花烂漫。落叶归根情不尽，明月照人影成双。"


@pytest.mark.parametrize(
    ("answer", "finish", "chinese"),
    [
        ("Plants turn light into sugar. They need water and air for it.", "stop", False),
        (POEM, "limit", True),
        ("def add(a, b):\n    return a + b\n", "stop", False),
        ("我喜欢 Python，因为它简单。", "stop", True),
    ],
)
def test_a_real_text_passes(answer: str, finish: str, chinese: bool) -> None:
    assert text.problems(answer, finish, chinese=chinese) == ()


@pytest.mark.parametrize(
    ("answer", "finish", "chinese", "problem"),
    [
        ("", "stop", False, "check.text.empty"),
        ("... ???", "stop", False, "check.text.empty"),
        ("It was a", None, False, "check.text.unfinished"),
        ("I like to eat apples. " * 5, "stop", False, "check.text.repeats"),
        ("the the the the the the the the", "stop", False, "check.text.repeats"),
        ("今天天气很好，" * 5, "stop", True, "check.text.repeats"),
        ("Here is a poem about autumn: 秋风。", "stop", True, "check.text.not_chinese"),
    ],
)
def test_what_is_not_a_real_text_is_refused(answer: str, finish: str, chinese: bool, problem: str) -> None:
    assert text.problems(answer, finish, chinese=chinese) == (problem,)


def test_four_times_is_still_allowed() -> None:
    assert text.most_repeated("one two three four five. " * 4) == 4


def times(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def voiced(seconds: float = 4.0, level: float = 0.3) -> np.ndarray:
    """Not speech, but like it where it is looked at: a hum with overtones that swells four times a second."""
    t = times(seconds)
    hum = sum(np.sin(2 * np.pi * 140 * n * t) / n for n in range(1, 20))
    return (level * hum * np.maximum(0.02, np.sin(2 * np.pi * 2 * t) ** 2) / 2).astype(np.float32)


def noise(level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(0).standard_normal(4 * RATE)).astype(np.float32)


def test_what_is_like_speech_passes() -> None:
    assert speech.problems(voiced(), RATE, SENTENCE) == ()


SWELLING = noise() * np.maximum(0.05, np.sin(2 * np.pi * 2 * times(4)) ** 2).astype(np.float32)
TONE = (0.3 * np.sin(2 * np.pi * 440 * times(4))).astype(np.float32)
GAPS = np.concatenate([voiced(2), np.zeros(2 * RATE, np.float32)])


@pytest.mark.parametrize(
    ("samples", "problem"),
    [
        (np.zeros(4 * RATE, np.float32), "check.speech.quiet"),
        (np.zeros(4 * RATE, np.float32), "check.speech.silence"),
        (np.zeros(0, np.float32), "check.speech.length"),
        (voiced(1), "check.speech.length"),
        (voiced(30), "check.speech.length"),
        (voiced(level=0.003), "check.speech.quiet"),
        (GAPS, "check.speech.silence"),
        (noise(), "check.speech.noise"),
        (noise(0.9), "check.speech.noise"),
        (SWELLING, "check.speech.noise"),
        (TONE, "check.speech.steady"),
    ],
    ids=[
        "silent",
        "silence",
        "empty",
        "short",
        "long",
        "quiet",
        "gaps",
        "noise",
        "loud noise",
        "swelling",
        "tone",
    ],
)
def test_what_is_not_speech_is_refused(samples: np.ndarray, problem: str) -> None:
    assert problem in speech.problems(samples, RATE, SENTENCE)
