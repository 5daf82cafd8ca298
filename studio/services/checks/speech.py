"""Whether a sound is speech: as long as its text takes, loud enough, with the ups and downs of a voice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SECONDS_PER_CHARACTER = (0.03, 0.2)
QUIETEST = -40.0  # dBFS, root mean square of the whole
SILENT = -50.0  # dBFS, of one frame
MOST_SILENCE = 0.4
FRAME = 0.025  # seconds
# White noise has a flatness of about 0.56 in every frame; of speech, half the frames are vowels far below.
MOST_FLATNESS = 0.3
# Frames of noise or of a tone are all as loud as the others; syllables rise and fall.
LEAST_VARIATION = 0.25


def problems(samples: NDArray[np.float32], rate: int, text: str) -> tuple[str, ...]:
    """Text keys of what is wrong with *samples* as a reading of *text*, none if it is real.

    *samples*: mono, shape (n,), in -1..1, at *rate* a second.
    """
    found: list[str] = []
    spoken = sum(map(str.isalnum, text))
    shortest, longest = (seconds * len(text.strip()) for seconds in SECONDS_PER_CHARACTER)
    if not spoken or not shortest <= samples.size / rate <= longest:
        found.append("check.speech.length")
    frames = _frames(samples, rate)
    loudness = np.sqrt((frames**2).mean(axis=1)) if frames.size else np.zeros(1, np.float32)
    if _decibels(np.sqrt((loudness**2).mean())) <= QUIETEST:
        found.append("check.speech.quiet")
    heard = _decibels(loudness) > SILENT
    if 1 - heard.mean() >= MOST_SILENCE:
        found.append("check.speech.silence")
    if not heard.any():
        return tuple(found)
    if np.median(_flatness(frames[heard])) > MOST_FLATNESS:
        found.append("check.speech.noise")
    if loudness[heard].std() / loudness[heard].mean() < LEAST_VARIATION:
        found.append("check.speech.steady")
    return tuple(found)


def _frames(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Frames of `FRAME` seconds, shape (frames, samples in one); the rest is left out."""
    length = round(FRAME * rate)
    return samples[: samples.size // length * length].reshape(-1, length)


def _decibels(amplitude: NDArray[np.float32]) -> NDArray[np.float32]:
    return 20 * np.log10(np.maximum(amplitude, 1e-10))


def _flatness(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """The spectral flatness of each frame: geometric by arithmetic mean of its power spectrum, 0..1."""
    window = np.hanning(frames.shape[1]).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 + 1e-12
    return np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
