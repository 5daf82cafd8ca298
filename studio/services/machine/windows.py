"""What only Windows' registry and kernel say. Everything is None on another system.

Called by `native` only. Structures and numbers as Microsoft documents them.
"""

from __future__ import annotations

import struct
import sys
from typing import Any

_CPU = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
_CLASSES = r"SYSTEM\CurrentControlSet\Control\Class"
_DISPLAYS = rf"{_CLASSES}\{{4d36e968-e325-11ce-bfc1-08002be10318}}"
_ACCELERATORS = rf"{_CLASSES}\{{f01a9d53-3ff6-48d2-9f97-c8a7004be10c}}"
# Numbers of IsProcessorFeaturePresent.
_FEATURES = {
    38: "sse4_2", 39: "avx", 40: "avx2", 41: "avx512f",
    19: "asimd", 43: "asimddp", 46: "sve", 47: "sve2", 66: "i8mm", 67: "asimdhp", 68: "bf16",
}  # fmt: skip
_RELATION_CACHE = 2
_DATA_OR_BOTH = (0, 2)
_LEVELS = {1: "l1d", 2: "l2", 3: "l3"}
_QUERY_PROPERTY = 0x2D1400
_BUS_NVME, _BUS_SD, _BUS_MMC = 17, 12, 13
_REMOTE, _RAM_DISK = 4, 6


def cpu() -> dict[str, Any] | None:
    """`{"name", "flags", "mhz", "l1d", "l2", "l3"}`, the largest cache of each level. Raises OSError."""
    if sys.platform != "win32":
        return None
    import ctypes
    import winreg

    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _CPU) as key:
        name = str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
        mhz = winreg.QueryValueEx(key, "~MHz")[0]
    present = ctypes.windll.kernel32.IsProcessorFeaturePresent
    flags = [flag for number, flag in _FEATURES.items() if present(number)]
    return {"name": name, "flags": flags, "mhz": mhz} | _caches()


def _caches() -> dict[str, int]:
    if sys.platform != "win32":
        return {}
    import ctypes

    ask = ctypes.windll.kernel32.GetLogicalProcessorInformationEx
    length = ctypes.c_ulong(0)
    ask(_RELATION_CACHE, None, ctypes.byref(length))
    room = ctypes.create_string_buffer(length.value)
    return caches(room.raw) if ask(_RELATION_CACHE, room, ctypes.byref(length)) else {}


def caches(entries: bytes) -> dict[str, int]:
    """The largest data cache of each level, in bytes, of what GetLogicalProcessorInformationEx wrote."""
    found: dict[str, int] = {}
    at = 0
    while at + 20 <= len(entries):
        # Relationship, Size; then Level, Associativity, LineSize, CacheSize, Type.
        relation, length, level, _, _, size, kind = struct.unpack_from("<IIBBHII", entries, at)
        if relation == _RELATION_CACHE and level in _LEVELS and kind in _DATA_OR_BOTH:
            found[_LEVELS[level]] = max(size, found.get(_LEVELS[level], 0))
        if length < 20:
            break
        at += length
    return found


def displays() -> list[dict[str, Any]] | None:
    """`[{"name", "id": "pci\\ven_1002&dev_...", "bytes": int | None, "driver"}]`. Raises OSError."""
    return _devices(_DISPLAYS)


def accelerators() -> list[dict[str, Any]] | None:
    """As `displays`, of what computes and shows nothing, such as an NPU. Raises OSError."""
    return _devices(_ACCELERATORS)


def _devices(path: str) -> list[dict[str, Any]] | None:
    if sys.platform != "win32":
        return None
    import winreg

    found: list[dict[str, Any]] = []
    try:
        folder = winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path)
    except FileNotFoundError:  # no such device was ever installed
        return found
    with folder:
        for index in range(winreg.QueryInfoKey(folder)[0]):
            name = winreg.EnumKey(folder, index)
            if name.isdecimal():
                with winreg.OpenKey(folder, name) as key:
                    found.append(_device(key))
    return found


def _device(key: Any) -> dict[str, Any]:
    def value(name: str) -> Any:
        if sys.platform != "win32":
            return None
        import winreg

        try:
            return winreg.QueryValueEx(key, name)[0]
        except FileNotFoundError:
            return None

    size = value("HardwareInformation.qwMemorySize")
    return {
        "name": value("DriverDesc") or "",
        "id": str(value("MatchingDeviceId") or "").lower(),
        "bytes": size if isinstance(size, int) else None,
        "driver": value("DriverVersion") or "",
    }


def disk(path: str) -> dict[str, Any] | None:
    """`{"kind", "filesystem"}` of the volume that *path* is on, None for what it does not tell."""
    if sys.platform != "win32":
        return None
    import ctypes
    from pathlib import Path

    kernel = ctypes.windll.kernel32
    root = Path(path).anchor
    name = ctypes.create_unicode_buffer(64)
    known = kernel.GetVolumeInformationW(root, None, 0, None, None, None, name, len(name))
    kind = {_REMOTE: "network", _RAM_DISK: "tmpfs"}.get(kernel.GetDriveTypeW(root)) or _medium(root)
    return {"kind": kind, "filesystem": name.value if known else None}


def _medium(root: str) -> str | None:
    """How a local disk is built: by its connection, else by whether seeking costs time."""
    bus = _property(root, 0, 28 + 4)
    if len(bus) >= 32:
        number = struct.unpack_from("<I", bus, 28)[0]
        if number == _BUS_NVME:
            return "nvme"
        if number in (_BUS_SD, _BUS_MMC):
            return "card"
    seeking = _property(root, 7, 12)
    if len(seeking) >= 9:
        return "hdd" if seeking[8] else "ssd"
    return None


def sound() -> int | None:
    """How many devices there are to play on."""
    if sys.platform != "win32":
        return None
    import ctypes

    return int(ctypes.windll.winmm.waveOutGetNumDevs())


def _property(root: str, number: int, length: int) -> bytes:
    """A storage property of the volume at *root* such as "C:\\"; b"" where it has none."""
    if sys.platform != "win32":
        return b""
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.windll.kernel32
    kernel.CreateFileW.restype = wintypes.HANDLE
    volume = "\\\\.\\" + root.rstrip("\\")
    handle = kernel.CreateFileW(volume, 0, 3, None, 3, 0, None)  # no access but to ask; shared; existing
    if handle in (None, wintypes.HANDLE(-1).value):
        return b""
    query = struct.pack("<IIB3x", number, 0, 0)
    room = ctypes.create_string_buffer(1024)
    written = wintypes.DWORD(0)
    done = kernel.DeviceIoControl(
        wintypes.HANDLE(handle),
        _QUERY_PROPERTY,
        query,
        len(query),
        room,
        len(room),
        ctypes.byref(written),
        None,
    )
    kernel.CloseHandle(wintypes.HANDLE(handle))
    return room.raw[: written.value] if done and written.value >= length else b""
