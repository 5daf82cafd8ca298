"""Reading a sound for its waveform, and playing it. Qt's multimedia is loaded with the first playback."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal

from studio.app.widgets.waveform import peaks
from studio.domain.failure import StudioError


async def read_peaks(path: Path) -> tuple[tuple[float, ...], float]:
    """(the loudest of each part in 0..1, seconds) of the sound *path*. Raises OSError."""
    return await asyncio.to_thread(_read_peaks, path)


def _read_peaks(path: Path) -> tuple[tuple[float, ...], float]:
    import soundfile  # not part of the first window

    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{path.name}: {error}") from error
    return peaks(samples.mean(axis=1)), len(samples) / rate


class Player(QObject):
    """Plays one file. `position_changed` carries seconds, `playing_changed` a bool, `failed` words."""

    position_changed = Signal(object)
    playing_changed = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._player: Any = None

    @property
    def playing(self) -> bool:
        return self._player is not None and self._player.isPlaying()

    def open(self, path: Path) -> None:
        """Stop, and make *path* the one to play."""
        self._path = path
        if self._player is not None:
            self._player.stop()
            self._player.setSource(QUrl.fromLocalFile(str(path)))

    def toggle(self) -> None:
        """Play or pause. Raises StudioError `internal` where this computer has no sound system."""
        player = self._ready()
        if player.isPlaying():
            player.pause()
        elif self._path is not None:
            player.play()

    def seek(self, seconds: float) -> None:
        """Raises StudioError as `toggle`."""
        self._ready().setPosition(round(seconds * 1000))
        self.position_changed.emit(seconds)

    def stop(self) -> None:
        if self._player is not None:
            self._player.stop()

    def _ready(self) -> Any:
        if self._player is None:
            try:
                from PySide6.QtMultimedia import QAudioOutput, QMediaPlayer
            except ImportError as error:  # libpulse is missing
                raise StudioError("internal", reason="speak.no_playback", details=repr(error)) from error
            self._player = QMediaPlayer(self)
            self._player.setAudioOutput(QAudioOutput(self))
            self._player.positionChanged.connect(self._moved)
            self._player.playingChanged.connect(self.playing_changed)
            self._player.errorOccurred.connect(self._failed)
            if self._path is not None:
                self._player.setSource(QUrl.fromLocalFile(str(self._path)))
        return self._player

    def _moved(self, milliseconds: int) -> None:
        self.position_changed.emit(milliseconds / 1000)

    def _failed(self, _: object, words: str) -> None:
        self.failed.emit(words)
