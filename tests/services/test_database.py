from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from studio.domain.failure import Failure, StudioError
from studio.services import database
from studio.services.database import MIGRATIONS, Database


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[Database]:
    base = Database(file)
    await base.open()
    try:
        yield base
    finally:
        await base.close()


def count(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT count(*) FROM jobs").fetchone()[0]


def insert(name: str):
    return lambda connection: connection.execute("INSERT INTO jobs VALUES (?, 0, x'')", (name,))


async def test_what_was_written_is_there_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "数据 data" / "studio.db"
    async with opened(file) as base:
        base.soon(insert("a"))
        assert await base.run(count) == 1
    async with opened(file) as base:
        assert await base.run(count) == 1
        assert await base.run(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"
        assert await base.run(lambda c: c.execute("PRAGMA synchronous").fetchone()[0]) == 2
        assert await base.run(lambda c: c.execute("PRAGMA user_version").fetchone()[0]) == len(MIGRATIONS)


async def test_an_older_database_is_brought_up_to_date_and_keeps_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "studio.db"
    async with opened(file) as base:
        await base.run(insert("kept"))
    later = (*MIGRATIONS, "ALTER TABLE jobs ADD COLUMN note TEXT; CREATE TABLE more (id INTEGER) STRICT;")
    monkeypatch.setattr(database, "MIGRATIONS", later)
    async with opened(file) as base:
        assert await base.run(lambda c: c.execute("SELECT id, note FROM jobs").fetchall()) == [("kept", None)]


async def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "studio.db"
    async with opened(file) as base:
        await base.run(insert("kept"))
    broken = (*MIGRATIONS, "CREATE TABLE more (id INTEGER) STRICT;", "CREATE TABLE jobs (id TEXT);")
    monkeypatch.setattr(database, "MIGRATIONS", broken)
    base = Database(file)
    with pytest.raises(StudioError):
        await base.open()
    await base.close()
    monkeypatch.undo()
    async with opened(file) as base:
        assert await base.run(count) == 1
        tables = await base.run(lambda c: c.execute("SELECT name FROM sqlite_master").fetchall())
        assert ("more",) not in tables


async def test_a_newer_database_is_refused_and_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "studio.db"
    with monkeypatch.context() as newer:
        newer.setattr(database, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE more (id INTEGER) STRICT;"))
        async with opened(file):
            pass
    before = file.read_bytes()
    base = Database(file)
    with pytest.raises(StudioError) as caught:
        await base.open()
    await base.close()
    assert caught.value.failure.code == "data.newer"
    assert file.read_bytes() == before
    assert base.aside is None


@pytest.mark.logs
@pytest.mark.parametrize("damage", ["not a database at all" * 500, "holes"])
async def test_a_broken_database_is_kept_aside_and_a_new_one_begins(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "studio.db"
    if damage == "holes":
        async with opened(file) as base:
            for n in range(200):
                await base.run(insert(f"{n}" * 100))
        data = bytearray(file.read_bytes())
        data[4096 : 4096 * 4] = os.urandom(4096 * 3)
        file.write_bytes(data)
    else:
        file.write_text(damage)
    broken = file.read_bytes()
    async with opened(file) as base:
        assert await base.run(count) == 0
        assert base.aside is not None
        assert base.aside.read_bytes() == broken


async def test_a_failing_transaction_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    def twice(connection: sqlite3.Connection) -> None:
        insert("a")(connection)
        insert("a")(connection)

    def own(connection: sqlite3.Connection) -> None:
        insert("b")(connection)
        raise KeyError("own")

    async with opened(tmp_path / "studio.db") as base:
        with pytest.raises(StudioError) as caught:
            await base.run(twice)
        assert caught.value.failure.code == "internal"
        with pytest.raises(KeyError):
            await base.run(own)
        assert await base.run(count) == 0


@pytest.mark.logs
async def test_a_write_that_is_lost_is_told(tmp_path: Path) -> None:
    told: list[Failure] = []
    async with opened(tmp_path / "studio.db") as base:
        base.failed.connect(told.append)
        base.soon(insert("a"))
        base.soon(insert("a"))
        base.soon(insert("b"))
        await base.settle()
        assert [failure.code for failure in told] == ["internal"]
        assert await base.run(count) == 2


@pytest.mark.logs
async def test_a_full_disk_says_so(tmp_path: Path) -> None:
    told: list[Failure] = []
    async with opened(tmp_path / "studio.db") as base:
        base.failed.connect(told.append)
        await base.run(lambda c: c.execute("PRAGMA max_page_count = 12"))
        base.soon(lambda c: c.execute("INSERT INTO jobs VALUES ('big', 0, zeroblob(1000000))"))
        await base.settle()
        assert [failure.code for failure in told] == ["disk.full"]
        assert told[0].values == {"path": str(tmp_path)}
        assert await base.run(count) == 0


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    base = Database(tmp_path / "file" / "studio.db")
    with pytest.raises(StudioError) as caught:
        await base.open()
    assert caught.value.failure.code == "output.unwritable"
    await base.close()


async def test_two_processes_may_use_it_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "studio.db") as one, opened(tmp_path / "studio.db") as two:
        one.soon(insert("a"))
        two.soon(insert("b"))
        await one.settle()
        await two.settle()
        assert await one.run(count) == await two.run(count) == 2


WRITER = """
import asyncio, sys
from pathlib import Path
from studio.services.database import Database

async def main():
    base = Database(Path(sys.argv[1]))
    await base.open()
    for n in range(100_000):
        await base.run(lambda c: (c.execute("INSERT INTO jobs VALUES (?, 0, x'')", (f"{n}-a",)),
                                  c.execute("INSERT INTO jobs VALUES (?, 0, x'')", (f"{n}-b",))))
        print(n, flush=True)

asyncio.run(main())
"""


def test_a_kill_loses_nothing_that_was_said_to_be_written(tmp_path: Path, root: Path) -> None:
    said = -1
    for _ in range(3):
        file = tmp_path / "studio.db"
        writer = subprocess.Popen(
            [
                sys.executable,
                "-c",
                WRITER.replace("range(100_000)", f"range({said + 1}, 100_000)"),
                str(file),
            ],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout
        for _ in range(20):
            said = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        said = max([said, *map(int, rest)])
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = {name for (name,) in connection.execute("SELECT id FROM jobs")}
            assert {f"{n}-{half}" for n in range(said + 1) for half in "ab"} <= rows
            assert len(rows) % 2 == 0, "half a transaction"
            said = max(said, len(rows) // 2 - 1)
