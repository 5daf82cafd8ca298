"""One look at a studio: what can be read is read side by side, then every check judges it."""

from __future__ import annotations

import asyncio
import locale
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from msgspec import Struct

from studio.domain.diagnosis import Diagnosis
from studio.domain.failure import Failure, StudioError
from studio.domain.machine import Machine, TorchBuild, preferred
from studio.domain.text import localized
from studio.services import measurements
from studio.services.doctor import network
from studio.services.doctor.case import Case, Need, Place, Reached
from studio.services.doctor.reach import reach
from studio.services.doctor.runner import SECONDS, run
from studio.services.doctor.software import declared
from studio.services.machine import Live, Sources, disks
from studio.services.machine.read import together
from studio.services.paths import ASSETS, PROGRAM, Paths

if TYPE_CHECKING:
    from studio.services.library.library import Library
    from studio.services.studio import Studio

ENGINE_SECONDS = 20.0  # importing torch from a disk that turns takes long, and is no fault
OVERHEAD = 1.25  # of a model's files, what it takes in memory, where nobody has measured it


async def examine(studio: Studio, *, ask_network: bool = False) -> Diagnosis:
    """Look at everything; takes some seconds, most of them for the engine. Never raises for what is wrong.

    *studio* need not be started. With *ask_network*, and not offline, hub and package index are asked.
    """
    began, taken = time.monotonic(), time.time()
    asking = ask_network and not studio.offline
    trial, kept, reached = await asyncio.gather(
        _try_engine(studio),
        asyncio.to_thread(_read, studio),
        _reach(studio) if asking else _nothing(),
    )
    case = await asyncio.to_thread(_case, studio, trial, kept, reached)
    findings = await asyncio.to_thread(run, case)
    return Diagnosis(findings=findings, taken=taken, seconds=time.monotonic() - began)


class _Trial(Struct, frozen=True, kw_only=True):
    machine: Machine
    build: TorchBuild | None = None
    failure: Failure | None = None
    seconds: float | None = None
    processor_reason: str = ""
    pids: frozenset[int] = frozenset()


async def _try_engine(studio: Studio) -> _Trial:
    """The machine with what the engine can use of it, or as it looks without the engine."""
    began = time.monotonic()
    failure = None
    try:
        async with asyncio.timeout(ENGINE_SECONDS):
            machine = await studio.try_devices()
        seconds = time.monotonic() - began
        tried = studio.tried
        reasons = [state.reason for state in tried.devices if state.device == "cpu"] if tried else []
        return _Trial(
            machine=machine,
            build=tried.build if tried else None,
            seconds=seconds,
            processor_reason="".join(reasons),
            pids=_pids(studio.engine.pid),
        )
    except StudioError as error:
        failure = error.failure
    except TimeoutError:
        pass  # said by the check, which finds neither answer nor failure
    return _Trial(machine=await studio.read_machine(), failure=failure)


def _pids(engine: int | None) -> frozenset[int]:
    """The studio's, its engine's, and what they started."""
    found = {os.getpid(), *([engine] if engine else [])}
    for pid in tuple(found):
        try:
            found.update(child.pid for child in psutil.Process(pid).children(recursive=True))
        except psutil.Error:  # it ends just now
            continue
    return frozenset(found)


async def _reach(studio: Studio) -> dict[str, Reached]:
    route = await studio.mirrors.route(repositories=False, tokens=False)
    answers = await asyncio.gather(*(reach(name, studio.paths.logs, route) for name in network.SERVICES))
    return dict(zip(network.SERVICES, answers, strict=True))


async def _nothing() -> None:
    return None


def _read(studio: Studio) -> dict[str, Any]:
    """Fields of a `Case` that come from disks, one of which may hang: each reading for a limited time."""
    paths = studio.paths
    return together(
        {
            "places": lambda: places(studio.library.folder, studio.outputs(), paths),
            "needs": lambda: needs(studio.library),
            "trashed": lambda: trashed(paths.data / "studio.db"),
            "newest": lambda: newest(_written(paths)),
            "declared": lambda: declared(PROGRAM),
            "long_paths": _long_paths,
        },
        SECONDS,
    )


def _case(studio: Studio, trial: _Trial, kept: dict[str, Any], reached: dict[str, Reached] | None) -> Case:
    best = preferred(trial.machine)
    device = best.device if best and best.device else "cpu"
    found = studio.measurements.load(device, trial.machine)
    return Case(
        machine=trial.machine,
        paths=studio.paths,
        outputs=studio.outputs(),
        models=studio.library.folder,
        temp=Path(tempfile.gettempdir()),
        settings=studio.settings.value,
        build=trial.build,
        failure=trial.failure,
        engine_seconds=trial.seconds,
        processor_reason=trial.processor_reason,
        engine_busy=bool(studio.engine.resident),
        own_pids=trial.pids,
        measurements=found,
        stale=found is not None and measurements.stale(found, trial.machine),
        now=time.time(),
        offline=studio.offline,
        reached=reached,
        decimal_point=str(locale.localeconv()["decimal_point"]),
        encoding=sys.getfilesystemencoding(),
        **kept,
    )


def needs(library: Library) -> tuple[Need, ...]:
    """The models that are here, and what memory they take."""
    return tuple(
        Need(
            title=localized(entry.model.title),
            memory_bytes=max(entry.model.memory_bytes, round(entry.installed.bytes * OVERHEAD)),
        )
        for entry in library.entries()
        if entry.installed is not None and entry.installed.bytes
    )


def places(models: Path, outputs: Path, paths: Paths, sources: Sources | None = None) -> tuple[Place, ...]:
    """Each disk once, with what lies on it."""
    sources = sources or Live()
    system: dict[str, str] = sources.read("system") or {}
    folders = {"models": models, "outputs": outputs, "data": paths.data, "cache": paths.cache}
    folders["temp"] = Path(tempfile.gettempdir())
    found: dict[Any, Place] = {}
    for role, folder in folders.items():
        place = disks.read(sources, system, folder)
        if place is not None:
            known = found.get(place.device)
            roles = (*known.roles, role) if known else (role,)
            found[place.device] = Place(roles=roles, disk=known.disk if known else place.disk)
    return tuple(found.values())


def trashed(file: Path) -> int:
    """How many results lie in the trash; 0 where the database cannot say, which is another check's matter."""
    if not file.exists():
        return 0
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)
        try:
            query = "SELECT count(*) FROM results WHERE trashed IS NOT NULL"
            return int(connection.execute(query).fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return 0


def _written(paths: Paths) -> list[Path]:
    """Files that the studio wrote, and one that was there before."""
    return [
        ASSETS / "libraries.json",
        paths.config / "settings.json",
        *paths.data.glob("studio.db*"),
        *paths.data.glob("measurements/*.json"),
        *paths.logs.glob("*.log"),
    ]


def newest(files: Iterable[Path]) -> float | None:
    """The latest time of those of *files* that are there, POSIX seconds."""
    return max((file.stat().st_mtime for file in files if file.is_file()), default=None)


def _long_paths() -> bool:
    """Whether Windows was told to allow paths of more than 260 characters; elsewhere they are."""
    if sys.platform != "win32":
        return True
    import winreg

    place = r"SYSTEM\CurrentControlSet\Control\FileSystem"
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except FileNotFoundError:  # nobody has allowed them
        return False
