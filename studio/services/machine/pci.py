"""What sits on Linux's PCI bus, by the kernel's files, else by `lspci`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from studio.services.machine.parse import decimal, fields, lines, value, whole
from studio.services.machine.sources import Sources

FOLDER = "/sys/bus/pci/devices"
_NAMES = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids")
DISPLAY, PROCESSING, SIGNAL = 0x03, 0x12, 0x11
_KINDS = {0x0300, 0x0301, 0x0302, 0x0380, 0x1200, 0x1180}

_MAKER = re.compile(
    r"^(?:Intel Corporation|NVIDIA Corporation|Advanced Micro Devices, Inc\. \[AMD(?:/ATI)?\]"
    r"|Xilinx Corporation|Altera Corporation|Google, Inc\.)\s*"
)
_LINE = re.compile(
    r"((?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) [^\[]*\[([0-9a-f]{4})\]: (.*)"
    r" \[([0-9a-f]{4}):([0-9a-f]{4})\](?: \(rev [0-9a-f]{2}\))?(?: \(prog-if .*\))?"
)
_GENERATIONS = {2.5: 1, 5.0: 2, 8.0: 3, 16.0: 4, 32.0: 5, 64.0: 6}


class Device(NamedTuple):
    """`code`: its class and subclass. Vendor and device as four digits; `name` "" if none is known."""

    address: str
    code: int
    vendor: str
    device: str
    driver: str | None = None
    name: str = ""

    @property
    def kind(self) -> int:
        """The class alone."""
        return self.code >> 8

    @property
    def words(self) -> str:
        """Its name, else its numbers."""
        return self.name or f"{self.vendor}:{self.device}"

    @property
    def slot(self) -> str:
        """The same for all functions of one card."""
        return self.address.rpartition(".")[0]


def address(text: str | None) -> str | None:
    """A place on the bus as Linux writes it, from that of a library, with more zeros and capitals."""
    found = re.fullmatch(
        r"0*([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", (text or "").lower().replace("\0", "")
    )
    return found[1] if found else None


def devices(sources: Sources) -> list[Device] | None:
    """What may compute, in the order of the bus. None where the bus cannot be looked at."""
    files: list[str] | None = sources.read("glob", f"{FOLDER}/*/uevent")
    if files is None:
        listed = _listed(sources)
        return _relevant(listed) if listed else None
    found = _relevant(filter(None, (_device(sources, file) for file in files)))
    named = [device._replace(name=_name(sources, device)) for device in found]
    if all(device.name for device in named):
        return named
    by_address = {device.address: device.name for device in _listed(sources)}
    return [device._replace(name=device.name or by_address.get(device.address, "")) for device in named]


def link(sources: Sources, place: str) -> tuple[int | None, int | None]:
    """Generation and width of the best link that a device at *place* could have."""
    speed = value(sources.read("text", f"{FOLDER}/{place}/max_link_speed"))
    found = re.fullmatch(r"([0-9.]+) GT/s(?: PCIe)?", speed)
    generation = _GENERATIONS.get(decimal(found[1]) or 0.0) if found else None
    width = whole(value(sources.read("text", f"{FOLDER}/{place}/max_link_width")), 32)
    return generation, width or None


def _relevant(found: Iterable[Device]) -> list[Device]:
    return [device for device in found if device.code in _KINDS]


def _device(sources: Sources, file: str) -> Device | None:
    said = fields(lines(sources.read("text", file)), "=")
    ids = re.fullmatch(r"([0-9A-F]{4}):([0-9A-F]{4})", said.get("PCI_ID", ""))
    code = re.fullmatch(r"([0-9A-F]{3,4})[0-9A-F]{2}", said.get("PCI_CLASS", ""))
    place = address(file.removesuffix("/uevent").rpartition("/")[2])
    if ids is None or code is None or place is None:
        return None
    vendor, device = ids[1].lower(), ids[2].lower()
    return Device(place, int(code[1], 16), vendor, device, said.get("DRIVER"))


def _listed(sources: Sources) -> list[Device]:
    """From `lspci -nnk`, whose lines below a device belong to it."""
    found: dict[str, Device] = {}
    current = ""
    for line in lines(sources.read("command", "lspci", "-nnk")):
        if line.startswith("\t"):
            name, _, words = line.strip().partition(": ")
            if current and name == "Kernel driver in use":
                known = found[current].driver
                found[current] = found[current]._replace(driver=words if known in (None, words) else None)
            continue
        header = _LINE.fullmatch(line)
        current = ""
        if header:
            current = header[1] if len(header[1]) > 8 else f"0000:{header[1]}"
            device = Device(
                address=current,
                code=int(header[2], 16),
                vendor=header[4],
                device=header[5],
                name=_short(header[3]),
            )
            found.setdefault(current, device)
    return list(found.values())


def _name(sources: Sources, device: Device) -> str:
    """What its maker wrote on it, else its name in the system's list."""
    product = value(sources.read("text", f"{FOLDER}/{device.address}/product_name"))
    return product or _from_list(sources, device.vendor, device.device)


def _from_list(sources: Sources, vendor: str, device: str) -> str:
    for file in _NAMES:
        inside = False
        for line in lines(sources.read("text", file)):
            if line[:1] not in ("\t", "#", ""):
                inside = line.startswith(f"{vendor} ")
            elif inside and line.startswith(f"\t{device} "):
                return _short(line.split("  ", 1)[-1].strip())
    return ""


def _short(name: str) -> str:
    """The name for people stands in brackets behind the one of the chip: `GA104 [GeForce RTX 3070]`."""
    name = _MAKER.sub("", name)
    found = re.search(r"\[([^\]]+)\]$", name)
    if found:
        return found[1]
    return "" if name.startswith("Device") else name
