"""The first start: language, the starter pack from a loopback server, and three clicks to a picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from studio.app import language
from studio.app.desk import Desk
from studio.app.frame import Frame
from studio.app.main import _apply
from studio.app.panels.home.panel import HomePanel
from studio.domain.job import JobState
from studio.services.downloads.state import State
from studio.services.paths import Paths
from studio.services.settings import SettingsStore
from studio.services.studio import Studio
from tests.app.studios import shop_at, studio_at
from tests.fakes.file_server import FileServer, serving
from tests.services.engines import until
from tests.services.shops import Shop


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return shop_at(tmp_path, server, monkeypatch)


@asynccontextmanager
async def window_on(studio: Studio) -> AsyncIterator[tuple[Frame, HomePanel]]:
    """As the program opens it."""
    disconnect = studio.settings.changed.connect(_apply)
    frame = Frame(Desk(studio))
    frame.window.show()
    panel = frame.window.go("home")
    assert isinstance(panel, HomePanel)
    try:
        yield frame, panel
    finally:
        disconnect()
        for each in frame.window.made_panels():
            each.close_down()
        frame.window.finish()
        frame.window.deleteLater()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def welcome_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shop: Shop | None
) -> AsyncIterator[tuple[Studio, HomePanel, Any]]:
    async with studio_at(folder, monkeypatch, shop=shop) as studio, window_on(studio) as (_, panel):
        assert panel.welcome is not None
        yield studio, panel, panel.welcome


def texts(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if not label.isHidden())


async def test_it_says_what_there_is_before_anything_is_fetched(
    qloop, tmp_path, monkeypatch, shop, server
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    async with welcome_on(tmp_path, monkeypatch, shop) as (studio, _, welcome):
        row = welcome.rows["wheels"]
        assert "The wheels" in texts(row)
        assert "Text • English • Chinese" in texts(row)
        assert "kB" in texts(row)
        assert row.licence.words() == "MIT  •  may be sold"
        row.licence.click()
        assert opened == ["https://example.org/licence"]
        assert "accept their licences: MIT" in texts(welcome)
        await until(lambda: "cores" in texts(welcome))
        assert "By estimate" in texts(welcome)
        assert server.asked == []
        assert studio.downloads.states == {}


async def test_the_language_changes_while_one_looks(qloop, tmp_path, monkeypatch, shop) -> None:
    async with welcome_on(tmp_path, monkeypatch, shop) as (studio, _, welcome):
        assert "Welcome" in texts(welcome)
        welcome.languages.buttons()[1].click()
        assert studio.settings.value.language == "zh_CN"
        assert language.current.value == "zh_CN"
        assert "欢迎" in texts(welcome)
        assert welcome.languages.value == "zh_CN"
        assert welcome.start.words() == "直接开始"


async def test_one_button_gets_the_pack(qloop, tmp_path, monkeypatch, shop, server) -> None:
    server.pause, server.piece = 0.03, 20_000
    async with welcome_on(tmp_path, monkeypatch, shop) as (studio, panel, welcome):
        welcome.get.click()
        row = welcome.rows["wheels"]
        await until(lambda: row.bar.isVisible() and "kB of" in texts(row))
        assert welcome.get.isHidden()
        welcome.pause.click()
        await until(lambda: studio.downloads.states["wheels"].state is State.PAUSED)
        assert "Paused" in texts(row)
        server.pause = 0.0
        welcome.get.click()
        await until(lambda: "Installed" in texts(row))
        assert row.bar.isHidden()
        assert welcome.get.isHidden()
        assert welcome.start.words() == "Start"
        welcome.start.click()
        assert panel.welcome is None
        assert studio.settings.value.welcomed
        assert SettingsStore(studio.paths).value.welcomed
        assert panel.overview.cards["text"].isVisible()


async def test_it_can_be_skipped_while_the_pack_comes(qloop, tmp_path, monkeypatch, shop, server) -> None:
    server.pause, server.piece = 0.03, 20_000
    async with welcome_on(tmp_path, monkeypatch, shop) as (studio, panel, welcome):
        welcome.get.click()
        await until(lambda: studio.downloads.states["wheels"].done_bytes)
        welcome.start.click()
        assert panel.welcome is None
        assert panel.overview.cards["text"].try_it.words() == "Get a model"
        server.pause = 0.0
        await studio.downloads.wait("wheels")
        await until(lambda: panel.overview.cards["text"].try_it.words() == "Try it")


async def test_it_does_not_come_twice(qloop, tmp_path, monkeypatch, shop) -> None:
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        studio.settings.change(welcomed=True)
        async with window_on(studio) as (_, panel):
            assert panel.welcome is None


async def test_offline_is_said_and_the_button_goes_online(qloop, tmp_path, monkeypatch, shop) -> None:
    async with welcome_on(tmp_path, monkeypatch, shop) as (studio, _, welcome):
        studio.settings.change(offline=True)
        assert welcome.get.words() == "Go online, accept and get the starter pack"
        welcome.get.click()
        assert not studio.settings.value.offline
        await until(lambda: "Installed" in texts(welcome.rows["wheels"]))


async def test_what_fails_is_said_in_its_row_and_can_be_tried_again(
    qloop, tmp_path, monkeypatch, shop, server
) -> None:
    files, server.files = server.files, {}
    async with welcome_on(tmp_path, monkeypatch, shop) as (_, __, welcome):
        row = welcome.rows["wheels"]
        welcome.get.click()
        await until(lambda: "could not be fetched" in texts(row))
        assert not welcome.get.isHidden()
        assert not welcome.start.isHidden()
        server.files = files
        welcome.get.click()
        await until(lambda: "Installed" in texts(row))
        assert "could not be fetched" not in texts(row)


# --- three clicks ---------------------------------------------------------------------------------


def click(widget: QWidget, counted: list[QWidget]) -> None:
    """With the mouse, where a person would click; only what can be seen can be clicked."""
    assert widget.isVisible()
    assert widget.isEnabled()
    middle = widget.rect().center()
    window = widget.window()
    assert window.childAt(widget.mapTo(window, middle)) is widget, (
        "something lies over it, or it is scrolled away"
    )
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=middle)
    counted.append(widget)


@pytest.mark.heavy
def test_the_first_picture_is_three_clicks_from_a_fresh_start(qloop, tmp_path) -> None:
    """The real engine and the model that comes with the program; no model was fetched."""

    async def first_picture() -> None:
        studio = Studio(Paths.under(tmp_path / "home").create(), offline=True)
        await studio.start()
        clicks: list[QWidget] = []
        try:
            async with window_on(studio) as (frame, panel):
                click(panel.welcome.start, clicks)
                await asyncio.sleep(0.1)
                click(panel.overview.cards["image"].try_it, clicks)
                draw = frame.window.panel("draw")
                (job,) = studio.queue.jobs
                ended = await studio.queue.wait(job.id)
                assert ended.state is JobState.DONE, ended.failure
                picture = QImage(ended.artifacts[0].path)
                assert picture.size().toTuple() == (64, 64)
                await until(lambda: draw.view.image().size() == picture.size() and draw.view.isVisible())
                assert len(clicks) <= 3
                await until(lambda: panel.overview.cards["image"]._shown.speed.measured)
        finally:
            await studio.close()

    qloop.run_until_complete(asyncio.wait_for(first_picture(), 280))
