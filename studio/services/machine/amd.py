"""AMD's GPUs: by the kernel's files, and by `rocminfo` where those cannot be read."""

from __future__ import annotations

import re

import msgspec

from studio.domain.machine import Accelerator
from studio.services.machine import pci
from studio.services.machine.nvidia import PASSED_ON
from studio.services.machine.parse import fields, lines, value, whole
from studio.services.machine.sources import Sources

VENDOR = "1002"
_NODES = "/sys/class/kfd/kfd/topology/nodes/*/properties"

# Graphics within processors, by architecture, and by number where the driver for computing is not there.
_INTEGRATED = {
    "gfx801", "gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036", "gfx1037",
    "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153",
}  # fmt: skip
_INTEGRATED_IDS = {
    "98e4", "9874", "15dd", "15d8", "1636", "164c", "1638", "15e7", "163f", "1681", "164e", "1506",
    "15bf", "15c8", "1900", "1901", "150e", "1586", "1114", "13c0",
}  # fmt: skip


def read(sources: Sources, devices: list[pci.Device] | None, *, beside_cuda: bool) -> tuple[Accelerator, ...]:
    """Every AMD GPU. *beside_cuda*: torch's names are taken by NVIDIA's, until a trial says otherwise."""
    if devices is None:
        cards = _by_command(sources)
    else:
        architectures = _architectures(sources)
        version = _rocm(sources)
        cards = [
            _card(sources, device, architectures.get(device.address), version)
            for device in devices
            if device.vendor == VENDOR and device.kind == pci.DISPLAY
        ]
        order = list(architectures)
        cards.sort(key=lambda card: order.index(card.bus) if card.bus in order else len(order))
    able = [card for card in cards if card.usable is not False]
    return tuple(
        msgspec.structs.replace(card, device=f"cuda:{able.index(card)}")
        if card in able and not beside_cuda
        else card
        for card in cards
    )


def _card(sources: Sources, device: pci.Device, arch: str | None, version: str | None) -> Accelerator:
    folder = f"{pci.FOLDER}/{device.address}"
    total = _number(sources, f"{folder}/mem_info_vram_total")
    used = _number(sources, f"{folder}/mem_info_vram_used")
    generation, width = pci.link(sources, device.address)
    heat, power = _sensors(sources, folder)
    card = Accelerator(
        kind="rocm",
        vendor="AMD",
        name=device.words,
        memory_total_bytes=total,
        memory_free_bytes=total - used if total is not None and used is not None and used <= total else None,
        integrated=_integrated(device.device, arch),
        arch=arch,
        bus=device.address,
        driver=device.driver,
        runtime=f"ROCm {version}" if version else None,
        pcie_generation=generation,
        pcie_width=width,
        power_watts=power,
        temperature_celsius=heat,
    )
    if device.driver in PASSED_ON:
        return msgspec.structs.replace(card, usable=False, reason="machine.reason.passed_on")
    if sources.read("exists", "/dev/kfd") is False:
        fix = "machine.fix.amd_driver"
        return msgspec.structs.replace(card, usable=False, reason="machine.reason.no_driver", fix=fix)
    if sources.read("access", "/dev/kfd") is False:
        fix = "machine.fix.groups"
        return msgspec.structs.replace(card, usable=False, reason="machine.reason.forbidden", fix=fix)
    return card


def _integrated(device: str, arch: str | None) -> bool | None:
    if arch is not None:
        return arch in _INTEGRATED
    return True if device in _INTEGRATED_IDS else None


def _architectures(sources: Sources) -> dict[str, str]:
    """By place on the bus, in the order in which ROCm numbers them."""
    found: dict[str, str] = {}
    files: list[str] = sources.read("glob", _NODES) or []
    for file in sorted(files, key=lambda name: [int(part) for part in re.findall(r"\d+", name)]):
        said = fields(lines(sources.read("text", file)), " ")
        version, place = whole(said.get("gfx_target_version")), whole(said.get("location_id"), 2**16)
        domain = whole(said.get("domain"), 2**16)
        if version and place is not None and domain is not None:
            found[_place(domain, place)] = f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"
    return found


def _place(domain: int, location: int) -> str:
    return f"{domain:04x}:{location >> 8:02x}:{location >> 3 & 31:02x}.{location & 7}"


def _rocm(sources: Sources) -> str | None:
    files: list[str] = sources.read("glob", "/opt/rocm*/.info/version") or []
    found = re.match(r"[0-9]+(\.[0-9]+)+", value(sources.read("text", files[-1]))) if files else None
    return found[0] if found else None


def _sensors(sources: Sources, folder: str) -> tuple[float | None, float | None]:
    """Degrees Celsius and watts, from thousandths and millionths."""
    monitors: list[str] = sources.read("glob", f"{folder}/hwmon/hwmon*") or []
    if not monitors:
        return None, None
    heat = whole(value(sources.read("text", f"{monitors[0]}/temp1_input")), 200_000)
    power = whole(value(sources.read("text", f"{monitors[0]}/power1_average")), 10**10)
    return heat / 1e3 if heat is not None else None, power / 1e6 if power is not None else None


def _number(sources: Sources, path: str) -> int | None:
    return whole(value(sources.read("text", path)))


def _by_command(sources: Sources) -> list[Accelerator]:
    """The GPUs among `rocminfo`'s agents."""
    found: dict[str, Accelerator] = {}
    text = "\n".join(lines(sources.read("command", "rocminfo")))
    for part in re.split(r"^\*+ *\nAgent \d+ *\n\*+ *\n", text, flags=re.MULTILINE)[1:]:
        # Its own lines are indented by two; further in, and behind the first pool, there are other names.
        own = [line[2:] for line in part.splitlines() if re.match(r"  \S", line)]
        said = fields(own)
        arch, place = said.get("Name", ""), whole(said.get("BDFID"), 2**16)
        kernels = re.findall(r"^ +Name: +amdgcn-amd-amdhsa--(gfx[0-9a-f]+)[: ]", part, flags=re.MULTILINE)
        if said.get("Device Type") != "GPU" or arch not in kernels or not place:
            continue
        bus = _place(0, place)
        found[bus] = Accelerator(
            kind="rocm",
            vendor="AMD",
            name=said.get("Marketing Name", "") or arch,
            memory_total_bytes=_pool(part),
            integrated=_integrated("", arch),
            arch=arch,
            bus=bus,
        )
    return list(found.values())


def _pool(agent: str) -> int | None:
    """Bytes of an agent's own memory: its coarse-grained global pools, which overlap."""
    pools = re.split(r"^    Pool \d+ *$", agent, flags=re.MULTILINE)[1:]
    sizes: set[int | None] = set()
    for pool in pools:
        said = fields(pool.splitlines())
        if said.get("Segment") == "GLOBAL; FLAGS: COARSE GRAINED":
            size = re.fullmatch(r"([0-9]{1,12})\((0x[0-9a-f]+)\) KB", said.get("Size", ""))
            sizes.add(int(size[1]) * 1024 if size and int(size[1]) == int(size[2], 16) else None)
    return sizes.pop() if len(sizes) == 1 else None
