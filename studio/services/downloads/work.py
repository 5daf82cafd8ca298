"""What every source needs while it fetches: where to put things, whom to tell, how much room there is."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2

from studio.domain.failure import StudioError
from studio.services.downloads.gather import Gather
from studio.services.downloads.ledger import arrived
from studio.services.downloads.limit import Limit
from studio.services.downloads.messages import Progress
from studio.services.downloads.state import FileState, Stage
from studio.services.downloads.transfer import Item
from studio.services.network import Traffic

RESERVE = 512 * 2**20
"""Bytes of disk that a download leaves free for everything else."""

_INTERVAL = 0.1
DISK_ERRORS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class Work:
    """Below `home`, `parts` keeps what has arrived between attempts; `ready` becomes the model's folder.

    `proven` has the sha256 of files that were hashed while they came: they need not be read again.
    `refused`: the hosts that had or sent something else than they should.
    """

    def __init__(
        self,
        home: Path,
        title: str,
        tell: Callable[[Progress], None],
        traffic: Traffic,
        limit: Limit | None = None,
    ) -> None:
        self.home = home
        self.parts = home / "parts"
        self.ready = home
        self.title, self.traffic, self.limit = title, traffic, limit
        self.proven: dict[Path, str] = {}
        self.refused: list[str] = []
        self._tell = tell
        self._last = ("", 0.0)
        self.parts.mkdir(parents=True, exist_ok=True)

    def begin(self, source: int) -> None:
        """Turn to the model's source of that number; what another one made ready stays apart."""
        self.ready = self.home / f"ready-{source}"
        self.ready.mkdir(parents=True, exist_ok=True)

    def gather(self, client: httpx2.Client, wanted: Mapping[Path, Item], *, beside: int = 0) -> None:
        """Make each item be at its path, all over the same few streams.

        *beside*: bytes of the download that need not be fetched. Raises TransferError, AddressError, OSError.
        """

        def report(done: int, total: int, files: tuple[FileState, ...]) -> None:
            self.report("download", beside + done, beside + total, files)

        gather = Gather(client, wanted, self.parts, report, self.traffic, limit=self.limit)
        gather.run()
        self.proven.update(gather.proven)

    def report(self, stage: Stage, done: int, total: int, files: tuple[FileState, ...] = ()) -> None:
        """At most ten times a second, and always at a stage's beginning and end."""
        now = time.monotonic()
        if stage == self._last[0] and now - self._last[1] < _INTERVAL and done != total:
            return
        self._last = (stage, now)
        self._tell(Progress(stage=stage, done=done, total=total, files=files))

    def need(self, size: int) -> None:
        """Raise StudioError `disk.full` unless *size* more bytes fit and the reserve stays free."""
        free = shutil.disk_usage(self.home).free
        if size > free - RESERVE:
            raise StudioError(
                "disk.full",
                path=str(self.home.parent.parent),
                details=f"{size} bytes are needed, {free} are free, {RESERVE} stay free",
                retryable=True,
            )

    def here(self) -> int:
        """Bytes that earlier attempts left."""
        return arrived(self.home)
