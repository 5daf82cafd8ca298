"""`python -m studio.engine.bench.importing FAMILY DEVICE [FOLDER...]`: what an engine pays for a family.

Imports what the engine has before its first job, then the family's pipeline, then touches the device,
and prints the cost as JSON.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

STATUS = Path("/proc/self/status")


def main(family: str, device: str, folders: list[str]) -> None:
    """Prints {"seconds", "bytes", "anonymous"}."""
    import msgspec
    import psutil

    import studio.engine.control
    import studio.families
    from studio.families import registry
    from studio.wire import offline

    offline.forbid_sockets()

    studio.families.__path__.extend(folders)
    registry.families()
    began = time.perf_counter()
    registry.pipeline(family)
    torch = sys.modules.get("torch")
    if torch is not None and device != "cpu":
        torch.zeros(1, device=device).cpu()
    seconds = time.perf_counter() - began
    process = psutil.Process()
    figures = {"seconds": seconds, "bytes": process.memory_info().rss, "anonymous": _anonymous(process)}
    os.write(1, msgspec.json.encode(figures) + b"\n")
    os._exit(0)  # taking all of it down again would only cost time


def _anonymous(process: object) -> int:
    """Resident memory that no file stands behind: what the system cannot take back."""
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return process.memory_full_info().uss


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
