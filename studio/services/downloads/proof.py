"""The hash of a file that is still arriving: a thread follows what is there without a gap."""

from __future__ import annotations

import hashlib
import threading
import time

from msgspec import Struct

from studio.services.downloads.part import Part
from studio.services.downloads.transfer import Item

SECURE_SECONDS = 5.0
_BLOCK = 2**20


class Proof(Struct, frozen=True):
    """Of a whole file. `blob`: git's id of it, "" where nobody asks for that."""

    sha256: str
    blob: str

    def wrong(self, item: Item) -> str:
        """What is wrong with it, "" if nothing is."""
        found, promised = (self.sha256, item.sha256) if item.sha256 else (self.blob, item.blob)
        if item.unproven and promised is None:
            return ""
        return "" if found == promised else f"{item.name}: hash {found} instead of {promised}"


def follow(part: Part, item: Item, stopped: threading.Event) -> Proof | None:
    """Hash *part* until it is whole; None when the download ends before. Raises OSError.

    On the way, what has arrived is brought to the disk every few seconds.
    """
    part.path.touch()
    secured = time.monotonic()
    digest = _Digest(part, item)
    with part.path.open("rb", buffering=0) as file:
        while True:
            with part.changed:
                while not stopped.is_set() and digest.idle:
                    part.changed.wait()
                if stopped.is_set():
                    return None
                if digest.epoch != part.epoch:
                    digest = _Digest(part, item)
                    file.seek(0)
                epoch, end, complete = part.epoch, part.here.prefix, part.complete
            while digest.at < end and (data := file.read(min(_BLOCK, end - digest.at))):
                digest.update(data)
            if digest.at < end and epoch == part.epoch:  # somebody else made the file shorter
                part.restart()
            elif complete and epoch == part.epoch:
                return digest.proof()
            elif time.monotonic() - secured > SECURE_SECONDS:
                part.secure()
                secured = time.monotonic()


class _Digest:
    """Of the first `at` bytes of a part, which was begun anew `epoch` times."""

    def __init__(self, part: Part, item: Item) -> None:
        self.epoch, self.at = part.epoch, 0
        self._part = part
        self._sha256 = hashlib.sha256()
        self._blob = None
        if item.blob and not item.sha256:
            self._blob = hashlib.sha1(f"blob {item.bytes}\0".encode(), usedforsecurity=False)

    @property
    def idle(self) -> bool:
        """Nothing to do before something changes."""
        part = self._part
        return part.epoch == self.epoch and part.here.prefix <= self.at and not part.complete

    def update(self, data: bytes) -> None:
        self._sha256.update(data)
        if self._blob:
            self._blob.update(data)
        self.at += len(data)

    def proof(self) -> Proof:
        return Proof(self._sha256.hexdigest(), self._blob.hexdigest() if self._blob else "")
