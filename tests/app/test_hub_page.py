"""The page of the hub: searched, looked at, and fetched like a listed model, against a hub on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel

from studio.app.desk import Desk
from studio.app.frame import Frame
from studio.app.panels.models.hub import HubPage
from studio.app.panels.models.panel import ModelsPanel
from studio.app.widgets.button import Button
from studio.services.studio import Studio
from tests.app.studios import shop_at, studio_at
from tests.fakes.file_server import FileServer, serving
from tests.fakes.model_files import gguf, gguf_text
from tests.services import repositories
from tests.services.engines import until
from tests.services.repositories import COMMIT

REPO = "maker/model-GGUF"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@asynccontextmanager
async def page_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> AsyncIterator[tuple[Studio, ModelsPanel, HubPage]]:
    shop = shop_at(tmp_path, server, monkeypatch)
    files = {
        f"m-{kind}.gguf": repositories.gguf(tmp_path, size) for kind, size in (("Q4_K_M", 9), ("Q8_0", 99))
    }
    server.hub(REPO, COMMIT, files, tags=["license:mit"])
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        frame = Frame(Desk(studio))
        frame.window.show()
        panel = frame.window.go("models")
        assert isinstance(panel, ModelsPanel)
        page = panel.show_page("hub")
        assert isinstance(page, HubPage)
        try:
            yield studio, panel, page
        finally:
            panel.close_down()
            frame.window.finish()
            frame.window.deleteLater()
            await asyncio.sleep(0.05)


def texts(page: HubPage) -> str:
    return "\n".join(label.text() for label in page.details.findChildren(QLabel) if label.isVisible())


def press(page: HubPage, words: str) -> None:
    found = [each for each in page.details.findChildren(Button) if each.words() == words and each.isVisible()]
    assert len(found) == 1, [each.words() for each in page.details.findChildren(Button)]
    found[0].click()


async def test_found_looked_at_and_fetched(qloop, tmp_path, monkeypatch, server) -> None:
    rows = [
        {
            "id": REPO,
            "modelId": REPO,
            "pipeline_tag": "text-generation",
            "downloads": 9,
            "tags": ["license:mit"],
        }
    ]
    server.files["/api/models"] = json.dumps(rows).encode()
    server.types["/api/models"] = "application/json"
    async with page_on(tmp_path, monkeypatch, server) as (studio, panel, page):
        page.search.setText("some words")
        page.go.click()
        await until(lambda: page.hits.count() == 1)
        page.hits.setCurrentRow(0)
        await until(lambda: "2 billion" in texts(page) or "billion" in texts(page))
        assert "may be sold" in texts(page) or "yours to use and to sell" in texts(page)
        assert [page.details.variants.itemText(row)[:6] for row in range(2)] == ["Q4_K_M", "Q8_0  "]
        page.details.variants.changed.emit("Q8_0")
        await until(lambda: page.model.seen.value.remote.variant == "Q8_0")
        assert studio.library.known("maker--model-GGUF+Q8_0") is None  # only looked at
        press(page, "Get")
        await until(lambda: "maker--model-GGUF+Q8_0" in panel.model.cards)
        await until(lambda: "Licence: MIT" in texts(page))
        press(page, "Accept and get")
        await until(lambda: panel.model.cards["maker--model-GGUF+Q8_0"].value.mode == "installed")
        here = panel.show_page("here")
        assert "maker--model-GGUF+Q8_0" in here.cards.list.ids


async def test_an_address_is_looked_at_and_trouble_is_said(qloop, tmp_path, monkeypatch, server) -> None:
    async with page_on(tmp_path, monkeypatch, server) as (_, _, page):
        page.search.setText(f"https://huggingface.co/{REPO}/tree/main")
        page.go.click()
        await until(lambda: REPO in texts(page))
        page.search.setText("nobody/nothing")
        page.go.click()
        await until(lambda: "could not be fetched" in texts(page))
        page.search.setText("https://example.org/x/y")
        page.go.click()
        await until(lambda: "not on this computer" in texts(page))


async def test_an_unknown_family_is_for_the_user_to_decide(qloop, tmp_path, monkeypatch, server) -> None:
    strange = gguf(gguf_text("general.architecture", "from-the-future")) + bytes(5000)
    server.hub("maker/strange", COMMIT, {"s.gguf": strange})
    async with page_on(tmp_path, monkeypatch, server) as (studio, panel, page):
        page.search.setText("maker/strange")
        page.go.click()
        await until(lambda: "does not know" in texts(page))
        assert page.details.treat.isVisible()
        press(page, "Get")
        await until(lambda: "maker--strange" in panel.model.cards)
        ordered = studio.library.ordered("maker--strange")
        assert ordered.treated
