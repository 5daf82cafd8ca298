"""Keep the computer from falling asleep while it works. The screen may go dark.

Every way ends with this process, however that ends: nobody's computer stays awake for ever.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)

_CONTINUOUS, _SYSTEM_REQUIRED = 0x8000_0000, 0x0000_0001


class Awake:
    """Holds the computer awake between `hold` and `release`, or as a context manager.

    Where the system offers no way, nothing happens and `active` stays False.
    """

    def __init__(self, why: str = "AIGC Studio") -> None:
        self._why = why
        self._helper: subprocess.Popen[bytes] | None = None
        self._held_by_thread = False

    @property
    def active(self) -> bool:
        return self._held_by_thread or (self._helper is not None and self._helper.poll() is None)

    def hold(self) -> None:
        """Harmless when it is held already. On Windows, call both from the same thread."""
        if self.active:
            return
        self.release()  # a helper that has ended by itself
        if sys.platform == "win32":
            self._held_by_thread = _execution_state(_CONTINUOUS | _SYSTEM_REQUIRED)
        elif command := self._command():
            # Its standard input is ours: it ends when we do.
            try:
                self._helper = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            except OSError as error:
                log.info("the computer cannot be kept awake: %s", error)

    def release(self) -> None:
        """Let it sleep again. Harmless when it is not held."""
        if self._held_by_thread:
            _execution_state(_CONTINUOUS)
            self._held_by_thread = False
        helper, self._helper = self._helper, None
        if helper is not None:
            if helper.stdin:
                helper.stdin.close()
            helper.terminate()
            try:
                helper.wait(1)
            except subprocess.TimeoutExpired:
                helper.kill()
                helper.wait()

    def __enter__(self) -> Self:
        self.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _command(self) -> list[str] | None:
        if sys.platform == "darwin":
            return ["caffeinate", "-i", "-w", str(os.getpid())]
        if shutil.which("systemd-inhibit"):
            options = ["--what=idle:sleep", "--mode=block", "--who=AIGC Studio", f"--why={self._why}"]
            return ["systemd-inhibit", *options, "cat"]
        return None


def _execution_state(flags: int) -> bool:
    if sys.platform != "win32":
        return False
    import ctypes

    return bool(ctypes.windll.kernel32.SetThreadExecutionState(flags))
