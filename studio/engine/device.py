"""The devices that can compute: by name, and by trying."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import psutil

from studio.domain.failure import StudioError
from studio.domain.machine import TorchBuild
from studio.wire.messages import DeviceState

log = logging.getLogger(__name__)

NAMES = re.compile(r"auto|cpu|mps|(?:cuda|xpu):\d{1,2}")
COMMAND = (sys.executable, "-m", "studio.engine.trial")
TRIAL_SECONDS = 120.0  # without a word: importing torch takes long on a slow disk
# Intel's cards by name; graphics that are part of the processor have no number of this form.
_INTEL_CARD = re.compile(r"\b[AB]\d{2,3}M?\b|\b(?:Flex|Max)\b")


def resolve(name: str, accelerators: Callable[[], list[str]]) -> str:
    """The concrete device for *name* ("auto", "cpu", "cuda:N", "xpu:N", "mps").

    *accelerators* is asked for anything but "cpu". Raises StudioError `device.missing` for one that is
    not there.
    """
    if name == "cpu":
        return name
    if not NAMES.fullmatch(name):
        raise StudioError("device.missing", device=name)
    there = accelerators()
    if name == "auto":
        return there[0] if there else "cpu"
    if name not in there:
        raise StudioError("device.missing", device=name)
    return name


def accelerators() -> list[str]:
    """The accelerators that torch sees, the best kind first, cards before what is part of the processor.

    Imports torch.
    """
    import torch

    found = [f"cuda:{n}" for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.xpu.is_available():
        found += [f"xpu:{n}" for n in range(torch.xpu.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return sorted(found, key=_integrated) if len(found) > 1 else found


def _integrated(name: str) -> bool:
    import torch

    kind = name.partition(":")[0]
    if kind == "mps":
        return True
    module: Any = getattr(torch, kind)
    try:
        properties = module.get_device_properties(name)
    except RuntimeError:  # seen but not usable
        return True
    if kind == "xpu":
        return not _INTEL_CARD.search(properties.name)
    return bool(getattr(properties, "is_integrated", False))


def threads(wanted: int) -> int:
    """The number of CPU threads to compute with: *wanted*, or with 0 one per physical core we may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return wanted or max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))


class Trial(NamedTuple):
    """Every device as it was tried, the processor first. `build` is None without a torch that starts."""

    devices: tuple[DeviceState, ...]
    build: TorchBuild | None


def probe(command: Sequence[str] = COMMAND) -> Trial:
    """Try every device, in a process that may crash: then the next one goes on with the others."""
    found: dict[str, DeviceState] = {}
    build: TorchBuild | None = None
    while True:
        ran = _run_trial([*command, str(os.getpid()), *found])
        build = ran.build or build
        found |= {state.device: state for state in ran.devices}
        if ran.ending is None:
            return Trial(tuple(found.values()), build)
        # Without a word of what it tried, torch itself did not start: no device can be used.
        culprit = ran.trying or "cpu"
        log.warning("the trial of %s ended: %s\n%s", culprit, ran.ending, ran.words)
        again = ran.trying is not None and culprit not in found
        name = "CPU" if culprit == "cpu" else culprit
        found.setdefault(culprit, DeviceState(device=culprit, name=name, usable=False, reason=ran.ending))
        if not again:
            return Trial(tuple(found.values()), build)


class _Ran(NamedTuple):
    """What one process said, and why it ended before the end: a text key."""

    devices: list[DeviceState]
    build: TorchBuild | None
    trying: str | None
    ending: str | None
    words: str


def _run_trial(command: list[str]) -> _Ran:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(process, said), daemon=True).start()
    devices: list[DeviceState] = []
    build: TorchBuild | None = None
    trying: str | None = None
    words: deque[str] = deque(maxlen=5)
    ending: str | None = None
    while True:
        try:
            line = said.get(timeout=TRIAL_SECONDS)
        except queue.Empty:
            process.kill()
            ending = "device.hung"
            break
        if not line:
            break
        match _message(line):
            case {"build": given}:
                build = msgspec.convert(given, TorchBuild)
            case {"trying": str(name)}:
                trying = name
            case {"device": given}:
                devices.append(msgspec.convert(given, DeviceState))
                trying = None
            case _:
                words.append(line.rstrip())
    with contextlib.suppress(subprocess.TimeoutExpired):  # one that hangs in the kernel is left to it
        if process.wait(5) != 0:
            ending = ending or "device.crashed"
    return _Ran(devices, build, trying, ending, "\n".join(words))


def _message(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:  # a library's own words
        return None


def _listen(process: subprocess.Popen[str], said: queue.SimpleQueue[str]) -> None:
    """Every line, and "" for the end."""
    assert process.stdout is not None
    with process.stdout as stdout:
        for line in stdout:
            said.put(line)
    said.put("")
