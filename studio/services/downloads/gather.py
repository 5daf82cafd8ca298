"""All files of a download over a few streams: resumed after any end, proven before they get their names.

A stream takes the next range that is missing, of the first file that has one; so small files come side
by side and a large one in several ranges at once, from its beginning on. Behind each file a thread
hashes what is there without a gap, while more arrives. What is resumed may have changed on the server:
If-Range asks it to say so, and the hash decides in the end.
"""

from __future__ import annotations

import contextvars
import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import httpx2

from studio.services.downloads import proof
from studio.services.downloads.fill import Filling, Line, Sleep
from studio.services.downloads.limit import Limit
from studio.services.downloads.part import Claim, Lost, Part
from studio.services.downloads.state import FileState
from studio.services.downloads.transfer import Item, TransferError, WrongContentError
from studio.services.network import Traffic

log = logging.getLogger(__name__)

STREAMS = 4
_TICK = 0.2

Report = Callable[[int, int, tuple[FileState, ...]], None]
"""Told the bytes that are here, of all, and the files under way. May be fewer than before."""


class _File:
    """`targets`: where it belongs; more than one where several names have the same content."""

    def __init__(self, filling: Filling, target: Path) -> None:
        self.filling, self.part, self.item = filling, filling.part, filling.item
        self.targets = [target]
        self.begun = self.done = False


class Gather:
    """Items by the paths where they belong; `parts` is the folder for what is not whole yet.

    Used once. `proven` has the sha256 of each file that is at its path, by path.
    """

    def __init__(
        self,
        client: httpx2.Client,
        wanted: Mapping[Path, Item],
        parts: Path,
        report: Report,
        traffic: Traffic,
        *,
        limit: Limit | None = None,
        streams: int = STREAMS,
        sleep: Sleep | None = None,
    ) -> None:
        self.proven: dict[Path, str] = {}
        self._report, self._streams = report, streams
        self._line = Line(client, traffic, limit, sleep)
        self._changed = threading.Condition()
        self._there = 0
        self._files = self._missing(wanted, parts)
        self._work: list[Future[None]] = []

    def _missing(self, wanted: Mapping[Path, Item], parts: Path) -> list[_File]:
        """What has its name was proven before it got it."""
        found: dict[str, _File] = {}
        for path, item in wanted.items():
            if path.exists():
                self._there += path.stat().st_size
                if item.sha256:
                    self.proven[path] = item.sha256
            elif item.promise in found:
                found[item.promise].targets.append(path)
            elif not (item.sha256 or item.blob or item.unproven):
                raise WrongContentError(f"{item.name}: nothing says what it should be")
            else:
                name = item.sha256 or item.blob or hashlib.sha256(item.url.encode()).hexdigest()
                part = Part(parts / name, item.promise, item.bytes, self._changed)
                found[item.promise] = _File(Filling(item, part, self._line), path)
        return list(found.values())

    def run(self) -> None:
        """Make every file be at its path, whole and proven.

        Raises TransferError, AddressError, OSError; what has arrived is kept for the next time.
        """
        try:
            with ThreadPoolExecutor(2 * self._streams, "download") as self._pool:
                try:
                    for _ in range(self._streams if self._files else 0):
                        self._begin(self._stream)
                    self._watch()
                finally:
                    self._line.stop()
                    with self._changed:
                        self._changed.notify_all()
        finally:
            for file in self._files:
                file.part.close()

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        # The record of connections knows by the context what they are for.
        self._work.append(self._pool.submit(contextvars.copy_context().run, work, *arguments))

    def _watch(self) -> None:
        """Tell how far it is until all is done. Raises what ended a stream."""
        while True:
            ended, running = wait(list(self._work), _TICK, return_when="FIRST_EXCEPTION")
            for future in ended:
                future.result()
            self._tell()
            if not running:
                return

    def _tell(self) -> None:
        with self._changed:
            under_way = tuple(
                FileState(name=file.item.name, done=file.part.have, total=file.part.size or 0)
                for file in self._files
                if file.begun and not file.done
            )
            done = self._there + sum(_here(file) * len(file.targets) for file in self._files)
            total = self._there + sum((file.part.size or 0) * len(file.targets) for file in self._files)
        self._report(done, max(done, total), under_way)

    def _stream(self) -> None:
        while (found := self._next()) is not None:
            file, claim = found
            with claim:
                try:
                    file.filling.fill(claim)
                except Lost:
                    log.debug("%s: a stream lost its range", file.item.name)
                except BaseException as error:
                    self._line.stop()  # before another stream takes this range and fails the same way
                    _mark(error, file)
                    raise

    def _next(self) -> tuple[_File, Claim] | None:
        """The first file with something to claim; waits where that may still come."""
        with self._changed:
            while not self._line.stopped.is_set() and not all(file.done for file in self._files):
                for file in self._files:
                    claim = None if file.done else file.part.claim(self._streams)
                    if not file.begun and (claim or file.part.complete):
                        file.begun = True
                        self._begin(self._prove, file)
                    if claim:
                        return file, claim
                self._changed.wait()
        return None

    def _prove(self, file: _File) -> None:
        """Give the file its name if it is right; begin it anew, once, if it is not."""
        for last in (False, True):
            found = proof.follow(file.part, file.item, self._line.stopped)
            if found is None:
                return
            wrong = found.wrong(file.item)
            if not wrong:
                self._publish(file, found.sha256)
                return
            file.part.restart()
            if last:
                error = WrongContentError(wrong)
                _mark(error, file)
                raise error
            log.warning("%s", wrong)

    def _publish(self, file: _File, sha256: str) -> None:
        first, *others = file.targets
        file.part.publish(first)
        for other in others:
            shutil.copyfile(first, file.part.path)
            file.part.publish(other)
        with self._changed:
            self.proven.update(dict.fromkeys(file.targets, sha256))
            file.done = True
            self._changed.notify_all()


def _mark(error: BaseException, file: _File) -> None:
    """Let *error* know whose it is: another source may have this file."""
    if isinstance(error, TransferError):
        error.item = file.item


def _here(file: _File) -> int:
    return file.part.size or 0 if file.done else file.part.have
