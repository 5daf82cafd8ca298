"""D1: a download that is killed anywhere goes on, and hardly a byte comes twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.domain.failure import Cancelled, StudioError
from studio.services.downloads.part import CHUNK
from tests.fakes.file_server import FileServer, serving
from tests.services.helpers import helpers, until
from tests.services.shops import COMMIT, TARGET, Shop

MIB = 2**20
KINDS = ["one file", "four files", "three wheels"]


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


class Victim:
    """A model of that kind, and the server's account of what went out of its bytes."""

    def __init__(
        self, kind: str, size: int, folder: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.kind, self.server = kind, server
        self.named = 0  # how often it had its name after a kill
        self.shop = Shop(folder, server, monkeypatch, size=size)
        self.files = {TARGET: self.shop.content}
        if kind == "four files":
            random_bytes = random.Random(4).randbytes(size)
            self.files = {
                f"part-{n}.safetensors": random_bytes[n * size // 4 : (n + 1) * size // 4] for n in range(4)
            }
        if kind == "three wheels":
            self.shop.add("tiny", self.shop.data_wheels, files=self.shop.pinned())
        else:
            server.hub("maker/big", COMMIT, self.files)
            self.shop.add("tiny", {"kind": "hub", "repo": "maker/big", "files": ["*"]})
        server.piece, server.pause = 32_768, 0.05

    @property
    def size(self) -> int:
        wheels = sum(wheel["bytes"] for wheel in self.shop.wheels)
        return wheels if self.kind == "three wheels" else sum(map(len, self.files.values()))

    @property
    def twice(self) -> int:
        """Bytes that went out more than once, also those that the client never saw."""
        return (
            sum(
                asked.sent
                for asked in self.server.asked
                if "/api/" not in asked.path and asked.path[-1] != "/"
            )
            - self.size
        )

    async def kill(self, times: int, rng: random.Random) -> int:
        """How often it was killed while it worked."""
        done = 0
        downloads = self.shop.downloads()
        while done < times:
            downloads.start("tiny")
            await until(lambda: bool(helpers()))
            await asyncio.sleep(rng.uniform(0.0, 1.5))
            for pid in helpers():
                os.kill(pid, signal.SIGKILL)
            try:
                await downloads.wait("tiny")
            except StudioError as error:
                done += error.failure.retryable
                self.named += self.shop.library().entry("tiny").installed is not None
            else:
                break
        await downloads.close()
        return done

    async def finish(self) -> None:
        self.server.pause = 0.0
        downloads = self.shop.downloads()
        downloads.start("tiny")
        await downloads.wait("tiny")
        await downloads.close()
        for name, data in self.files.items():
            assert (self.shop.folder_of("tiny") / name).read_bytes() == data


def killed(victim: Victim, times: int) -> None:
    async def story() -> int:
        done = await victim.kill(times, random.Random(victim.kind))
        await victim.finish()
        return done

    done = asyncio.run(story())
    print(f"{victim.kind}: {done} kills, {victim.twice:,} of {victim.size:,} bytes twice")
    assert done == times
    assert victim.named == 0
    assert victim.twice <= times * CHUNK


@pytest.mark.parametrize("kind", KINDS)
def test_killed_anywhere(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    killed(Victim(kind, 20 * MIB, tmp_path, server, monkeypatch), 3)


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_killed_anywhere_often(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    killed(Victim(kind, 150 * MIB, tmp_path, server, monkeypatch), 50)


@pytest.mark.parametrize("forgets", [False, True])
async def test_the_account_finds_what_comes_twice(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, forgets: bool
) -> None:
    """Without the log of what is here, what had come is fetched again; with it, next to nothing."""
    victim = Victim("one file", 12 * MIB, tmp_path, server, monkeypatch)
    server.pause = 0.01
    downloads = victim.shop.downloads()
    downloads.start("tiny")
    await until(lambda: downloads.states["tiny"].done_bytes > 6 * MIB, 40)
    downloads.pause("tiny")
    with pytest.raises(Cancelled):
        await downloads.wait("tiny")
    await downloads.close()
    logs = list((victim.shop.models / ".parts").rglob("*.state"))
    assert logs
    for log in logs if forgets else []:
        log.unlink()
    await victim.finish()
    assert (victim.twice > 6 * MIB) == forgets
