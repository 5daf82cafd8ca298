"""What this process takes of the memory, at its highest and now, and how it gives it back."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import psutil

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
M_ARENA_MAX = -8  # glibc's malloc.h


def ram_bytes() -> int:
    """This process's resident memory now."""
    return psutil.Process().memory_info().rss


class PeakRam:
    """The highest resident memory between now and `stop`.

    Linux keeps that figure and can reset it; elsewhere it is sampled every 50 ms, and on Windows the
    process's own peak counts if it rose meanwhile. Several may be under way.
    """

    _lock = threading.Lock()
    _under_way: ClassVar[set[PeakRam]] = set()

    def __init__(self) -> None:
        with self._lock:
            for other in self._under_way:
                if other._kernel:  # before the reset takes it away
                    other._highest = max(other._highest, _kernel_peak())
            self._kernel = _reset_peak()
            self._highest = ram_bytes()
            self._under_way.add(self)
        self._before = _windows_peak()
        self._ended = threading.Event()
        if not self._kernel:
            self._thread = threading.Thread(target=self._sample, name="peak", daemon=True)
            self._thread.start()

    def _sample(self) -> None:
        while not self._ended.wait(0.05):
            self._highest = max(self._highest, ram_bytes())

    def stop(self) -> int:
        with self._lock:
            self._under_way.discard(self)
        if self._kernel:
            return max(self._highest, _kernel_peak())
        self._ended.set()
        self._thread.join()
        after = _windows_peak()
        return max(self._highest, ram_bytes(), after if after > self._before else 0)


def _reset_peak() -> bool:
    if sys.platform != "linux":
        return False
    try:
        CLEAR.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def _kernel_peak() -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _windows_peak() -> int:
    return getattr(psutil.Process().memory_info(), "peak_wset", 0)


def imported_torch() -> Any | None:
    """torch if something has imported it, and not while a thread still does: then it is half there."""
    torch = sys.modules.get("torch")
    return None if getattr(getattr(torch, "__spec__", None), "_initializing", False) else torch


def in_use(kind: str) -> Any | None:
    """torch's module for accelerators of *kind* ("cuda": `torch.cuda`) once something used it, else None."""
    torch = imported_torch()
    if torch is None or kind == "cpu":
        return None
    if kind == "mps":
        return torch.mps if torch.backends.mps.is_available() else None
    module = getattr(torch, kind, None)
    return module if module is not None and module.is_initialized() else None


def reset_peak_vram(device: str) -> None:
    """Begin to measure for `peak_vram` anew."""
    module = in_use(device.partition(":")[0])
    if hasattr(module, "reset_peak_memory_stats"):
        module.reset_peak_memory_stats(device)


def peak_vram(device: str) -> int | None:
    """The most that torch held on *device* since the reset, in bytes; None when torch does not know."""
    module = in_use(device.partition(":")[0])
    if hasattr(module, "max_memory_reserved"):
        return module.max_memory_reserved(device)
    if hasattr(module, "driver_allocated_memory"):  # Metal tells only what it is now
        return module.driver_allocated_memory()
    return None


def one_heap() -> None:
    """Let all threads allocate from one heap; for the start, before there are threads.

    glibc gives each thread one of its own, of which `give_back` cannot return the upper end: measured, 60
    to 180 MB stayed behind after a model of 4 GB, another amount each time. From one heap it is 22 MB.
    """
    mallopt = _of_libc("mallopt")
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """Return what nothing uses any more to the system: Python's, the accelerators', the C library's."""
    gc.collect()
    for kind in ("cuda", "xpu", "mps"):
        module = in_use(kind)
        if module is not None:
            module.empty_cache()
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_libc(function: str) -> Any | None:
    """A function that glibc has and other C libraries have not."""
    return getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
