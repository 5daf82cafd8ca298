"""`python -m tests.fakes.full_disk ORDER`, in a mount namespace whose models folder is a small disk.

Fetches what the order says until the disk is full, prints what is left there and what else can be done,
makes the disk larger and goes on. One JSON object a line.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from studio.domain.failure import StudioError
from studio.services.downloads import work
from studio.services.downloads.fetch import fetch
from studio.services.downloads.messages import Fetch, order_of
from studio.services.network import Traffic
from studio.services.paths import Paths
from studio.services.settings import SettingsStore
from studio.wire.frames import Frame


def main() -> None:
    order = order_of(Frame(Path(sys.argv[1]).read_bytes()))
    assert isinstance(order, Fetch)
    folder = Path(order.folder)
    work.RESERVE = -(2**40)  # nothing is refused before: the disk must really be full
    say({"code": attempt(order), **left(folder), "settings": settings_work(Path(order.logs))})
    subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
    say({"code": attempt(order), **left(folder)})


def attempt(order: Fetch) -> str:
    try:
        fetch(order, lambda _: None, Traffic(), lambda: None)
    except StudioError as error:
        return error.failure.code if error.failure.retryable else f"{error.failure.code}, for good"
    return ""


def left(folder: Path) -> dict[str, object]:
    parts = [path for path in (folder / ".parts").rglob("*") if path.is_file() and path.suffix != ".lock"]
    models = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    return {"kept": sum(path.stat().st_size for path in parts), "models": models}


def settings_work(home: Path) -> bool:
    store = SettingsStore(Paths.under(home / "home"))
    store.change(bandwidth=7)
    return SettingsStore(Paths.under(home / "home")).value.bandwidth == 7


def say(value: dict[str, object]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
