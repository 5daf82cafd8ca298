"""Models: the view-model and the panel, on a real library and real downloads from a loopback server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from studio.app import language
from studio.app.desk import Desk
from studio.app.frame import Frame
from studio.app.panels.models.actions import Asked, Failed, Moving, Page, Removing
from studio.app.panels.models.catalogue import CataloguePage
from studio.app.panels.models.panel import ModelsPanel
from studio.app.panels.models.shelf import Shelf
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.widgets.button import Button, PaintedButton
from studio.domain.plan import Fit
from studio.services.downloads.state import State
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
async def model_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Shop
) -> AsyncIterator[tuple[Studio, ModelsModel, list[str]]]:
    """The view-model, and what it says for a moment."""
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        desk, said = Desk(studio), list[str]()
        desk.said.connect(lambda word: said.append(word.text))
        model = ModelsModel(desk)
        try:
            yield studio, model, said
        finally:
            model.close()


@asynccontextmanager
async def panel_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Shop
) -> AsyncIterator[tuple[Studio, CataloguePage, Frame]]:
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        frame = Frame(Desk(studio))
        frame.window.show()
        panel = frame.window.go("models")
        assert isinstance(panel, ModelsPanel)
        try:
            page = panel.show_page("catalogue")
            assert isinstance(page, CataloguePage)
            yield studio, page, frame
        finally:
            panel.close_down()
            frame.window.finish()
            frame.window.deleteLater()
            await asyncio.sleep(0.05)


def page_of(panel: CataloguePage, model_id: str) -> Page:
    panel.details.look_at(model_id)
    panel.details.show()
    assert panel.details.page is not None
    return panel.details.page


def button(panel: CataloguePage, model_id: str, words: str) -> Button:
    page = page_of(panel, model_id)
    found = [each for each in page.findChildren(Button) if each.words() == words]
    assert len(found) == 1, [each.words() for each in page.findChildren(Button)]
    return found[0]


def texts(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if not label.isHidden())


async def judged(model: ModelsModel) -> None:
    """Until every model has its estimate."""
    model.judge_all()
    await until(lambda: all(card.value.speed.estimate is not None for card in model.cards.values()))


# --- the view-model -----------------------------------------------------------------------------


async def test_starters_come_first_and_each_has_its_mode(tmp_path, monkeypatch, shop) -> None:
    async with model_on(tmp_path, monkeypatch, shop) as (_, model, _):
        modes = {model_id: card.value.mode for model_id, card in model.cards.items()}
        wanted = {"wheels": "offered", "gated": "offered", "private": "offered", "later": "coming"}
        assert {name: modes[name] for name in wanted} == wanted
        assert next(iter(model.cards)) == "wheels"


async def test_the_estimate_is_honest(tmp_path, monkeypatch, shop) -> None:
    async with model_on(tmp_path, monkeypatch, shop) as (_, model, _):
        await judged(model)
        fits = {name: model.cards[name].value.speed.estimate.fit for name in ("wheels", "gated", "private")}
        assert fits == {"wheels": Fit.GREEN, "gated": Fit.RED, "private": Fit.UNKNOWN}


async def test_filters_and_the_search_narrow(qloop, tmp_path, monkeypatch, shop) -> None:
    async with model_on(tmp_path, monkeypatch, shop) as (_, cards, _):
        await judged(cards)
        model = Shelf(cards)
        everything = model.shown.value
        model.fits.value = True
        assert "wheels" in model.shown.value
        assert not {"gated", "private"} & set(model.shown.value)
        model.fits.value = False
        model.may_sell.value = True
        assert not {"gated", "private"} & set(model.shown.value)
        model.may_sell.value = False
        model.task.value = "image"
        assert "later" in model.shown.value
        assert "wheels" not in model.shown.value
        model.task.value = None
        model.installed.value = True
        assert "wheels" not in model.shown.value
        model.installed.value = False
        model.words.value = "MAKER/gated"
        assert model.shown.value == ("gated",)
        model.words.value = ""
        assert model.shown.value == everything
        model.language.value = "zh"
        assert "wheels" in model.shown.value
        assert "gated" not in model.shown.value
        model.size.value = 1e9
        assert "wheels" in model.shown.value
        model.language.value = None
        assert not {"gated", "private"} & set(model.shown.value)  # the one large, the other unknown
        model.ready.value = True
        assert "later" not in model.shown.value
        model.clear()
        assert model.shown.value == everything
        model.sort.value = "size"
        assert [m for m in model.shown.value if m in ("wheels", "gated", "private")][-1] == "private"
        assert Shelf(cards, here=True).shown.value == tuple(
            model_id for model_id, card in cards.cards.items() if card.value.here
        )


async def test_a_model_is_fetched_installed_and_removed(tmp_path, monkeypatch, shop) -> None:
    async with model_on(tmp_path, monkeypatch, shop) as (studio, model, said):
        card, modes = model.cards["wheels"], list[str]()
        card.connect(lambda state: modes.append(state.mode))
        model.ask("wheels")
        assert card.value.mode == "asked"
        assert "wheels" not in studio.downloads.states  # nothing before the licence was accepted
        model.get("wheels")
        await studio.downloads.wait("wheels")
        await until(lambda: card.value.mode == "installed")
        assert "moving" in modes
        model.ask_remove("wheels")
        assert card.value.mode == "removing"
        model.dismiss("wheels")
        assert card.value.mode == "installed"
        model.ask_remove("wheels")
        model.remove("wheels")
        await until(lambda: card.value.mode == "offered")
        await until(lambda: said)
        assert said == ["Removed, 901 kB are free again"] or said == [
            "Moved to the trash. Emptying it frees 900 kB"
        ]
        assert not (studio.library.folder / "wheels").exists()


async def test_pausing_keeps_and_going_on_finishes(tmp_path, monkeypatch, shop, server) -> None:
    server.pause, server.piece = 0.05, 20_000
    async with model_on(tmp_path, monkeypatch, shop) as (studio, model, _):
        card = model.cards["wheels"]
        model.get("wheels")
        await until(lambda: card.value.download.done_bytes > 50_000)
        model.pause("wheels")
        await until(lambda: card.value.download.state is State.PAUSED)
        assert card.value.mode == "moving"
        kept = card.value.download.done_bytes
        assert kept > 50_000
        server.pause = 0.0
        model.get("wheels")
        await studio.downloads.wait("wheels")
        await until(lambda: card.value.mode == "installed")
        assert server.sent < 2 * len(shop.content)


async def test_cancelling_offers_it_again(tmp_path, monkeypatch, shop, server) -> None:
    server.pause, server.piece = 0.05, 20_000
    async with model_on(tmp_path, monkeypatch, shop) as (_, model, _):
        card = model.cards["wheels"]
        model.get("wheels")
        await until(lambda: card.value.download.done_bytes > 20_000)
        model.cancel("wheels")
        await until(lambda: card.value.mode == "offered")
        assert shop.left() == []


async def test_a_failure_is_said_and_a_retry_helps(tmp_path, monkeypatch, shop, server) -> None:
    files, server.files = server.files, {}
    async with model_on(tmp_path, monkeypatch, shop) as (_, model, _):
        card = model.cards["wheels"]
        model.get("wheels")
        await until(lambda: card.value.mode == "failed")
        assert card.value.download.failure.code == "download.failed"
        server.files = files
        model.retry("wheels")
        await until(lambda: card.value.mode == "installed")


async def test_offline_refuses_and_the_retry_goes_online(tmp_path, monkeypatch, shop) -> None:
    async with model_on(tmp_path, monkeypatch, shop) as (studio, model, _):
        studio.settings.change(offline=True)
        assert model.offline.value
        model.get("wheels")
        card = model.cards["wheels"]
        assert card.value.mode == "failed"
        assert card.value.failure.code == "download.offline"
        model.retry("wheels")
        assert not studio.settings.value.offline
        await until(lambda: card.value.mode == "installed")


# --- the panel -----------------------------------------------------------------------------------


async def test_the_licence_is_shown_before_anything_is_fetched(
    qloop, tmp_path, monkeypatch, shop, server
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    async with panel_on(tmp_path, monkeypatch, shop) as (studio, panel, _):
        button(panel, "gated", "Get").click()
        page = panel.details.page
        assert isinstance(page, Asked)
        shown = texts(page)
        assert "Licence: OpenRAIL" in shown
        assert "within limits" in shown
        assert "Not for weapons." in shown
        assert "sign in at the model hub" in shown
        assert "https://example.org/<b>rail</b>" in shown
        assert all(label.textFormat() is Qt.TextFormat.PlainText for label in panel.findChildren(QLabel))
        button(panel, "gated", "Read it").click()
        assert opened == ["https://example.org/%3Cb%3Erail%3C/b%3E"]
        language.set_language("zh_CN")
        assert "不得用于武器。" in texts(page)
        button(panel, "gated", "取消").click()
        assert server.asked == []
        assert studio.downloads.states == {}


async def test_a_card_shows_the_way_of_a_download(qloop, tmp_path, monkeypatch, shop, server) -> None:
    server.pause, server.piece = 0.03, 20_000
    async with panel_on(tmp_path, monkeypatch, shop) as (_, panel, _):
        card = panel.details
        button(panel, "wheels", "Get").click()
        button(panel, "wheels", "Accept and get").click()
        await until(lambda: isinstance(card.page, Moving) and "kB of" in texts(card.page))
        assert card.page.bar.meter.value is not None
        card.page.pause.click()
        await until(lambda: "Paused" in texts(card.page))
        assert card.page.pause.accessibleName().startswith("Go on")
        server.pause = 0.0
        card.page.pause.click()
        await until(
            lambda: card.page.first is not None and panel.model.cards["wheels"].value.mode == "installed"
        )
        button(panel, "wheels", "Remove").click()
        assert isinstance(card.page, Removing)
        assert "It goes to the trash" in texts(card.page)
        button(panel, "wheels", "Keep").click()
        button(panel, "wheels", "Remove").click()
        button(panel, "wheels", "Remove").click()
        await until(lambda: panel.model.cards["wheels"].value.mode == "offered")


async def test_a_failed_card_says_what_to_do(qloop, tmp_path, monkeypatch, shop, server) -> None:
    server.files = {}
    async with panel_on(tmp_path, monkeypatch, shop) as (_, panel, _):
        button(panel, "wheels", "Get").click()
        button(panel, "wheels", "Accept and get").click()
        card = panel.details
        await until(lambda: isinstance(card.page, Failed))
        assert "could not be fetched" in texts(card.page)
        assert "what has arrived is kept" in texts(card.page)
        button(panel, "wheels", "Give up").click()
        await until(lambda: panel.model.cards["wheels"].value.mode == "offered")


async def test_offline_is_said_with_the_button_that_ends_it(qloop, tmp_path, monkeypatch, shop) -> None:
    async with panel_on(tmp_path, monkeypatch, shop) as (studio, panel, _):
        assert panel.offline.isHidden()
        studio.settings.change(offline=True)
        assert not panel.offline.isHidden()
        assert panel.offline.button.words() == "Go online"
        panel.offline.button.click()
        assert not studio.settings.value.offline
        assert panel.offline.isHidden()


async def test_what_is_to_come_cannot_be_started(qloop, tmp_path, monkeypatch, shop) -> None:
    async with panel_on(tmp_path, monkeypatch, shop) as (_, panel, _):
        page = page_of(panel, "later")
        assert page.findChildren(PaintedButton) == []
        assert "Not usable with this version yet." in texts(page)
        panel.model.get("later")
        assert panel.model.cards["later"].value.failure.code == "model.coming"


async def test_chips_narrow_and_one_button_shows_all_again(qloop, tmp_path, monkeypatch, shop) -> None:
    async with panel_on(tmp_path, monkeypatch, shop) as (_, panel, _):
        before = panel.cards.list.ids
        panel.may_sell.click()
        assert "private" not in panel.cards.list.ids
        assert "wheels" in panel.cards.list.ids
        panel.search.setText("no such model")
        assert not panel.cards.isVisible()
        shown = [each for each in panel.findChildren(Button) if each.words() == "Show all models"]
        shown[0].click()
        assert panel.cards.isVisible()
        assert not panel.may_sell.isChecked()
        assert panel.cards.list.ids == before


async def test_all_of_it_can_be_done_from_the_keyboard(qloop, tmp_path, monkeypatch, shop) -> None:
    async with panel_on(tmp_path, monkeypatch, shop) as (_, panel, frame):
        frame.window.activateWindow()
        await until(frame.window.isActiveWindow)
        card = panel.details
        panel.cards.setFocus(Qt.FocusReason.TabFocusReason)
        panel.cards.choose("wheels")
        QTest.keyClick(panel.cards, Qt.Key.Key_Return)
        first = button(panel, "wheels", "Get")
        assert frame.window.focusWidget() is first
        QTest.keyClick(first, Qt.Key.Key_Space)
        assert isinstance(card.page, Asked)
        accept = button(panel, "wheels", "Accept and get")
        assert frame.window.focusWidget() is accept
        QTest.keyClick(accept, Qt.Key.Key_Space)
        await until(lambda: panel.model.cards["wheels"].value.mode == "installed")
        page_of(panel, "gated")
        names = [each.accessibleName() for each in card.findChildren(PaintedButton) if each.isVisible()]
        assert "Get: The gated" in names
        assert all(names)
        index = panel.cards.list.index(panel.cards.list.row_of("gated"))
        assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "The gated"
        assert "OpenRAIL" in index.data(Qt.ItemDataRole.AccessibleDescriptionRole)


async def test_the_grid_has_as_many_columns_as_fit(qloop, tmp_path, monkeypatch, shop) -> None:
    async with panel_on(tmp_path, monkeypatch, shop) as (_, panel, frame):

        def columns() -> int:
            rects = [panel.cards.visualRect(panel.cards.list.index(row)) for row in range(5)]
            return len({rect.x() for rect in rects})

        frame.window.resize(1440, 900)
        await until(lambda: columns() == 4)
        frame.window.resize(1024, 700)
        await until(lambda: columns() == 2)
