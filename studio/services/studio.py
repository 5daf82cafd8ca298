"""A running studio without a face: every service, built and started in one explicit order."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from studio.domain.job import Job
from studio.domain.machine import Machine
from studio.services import machine
from studio.services.awake import Awake
from studio.services.conversations import Conversations
from studio.services.database import Database
from studio.services.downloads.downloads import Downloads
from studio.services.drafts import Drafts
from studio.services.engine.supervisor import Engine
from studio.services.estimate import Estimator
from studio.services.gallery import KEEP_DAYS, Gallery
from studio.services.history import History
from studio.services.job_store import JobStore
from studio.services.library.library import Library
from studio.services.network import Network
from studio.services.paths import Paths
from studio.services.queue import Queue
from studio.services.runner import Runner
from studio.services.secrets import Secrets
from studio.services.settings import Settings, SettingsStore
from studio.wire.messages import Configure

log = logging.getLogger(__name__)

ENGINE = (sys.executable, "-m", "studio.engine")
TOKEN = "hub"  # noqa: S105 - the name under which it is kept


class Studio:
    """Made without touching the disk much; `start` opens the database and takes up the queue.

    *offline* is for this run only and stronger than the setting. Everything runs on the loop that
    awaits `start`.
    """

    def __init__(self, paths: Paths, *, offline: bool = False) -> None:
        self.paths = paths
        self.settings = SettingsStore(paths)
        self._forced_offline = offline
        self.network = Network(paths)
        self.secrets = Secrets(paths)
        self.drafts = Drafts(paths)
        self.conversations = Conversations(paths)
        self.database = Database(paths.data / "studio.db")
        self.library = Library(Path(self.settings.value.models or paths.models))
        self.downloads = Downloads(
            self.library,
            paths.logs,
            offline=lambda: self.offline,
            token=lambda: self.secrets.get(TOKEN),
        )
        self.engine = Engine(ENGINE, paths.logs / "engine.log")
        self.history = History(self.database)
        self.machine: Machine | None = None
        self.estimator = Estimator(
            self.history,
            ram=lambda: machine.read_ram(machine.Live()).available_bytes,
            accelerators=lambda: self.machine.accelerators if self.machine else (),
            resident=lambda model: model in self.engine.resident,
        )
        runner = Runner(
            self.engine,
            self.library,
            self.history,
            self.estimator,
            settings=lambda: self.settings.value,
            outputs=self.outputs,
        )
        self.queue = Queue(
            runner,
            self.library,
            self.estimator,
            JobStore(self.database),
            settings=lambda: self.settings.value,
            awake=Awake(),
        )
        self.gallery = Gallery(self.database, self.outputs)
        self._indexed: set[str] = set()
        self._indexing: set[asyncio.Task[None]] = set()

    @classmethod
    def create(cls, *, offline: bool = False) -> Studio:
        """The user's own studio."""
        paths = Paths.default()
        paths.create()
        return cls(paths, offline=offline)

    @property
    def offline(self) -> bool:
        return self._forced_offline or self.settings.value.offline

    def outputs(self) -> Path:
        """Where results go."""
        return Path(self.settings.value.outputs or self.paths.outputs)

    async def start(self) -> None:
        """Raises StudioError when the database cannot be opened."""
        self.network.start(offline=self.offline)
        self._configure(self.settings.value)
        await self.database.open()
        await self.history.load()
        await self.queue.load()
        self.settings.changed.connect(self._configure)
        self.queue.changed.connect(self._index)

    async def read_machine(self) -> Machine:
        """What this computer is, read anew off the loop's thread."""
        self.machine = await asyncio.to_thread(machine.read_machine, self.library.folder, self.outputs())
        return self.machine

    async def try_devices(self) -> Machine:
        """As `read_machine`, with what the engine found when it tried to compute. Raises StudioError."""
        devices = await self.engine.devices()
        self.machine = machine.tried(await self.read_machine(), devices.devices)
        return self.machine

    async def tidy(self) -> None:
        """What can wait until the window is there: the gallery's index, old trash. Raises OSError, StudioError."""
        await self.gallery.reconcile()
        await self.gallery.empty_trash(older_than_days=KEEP_DAYS)

    async def close(self) -> None:
        """Put everything down; nothing of it is left running. Harmless when repeated or never started."""
        await self.downloads.close()
        await asyncio.gather(self.queue.close(), self.engine.close())
        if self._indexing:
            await asyncio.wait(self._indexing)
        await self.drafts.save()
        await self.database.close()
        self.network.stop()

    def _configure(self, settings: Settings) -> None:
        self.network.offline = self.offline
        self.engine.configure(Configure(idle_unload_seconds=settings.idle_unload_seconds))

    def _index(self, job: Job) -> None:
        """A result that was saved gets its row in the gallery; what fails here is found by `tidy`."""
        for artifact in job.artifacts:
            if artifact.path not in self._indexed:
                self._indexed.add(artifact.path)
                task = asyncio.ensure_future(self.gallery.add(artifact, job.request))
                self._indexing.add(task)
                task.add_done_callback(self._was_indexed)

    def _was_indexed(self, task: asyncio.Task[None]) -> None:
        self._indexing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a result could not be indexed", exc_info=error)
