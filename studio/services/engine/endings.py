"""Why an engine ended, told as a failure: from what the system says and from its own last words."""

from __future__ import annotations

import signal
import sys

from msgspec import Struct

from studio.domain.failure import Failure
from studio.services.machine.memory import read_ram
from studio.services.machine.sources import Live

TIGHT = 0.05  # of all memory: less than this available is pressure

_WINDOWS_NO_MEMORY = {0xC0000017, 0xC000012D, 0xC000009A}
_OUT_OF_GPU = ("CUDA out of memory", "CUDA error: out of memory", "OutOfDeviceMemory", "HIP out of memory")
_OUT_OF_RAM = ("std::bad_alloc", "MemoryError", "Cannot allocate memory", "failed to allocate")


class Ending(Struct, frozen=True, kw_only=True):
    """How an engine ended. `code` as the system says, negative for a signal, None if it never ran.

    `reason` is a text key when the studio ended it or knows more than the code says, else "".
    `lines`: the last ones of its stderr. `details`: what else is known, for the log.
    """

    code: int | None
    lines: tuple[str, ...] = ()
    reason: str = ""
    details: str = ""

    @property
    def report(self) -> str:
        """Everything that is known, for "Copy details"."""
        return "\n".join(filter(None, (self._exit(), self.details, *self.lines)))

    def _exit(self) -> str:
        if self.code is None:
            return ""
        if self.code < 0 and sys.platform != "win32":
            return f"ended by signal {-self.code}"
        return f"exit status {self.code & 0xFFFFFFFF:#x}" if self.code > 255 else f"exit status {self.code}"

    def because(self) -> str:
        """The text key that says why."""
        if self.reason:
            return self.reason
        if self.code is not None and (self.code & 0xFFFFFFFF) in (0xC0000005, 0xC000001D, 0xC0000409):
            return "engine.reason.fault"
        if sys.platform == "win32" or self.code is None or self.code >= 0:
            return "engine.reason.exited"
        match -self.code:
            case signal.SIGABRT:
                return "engine.reason.aborted"
            case signal.SIGKILL | signal.SIGTERM | signal.SIGINT | signal.SIGHUP:
                return "engine.reason.killed"
            case _:
                return "engine.reason.fault"


class Pressure:
    """Watches the memory while an engine lives: a kill under pressure was for want of it."""

    def __init__(self) -> None:
        self._sources = Live()
        self._kills = self._count()
        self._tight = False

    def look(self) -> None:
        """Remember how tight it is now; called every few seconds."""
        ram = read_ram(self._sources)
        total, available = ram.total_bytes, ram.available_bytes
        self._tight = total is not None and available is not None and available < TIGHT * total

    def found(self) -> bool:
        return self._tight or self._count() > self._kills

    def _count(self) -> int:
        """How often Linux has ended a process for want of memory since it started; 0 where nothing says."""
        counts: str = self._sources.read("text", "/proc/vmstat") or ""
        lines = counts.splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def failure_of(ending: Ending, *, pressure: bool) -> Failure:
    """What the job is told that ran in it. *pressure*: memory was short when it ended."""
    words = "\n".join(ending.lines)
    if not ending.reason:
        if any(sign in words for sign in _OUT_OF_GPU):
            return Failure(code="oom.gpu", details=ending.report, retryable=True)
        if _killed_for_memory(ending, pressure=pressure) or (
            ending.code and any(sign in words for sign in _OUT_OF_RAM)
        ):
            return Failure(code="oom.ram", details=ending.report, retryable=True)
    values = {"reason": ending.because()}
    return Failure(code="engine.crashed", values=values, details=ending.report, retryable=True)


def unstartable(ending: Ending) -> Failure:
    values = {"reason": ending.because()}
    return Failure(code="engine.unstartable", values=values, details=ending.report, retryable=True)


def _killed_for_memory(ending: Ending, *, pressure: bool) -> bool:
    if ending.code is None:
        return False
    if sys.platform == "win32":
        return (ending.code & 0xFFFFFFFF) in _WINDOWS_NO_MEMORY
    return pressure and ending.code == -signal.SIGKILL
