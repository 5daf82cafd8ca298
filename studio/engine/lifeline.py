"""The engine's place among the processes: it ends with the studio, and it never takes its turn first.

The end does not depend on Python: native code may hold the interpreter for seconds while it loads.
On Windows the studio puts the engine into a job object instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

NICENESS = 10
PR_SET_PDEATHSIG = 1

# A process of its own, since no thread of a busy interpreter is sure to run. It ends with either of the two.
WATCH = 'while kill -0 "$1" 2>/dev/null; do kill -0 "$2" 2>/dev/null || exit; sleep 0.5; done; kill -9 "$2"'


def die_with_parent(parent: int) -> None:
    """End when *parent*, the process that started this one, ends. Exits if that has happened already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
    elif sys.platform == "darwin":
        watch(parent, os.getpid())


def watch(parent: int, child: int) -> subprocess.Popen[bytes]:
    """Start a small process that kills *child* within a second after *parent* has ended."""
    return subprocess.Popen(
        ["/bin/sh", "-c", WATCH, "watch", str(parent), str(child)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def step_back() -> None:
    """Let the window go first: less of a busy processor, and the first to go when memory runs out."""
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    os.nice(NICENESS)
    if sys.platform == "linux":
        # A session of its own is scheduled as one group, whose niceness counts, where the kernel does so.
        for file, value in (("autogroup", NICENESS), ("oom_score_adj", 500)):
            with contextlib.suppress(OSError):  # not there, or forbidden in a container
                Path("/proc/self", file).write_text(str(value))
