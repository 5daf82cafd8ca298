"""A running studio without a face: every service, built and started in one explicit order."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from studio.domain.ability import Ability, Candidate, abilities
from studio.domain.cost.cost import ModelFacts
from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec
from studio.domain.machine import Accelerator, Machine
from studio.domain.measurement import Measurements
from studio.domain.model import Hub
from studio.domain.remote import RemoteModel
from studio.domain.workshop import FILES, MODEL
from studio.families.registry import families
from studio.services import machine
from studio.services.abilities import candidate, candidates
from studio.services.answers import Answers
from studio.services.awake import Awake
from studio.services.basis import Basis
from studio.services.conversations import Conversations
from studio.services.database import Database
from studio.services.downloads.downloads import Downloads
from studio.services.downloads.remote import Remote
from studio.services.drafts import Drafts
from studio.services.engine.supervisor import Engine
from studio.services.estimate import Estimator
from studio.services.gallery import KEEP_DAYS, Gallery
from studio.services.hardware import Upgrade, upgrades, would_fit
from studio.services.history import History
from studio.services.job_store import JobStore
from studio.services.library.facts import facts_of_manifest
from studio.services.library.headers import HeaderError
from studio.services.library.library import Entry
from studio.services.measurements import MeasurementStore, choose, measure
from studio.services.measuring import Measuring
from studio.services.network import Network
from studio.services.paths import Paths
from studio.services.planning import Planner
from studio.services.queue import Queue
from studio.services.runner import Runner, SavedResult
from studio.services.secrets import Secrets
from studio.services.settings import Settings
from studio.wire.messages import Configure, Devices

log = logging.getLogger(__name__)

TOKEN = "hub"  # noqa: S105 - the name under which it is kept


def engine_command() -> list[str]:
    """How the engine is started. On Windows a windowless interpreter would leave it without its pipes."""
    python = Path(sys.executable)
    if python.stem.lower() == "pythonw":
        python = python.with_stem("python")
    return [str(python), "-m", "studio.engine"]


class Studio:
    """Made without touching the disk much; `start` opens the database and takes up the queue.

    *offline* is for this run only and stronger than the setting. *keep_queue*: what has not ended at
    the end comes back, held, in the next session. *basis*: the one that is in use already; *offline*
    is then its own. Everything runs on the loop that awaits `start`. `tried`: what the engine found when
    it tried its devices, None before.
    """

    def __init__(
        self, paths: Paths, *, offline: bool = False, keep_queue: bool = True, basis: Basis | None = None
    ) -> None:
        self.paths = paths
        self.basis = basis or Basis(paths, offline=offline)
        self.settings = self.basis.settings
        self.library = self.basis.library
        self.network = Network(paths)
        self.secrets = Secrets(paths)
        self.drafts = Drafts(paths)
        self.conversations = Conversations(paths)
        self.database = Database(paths.data / "studio.db")
        self.downloads = Downloads(
            self.library,
            paths.logs,
            offline=lambda: self.offline,
            token=lambda: self.secrets.get(TOKEN),
        )
        self.remote = Remote(
            paths.cache / "remote",
            paths.logs,
            offline=lambda: self.offline,
            token=lambda: self.secrets.get(TOKEN),
        )
        self.engine = Engine(engine_command(), paths.logs / "engine.log")
        self.history = History(self.database)
        self.measurements = MeasurementStore(paths.data / "measurements")
        self.machine: Machine | None = None
        self.tried: Devices | None = None
        self.planner = Planner(
            self.history,
            ram=self._ram_for_the_engine,
            accelerators=self._accelerators,
            measured=self._measured,
            resident=lambda model: model in self.engine.resident,
            started=lambda: bool(self.engine.resident),
        )
        self.estimator = Estimator(
            self.history,
            self.planner,
            ram=self._ram_for_the_engine,
            accelerators=self._accelerators,
            resident=lambda model: model in self.engine.resident,
        )
        runner = Runner(
            self.engine,
            self.library,
            self.history,
            self.estimator,
            self.planner,
            settings=lambda: self.settings.value,
            outputs=self.outputs,
        )
        self.queue = Queue(
            runner,
            self.library,
            self.estimator,
            JobStore(self.database if keep_queue else None),
            settings=lambda: self.settings.value,
            awake=Awake(),
        )
        self.answers = Answers(self.queue, self.conversations)
        self.measuring = Measuring(self.measure)
        self.gallery = Gallery(self.database, self.outputs)
        self._behind: set[asyncio.Task[None]] = set()

    @classmethod
    def create(cls, *, offline: bool = False) -> Studio:
        """The user's own studio without a window; the queue in the database is the window's."""
        return cls(Paths.default().create(), offline=offline, keep_queue=False)

    @property
    def offline(self) -> bool:
        return self.basis.offline

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
        self.library.changed.connect(self._judge_again)
        self.queue.saved.connect(self._index)

    async def read_machine(self) -> Machine:
        """What this computer is, read anew off the loop's thread."""
        read = await asyncio.to_thread(machine.read_machine, self.library.folder, self.outputs())
        found = self.tried
        self.machine = machine.tried(read, found.devices, found.build) if found else read
        return self.machine

    async def try_devices(self) -> Machine:
        """What this computer is, with what can really compute: the engine tries. Raises StudioError."""
        self.tried = await self.engine.devices()
        return await self.read_machine()

    async def measure(self, device: str, progress: Callable[[str, float], None]) -> Measurements:
        """Run the micro-benchmark on *device* ("auto": the best that can compute) and keep what it finds.

        *progress* gets its section and how much is done, 0..1. A job that is submitted ends it: Cancelled.
        Raises StudioError, OSError when it cannot be kept.
        """
        current = await self.try_devices()
        folder = self.library.folder if self.library.folder.is_dir() else self.paths.data
        found = await measure(
            self.engine,
            choose(self.tried.devices if self.tried else (), device),
            current,
            folder=folder,
            progress=progress,
        )
        await asyncio.to_thread(self.measurements.save, found)
        self.planner.changed.emit(None)
        return found

    async def probe(self, name: str) -> RemoteModel:
        """What a model on the hub is, without fetching it.

        *name*: the id of one that the library knows from there, or `OWNER/NAME[@REVISION][:VARIANT]`.
        Raises StudioError.
        """
        model = self.library.known(name)
        source = next((s for s in model.sources if isinstance(s, Hub)), None) if model else None
        return await (self.remote.probe(name) if source is None else self.remote.probe_source(source))

    async def tidy(self) -> None:
        """What can wait until the window is there: the gallery's index, old trash.

        Raises OSError, StudioError.
        """
        await self.gallery.reconcile()
        try:
            await self.gallery.empty_trash(older_than_days=KEEP_DAYS)
        except OSError as error:  # no reason to complain at every start; the trash menu says it when asked
            log.warning("the system's trash took nothing: %s", error)

    async def catch_up(self) -> None:
        """Notice what was made, fetched or removed by another process on the same home, such as a terminal.

        Raises OSError, StudioError.
        """
        self.library.catch_up()
        await self.gallery.catch_up()

    async def close(self) -> None:
        """Put everything down, the last started first; nothing of it is left running.

        Harmless when repeated or never started. What cannot be saved keeps nothing else from ending;
        its OSError or StudioError is raised at the end.
        """
        async with AsyncExitStack() as last_first:
            last_first.callback(self.network.stop)
            last_first.push_async_callback(self.database.close)
            last_first.push_async_callback(self.drafts.save)
            last_first.push_async_callback(self._finish_behind)
            last_first.push_async_callback(self._stop_work)
            last_first.push_async_callback(self.downloads.close)
            last_first.push_async_callback(self.remote.close)

    async def _stop_work(self) -> None:
        await asyncio.gather(self.queue.close(), self.engine.close(), self.measuring.close())
        await self.answers.close()

    async def _finish_behind(self) -> None:
        if self._behind:
            await asyncio.wait(self._behind)

    async def judge_models(self) -> None:
        """Read what every model here says of itself, so that all can be planned; then `planner.changed`."""
        await asyncio.to_thread(self._read_models)
        self.planner.changed.emit(None)

    def abilities(self) -> dict[str, Ability]:
        """What this computer can do, by task, as far as is known now. Some milliseconds a model."""
        return abilities(self._candidates())

    def upgrades(self) -> list[Upgrade]:
        """What other hardware would make comfortable or possible, once the computer has been read."""
        cards = [card.memory_total_bytes or 0 for card in self._accelerators() if card.device]
        ram = self._ram_for_the_engine()
        return upgrades(
            self._candidates(),
            lambda each, kind, size: would_fit(self.planner, each, kind, size, ram=ram),
            card=max(cards, default=0),
        )

    def _candidates(self) -> list[Candidate]:
        device = self.settings.value.device
        return candidates(self.library.entries(), self.planner, self.estimator, device)

    def candidate(self, entry: Entry, spec: FamilySpec, task: str) -> Candidate:
        """What a usual result of *task*, one of `ability.BARS`, takes with *entry*."""
        return candidate(entry, spec, task, self.planner, self.estimator, self.settings.value.device)

    def _read_models(self) -> None:
        for entry in self.library.entries():
            model = entry.model.id
            if self.planner.knows(model) and not entry.installed:
                continue
            if entry.installed is None:
                if (facts := facts_of_manifest(entry.model)) is not None:
                    self.planner.put(model, facts)
                continue
            spec = families().get(entry.model.family)
            if spec is not None and not spec.layouts:  # it comes inside a package: no file describes it
                self.planner.put(model, ModelFacts(layout="", parts={}))
                continue
            if not entry.installed.path or self.planner.read(model):
                continue
            try:
                self.planner.learn(model, Path(self.library.resolve(model, verify=False).source.path))
            except (StudioError, HeaderError, OSError) as error:  # it is said when it is used
                log.info("%s cannot be planned: %s", model, error)

    def _accelerators(self) -> tuple[Accelerator, ...]:
        return self.machine.accelerators if self.machine else ()

    def _measured(self, device: str) -> Measurements | None:
        return self.measurements.load(device, self.machine) if self.machine else None

    def _ram_for_the_engine(self) -> int:
        """What is free, and what the engine holds already: that is there for the next job too."""
        held = self.engine.figures.ram_bytes if self.engine.figures else 0
        return (machine.read_ram(machine.Live()).available_bytes or 0) + held

    def _configure(self, settings: Settings) -> None:
        self.network.offline = self.offline
        if self.offline:
            self.downloads.pause_all()
            self.remote.stop()
        self.engine.configure(Configure(idle_unload_seconds=settings.idle_unload_seconds))

    def _judge_again(self, _: None) -> None:
        task = asyncio.ensure_future(self.judge_models())
        self._behind.add(task)
        task.add_done_callback(self._was_done)

    def _index(self, saved: SavedResult) -> None:
        """A result gets its row in the gallery, a model its place in the library."""
        artifact = saved.artifact
        if artifact.media_type == FILES:
            return
        if artifact.media_type == MODEL:
            task = asyncio.ensure_future(self._take_in(Path(artifact.path)))
        else:
            task = asyncio.ensure_future(self.gallery.add(artifact, saved.job.request))
        self._behind.add(task)
        task.add_done_callback(self._was_done)

    async def _take_in(self, made: Path) -> None:
        await self.library.add(made)

    def _was_done(self, task: asyncio.Task[None]) -> None:
        self._behind.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("something failed behind the window", exc_info=error)
