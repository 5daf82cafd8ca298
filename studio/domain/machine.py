"""What a computer is, as plain facts. Unknown is None, never a guess."""

from __future__ import annotations

from msgspec import Struct


class Cpu(Struct, frozen=True, kw_only=True):
    name: str
    physical_cores: int | None = None
    logical_cores: int
    flags: tuple[str, ...] = ()


class Ram(Struct, frozen=True, kw_only=True):
    """What this process may use: a container's limit counts, not its host's memory."""

    total_bytes: int
    available_bytes: int


class Disk(Struct, frozen=True, kw_only=True):
    path: str
    total_bytes: int
    free_bytes: int


class Accelerator(Struct, frozen=True, kw_only=True):
    """`present` is what the system shows; `usable` what the engine tried (None: not tried yet).

    `device` is the name to ask for ("cuda:0"). `reason` says in words why it cannot be used.
    """

    kind: str
    vendor: str
    name: str
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    present: bool = True
    usable: bool | None = None
    device: str | None = None
    reason: str = ""


class Machine(Struct, frozen=True, kw_only=True):
    cpu: Cpu
    ram: Ram
    disks: tuple[Disk, ...]
    accelerators: tuple[Accelerator, ...]
    os: str
    python: str
