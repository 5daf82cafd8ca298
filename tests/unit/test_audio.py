from __future__ import annotations

import numpy as np
import pytest

from studio.domain.audio import Joiner

RATE = 24_000


def tone(seconds: float, level: float = 0.5) -> np.ndarray:
    # A quarter period off, so that a plain cut begins and ends at full height: a click.
    return (level * np.cos(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def joined(*pieces: tuple[np.ndarray, float]) -> np.ndarray:
    joiner = Joiner(RATE)
    for samples, pause in pieces:
        joiner.add(samples, pause)
    return joiner.join()


def largest_step(samples: np.ndarray) -> float:
    return float(np.abs(np.diff(samples, prepend=0, append=0)).max())


def test_there_is_no_click_where_pieces_meet() -> None:
    smooth = float(np.abs(np.diff(tone(1))).max())
    plain = np.concatenate([tone(0.5), silence(0.2), tone(0.5)])
    assert largest_step(plain) > 5 * smooth, "the control has clicks"
    assert largest_step(joined((tone(0.5), 0.2), (tone(0.5), 0.2))) < 1.2 * smooth


def test_the_pause_is_what_was_asked_for() -> None:
    """Whatever silence the voice itself put around its words."""
    whole = joined((np.concatenate([silence(0.3), tone(0.5), silence(0.6)]), 0.4), (tone(0.5), 0.9))
    assert whole.size / RATE == pytest.approx(0.5 + 0.4 + 0.5, abs=0.15)
    quiet = np.abs(whole) < 1e-4
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(int), [0]])))
    longest = max(np.diff(edges.reshape(-1, 2), axis=1))[0] / RATE
    assert longest == pytest.approx(0.4, abs=0.15)


def test_a_soft_ending_is_kept() -> None:
    soft = np.concatenate([tone(0.3), tone(0.2, level=0.01)])
    assert joined((soft, 0)).size >= soft.size * 0.98


def test_silence_says_nothing() -> None:
    assert joined((silence(1), 0.5)).size == 0
    assert joined().size == 0
    assert joined((np.zeros(0, np.float32), 0.5), (tone(0.5), 0)).size / RATE == pytest.approx(0.5, abs=0.01)


def test_what_is_too_loud_is_turned_down_as_a_whole() -> None:
    whole = joined((tone(0.5, level=2.0), 0.1), (tone(0.5, level=0.5), 0.1))
    assert np.abs(whole).max() <= 1
    first, second = np.abs(whole[: RATE // 2]).max(), np.abs(whole[-RATE // 3 :]).max()
    assert first / second == pytest.approx(4, rel=0.05)


def test_the_voice_s_own_samples_are_not_touched() -> None:
    samples = tone(0.2)
    before = samples.copy()
    joined((samples, 0.1))
    assert np.array_equal(samples, before)
