"""Spoken pieces to one sound: without clicks, with pauses where a reader would make them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

FADE = 0.008  # seconds at both ends of a piece
MARGIN = 0.04  # seconds kept around what is heard: a soft consonant lies below the threshold
QUIET = 10 ** (-50 / 20)  # of the piece's own peak
WINDOW = 0.01  # seconds over which loudness is looked at
HEADROOM = 0.98


class Joiner:
    """Takes mono pieces one by one and gives them back as one. *rate* in samples a second."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._pieces: list[tuple[Samples, int]] = []

    def add(self, samples: Samples, pause: float) -> None:
        """Append *samples*, shape (n,), without the silence at its ends, and *pause* seconds of silence."""
        heard = _fade(_trim(samples, self._rate), self._rate)
        if heard.size:
            self._pieces.append((heard, round(pause * self._rate)))

    def join(self) -> Samples:
        """Everything, shape (n,), without the last pause; turned down as a whole if it is over full scale."""
        pieces, self._pieces = self._pieces, []
        if not pieces:
            return np.zeros(0, np.float32)
        last, _ = pieces[-1]
        pieces[-1] = last, 0
        whole = np.zeros(sum(samples.size + pause for samples, pause in pieces), np.float32)
        at = 0
        for samples, pause in pieces:
            whole[at : at + samples.size] = samples
            at += samples.size + pause
        return within(whole)


def within(samples: Samples) -> Samples:
    """*samples*, turned down as a whole if they are over full scale. Not a number stays what it is."""
    peak = float(np.abs(samples).max(initial=0.0))
    return samples * np.float32(HEADROOM / peak) if peak > 1 else samples


def _trim(samples: Samples, rate: int) -> Samples:
    """The part of *samples* that is heard, with a margin."""
    window = max(1, round(WINDOW * rate))
    loudness = np.abs(samples[: samples.size // window * window]).reshape(-1, window).max(axis=1)
    if not loudness.size or not loudness.max():
        return samples[:0]
    heard = np.flatnonzero(loudness > QUIET * loudness.max())
    margin = round(MARGIN * rate)
    return samples[max(0, int(heard[0]) * window - margin) : (int(heard[-1]) + 1) * window + margin]


def _fade(samples: Samples, rate: int) -> Samples:
    """A copy that begins and ends at zero, on a raised cosine."""
    length = min(round(FADE * rate), samples.size // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(1, length))).astype(np.float32)
    faded = samples.astype(np.float32, copy=True)
    faded[:length] *= ramp
    faded[faded.size - length :] *= ramp[::-1]
    return faded
