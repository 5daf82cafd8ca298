"""Decoding pictures off the window's thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageReader

LARGEST_MB = 512  # of a decoded picture: 64 megapixels of 32 bit and room for 64 bit ones


async def load(path: Path, side: int = 0) -> QImage:
    """The picture in *path*, its longer side at most *side* pixels; null when it cannot be read."""
    return await asyncio.to_thread(decode, path, side)


def decode(path: Path, side: int = 0) -> QImage:
    """As `load`, in the calling thread."""
    QImageReader.setAllocationLimit(LARGEST_MB)
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if side and size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read()


def from_rgb(rgb: bytes, width: int, height: int) -> QImage:
    """A picture of its own from `height * width * 3` bytes, rows from the top."""
    return QImage(rgb, width, height, width * 3, QImage.Format.Format_RGB888).copy()
