"""How much the results of two models differ: pictures by pixels and shapes, sounds by loudness over pitch.

Pure numpy. It says how near two things are to each other, not which is the better one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

SCALES = 3
BANDS = 40
FRAME, HOP = 1024, 256


def pictures(first: Path, second: Path) -> dict[str, float]:
    """ "psnr" in dB (99 for equal ones), "ssim" in -1..1, "perceptual" from 0 (equal) upwards.

    Pictures of different sizes are compared at the first one's.
    """
    one, two = Image.open(first).convert("RGB"), Image.open(second).convert("RGB")
    if two.size != one.size:
        two = two.resize(one.size, Image.Resampling.LANCZOS)
    a, b = (np.asarray(each, dtype=np.float64) / 255 for each in (one, two))
    return {"psnr": psnr(a, b), "ssim": ssim(a, b), "perceptual": perceptual(a, b)}


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """In dB; arrays in 0..1."""
    error = float(np.mean((a - b) ** 2))
    return 99.0 if error < 1e-10 else min(99.0, -10 * float(np.log10(error)))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of the brightness, over windows of 8 pixels."""
    x, y = _grey(a), _grey(b)
    size = min(8, *x.shape)
    xs, ys = (np.lib.stride_tricks.sliding_window_view(each, (size, size)) for each in (x, y))
    axes = (-1, -2)
    mx, my = xs.mean(axes), ys.mean(axes)
    vx, vy = xs.var(axes), ys.var(axes)
    both = (xs * ys).mean(axes) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return float(np.mean((2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))))


def perceptual(a: np.ndarray, b: np.ndarray) -> float:
    """Edges and their directions at several sizes, each normed to itself, as learnt distances compare theirs.

    No network is learnt here: this is a stand-in for LPIPS that needs no weights.
    """
    total = 0.0
    for _ in range(SCALES):
        one, two = _edges(a), _edges(b)
        total += float(np.mean(np.sum((one - two) ** 2, axis=-1)))
        if min(a.shape[:2]) < 16:
            break
        a, b = _half(a), _half(b)
    return total / SCALES


def sounds(first: Path, second: Path) -> dict[str, float]:
    """ "mel": the mean difference of their mel spectra in dB, over the shorter one's time."""
    (a, rate), (b, other) = (
        soundfile.read(each, dtype="float32", always_2d=True) for each in (first, second)
    )
    if rate != other:
        return {}
    one, two = (_mel(each.mean(axis=1), rate) for each in (a, b))
    length = min(len(one), len(two))
    return {"mel": float(np.mean(np.abs(one[:length] - two[:length])))}


def side_by_side(first: Path, second: Path, target: Path) -> None:
    """Both pictures in one, before on the left."""
    one, two = Image.open(first).convert("RGB"), Image.open(second).convert("RGB")
    both = Image.new("RGB", (one.width + two.width + 8, max(one.height, two.height)), "white")
    both.paste(one, (0, 0))
    both.paste(two, (one.width + 8, 0))
    both.save(target)


def _grey(picture: np.ndarray) -> np.ndarray:
    return picture @ np.array([0.299, 0.587, 0.114])


def _half(picture: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    cut = picture[:height, :width]
    return (cut[::2, ::2] + cut[1::2, ::2] + cut[::2, 1::2] + cut[1::2, 1::2]) / 4


def _edges(picture: np.ndarray) -> np.ndarray:
    """For each pixel: differences in four directions of each colour, of length one where there are any."""
    inner = picture[1:-1, 1:-1]
    across, down = picture[1:-1, 2:] - picture[1:-1, :-2], picture[2:, 1:-1] - picture[:-2, 1:-1]
    falling, rising = picture[2:, 2:] - picture[:-2, :-2], picture[:-2, 2:] - picture[2:, :-2]
    found = np.concatenate([across, down, falling, rising, 0.25 * (inner - 0.5)], axis=-1)
    return found / (np.linalg.norm(found, axis=-1, keepdims=True) + 0.05)


def _mel(samples: np.ndarray, rate: int) -> np.ndarray:
    """(frames, bands), in dB."""
    padded = np.pad(samples, (0, max(0, FRAME - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * np.hanning(FRAME)
    power = np.abs(np.fft.rfft(windows, axis=-1)) ** 2
    return 10 * np.log10(power @ _bands(rate).T + 1e-6)


def _bands(rate: int) -> np.ndarray:
    """Triangles over the frequencies, evenly spaced as they are heard: (bands, frequencies)."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(FRAME, 1 / rate)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (frequencies - low) / (middle - low)
    return np.clip(np.minimum(rising, (high - frequencies) / (high - middle)), 0, None)
