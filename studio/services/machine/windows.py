"""What only Windows' registry and kernel say. Everything is None on another system."""

from __future__ import annotations

import sys
from typing import Any

_CPU = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
_DISPLAYS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
# Numbers of IsProcessorFeaturePresent.
_FEATURES = {38: "sse4_2", 39: "avx", 40: "avx2", 41: "avx512f", 43: "asimddp"}


def cpu() -> dict[str, Any] | None:
    """`{"name": ..., "flags": [...]}`. Raises OSError."""
    if sys.platform != "win32":
        return None
    import ctypes
    import winreg

    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _CPU) as key:
        name = str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    present = ctypes.windll.kernel32.IsProcessorFeaturePresent
    return {"name": name, "flags": [flag for number, flag in _FEATURES.items() if present(number)]}


def displays() -> list[dict[str, Any]] | None:
    """`[{"name": ..., "id": "pci\\ven_1002&dev_...", "bytes": int | None}]`. Raises OSError."""
    if sys.platform != "win32":
        return None
    import winreg

    found: list[dict[str, Any]] = []
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _DISPLAYS) as folder:
        for index in range(winreg.QueryInfoKey(folder)[0]):
            name = winreg.EnumKey(folder, index)
            if name.isdecimal():
                with winreg.OpenKey(folder, name) as key:
                    found.append(_display(key))
    return found


def _display(key: Any) -> dict[str, Any]:
    def value(name: str) -> Any:
        if sys.platform != "win32":
            return None
        import winreg

        try:
            return winreg.QueryValueEx(key, name)[0]
        except FileNotFoundError:
            return None

    return {
        "name": value("DriverDesc") or "",
        "id": str(value("MatchingDeviceId") or "").lower(),
        "bytes": value("HardwareInformation.qwMemorySize"),
    }
