"""Disk: the page on a real store, each action by its button, and the banner's Repair."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QWidget

from studio.app import language
from studio.app.desk import Complaint, Desk
from studio.app.frame import Frame
from studio.app.panels.disk.drives import DriveCard
from studio.app.panels.disk.others import CacheCard, LeftoversCard
from studio.app.panels.disk.panel import DiskPanel
from studio.app.panels.disk.row import ModelRow, used_words
from studio.app.widgets.button import PaintedButton
from studio.services.studio import Studio
from tests.app.studios import shop_at, studio_at
from tests.fakes.file_server import FileServer, serving
from tests.fakes.model_files import write
from tests.services.engines import until
from tests.services.shops import TARGET, Shop
from tests.services.stored_models import PLACE, put


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no cache"))
    return shop_at(tmp_path, server, monkeypatch)


class Page:
    """The page in its window, and what was said and complained of."""

    def __init__(self, studio: Studio, frame: Frame, desk: Desk) -> None:
        self.studio, self.frame = studio, frame
        self.said: list[str] = []
        self.complaints: list[Complaint] = []
        desk.said.connect(lambda word: self.said.append(word.text))
        desk.complained.connect(self.complaints.append)
        self.panel: DiskPanel = frame.window.go("disk")

    @property
    def row(self) -> ModelRow:
        (row,) = self.panel.rows.values()
        return row

    def of(self, kind: type[QWidget]) -> list[QWidget]:
        return [each for each in self.panel.findChildren(kind) if each.isVisible()]


@asynccontextmanager
async def page_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Shop, **script: object
) -> AsyncIterator[Page]:
    async with studio_at(tmp_path, monkeypatch, shop=shop, **script) as studio:
        desk = Desk(studio)
        frame = Frame(desk)
        frame.window.show()
        page = Page(studio, frame, desk)
        try:
            await until(lambda: page.panel.model.usage.value is not None)
            yield page
        finally:
            for panel in frame.window.made_panels():
                panel.close_down()
            frame.window.finish()
            frame.window.deleteLater()
            await asyncio.sleep(0.05)


def texts(widget: QWidget) -> str:
    return " | ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def models(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def test_nothing_yet_leads_to_models(qloop, tmp_path, monkeypatch, shop) -> None:
    async with page_on(tmp_path, monkeypatch, shop) as page:
        assert page.panel.rows == {}
        assert "No models on the disk yet" in texts(page.panel)
        (drive,) = page.of(DriveCard)
        assert "free of" in texts(drive)
        page.panel._nothing.button.click()
        assert page.frame.window.current.value == "models"


async def test_rows_are_sorted_and_named(qloop, tmp_path, monkeypatch, shop) -> None:
    root = models(tmp_path)
    put(root, "a", "m--a/1", {"m": b"x" * 1000})
    put(root, "b", "m--b/1", {"m": b"x" * 3000})
    put(root, "c", "m--c/1", {"m": b"x" * 2000})
    async with page_on(tmp_path, monkeypatch, shop) as page:
        await until(lambda: len(page.panel.rows) == 3)

        def order() -> list[str]:
            rows = sorted(page.of(ModelRow), key=lambda row: row.y())
            return [row._state.value.takes.stored.record.ids[0] for row in rows]

        await until(lambda: order() == ["b", "c", "a"])
        page.panel.order.buttons()[2].click()
        await until(lambda: order() == ["a", "b", "c"])
        for row in page.of(ModelRow):
            names = [each.accessibleName() for each in row.findChildren(PaintedButton) if each.isVisible()]
            assert all("The " in name for name in names), names
            assert len(set(names)) == len(names)
            assert "Never used" in texts(row)
        language.set_language("zh_CN")
        assert "从未使用" in texts(page.panel)


async def test_checked_and_repaired(qloop, tmp_path, monkeypatch, shop, server) -> None:
    async with page_on(tmp_path, monkeypatch, shop) as page:
        page.studio.downloads.start("private")
        await page.studio.downloads.wait("private")
        await until(lambda: len(page.panel.rows) == 1)
        page.row.check.click()
        await until(lambda: page.row._tag.isVisible() and page.row._tag.text() == "Checked, whole")
        file = page.studio.library.folder_of("private") / TARGET
        file.write_bytes(shop.content[:-1] + b"?")
        page.panel.check_all.click()
        await until(lambda: page.row._tag.isVisible() and page.row._tag.text() == "Wrong files: 1")
        assert page.row.repair.isVisible()
        assert f"changed: {TARGET}" in texts(page.row)
        page.row.repair.click()
        await until(lambda: not page.row._state.value.busy and not page.row.repair.isVisible())
        assert file.read_bytes() == shop.content
        page.row.check.click()
        await until(lambda: page.row._tag.isVisible() and page.row._tag.text() == "Checked, whole")


async def test_moved_to_a_folder_that_was_added_and_left_out(qloop, tmp_path, monkeypatch, shop) -> None:
    put(models(tmp_path))
    other = tmp_path / "other drive"
    other.mkdir()
    async with page_on(tmp_path, monkeypatch, shop) as page:
        await until(lambda: len(page.panel.rows) == 1)
        assert not page.row.move_to.isVisible()  # there is nowhere to go
        page.panel.model.add_root(other)
        await until(page.row.move_to.isVisible)
        menu = page.row.root_menu()
        (action,) = menu.actions()
        assert action.text() == str(other)
        action.trigger()
        await until(lambda: (other / PLACE).exists() and str(other / PLACE) in page.panel.rows)
        assert any(str(other) in words for words in page.said)
        assert page.studio.settings.value.model_roots == (str(other),)
        page.panel.model.forget_root(str(other))
        await until(lambda: page.panel.rows == {})
        assert (other / PLACE).exists()


async def test_removed_to_the_trash_after_a_question(qloop, tmp_path, monkeypatch, shop) -> None:
    folder = put(models(tmp_path))
    async with page_on(tmp_path, monkeypatch, shop) as page:
        await until(lambda: len(page.panel.rows) == 1)
        page.row.remove.click()
        assert "It goes to the trash" in texts(page.row)
        page.row.no.click()
        assert not page.row.yes.isVisible()
        page.row.remove.click()
        page.row.yes.click()
        await until(lambda: page.panel.rows == {})
        assert not folder.exists()
        await until(lambda: bool(page.said))  # the row may go a moment before it is said
        assert "is in the trash" in page.said[-1]


async def test_where_there_is_no_trash_it_is_asked_again(qloop, tmp_path, monkeypatch, shop) -> None:
    def nothing(_: object) -> None:
        raise OSError("no trash here")

    monkeypatch.setattr("send2trash.send2trash", nothing)
    folder = put(models(tmp_path))
    async with page_on(tmp_path, monkeypatch, shop) as page:
        await until(lambda: len(page.panel.rows) == 1)
        page.row.remove.click()
        page.row.yes.click()
        await until(lambda: "there is no undo" in texts(page.row))
        assert folder.exists()
        assert page.complaints == []
        assert page.row.yes.words() == "Delete for good"
        page.row.yes.click()
        await until(lambda: page.panel.rows == {})
        assert not folder.exists()


async def test_what_is_left_over_is_freed(qloop, tmp_path, monkeypatch, shop) -> None:
    parts = models(tmp_path) / ".parts"
    write(parts / "one", {"p": b"x" * 3_000_000})
    write(parts / "two", {"p": b"x" * 1_000_000})
    os.utime(parts / "one" / "p", (5, 5))
    async with page_on(tmp_path, monkeypatch, shop) as page:
        await until(lambda: len(page.of(LeftoversCard)) == 1)
        (card,) = page.of(LeftoversCard)
        assert card.free_all.words() == "Free 4 MB"
        card.findChildren(PaintedButton)[-1].click()  # the smaller one's
        await until(lambda: not (parts / "two").exists())
        await until(lambda: "Free 3 MB" in [each.free_all.words() for each in page.of(LeftoversCard)])
        page.of(LeftoversCard)[0].free_all.click()
        await until(lambda: page.of(LeftoversCard) == [])
        assert not (parts / "one").exists()


async def test_the_hub_cache_is_only_shown(qloop, tmp_path, monkeypatch, shop) -> None:
    repo = write(tmp_path / "no cache" / "models--maker--cached", {"blobs/abc": b"x" * 2_000_000})
    commit = "1" * 40
    write(repo, {"refs/main": commit.encode()})
    (repo / "snapshots" / commit).mkdir(parents=True)
    (repo / "snapshots" / commit / "w").symlink_to(repo / "blobs" / "abc")
    async with page_on(tmp_path, monkeypatch, shop) as page:
        await until(lambda: len(page.of(CacheCard)) == 1)
        (card,) = page.of(CacheCard)
        assert "maker/cached" in texts(card)
        (button,) = [each for each in card.findChildren(PaintedButton) if each.isVisible()]
        assert button is card.show_in


async def test_a_drive_that_is_not_there_is_named(qloop, tmp_path, monkeypatch, shop) -> None:
    other = tmp_path / "stick"
    put(other)
    async with page_on(tmp_path, monkeypatch, shop) as page:
        page.panel.model.add_root(other)
        await until(lambda: len(page.panel.rows) == 1)
        await page.studio.upkeep.remember()
        other.rename(tmp_path / "unplugged")
        page.panel.model.read()
        await until(lambda: page.panel.rows == {})
        await until(lambda: any("Not there now" in texts(card) for card in page.of(DriveCard)))
        (away,) = [card for card in page.of(DriveCard) if "Not there now" in texts(card)]
        assert str(other) in texts(away)
        assert page.studio.settings.value.model_roots == (str(other),)


async def test_carried_out_and_in(qloop, tmp_path, monkeypatch, shop) -> None:
    put(models(tmp_path))
    stick = tmp_path / "stick"
    stick.mkdir()
    async with page_on(tmp_path, monkeypatch, shop) as page:
        await until(lambda: len(page.panel.rows) == 1)
        key = next(iter(page.panel.rows))
        page.panel.model.export(key, stick)
        await until(lambda: bool(page.said) and "is in" in page.said[-1])
        page.panel.model.remove(key, for_good=True)
        await until(lambda: page.panel.rows == {})
        page.panel.model.bring(stick)
        await until(lambda: len(page.panel.rows) == 1)
        assert page.said[-1].endswith("is here.")
        page.panel.model.bring(tmp_path / "home" / "data")
        await until(lambda: "No exported model" in page.said[-1])
        file = next(stick.rglob("m.gguf"))
        file.write_bytes(b"x" * file.stat().st_size)
        page.panel.model.remove(key, for_good=True)
        await until(lambda: page.panel.rows == {})
        page.panel.model.bring(stick)
        await until(lambda: bool(page.complaints))
        assert page.complaints[-1].failure.code == "model.hash_mismatch"


async def test_a_broken_model_offers_repair_where_it_was_used(
    qloop, tmp_path, monkeypatch, shop, server
) -> None:
    async with page_on(tmp_path, monkeypatch, shop) as page:
        page.studio.downloads.start("wheels")
        await page.studio.downloads.wait("wheels")
        file = page.studio.library.folder_of("wheels") / TARGET
        panel = page.frame.window.go("write")
        await until(lambda: panel.making.entry.value is not None)
        file.write_bytes(shop.content[:-1] + b"?")
        os.utime(file, (5, 5))
        panel.making.prompt.value = "hello"
        panel.generate()
        await until(lambda: bool(page.complaints))
        assert page.complaints[-1].failure.code == "model.hash_mismatch"
        assert page.complaints[-1].action_key == "disk.repair"
        page.complaints[-1].action()
        assert page.frame.window.current.value == "disk"
        await until(lambda: "The wheels is whole again." in page.said)
        assert file.read_bytes() == shop.content


@pytest.mark.parametrize(
    ("days", "words"), [(0, "Used today"), (1, "Used yesterday"), (12, "12 days ago"), (100, "3 months ago")]
)
def test_when_it_was_used(days: int, words: str) -> None:
    now = 20_000 * 86_400.0 + 50_000
    assert used_words(now - days * 86_400, now) == words


async def test_the_window_answers_while_large_files_are_checked(qloop, tmp_path, monkeypatch, shop) -> None:
    """Nothing is read in the window's thread."""
    put(models(tmp_path), files={"large": os.urandom(60_000_000)})
    async with page_on(tmp_path, monkeypatch, shop) as page:
        await until(lambda: len(page.panel.rows) == 1)
        page.row.check.click()
        longest, last = 0.0, asyncio.get_running_loop().time()
        while not page.row._tag.isVisible():
            await asyncio.sleep(0.001)
            now = asyncio.get_running_loop().time()
            longest, last = max(longest, now - last), now
        assert longest < 2.0
