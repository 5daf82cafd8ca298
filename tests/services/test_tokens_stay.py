"""N2: a token lies where it is kept and nowhere else: not in argv, logs, records, database or report."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from studio.domain.failure import StudioError
from studio.services import basis, logs
from studio.services import tokens as token_words
from studio.services.library.library import Library
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.fakes.file_server import FileServer, serving
from tests.services.helpers import helpers, until
from tests.services.shops import Shop

TOKEN = "hf_ThisIsTheSecretOfTheTest42"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


def found_in(folder: Path, secret: str) -> set[str]:
    """Every file below *folder* that holds it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in files if secret.encode() in path.read_bytes()}


def hub_at(studio: Studio, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub, and what belongs to its token, be at *url*."""
    monkeypatch.setitem(token_words.ENDPOINTS, "hub", url)
    plain = studio.mirrors._plain
    monkeypatch.setattr(
        studio.mirrors, "_plain", lambda: msgspec.structs.replace(plain(), origin=url, endpoints=(url,))
    )


@pytest.mark.logs
@pytest.mark.parametrize("kept", ["by the studio", "in the environment"])
async def test_a_token_is_nowhere_but_where_it_is_kept(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    shop = Shop(tmp_path, server, monkeypatch, size=400_000)
    monkeypatch.delenv("HF_ENDPOINT")
    shop.add("tiny", {**shop.hub, "files": ["tiny.gguf"]})
    ours = functools.partial(Library, manifest=shop.manifest, assets=tmp_path / "no")
    monkeypatch.setattr(basis, "Library", ours)
    paths = Paths.under(tmp_path / "home").create()
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if kept == "in the environment":
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    studio = Studio(paths)
    hub_at(studio, server.url, monkeypatch)
    writer = logs.Log(paths, "window")
    writer.start()
    logging.getLogger().setLevel(logging.DEBUG)
    await studio.start()
    try:
        if kept == "by the studio":
            assert studio.tokens.set("hub", TOKEN) == "file"
        server.password = f"Bearer {TOKEN}"
        server.pause, server.piece = 0.02, 20_000
        studio.downloads.start("tiny")
        await until(lambda: server.sent > 40_000)
        seen = _processes()
        await studio.downloads.wait("tiny")
        assert {asked.authorization for asked in server.asked} == {f"Bearer {TOKEN}"}, "it was used"
        assert seen, "the helper was looked at"
        assert not any(TOKEN in words for words in seen)

        server.password = "Bearer another"
        with pytest.raises(StudioError) as caught:
            await studio.probe("maker/other")
        assert TOKEN not in f"{caught.value} {caught.value.failure}"
        logging.getLogger("test").error("somebody logs it: %s", TOKEN)
        report = await asyncio.to_thread(logs.report, paths)
        assert TOKEN not in report
    finally:
        await studio.close()
        writer.end()
    wanted = {"config/secrets.json"} if kept == "by the studio" else set()
    assert found_in(tmp_path / "home", TOKEN) == wanted
    assert found_in(tmp_path, TOKEN) == {f"home/{name}" for name in wanted}
    assert found_in(tmp_path / "home", "somebody logs it"), "the log was written"
    if wanted:
        assert (paths.config / "secrets.json").stat().st_mode & 0o777 == 0o600


def _processes() -> list[str]:
    """The command lines of the helpers, and what the environment of each says."""
    words: list[str] = []
    for pid in helpers():
        process = psutil.Process(pid)
        words += [" ".join(process.cmdline()), " ".join(_environment(process))]
    return words


def _environment(process: Any) -> list[str]:
    return [f"{name}={value}" for name, value in process.environ().items()]
