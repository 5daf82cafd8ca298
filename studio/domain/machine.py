"""What a computer is, as plain facts. Unknown is None, never a guess."""

from __future__ import annotations

from msgspec import Struct

from studio.domain.text import t


class Cpu(Struct, frozen=True, kw_only=True):
    """Counts are of what this process may use. Caches are single ones, those of the largest kind of core.

    `frequency_max_hz`: what the system allows at most; `frequency_now_hz`: the fastest core's at the moment.
    `governor`: Linux's rule for the frequency ("powersave").
    """

    name: str = ""
    physical_cores: int | None = None
    logical_cores: int | None = None
    flags: tuple[str, ...] = ()
    l1d_bytes: int | None = None
    l2_bytes: int | None = None
    l3_bytes: int | None = None
    frequency_max_hz: int | None = None
    frequency_now_hz: int | None = None
    governor: str | None = None


class Ram(Struct, frozen=True, kw_only=True):
    """What this process may use: a container's limit counts, not its host's memory.

    `swap_...`: on the disk, whether it is called swap or page file.
    """

    total_bytes: int | None = None
    available_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None


class Limits(Struct, frozen=True, kw_only=True):
    """What is allowed of the computer to this process. `cpus`: cores' worth of time; None: no limit known.

    `container`: "docker", "podman", "kubernetes", "lxc", "wsl"; "container" for another, "" for none.
    """

    container: str = ""
    memory_bytes: int | None = None
    cpus: float | None = None

    @property
    def limited(self) -> bool:
        return self.memory_bytes is not None or self.cpus is not None


class Disk(Struct, frozen=True, kw_only=True):
    """`kind`: "nvme", "ssd", "hdd", "card", "tmpfs" (memory), "network". Speeds come from the benchmark."""

    path: str
    total_bytes: int | None = None
    free_bytes: int | None = None
    kind: str | None = None
    filesystem: str | None = None
    read_bytes_per_second: float | None = None
    write_bytes_per_second: float | None = None


class Process(Struct, frozen=True, kw_only=True):
    """Another program that holds memory of an accelerator."""

    pid: int
    memory_bytes: int | None = None


class Accelerator(Struct, frozen=True, kw_only=True):
    """`present` is what the system shows; `usable` what the engine tried (None: not tried yet).

    `kind`: "cuda", "rocm", "xpu", "mps", "npu", "tpu", "fpga", "opencl". `device` is the name to ask for
    ("cuda:0"). `arch`: what its kernels are built for ("sm_89", "gfx1100"). `integrated`: it shares the
    processor's memory. `runtime`: "CUDA 12.8" is the newest that the driver runs, "ROCm 6.2" what is
    installed. `pcie_...`: at best in this slot. `reason` says why it cannot be used, `fix` what to do:
    text keys with `values`, or a library's own words; `why` and `how` are to be shown.
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
    fix: str = ""
    values: dict[str, str] = {}
    integrated: bool | None = None
    arch: str | None = None
    bus: str | None = None
    driver: str | None = None
    runtime: str | None = None
    pcie_generation: int | None = None
    pcie_width: int | None = None
    power_watts: float | None = None
    temperature_celsius: float | None = None
    processes: tuple[Process, ...] = ()

    @property
    def why(self) -> str:
        """`reason` in the user's language."""
        return t(self.reason, **self.values)

    @property
    def how(self) -> str:
        """`fix` in the user's language."""
        return t(self.fix, **self.values)


class TorchBuild(Struct, frozen=True, kw_only=True):
    """What the engine's torch was built for. `architectures`: "sm_90", "compute_90", "gfx1100"."""

    version: str
    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None
    mps: bool = False
    architectures: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of accelerator that it can compute on, "cpu" if on none."""
        found = (("cuda", self.cuda), ("rocm", self.hip), ("xpu", self.xpu), ("mps", self.mps))
        return next((kind for kind, there in found if there), "cpu")


class Machine(Struct, frozen=True, kw_only=True):
    """`display_scale`: known to the window only. `kernel`: the system's own version."""

    cpu: Cpu
    ram: Ram
    disks: tuple[Disk, ...]
    accelerators: tuple[Accelerator, ...]
    os: str
    python: str
    limits: Limits = Limits()
    kernel: str = ""
    locale: str = ""
    display_scale: float | None = None


def preferred(machine: Machine) -> Accelerator | None:
    """The accelerator to compute on: one that was tried before one that was not, a card before what is
    part of the processor, then the one with more memory. None where the processor has to do it.
    """
    candidates = [card for card in machine.accelerators if card.device and card.usable is not False]
    return min(candidates, key=_rank, default=None)


def _rank(card: Accelerator) -> tuple[bool, int, int]:
    return (
        card.usable is None,
        {False: 0, None: 1, True: 2}[card.integrated],
        -(card.memory_total_bytes or 0),
    )
