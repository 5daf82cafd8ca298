"""Makers' libraries, called in a process of its own: one may crash, or never answer, and nothing is lost.

The process starts with the first question, answers them one by one, and ends by itself when nobody has
asked for a while. Run as a program, this module is that process: a question is a line of JSON on its
standard input, the answer a line on its standard output.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from studio.wire import offline

log = logging.getLogger(__name__)

SECONDS = 3.0  # for an answer, its process started or not
IDLE_SECONDS = 20.0
PAUSE_SECONDS = 300.0  # before what gave no answer is asked again

FUNCTIONS = {
    "nvml": ("nvml", "read"),
    "opencl": ("opencl", "read"),
    "windows_cpu": ("windows", "cpu"),
    "windows_displays": ("windows", "displays"),
    "windows_accelerators": ("windows", "accelerators"),
    "windows_disk": ("windows", "disk"),
    "windows_sound": ("windows", "sound"),
}


class Silent(OSError):
    """The library crashed, or gave no answer in time."""


class Native:
    """The process, started anew when it has ended. One question at a time, from any thread."""

    def __init__(self, command: list[str] | None = None) -> None:
        self._command = command or _command()
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._pauses: dict[str, float] = {}

    def ask(self, what: str, *arguments: str) -> Any:
        """The answer. Raises Silent; what was silent is left alone for a while."""
        if time.monotonic() < self._pauses.get(what, 0.0):
            raise Silent(f"{what} gave no answer before")
        with self._turn:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._start()
            try:
                answer = self._exchange(process, [what, *arguments])
            except (OSError, queue.Empty) as error:
                self._end()
                self._pauses[what] = time.monotonic() + PAUSE_SECONDS
                raise Silent(f"{what} crashed or did not answer") from error
        if "error" in answer:
            raise Silent(f"{what}: {answer['error']}")
        return answer["answer"]

    def close(self) -> None:
        """End the process, if it runs."""
        with self._turn:
            self._end()

    def _exchange(self, process: subprocess.Popen[str], question: list[str]) -> Any:
        assert process.stdin is not None
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = self._answers.get(timeout=SECONDS)
        if not line:
            raise Silent("the process ended")
        return json.loads(line)

    def _start(self) -> subprocess.Popen[str]:
        self._end()
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(process, answers), name="native", daemon=True).start()
        self._process, self._answers = process, answers
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that hangs in the kernel is left to it
            process.wait(0.5)
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # what was not sent is of no use any more
            process.stdin.close()


def _listen(process: subprocess.Popen[str], answers: queue.SimpleQueue[str]) -> None:
    """Every line that it says, and "" for its end."""
    assert process.stdout is not None
    with process.stdout as stdout:
        for line in stdout:
            answers.put(line)
    answers.put("")


def _command() -> list[str]:
    python = Path(sys.executable)
    if python.stem.lower() == "pythonw":  # windowless, it would have no pipes
        python = python.with_stem("python")
    return [str(python), "-m", __name__ if __name__ != "__main__" else "studio.services.machine.native"]


_native = Native()
ask = _native.ask
close = _native.close


# --- in that process ------------------------------------------------------------------------------


def _serve() -> None:
    offline.forbid_sockets()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    _watch = threading.Thread(target=_leave_when_idle, daemon=True)
    _watch.start()
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        module, function = FUNCTIONS[what]
        try:
            read = getattr(importlib.import_module(f"studio.services.machine.{module}"), function)
            answer = {"answer": read(*arguments)}
        except (OSError, ValueError, ImportError, AttributeError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        _asked[0] = time.monotonic()


_asked = [time.monotonic()]


def _leave_when_idle() -> None:
    while (left := _asked[0] + IDLE_SECONDS - time.monotonic()) > 0:
        time.sleep(left)
    os._exit(0)


if __name__ == "__main__":
    _serve()
