"""Fetching in a terminal: what is shown while it goes, and what a pause says."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console

from studio.cli import fetch
from studio.cli.board import Board
from studio.domain.failure import Cancelled
from studio.services.downloads.state import DownloadState, FileState, State
from studio.services.studio import Studio
from tests.app.studios import studio_at
from tests.fakes.file_server import FileServer, serving
from tests.services.helpers import until
from tests.services.shops import Shop


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop(tmp_path, server, monkeypatch)
    shop.add("tiny", shop.hub)
    return shop


def drawn(board: Board) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(board.picture())
    return console.export_text()


def test_the_board_shows_each_file() -> None:
    board = Board({"a": "The A", "b": "The B"})
    files = (
        FileState(name="one.gguf", done=500_000_000, total=2_000_000_000),
        FileState(name="x", done=0, total=0),
    )
    board.show(
        DownloadState(
            id="a",
            state=State.RUNNING,
            stage="download",
            done_bytes=10**9,
            total_bytes=4 * 10**9,
            bytes_per_second=5e6,
            remaining=600.0,
            files=files,
        )
    )
    board.show(DownloadState(id="b", state=State.WAITING))
    board.show(DownloadState(id="somebody else's", state=State.RUNNING))
    lines = drawn(board).splitlines()
    for line, name in zip(lines, ["The A", "one.gguf", "x", "The B"], strict=True):
        assert line.strip().startswith(name)
    assert "1.0 GB / 4.0 GB" in lines[0]
    assert "5.0 MB/s" in lines[0]
    assert "500 MB / 2.0 GB" in lines[1]
    assert "waiting" in lines[3]
    board.show(DownloadState(id="a", state=State.DONE))
    assert "The A" not in drawn(board)


async def test_a_pause_says_how_to_go_on(tmp_path, monkeypatch, shop, server, capsys) -> None:
    server.piece, server.pause = 16_384, 0.02
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        task = asyncio.ensure_future(fetch.fetch(studio, studio.library.entry("tiny").model))
        await until(lambda: studio.downloads.states.get("tiny") is not None)
        await until(lambda: studio.downloads.states["tiny"].done_bytes > 400_000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert "studio models resume tiny" in capsys.readouterr().err
    server.pause = 0.0

    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        use(monkeypatch, studio)
        assert await fetch._resume([], as_json=True, offline=False) == 0
        assert json.loads(capsys.readouterr().out) == {"resumed": ["tiny"]}
        assert studio.library.entry("tiny").installed
        assert await fetch._resume([], as_json=False, offline=False) == 0
        assert "No download" in capsys.readouterr().err


async def test_another_terminal_pauses(tmp_path, monkeypatch, shop, server, capsys) -> None:
    server.piece, server.pause = 16_384, 0.02
    async with studio_at(tmp_path, monkeypatch, shop=shop) as studio:
        use(monkeypatch, studio)
        assert await asyncio.to_thread(fetch.pause, [], as_json=False) == 0
        assert "Nothing is being fetched" in capsys.readouterr().err
        task = asyncio.ensure_future(fetch.fetch(studio, studio.library.entry("tiny").model))
        await until(lambda: studio.downloads.states.get("tiny") is not None)
        await until(lambda: studio.downloads.states["tiny"].done_bytes > 0)
        assert await asyncio.to_thread(fetch.pause, ["tiny"], as_json=True) == 0
        assert json.loads(capsys.readouterr().out) == {"paused": ["tiny"]}
        with pytest.raises(Cancelled):
            await task
        assert studio.downloads.states["tiny"].state is State.PAUSED


def use(monkeypatch: pytest.MonkeyPatch, studio: Studio) -> None:
    """Let the commands have the studio of the test."""

    @asynccontextmanager
    async def opened(*, offline: bool):
        yield studio

    monkeypatch.setattr(fetch, "open_studio", opened)
    monkeypatch.setattr(fetch, "open_library", lambda: studio.library)
