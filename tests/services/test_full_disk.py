"""D3: a disk that fills while a model comes pauses the download; what came is kept, all else goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from studio.services.downloads.messages import Fetch
from studio.services.downloads.part import NOTE
from studio.services.downloads.route import Route, with_environment
from tests.fakes.file_server import FileServer, serving
from tests.services.shops import COMMIT, TARGET, Shop

MIB = 2**20


def can_mount() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="this system lets no user mount: unshare -rm")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        server.piece, server.pause = 65_536, 0.005  # slower than the client: little is in the pipe
        yield server


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


# What the disk of 8 MiB is full of when the next byte does not fit.
FILES: dict[str, dict[str, bytes]] = {
    "one file": {"a.safetensors": noise(20 * MIB)},
    "four files": {f"{n}.safetensors": noise(5 * MIB + n) for n in range(4)},
    "many small files": {f"{n}.json": noise(60_000 + n) for n in range(200)},
    "the record": {"a.safetensors": noise(8 * MIB)},
}


@pytest.mark.parametrize("target", [*FILES, "the joined file"])
def test_a_full_disk(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    shop = Shop(tmp_path, server, monkeypatch, size=5 * MIB)
    if target == "the joined file":
        shop.add("tiny", shop.data_wheels, files=shop.pinned())
    else:
        server.hub("maker/big", COMMIT, FILES[target])
        shop.add("tiny", {"kind": "hub", "repo": "maker/big", "files": ["*"]})
    full, after = run(shop)
    size = sum(map(len, FILES[target].values())) if target in FILES else sum(w["bytes"] for w in shop.wheels)
    assert (full["code"], full["models"], full["settings"]) == ("disk.full", [], True)
    assert full["kept"] > 4 * MIB
    assert (after["code"], len(after["models"])) == ("", 1)
    for name, data in FILES.get(target, {TARGET: shop.content}).items():
        (copy,) = (tmp_path / "copy").glob(f"[!.]*/*/{name}")
        assert copy.read_bytes() == data
    sent = sum(asked.sent for asked in server.asked if "/resolve/" in asked.path or "/files/" in asked.path)
    print(f"{target}: {full['kept']:,} bytes kept, {sent - size:,} of {size:,} came twice")
    assert sent - size < 4 * NOTE + 4 * MIB  # what was not noted, and what was in the pipe


def run(shop: Shop) -> list[dict]:
    """In a namespace of its own, whose disk is gone afterwards: a copy is made before."""
    order = shop.folder / "order.json"
    order.write_bytes(
        msgspec.json.encode(
            Fetch(
                model=shop.library().entry("tiny").model,
                folder=str(shop.models),
                logs=str(shop.logs),
                limit=str(shop.logs / "rate"),
                accepted=1.0,
                route=with_environment(Route()),
            )
        )
    )
    shop.models.mkdir()
    script = 'mount -t tmpfs -o size=8m none "$1" && "$2" -m tests.fakes.full_disk "$3" && cp -r "$1" "$4"'
    done = subprocess.run(
        [
            "unshare",
            "-rm",
            "sh",
            "-c",
            script,
            "sh",
            shop.models,
            sys.executable,
            order,
            shop.folder / "copy",
        ],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
