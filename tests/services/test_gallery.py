"""The gallery: found, deleted and brought back; files and index agree after a kill at any write (E6)."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from studio.domain.artifact import Artifact
from studio.domain.record import Record, encode_record, sidecar
from studio.domain.request import Request
from studio.services.database import Database
from studio.services.gallery import KEEP_DAYS, Gallery, Result
from studio.services.result_files import TRASH
from studio.wire.files import write_new
from tests.services import gallery_victim

VICTIM = Path(gallery_victim.__file__)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Gallery]:
    database = Database(folder / "studio.db")
    await database.open()
    try:
        yield Gallery(database, lambda: folder / "outputs")
    finally:
        await database.close()


def asked(prompt: str, task: str = "text", **values: object) -> Request:
    return Request(task=task, family="fake", model="tiny", values={"prompt": prompt, **values})


async def put(gallery: Gallery, folder: Path, number: int, request: Request, **facts: object) -> Path:
    """Save a text as the engine does, and index it."""
    path = folder / "outputs" / "2026-01-02" / f"{number:05}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_new(sidecar(path), encode_record(Record(request=request, version="1")))
    write_new(path, request.prompt.encode())
    await gallery.add(
        Artifact(path=str(path), media_type="text/plain", sha256="0" * 64, bytes=5, **facts), request
    )
    return path


def without_id(results: list[Result]) -> list[Result]:
    """What can be known from the files alone."""
    return sorted(
        (msgspec.structs.replace(result, id=0, created=0.0) for result in results), key=lambda r: r.path
    )


async def test_results_are_found_by_words_and_kind_the_newest_first(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        tea = await put(gallery, tmp_path, 1, asked("A Pot of tea, 100%"))
        cup = await put(gallery, tmp_path, 2, asked("a cup of TEA"))
        shop = await put(gallery, tmp_path, 3, asked("茶壶 文案", task="image"))
        assert [result.path for result in await gallery.search()] == [shop, cup, tea]
        assert [result.path for result in await gallery.search("tea pot")] == [tea]
        assert [result.path for result in await gallery.search("茶壶")] == [shop]
        assert [result.path for result in await gallery.search("00002.txt tiny")] == [cup]
        assert [result.path for result in await gallery.search("", "image")] == [shop]
        assert [result.path for result in await gallery.search("0%")] == [tea], "a wildcard is text"
        assert await gallery.search("p_t") == []
        assert [result.path for result in await gallery.search(limit=1, offset=1)] == [cup]
        assert await gallery.count("of") == 2
        assert await gallery.count("", "text") == 2


async def test_the_request_of_a_result_makes_that_one_first(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        await put(gallery, tmp_path, 1, asked("a cat", seed=7), seed=9)
        (result,) = await gallery.search()
        assert (result.seed, result.request) == (9, asked("a cat", seed=9))


async def test_a_result_saved_again_keeps_its_row_and_one_outside_gets_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        path = await put(gallery, tmp_path, 1, asked("one"))
        artifact = Artifact(path=str(path), media_type="text/plain", sha256="0" * 64, bytes=3)
        (before,) = await gallery.search()
        await gallery.add(artifact, asked("two"))
        await gallery.add(msgspec.structs.replace(artifact, path=str(tmp_path / "a.txt")), asked("three"))
        (after,) = await gallery.search()
        assert (after.id, after.prompt, after.bytes) == (before.id, "two", 3)


async def test_delete_and_undo_move_the_record_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        told: list[None] = []
        path = await put(gallery, tmp_path, 1, asked("one"))
        gallery.changed.connect(told.append)
        trash = tmp_path / "outputs" / TRASH / "2026-01-02" / path.name
        ids = await gallery.delete(await gallery.search())
        assert (path.exists(), sidecar(path).exists()) == (False, False)
        assert (trash.read_text(), sidecar(trash).exists()) == ("one", True)
        assert (await gallery.search(), await gallery.trashed(), len(told)) == ([], 1, 1)

        assert await gallery.undo(ids) == ids
        assert (path.read_text(), sidecar(path).exists()) == ("one", True)
        assert not trash.exists()
        assert not sidecar(trash).exists()
        assert [result.id for result in await gallery.search()] == ids
        assert await gallery.trashed() == 0
        assert await gallery.undo(ids) == [], "it is not in the trash any more"


async def test_a_name_that_is_taken_meanwhile_is_never_written_over(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        ids = []
        for words in ("first", "second"):  # the second takes the name that the first has left
            await put(gallery, tmp_path, 1, asked(words))
            ids += await gallery.delete(await gallery.search())
        await put(gallery, tmp_path, 1, asked("third"))
        assert await gallery.undo(ids) == ids
        found = {result.prompt: result for result in await gallery.search()}
        assert {path.read_text() for path in (each.path for each in found.values())} == set(found)
        assert len({each.path for each in found.values()}) == 3
        assert all(sidecar(each.path).exists() for each in found.values())
        assert await gallery.reconcile() == (0, 0)


async def test_a_result_that_its_user_removed_leaves_the_index_when_it_is_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        path = await put(gallery, tmp_path, 1, asked("one"))
        results = await gallery.search()
        path.unlink()
        assert await gallery.delete(results) == []
        assert await gallery.search() == []


async def test_what_cannot_be_moved_is_told_and_the_rest_is_moved(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        for number in (1, 2):
            await put(gallery, tmp_path, number, asked(f"text {number}"))
        second, first = await gallery.search()
        blocked = tmp_path / "outputs" / TRASH / "2026-01-03"
        blocked.parent.mkdir()
        blocked.write_text("no folder")
        other = tmp_path / "outputs" / "2026-01-03" / "a.txt"
        other.parent.mkdir()
        other.write_text("stays")
        await gallery.reconcile()
        stays = next(result for result in await gallery.search() if result.path == other)
        with pytest.raises(OSError, match="2026-01-03"):
            await gallery.delete([first, stays, second])
        assert {result.path for result in await gallery.search()} == {other, second.path}
        assert other.read_text() == "stays"


async def test_the_trash_goes_to_the_systems_trash_after_a_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("send2trash.send2trash", lambda path: (sent.append(path.name), path.unlink()))
    async with opened(tmp_path) as gallery:
        for number, words in ((1, "one"), (2, "two")):
            await put(gallery, tmp_path, number, asked(words))
        await gallery.delete(await gallery.search("one"))
        assert await gallery.empty_trash(older_than_days=KEEP_DAYS) == 0
        assert await gallery.empty_trash() == 1
        assert sent == ["00001.txt", "00001.txt.json"]
        assert (await gallery.trashed(), await gallery.count()) == (0, 1)
        assert await gallery.reconcile() == (0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the trash is the tester's own")
async def test_the_systems_trash_has_it(tmp_path: Path, python: str, root: Path) -> None:
    async with opened(tmp_path) as gallery:
        await put(gallery, tmp_path, 1, asked("one"))
        await gallery.delete(await gallery.search())
    words = """
import asyncio, sys; from pathlib import Path
from studio.services.database import Database; from studio.services.gallery import Gallery
async def main(folder):
    base = Database(folder / "studio.db"); await base.open()
    print(await Gallery(base, lambda: folder / "outputs").empty_trash()); await base.close()
asyncio.run(main(Path(sys.argv[1])))
"""
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}  # read once, at the import
    done = subprocess.run(
        [python, "-c", words, str(tmp_path)],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"
    files = sorted(path.name for path in (tmp_path / "data" / "Trash" / "files").iterdir())
    assert files == ["00001.txt", "00001.txt.json"]


# --- files are the truth ------------------------------------------------------------------------


async def test_the_index_is_rebuilt_from_the_files_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        for number, words in ((1, "one"), (2, "two"), (3, "three")):
            await put(gallery, tmp_path, number, asked(words, seed=number), seed=number)
        picture = tmp_path / "outputs" / "2026-01-02" / "cat.png"
        picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR" + bytes([0, 0, 0, 64, 0, 0, 0, 32]))
        await gallery.reconcile()
        await gallery.delete(await gallery.search("three"))
        before = without_id(await gallery.search())
    for file in tmp_path.glob("studio.db*"):
        file.unlink()
    async with opened(tmp_path) as gallery:
        assert await gallery.reconcile() == (4, 0)
        after = await gallery.search()
        assert [msgspec.structs.replace(r, bytes=0) for r in without_id(after)] == [
            msgspec.structs.replace(r, bytes=0) for r in before
        ]
        assert {(r.width, r.height) for r in after} == {(64, 32), (None, None)}
        assert await gallery.trashed() == 1
        assert await gallery.reconcile() == (0, 0)


async def test_only_results_are_taken_up(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    for name in (
        "2026-01-02/a.txt",
        "2026-01-02/a.txt.json",
        "2026-01-02/b.png.12.part",
        "2026-01-02/.hidden.png",
        "2026-01-02/notes.json",
        "2026-01-02/program.exe",
        ".other/c.png",
        "loose.png",
        "mine/d.flac",
    ):
        (outputs / name).parent.mkdir(parents=True, exist_ok=True)
        (outputs / name).write_bytes(b"{}")
    if sys.platform == "linux":
        (outputs / "mine" / os.fsdecode(b"\xff.png")).touch()
    async with opened(tmp_path) as gallery:
        assert await gallery.reconcile() == (2, 0)
        names = {result.path.name: (result.task, result.media_type) for result in await gallery.search()}
        assert names == {"a.txt": ("text", "text/plain"), "d.flac": ("speech", "audio/flac")}


async def test_an_unusable_seed_in_a_file_is_no_seed(tmp_path: Path) -> None:
    path = tmp_path / "outputs" / "2026-01-02" / "a.txt"
    path.parent.mkdir(parents=True)
    path.write_text("a")
    for seed in ("many", 2**70, [1]):
        sidecar(path).write_bytes(encode_record(Record(request=asked("a", seed=seed), version="1")))
        async with opened(tmp_path) as gallery:
            await gallery.delete(await gallery.search())
            await gallery.undo([1, 2, 3])
            await gallery.reconcile()
            assert [result.seed for result in await gallery.search()] == [None]
        (tmp_path / "studio.db").unlink()


async def test_files_that_were_moved_by_hand(tmp_path: Path) -> None:
    async with opened(tmp_path) as gallery:
        path = await put(gallery, tmp_path, 1, asked("one"))
        gone = await put(gallery, tmp_path, 2, asked("two"))
        elsewhere = await put(gallery, tmp_path, 3, asked("three"))
        trash = tmp_path / "outputs" / TRASH / "2026-01-02"
        trash.mkdir(parents=True)
        path.rename(trash / path.name)
        gone.unlink()
        renamed = tmp_path / "outputs" / "2026-01-02" / "renamed.txt"
        elsewhere.rename(renamed)
        assert await gallery.reconcile() == (1, 2)
        assert await gallery.trashed() == 1
        assert sidecar(trash / path.name).exists(), "its record followed"
        assert [result.path for result in await gallery.search()] == [renamed]


# --- killed anywhere (E6) ------------------------------------------------------------------------


def disagreements(folder: Path) -> list[str]:
    """What is wrong between files and index; the detector of these tests."""
    outputs = folder / "outputs"
    places = {False: outputs / gallery_victim.DAY, True: outputs / TRASH / gallery_victim.DAY}
    files = {(trash, file.name) for trash, base in places.items() for file in base.glob("*.txt")}
    connection = sqlite3.connect(folder / "studio.db")
    rows = Counter(
        (bool(trashed), path.rpartition("/")[2])
        for path, trashed in connection.execute("SELECT path, trashed IS NOT NULL FROM results")
    )
    without_request = connection.execute(
        "SELECT count(*) FROM results WHERE request IS NULL AND bytes != 5"  # "taken" has none
    ).fetchone()
    connection.close()
    wrong = [f"no file: {place}" for place in rows.keys() - files]
    wrong += [f"no row: {place}" for place in files - rows.keys()]
    wrong += [f"{count} rows: {place}" for place, count in rows.items() if count > 1]
    wrong += [f"no request: {without_request}"] if without_request != (0,) else []
    contents = Counter((places[trash] / name).read_text() for trash, name in files)
    wrong += [f"{count} times: {text}" for text, count in contents.items() if count > 1]
    whole = {f"text {number}" for number in range(1, gallery_victim.TEXTS + 1)} | {"taken"}
    wrong += [f"torn: {text}" for text in contents.keys() - whole]
    for trash, name in files:
        own = (places[trash] / name).read_text() != "taken"
        if own != sidecar(places[trash] / name).exists():
            wrong.append(f"record: {(trash, name)}")
    return wrong


def lost(folder: Path, data: Path) -> set[str]:
    """Texts that a row told of, and that are nowhere now, not in the system's trash either."""
    have = {file.read_text() for file in [*folder.rglob("*.txt"), *data.rglob("*.txt")]}
    connection = sqlite3.connect(folder / "studio.db")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    rows = connection.execute("SELECT prompt FROM results").fetchall() if "results" in tables else []
    connection.close()
    return {prompt for (prompt,) in rows if prompt} - have


async def killed(folder: Path, python: str, root: Path, *arguments: str) -> tuple[int, int]:
    """(kills, how many of them left something to put right). Fails if `reconcile` leaves anything."""
    folder.mkdir()
    data = folder.parent / "data"
    environment = {**os.environ, "XDG_DATA_HOME": str(data), "PYTHONPATH": str(root)}
    done = subprocess.run(
        [python, str(VICTIM), arguments[0], str(folder), *arguments[1:]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    disturbed = 0
    for each in sorted(folder.iterdir(), key=lambda path: int(path.name)):
        async with opened(each) as gallery:
            assert lost(each, data) == set(), each
            disturbed += bool(disagreements(each))
            await gallery.reconcile()
            assert disagreements(each) == [], each
            assert await gallery.reconcile() == (0, 0)
            # And all of it can be used.
            await gallery.undo(await gallery.delete(await gallery.search()))
            assert disagreements(each) == [], each
    return int(done.stdout), disturbed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("how", ["every", "every-without-links"])
async def test_killed_before_every_write(tmp_path: Path, python: str, root: Path, how: str) -> None:
    kills, disturbed = await killed(tmp_path / "every", python, root, how)
    print(f"E6: gallery killed before each of {kills} writes; {disturbed} left something to put right")
    assert kills > 60
    assert disturbed > 10, "the detector never fired"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.heavy)])
async def test_killed_at_any_moment(tmp_path: Path, python: str, root: Path, kills: int) -> None:
    count, disturbed = await killed(tmp_path / "random", python, root, "random", str(kills), "1")
    print(f"E6: gallery killed at {count} random moments; {disturbed} left something to put right")
    assert count == kills
