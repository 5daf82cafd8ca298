"""What the micro-benchmark has found: kept for each computer, device and build of torch, and taken anew."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec

from studio.domain.failure import StudioError
from studio.domain.machine import Machine
from studio.domain.measurement import FORMAT, Measurements
from studio.families.registry import versions
from studio.services.engine.supervisor import Engine
from studio.wire import files
from studio.wire.messages import DeviceState, FromEngine, Measure, PhaseProgress

log = logging.getLogger(__name__)

SECONDS = 52.0  # for the benchmark; with the engine's start it is under a minute

Progress = Callable[[str, float], None]


class MeasurementStore:
    """One JSON file each below *folder*, which the first of them makes. Read again when something changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_at: int | None = None
        self._known: list[Measurements] = []

    def save(self, measurements: Measurements) -> Path:
        """Keep them instead of earlier ones of the same computer, device and build. Raises OSError.

        Doubtful ones do not take the place of sound ones.
        """
        file = self._file(measurements)
        if measurements.doubtful and any(_better(one, measurements) for one in self._all()):
            return file
        self._folder.mkdir(parents=True, exist_ok=True)
        files.write(file, msgspec.json.format(msgspec.json.encode(measurements)))
        self._read_at = None  # two changes within one tick of the clock look like one
        return file

    def load(self, device: str, machine: Machine) -> Measurements | None:
        """The latest of *device*, the fitting ones before `stale` ones; None where it was never measured."""
        found = [one for one in self._all() if one.device == device]
        return max(found, key=lambda one: (not stale(one, machine), one.taken), default=None)

    def _all(self) -> list[Measurements]:
        """Also what another process has kept: a new file changes its folder's time."""
        changed = self._folder.stat().st_mtime_ns if self._folder.is_dir() else None
        if changed != self._read_at or changed is None:
            self._known, self._read_at = self._read(), changed
        return self._known

    def _read(self) -> list[Measurements]:
        found: list[Measurements] = []
        for file in sorted(self._folder.glob("*.json")):
            try:
                one = msgspec.json.decode(file.read_bytes(), type=Measurements)
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
                log.warning("%s cannot be read; measuring again replaces it: %s", file.name, error)
                continue
            if one.format == FORMAT:
                found.append(one)
        return found

    def _file(self, one: Measurements) -> Path:
        words = "\0".join((one.name, one.device, one.versions.get("torch", "")))
        digest = hashlib.sha256(words.encode()).hexdigest()[:12]
        return self._folder / f"{one.device.replace(':', '-')}-{digest}.json"


def _better(kept: Measurements, new: Measurements) -> bool:
    """Whether *kept* are sound ones of what *new* are of."""
    return kept.subject == new.subject and not kept.doubtful


def stale(measurements: Measurements, machine: Machine) -> bool:
    """Whether the computer or a library has changed since, so that measuring again is worth it."""
    return measurements.name != name_of(machine, measurements.device) or measurements.versions != versions()


def name_of(machine: Machine, device: str) -> str:
    """What was measured: the processor and how much of it may be used, and the accelerator."""
    cores = f"{machine.cpu.physical_cores or machine.cpu.logical_cores}/{machine.cpu.logical_cores}"
    names = [gpu.name for gpu in machine.accelerators if gpu.device == device]
    return ", ".join((f"{machine.cpu.name} {cores}", *names))


async def measure(
    engine: Engine,
    device: DeviceState,
    machine: Machine,
    *,
    folder: Path,
    progress: Progress,
    compiler: bool = False,
) -> Measurements:
    """Let the engine measure *device*; *folder*, which exists, is on the disk of the models. *compiler*: and
    try torch's compiler, which may take minutes more.

    *progress* gets a section ("load", "nets", ...) and how much of the whole is done, 0..1. Waits for a job
    under way. Cancelling this stops it within seconds. Raises Cancelled when a job came, StudioError.
    """

    def heard(message: FromEngine, _blob: bytes) -> None:
        if isinstance(message, PhaseProgress):
            progress(message.phase, message.fraction or 0.0)

    # Made here: whatever becomes of the engine, its files go.
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=folder, ignore_cleanup_errors=True) as scratch:
        message = Measure(
            job=uuid.uuid4().hex,
            device=device.device,
            name=name_of(machine, device.device),
            folder=scratch,
            seconds=SECONDS,
            compiler=compiler,
        )
        work = asyncio.ensure_future(engine.measure(message, heard))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            engine.cancel(message.job)
            await asyncio.gather(work, return_exceptions=True)
            raise


def choose(devices: tuple[DeviceState, ...], wanted: str) -> DeviceState:
    """The device that *wanted* names; of "auto" the best one that can compute.

    Raises StudioError `device.missing` for one that is not there or cannot compute.
    """
    usable = [state for state in devices if state.usable]
    if wanted == "auto":
        usable.sort(key=lambda state: state.device == "cpu")
        return usable[0]
    for state in usable:
        if state.device == wanted:
            return state
    raise StudioError("device.missing", device=wanted)
