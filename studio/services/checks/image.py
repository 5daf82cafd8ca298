"""Whether a picture shows what it was asked for: by its colours and its outline, against drawings of ours.

The drawings, `assets/checks/image/<prompt with dashes>.png`, are on white, as are the pictures that
can be checked against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

from studio.services.paths import ASSETS

Pixels = NDArray[np.uint8]
"""Red, green and blue from 0 to 255, shape (height, width, 3)."""

FOLDER = ASSETS / "checks" / "image"
SIDE = 64  # pixels, to which every picture is brought
WHITE = 208  # the darkest of three colours from which on a pixel belongs to the background
HUES = 24
GREY, DARK = 80, 60  # saturation and value, of 255, below which a hue means nothing
SPREAD = np.array([0.1, 0.2, 0.4, 0.2, 0.1])  # over neighbouring hues, so that a shade is not another colour

# Measured: from its own drawing a picture is at most 0.26 and 0.20 away; a red square from the apple 0.02
# and 0.42, noise from whatever is nearest 0.74 and 0.37.
MOST_COLOUR = 0.4
MOST_SHAPE = 0.33

# Change from pixel to pixel, by the spread of the whole: a photograph 0.06 to 0.3, a ramp 0.03, noise 1.1.
ROUGHNESS = (0.04, 0.5)
LEAST_SPREAD = 8.0  # of 255
LEAST_CHANGE = 8.0  # of 255, the mean between pictures of two seeds


class Features(Struct, frozen=True):
    """`hues`: shares of the foreground by hue, and of what has none. `outline`: where there is foreground."""

    hues: NDArray[np.float64]
    outline: NDArray[np.bool_]


class Distance(Struct, frozen=True):
    """How unlike, 0 (equal) to 1 (nothing in common): the colours, the outlines."""

    colour: float
    shape: float

    @property
    def total(self) -> float:
        return self.colour + self.shape


@cache
def references() -> dict[str, Features]:
    """The drawings' features by prompt. Raises OSError."""
    found: dict[str, Features] = {}
    for file in sorted(FOLDER.glob("*.png")):
        with Image.open(file) as drawing:
            found[file.stem.replace("-", " ")] = features(np.asarray(drawing.convert("RGB")))
    return found


def problems(picture: Pixels, prompt: str) -> tuple[str, ...]:
    """Text keys of what is wrong with *picture* as an answer to *prompt*, none if it is real.

    *prompt* is one of `references()`.
    """
    found: list[str] = []
    seen = features(picture)
    away = {name: distance(seen, reference) for name, reference in references().items()}
    own = away[prompt]
    if own.colour > MOST_COLOUR or own.shape > MOST_SHAPE:
        found.append("check.image.unlike")
    if min(away, key=lambda name: away[name].total) != prompt:
        found.append("check.image.other")
    return tuple(found)


def problems_without_words(pictures: Sequence[Pixels]) -> tuple[str, ...]:
    """The same for pictures of several seeds that no prompt asked for: not flat, not noise, not equal.

    It cannot tell a face from a landscape.
    """
    found: list[str] = []
    values = [picture.astype(np.float64) for picture in pictures]
    if any(value.std() < LEAST_SPREAD for value in values):
        found.append("check.image.flat")
    elif not all(ROUGHNESS[0] <= _roughness(value) <= ROUGHNESS[1] for value in values):
        found.append("check.image.noise")
    pairs = [(one, other) for n, one in enumerate(values) for other in values[:n]]
    if any(np.abs(one - other).mean() < LEAST_CHANGE for one, other in pairs):
        found.append("check.image.same")
    return tuple(found)


def problems_of_repeating(first: bytes, second: bytes) -> tuple[str, ...]:
    """The same for the files of two runs with one seed."""
    return () if first == second else ("check.image.differs",)


def features(picture: Pixels) -> Features:
    """What is compared of *picture*."""
    image = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
    outline = np.asarray(image).min(axis=2) < WHITE
    hue, saturation, value = np.moveaxis(np.asarray(image.convert("HSV")).astype(np.int64), 2, 0)
    vivid = outline & (saturation > GREY) & (value > DARK)
    counts = np.bincount(hue[vivid] * HUES // 256, minlength=HUES)
    spread = sum(np.roll(counts, n - len(SPREAD) // 2) * share for n, share in enumerate(SPREAD))
    hues = np.append(spread, np.count_nonzero(outline & ~vivid))
    return Features(hues / max(hues.sum(), 1.0), outline)


def distance(one: Features, other: Features) -> Distance:
    """How unlike two pictures are."""
    either = np.count_nonzero(one.outline | other.outline)
    both = np.count_nonzero(one.outline & other.outline)
    return Distance(
        colour=1 - float(np.minimum(one.hues, other.hues).sum()),
        shape=1 - both / either if either else 0.0,
    )


def _roughness(values: NDArray[np.float64]) -> float:
    grey = values.mean(axis=2)
    change = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    return float(change / 2 / max(grey.std(), 1e-9))
