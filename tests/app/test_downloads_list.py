"""The list of downloads above the cards: every file that is on its way, and what one can do about each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QWidget

from studio.app import notify
from studio.app.desk import Desk
from studio.app.notify import Notifier
from studio.app.panels.models.downloads import DownloadList, DownloadRow
from studio.app.panels.models.viewmodel import ModelsModel
from studio.domain.failure import Failure
from studio.services.downloads.state import DownloadState, State
from tests.app.studios import studio_at
from tests.fakes.file_server import FileServer, serving
from tests.services.helpers import until
from tests.services.shops import COMMIT, Shop


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        server.piece, server.pause = 16_384, 0.02
        yield server


@pytest.fixture
def shop(tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Four models of two files each; what they are called could be HTML."""
    shop = Shop(tmp_path, server, monkeypatch)
    for name in "abcd":
        content = {"one.gguf": shop.content + name.encode(), "two.json": bytes(200_000) + name.encode()}
        server.hub(f"maker/{name}", COMMIT, content)
        source = {"kind": "hub", "repo": f"maker/{name}", "files": ["*"]}
        shop.add(name, source, title={"en": f"<i>The {name}</i>", "zh_CN": name})
    return shop


def shown(widget: QWidget) -> list[str]:
    return [
        label.text() for label in widget.findChildren(QLabel) if label.text() and label.isVisibleTo(widget)
    ]


def rows(listed: DownloadList) -> list[DownloadRow]:
    return [row for row in listed.rows if row.isVisibleTo(listed)]


async def test_the_list(tmp_path, monkeypatch, shop, server, qloop) -> None:
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        downloads = studio.downloads
        desk = Desk(studio)
        model = ModelsModel(desk)
        listed = DownloadList(desk, model)
        assert listed.isHidden()
        for name in "abcd":
            downloads.start(name)
        assert [row.id for row in rows(listed)] == ["a", "b", "c", "d"]
        first, _, third, fourth = rows(listed)
        assert not third.up.isVisibleTo(third)  # it is the next already
        assert fourth.up.isVisibleTo(fourth)
        fourth.up.click()
        assert [row.id for row in rows(listed)] == ["a", "b", "d", "c"]

        await until(
            lambda: any(file.name == "one.gguf" and file.done for file in downloads.states["a"].files)
        )
        words = shown(first)
        assert "<i>The a</i>" in words  # as it stands
        assert "one.gguf" in words
        assert any(row.meter.value for row in first.files.rows)

        first.pause.click()
        await until(lambda: downloads.states["a"].state is State.PAUSED)
        assert rows(listed)[-1].id == "a"
        paused = rows(listed)[-1]
        assert paused.go_on.isVisibleTo(paused)
        assert not paused.files.isVisibleTo(paused)
        paused.go_on.click()
        await until(lambda: downloads.order[:3] == ["b", "d", "c"] and downloads.order[3] == "a")

        rows(listed)[2].give_up.click()
        assert [row.id for row in rows(listed)] == ["b", "d", "a"]
        server.pause = 0.0
        for name in "bda":
            await downloads.wait(name)
        assert listed.isHidden()
        model.close()
        listed.deleteLater()


async def test_what_keeps_one_from_going_on_is_said(tmp_path, monkeypatch, shop, qloop) -> None:
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        desk = Desk(studio)
        model = ModelsModel(desk)
        listed = DownloadList(desk, model)
        failure = Failure(code="disk.full", values={"path": "/models"}, retryable=True)
        state = DownloadState(id="a", state=State.PAUSED, done_bytes=5, total_bytes=9, failure=failure)
        studio.downloads.states["a"] = state
        studio.downloads.changed.emit(state)
        (row,) = rows(listed)
        assert any("/models" in words for words in shown(row))
        complaints: list[str] = []
        desk.complained.connect(lambda complaint: complaints.append(complaint.failure.code))
        studio.settings.change(offline=True)
        row.go_on.click()
        assert complaints == ["download.offline"]
        del studio.downloads.states["a"]
        model.close()
        listed.deleteLater()


@pytest.mark.parametrize("ends", ["here", "broken"])
async def test_the_end_is_told(tmp_path, monkeypatch, shop, server, qloop, ends: str) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(notify, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(Notifier, "_tell", lambda _, title, words: told.append((title, words)))
    if ends == "broken":
        server.faults[f"/maker/a/resolve/{COMMIT}/one.gguf"] = ["404!"]
    server.pause = 0.0
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        notifier = Notifier(studio, QWidget())
        studio.downloads.start("a")
        studio.downloads.start("b")
        studio.downloads.cancel("b")  # as the user wants it: nothing to tell
        await until(lambda: studio.downloads.states["a"].state.ended)
        await asyncio.sleep(0)
        notifier.close()
    assert [title for title, _ in told] == ["Fetched" if ends == "here" else "Not fetched"]
    assert told[0][1].startswith("<i>The a</i>")
