"""A model of 12 files from a hub on loopback, against `curl` for each in turn and `sha256sum` then.

Ours is all of it: the helper process, the tree, the check, the record. The server is a process of its
own that sends with `sendfile`; its files are in the system's cache for both, and what a run wrote is
deleted and the disk quiet before the next.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.services.downloads.downloads import Downloads
from studio.services.library.library import Library
from tests.bench import pairs
from tests.bench.hub import FILES, entry, make_files, serving
from tests.bench.table import Row, judge

BYTES, SHORT_BYTES = 4_000_000_000, 512_000_000
PAIRS, SHORT_PAIRS = 7, 3
BAR = 1.0
MODEL = "bench"


def measure(short: bool) -> list[Row]:
    size = SHORT_BYTES if short else BYTES
    figure = f"download of {size / 1e9:.1f} GB in {FILES} files, of curl and sha256sum"
    if shutil.which("curl") is None or shutil.which("sha256sum") is None:
        return [Row(figure, f"≤ {BAR}", "no curl or no sha256sum here", "", "not measured")]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        make_files(folder / "files", size)
        with serving(folder / "files") as url:
            found = pairs.measure(
                lambda: _curl(folder, url), lambda: _ours(folder), pairs=SHORT_PAIRS if short else PAIRS
            )
    return [
        Row(
            figure,
            f"≤ {BAR}",
            f"{found.ratio:.2f}",
            found.spread,
            judge(found.ratio, BAR, short=short, noisy=found.noisy),
        )
    ]


def _curl(folder: Path, url: str) -> float:
    with _emptied(folder / "curl") as there:
        began = time.perf_counter()
        for file in sorted((folder / "files").iterdir()):
            address = f"{url}/bench/files/resolve/main/{file.name}"
            subprocess.run(["curl", "-s", "-o", there / file.name, address], check=True)
        subprocess.run(["sha256sum", *there.iterdir()], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


def _ours(folder: Path) -> float:
    manifest = folder / "manifest"
    manifest.mkdir(exist_ok=True)
    (manifest / f"{MODEL}.json").write_text(json.dumps(entry(MODEL)), encoding="utf-8")
    with _emptied(folder / "ours") as there:
        began = time.perf_counter()
        library = Library(there, manifest=manifest)
        asyncio.run(_fetch(library, folder / "logs"))
        took = time.perf_counter() - began
        if library.entry(MODEL).installed is None:
            raise RuntimeError("the model did not come")
        return took


async def _fetch(library: Library, logs: Path) -> None:
    downloads = Downloads(library, logs)
    downloads.start(MODEL)
    await downloads.wait(MODEL)
    await downloads.close()


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """A new folder, gone afterwards; the disk has nothing to do before and after."""
    folder.mkdir()
    os.sync()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        os.sync()
