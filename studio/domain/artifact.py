"""A result on disk."""

from __future__ import annotations

from msgspec import Struct

EXTENSIONS = {"image": ("png",), "speech": ("wav", "flac"), "text": ("txt", "md")}
"""By task, what a result's file name may end in, the usual one first. A task that is not here: anything."""


class Artifact(Struct, frozen=True, kw_only=True):
    """One saved file. `index` is its place in the job (0..count-1), `text` a text result in full.

    `sha256` in hex, of the file. `width` and `height` in pixels, `seconds` of sound.
    """

    path: str
    media_type: str
    sha256: str
    bytes: int
    index: int = 0
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    text: str | None = None
