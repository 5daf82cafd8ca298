"""A model on its way into the user's folder: made aside, then there from one moment to the next."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from studio import __version__
from studio.domain.artifact import Artifact
from studio.domain.comparison import LINEAGE, REPORT, Lineage, Report
from studio.domain.failure import StudioError
from studio.domain.workshop import FILES, METHODS, MODEL
from studio.families.registry import version_of
from studio.wire import files
from studio.wire.messages import Run

if TYPE_CHECKING:
    from studio.engine.context import Context

PARTS = ".parts"
SPARE = 64 * 2**20  # bytes that stay free on the disk beside what is written


class Making:
    """`folder` takes what is made. `source` is the model that it is made of."""

    def __init__(self, context: Context, run: Run, folder: Path) -> None:
        assert run.model is not None
        self.context = context
        self.folder = folder
        self.source = run.model
        self.values = run.request.values
        self.method = METHODS[run.request.family]
        self._root = Path(run.outputs)

    @property
    def path(self) -> Path:
        """Where the model lies that it is made of."""
        return Path(self.source.path)

    def impossible(self, reason: str, details: str = "", **values: object) -> StudioError:
        """This method cannot do that with this model. *reason*: a text key, or words."""
        return StudioError(
            "workshop.impossible",
            name=self.source.title,
            method=f"workshop.method.{self.method.name}",
            reason=reason,
            details=details,
            **values,
        )

    def need(self, size: float) -> None:
        """Raises StudioError `disk.full` where *size* more bytes do not fit."""
        if shutil.disk_usage(self.folder).free < size + SPARE:
            raise StudioError("disk.full", path=str(self._root))

    def lineage(self) -> Lineage:
        shown = {
            name: value for name, value in self.values.items() if name not in ("trial", "report", "name")
        }
        return Lineage(
            method=self.method.name,
            made_from=self.source.id,
            title=self.source.title or self.source.id,
            path=self.source.path,
            values=shown,
            made=time.time(),
            version=__version__,
            libraries={name: version for name in self.method.libraries if (version := version_of(name))},
        )

    def publish(self, report: Report, words: str, *, usable: bool = True) -> Artifact:
        """Give it its place; *words* name it unless the user did. *usable*: it is a model for the studio.

        Raises OSError.
        """
        name = str(self.values["name"]).strip() or f"{self.source.title or self.path.stem} {words}"
        report = msgspec.structs.replace(report, name=name)
        written = msgspec.json.format(msgspec.json.encode(report.lineage))
        (self.folder / REPORT).parent.mkdir(exist_ok=True)
        files.write(self.folder / REPORT, msgspec.json.format(msgspec.json.encode(report)))
        files.write(self.folder / LINEAGE, written)
        self.context.check_cancelled()
        place = _free(self._root / f"made--{slug(name)}")
        place.parent.mkdir(parents=True, exist_ok=True)
        self.folder.rename(place)
        files.sync_folder(place.parent)
        return Artifact(
            path=str(place),
            media_type=MODEL if usable else FILES,
            sha256=hashlib.sha256(written).hexdigest(),
            bytes=weigh(place),
        )


@contextmanager
def making(context: Context, run: Run) -> Iterator[Making]:
    """A folder to make a model in. What is still in it at the end goes: nothing half is kept.

    Raises StudioError `disk.full`, `output.unwritable`.
    """
    root = Path(run.outputs)
    folder = root / PARTS / f"made-{run.job}"
    try:
        folder.mkdir(parents=True)
        yield Making(context, run, folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StudioError("disk.full", path=str(root)) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise StudioError("output.unwritable", path=str(root), reason=error.strerror or "") from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def weigh(path: Path) -> int:
    """Bytes of the model at *path*, without what tells of it."""
    if path.is_file():
        return path.stat().st_size
    told = path / Path(REPORT).parent
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and told not in file.parents)


def slug(name: str) -> str:
    """*name* as a folder's name on every system."""
    plain = re.sub(r"[^\w.+-]+", "-", name).strip("-. ").lower()
    return plain.encode()[:80].decode("utf-8", "ignore") or "model"


def _free(folder: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return next(
        place for n in range(1000) if not (place := folder / (f"{stamp}-{n}" if n else stamp)).exists()
    )
