"""What the checks look at: everything that was read beforehand, as data, and the one seam to the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from msgspec import Struct

from studio.domain.diagnosis import Finding
from studio.domain.failure import Failure
from studio.domain.machine import Accelerator, Disk, Machine, TorchBuild
from studio.domain.measurement import Measurements
from studio.domain.usability import TORCH_KINDS
from studio.families.registry import version_of
from studio.services.machine import Live, Sources
from studio.services.paths import Paths
from studio.services.settings import Settings


class Need(Struct, frozen=True, kw_only=True):
    """A model that is here, and the memory that it needs, in bytes."""

    title: str
    memory_bytes: int


class Place(Struct, frozen=True, kw_only=True):
    """A disk, and what lies on it: "models", "outputs", "data", "cache", "temp"."""

    roles: tuple[str, ...]
    disk: Disk


class Reached(Struct, frozen=True, kw_only=True):
    """What a service on the network answered. `error` "" if it did; `status` is HTTP's.

    `ahead`: by how many seconds this computer's clock is ahead of the service's, None where it does not say.
    """

    host: str = ""
    status: int | None = None
    seconds: float | None = None
    ahead: float | None = None
    error: str = ""


class Declared(Struct, frozen=True, kw_only=True):
    """What the studio is made for: a range of Pythons, and packages with their ranges."""

    python: str = ""
    packages: tuple[str, ...] = ()


def _process_name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return str(pid)


class Case(Struct, frozen=True, kw_only=True):
    """One computer with one studio on it.

    `build`: the engine's torch, None where there is none or the engine did not answer; `failure` says why
    it did not, and `engine_seconds` how long it took, None without an answer. `processor_reason`: why
    nothing computes on the processor. `engine_busy`: it holds a model. `own_pids`: of the studio and its
    engine. `needs`: the models that are here. `stale`: `measurements` are of another computer or other
    libraries. `trashed`: results in the trash. `newest`: the latest time, in POSIX seconds, of a file that
    the studio wrote. `reached`: by name of the service; None when the network was not asked for.
    `long_paths`: Windows lets paths be longer than 260 characters.
    """

    machine: Machine
    paths: Paths
    outputs: Path
    models: Path
    temp: Path
    settings: Settings = Settings()
    platform: str = sys.platform
    build: TorchBuild | None = None
    failure: Failure | None = None
    engine_seconds: float | None = None
    processor_reason: str = ""
    engine_busy: bool = False
    own_pids: frozenset[int] = frozenset()
    places: tuple[Place, ...] = ()
    needs: tuple[Need, ...] = ()
    measurements: Measurements | None = None
    stale: bool = False
    trashed: int = 0
    now: float = 0.0
    newest: float | None = None
    offline: bool = False
    reached: dict[str, Reached] | None = None
    environment: Mapping[str, str] = os.environ
    decimal_point: str = "."
    encoding: str = "utf-8"
    long_paths: bool = True
    declared: Declared = Declared()
    sources: Sources = Live()
    version: Callable[[str], str] = version_of
    process_name: Callable[[int], str] = _process_name

    @property
    def gpus(self) -> tuple[Accelerator, ...]:
        """The accelerators that torch could compute on, if everything fitted."""
        return tuple(card for card in self.machine.accelerators if card.kind in TORCH_KINDS)

    @property
    def largest(self) -> Need | None:
        """The model that needs the most memory."""
        return max(self.needs, key=lambda need: need.memory_bytes, default=None)

    def place(self, role: str) -> Disk | None:
        return next((place.disk for place in self.places if role in place.roles), None)


Check = Callable[[Case], Finding | list[Finding]]


def name_of(card: Accelerator) -> str:
    return card.name if not card.vendor or card.vendor in card.name else f"{card.vendor} {card.name}"
