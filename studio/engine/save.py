"""Results become files: whole or not at all, under a name that nothing has yet."""

from __future__ import annotations

import errno
import hashlib
import io
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from studio.domain.artifact import Artifact
from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec
from studio.domain.infotext import CHUNK
from studio.domain.record import sidecar
from studio.engine import sound
from studio.engine.metadata import Metadata, describe
from studio.wire import files
from studio.wire.messages import Run

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

SLUG = 40  # characters
NUMBER = re.compile(r"(\d{5,9})(?=[-.])")


class Saver:
    """Saves the results of one job.

    They go to `<outputs>/YYYY-MM-DD/00001-<seed>-<slug>.<extension>`, or to the exact path that the
    user gave: further results get `-1`, `-2`, and where a `count` above one was asked for, all do. A
    wrong suffix is completed, never obeyed: a PNG named `a.jpg` becomes `a.jpg.png`.

    Every method raises StudioError `disk.full` or `output.unwritable`, and `output.suspect` for a
    result that cannot be meant.
    """

    def __init__(self, run: Run, spec: FamilySpec, device: str) -> None:
        self._run = run
        self._spec = spec
        self._device = device
        self._exact = Path(run.outputs_exact) if run.outputs_exact else None

    def image(self, image: Image, *, index: int = 0, seed: int | None = None) -> Artifact:
        """A PNG with the A1111 text, our record and an XMP packet."""
        from PIL.PngImagePlugin import PngInfo

        extrema = image.getextrema()
        bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
        if image.width * image.height > 1 and all(low == high for low, high in bands):
            raise StudioError("output.suspect", retryable=True)  # one colour: what broken numbers decode to
        seed = self._seed(seed)
        metadata = self._describe(index, seed)
        texts = PngInfo()
        texts.add_text("parameters", metadata.infotext)
        texts.add_itxt(CHUNK, metadata.record)
        texts.add_itxt("XML:com.adobe.xmp", metadata.xmp)
        buffer = io.BytesIO()
        image.save(buffer, "PNG", pnginfo=texts)
        data = buffer.getvalue()
        path = self._publish(data, "png", index=index, seed=seed)
        return _artifact(
            path, data, "image/png", index=index, seed=seed, width=image.width, height=image.height
        )

    def audio(
        self,
        samples: np.ndarray,
        rate: int,
        *,
        index: int = 0,
        seed: int | None = None,
        format: str = "wav",  # noqa: A002
    ) -> Artifact:
        """A WAV or FLAC of 16 bits; an exact path's suffix decides which. *samples*: float, -1..1."""
        if self._exact and self._exact.suffix.lower().lstrip(".") in sound.FORMATS:
            kind = self._exact.suffix.lower().lstrip(".")
        else:
            kind = format
        seed = self._seed(seed)
        pcm = sound.to_pcm(samples)
        write = {"wav": sound.wav, "flac": sound.flac}[kind]
        data = write(pcm, rate, self._describe(index, seed))
        path = self._publish(data, kind, index=index, seed=seed)
        media_type = sound.FORMATS[kind]
        return _artifact(path, data, media_type, index=index, seed=seed, seconds=len(pcm) / rate)

    def text(self, text: str, *, index: int = 0, extension: str = "txt") -> Artifact:
        """A text file in UTF-8, and its record in a file beside it."""
        if self._exact and self._exact.suffix:
            extension = self._exact.suffix[1:]
        seed = self._seed(None)
        data = text.encode()
        record = self._describe(index, seed).record.encode()
        path = self._publish(data, extension, index=index, seed=seed, record=record)
        media_type = "text/markdown" if extension == "md" else "text/plain"
        return _artifact(path, data, media_type, index=index, seed=seed, text=text)

    def other(self, data: bytes, *, extension: str, media_type: str, index: int = 0) -> Artifact:
        """Any bytes, and their record in a file beside them."""
        seed = self._seed(None)
        record = self._describe(index, seed).record.encode()
        path = self._publish(data, extension, index=index, seed=seed, record=record)
        return _artifact(path, data, media_type, index=index, seed=seed)

    def _seed(self, seed: int | None) -> int | None:
        return self._run.request.seed if seed is None else seed

    def _describe(self, index: int, seed: int | None) -> Metadata:
        return describe(self._run, self._spec, device=self._device, index=index, seed=seed)

    def _publish(
        self, data: bytes, extension: str, *, index: int, seed: int | None, record: bytes | None = None
    ) -> Path:
        day = datetime.now(UTC).astimezone().date().isoformat()
        target = self._exact or Path(self._run.outputs) / day
        try:
            if self._exact:
                path = self._exact_path(self._exact, extension, index)
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, data, record, overwrite=self._run.overwrite)
                return path
            target.mkdir(parents=True, exist_ok=True)
            words = [str(seed)] if seed is not None else []
            name = "-".join([*words, slug(self._run.request.prompt)]).strip("-")
            return _write_next(target, f"{name}.{extension}", data, record)
        except OSError as error:
            raise _unwritable(error, target) from error

    def _exact_path(self, exact: Path, extension: str, index: int) -> Path:
        if exact.suffix.lower() != f".{extension.lower()}":
            exact = exact.with_name(f"{exact.name}.{extension}")
        count = self._run.request.values.get("count")
        return files.numbered(exact, index, count if isinstance(count, int) else 1)


def slug(prompt: str) -> str:
    """The beginning of *prompt* as a piece of a file name: letters and digits of any script, and "-"."""
    text = unicodedata.normalize("NFC", prompt[: 4 * SLUG]).lower()
    words = "".join(character if character.isalnum() else " " for character in text).split()
    return "-".join(words)[:SLUG].strip("-")


def _write_next(folder: Path, name: str, data: bytes, record: bytes | None) -> Path:
    """Under the next free number of *folder*, also when another process takes numbers there."""
    taken = [int(found[1]) for entry in folder.iterdir() if (found := NUMBER.match(entry.name))]
    number = max(taken, default=0) + 1
    while True:
        path = folder / f"{number:05}{'' if name.startswith('.') else '-'}{name}"
        try:
            _write(path, data, record, overwrite=False)
            return path
        except FileExistsError:
            number += 1


def _write(path: Path, data: bytes, record: bytes | None, *, overwrite: bool) -> None:
    """The record first: a result that is there has its record."""
    write = files.write if overwrite else files.write_new
    if record is None:
        write(path, data)
        return
    beside = sidecar(path)
    write(beside, record)
    try:
        write(path, data)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _unwritable(error: OSError, target: Path) -> StudioError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StudioError("disk.full", path=str(target), retryable=True)
    return StudioError("output.unwritable", path=str(target), reason=error.strerror or str(error))


def _artifact(
    path: Path,
    data: bytes,
    media_type: str,
    *,
    index: int,
    seed: int | None,
    width: int | None = None,
    height: int | None = None,
    seconds: float | None = None,
    text: str | None = None,
) -> Artifact:
    return Artifact(
        path=str(path),
        media_type=media_type,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        index=index,
        seed=seed,
        width=width,
        height=height,
        seconds=seconds,
        text=text,
    )
