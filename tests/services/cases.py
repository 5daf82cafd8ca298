"""A computer on which everything is in order, for the doctor: with what a test changes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from studio.domain.machine import Accelerator, Cpu, Disk, Machine, Process, Ram, TorchBuild
from studio.services.doctor.case import Case, Declared, Need, Place
from studio.services.machine import Replay
from studio.services.paths import Paths
from studio.services.settings import Settings

GB = 1_000_000_000
CUDA = TorchBuild(version="2.13.0+cu128", cuda="12.8", architectures=("sm_75", "sm_80", "sm_86", "sm_90"))
CPU = TorchBuild(version="2.13.0+cpu")
VERSIONS = {"numpy": "2.3.0", "torch": "2.13.0+cu128"}
PULSE = {"XDG_RUNTIME_DIR": "/run/user/1000", "HOME": "/home/me"}


def card(**facts: Any) -> Accelerator:
    """A discrete NVIDIA card with 12 GB that works."""
    usual: dict[str, Any] = {
        "kind": "cuda",
        "vendor": "NVIDIA",
        "name": "GeForce RTX 3060",
        "device": "cuda:0",
        "arch": "sm_86",
        "driver": "580.95.05",
        "memory_total_bytes": 12 * GB,
        "memory_free_bytes": 11 * GB,
        "integrated": False,
        "usable": True,
    }
    return Accelerator(**{**usual, **facts})


def integrated(**facts: Any) -> Accelerator:
    usual: dict[str, Any] = {
        "kind": "xpu",
        "vendor": "Intel",
        "name": "Iris Xe",
        "device": "xpu:0",
        "arch": None,
        "driver": None,
        "integrated": True,
    }
    return card(**{**usual, **facts})


def machine(*cards: Accelerator, **facts: Any) -> Machine:
    ram = Ram(total_bytes=32 * GB, available_bytes=24 * GB, swap_total_bytes=8 * GB, swap_free_bytes=8 * GB)
    usual: dict[str, Any] = {
        "cpu": Cpu(name="Ryzen 5", physical_cores=6, logical_cores=12),
        "ram": ram,
        "disks": (),
        "accelerators": cards,
        "os": "Debian",
        "python": "3.12.3",
        "locale": "de_DE.UTF-8",
    }
    return Machine(**{**usual, **facts})


def disk(**facts: Any) -> Disk:
    usual: dict[str, Any] = {
        "path": "/data",
        "total_bytes": 500 * GB,
        "free_bytes": 200 * GB,
        "kind": "nvme",
    }
    return Disk(**{**usual, **facts})


def place(*roles: str, **facts: Any) -> Place:
    return Place(roles=roles or ("models", "outputs", "data", "cache", "temp"), disk=disk(**facts))


def process(pid: int, gigabytes: float | None) -> Process:
    return Process(pid=pid, memory_bytes=None if gigabytes is None else round(gigabytes * GB))


def case(home: Path, **changes: Any) -> Case:
    """*home* holds the studio's folders, which are there. `readings`: raw ones for the seam."""
    paths = Paths.under(home).create()
    usual: dict[str, Any] = {
        "machine": machine(card()),
        "paths": paths,
        "outputs": paths.outputs,
        "models": paths.models,
        "temp": home,
        "settings": Settings(),
        "platform": "linux",
        "build": CUDA,
        "engine_seconds": 2.5,
        "places": (place(),),
        "needs": (Need(title="Large", memory_bytes=6 * GB), Need(title="Small", memory_bytes=GB)),
        "now": 1_800_000_000.0,
        "newest": 1_799_999_000.0,
        "environment": PULSE,
        "declared": Declared(python=">=3.11", packages=("numpy>=2.2,<3", "torch>=2.10,<2.14")),
        "version": lambda name: VERSIONS.get(name, ""),
        "process_name": lambda pid: f"program{pid}",
        "sources": Replay(changes.pop("readings", {})),
    }
    return Case(**{**usual, **changes})


def with_ram(**changes: Any) -> Machine:
    usual = machine(card())
    return msgspec.structs.replace(usual, ram=msgspec.structs.replace(usual.ram, **changes))
