"""A look at the hub goes through a helper, is kept for a day, and ends when the studio goes offline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from huggingface_hub import HfApi, close_session
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from studio.domain.failure import StudioError
from studio.domain.model import Hub
from studio.services.basis import Basis
from studio.services.downloads import remote
from studio.services.downloads.messages import Probe, order_of, to_frame
from studio.services.downloads.remote import Remote
from studio.services.downloads.route import Route
from studio.services.library.facts import read_facts
from studio.services.network import Network
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.fakes.file_server import FileServer, serving
from tests.services import repositories
from tests.services.repositories import COMMIT

REPO = "maker/model"
INFO = f"/api/models/{REPO}/revision/main"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        server.hub(REPO, COMMIT, repositories.sharded(), tags=["license:mit"])
        yield server


def remote_in(folder: Path, **options) -> Remote:
    return Remote(folder / "cache", folder / "logs", **options)


async def code_of(looking) -> str:
    with pytest.raises(StudioError) as caught:
        await looking
    return caught.value.failure.code


async def test_looked_at_once_a_day(tmp_path: Path, server: FileServer) -> None:
    now = 1000.0
    looker = remote_in(tmp_path, clock=lambda: now)
    first = await looker.probe(REPO)
    assert first.family is not None
    asked = len(server.asked)
    assert await looker.probe(REPO) == first
    assert await remote_in(tmp_path, clock=lambda: now, offline=lambda: True).probe(REPO) == first
    assert len(server.asked) == asked
    assert (await looker.probe(f"{REPO}@{COMMIT}")).commit == COMMIT  # another question
    assert len(server.asked) > asked
    asked, now = len(server.asked), now + remote.KEPT_SECONDS
    assert await looker.probe(REPO) == first
    assert len(server.asked) > asked


async def test_facts_survive_the_way(tmp_path: Path, server: FileServer) -> None:
    data = repositories.gguf(tmp_path, 1000)
    server.hub(REPO, COMMIT, {"m.gguf": data})
    looker = remote_in(tmp_path)
    found = await looker.probe(REPO)
    here = read_facts(tmp_path / "tiny.gguf")
    part, same = found.facts.parts["model"], here.parts["model"]
    assert part.config == same.config
    assert sorted(part.tensors, key=msgspec.json.encode) == sorted(same.tensors, key=msgspec.json.encode)
    assert (await looker.probe(REPO)).facts == found.facts  # from the disk


async def test_a_broken_cache_is_made_anew(tmp_path: Path, server: FileServer) -> None:
    looker = remote_in(tmp_path)
    await looker.probe(REPO)
    (kept,) = (tmp_path / "cache").glob("*.json")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])
    assert (await looker.probe(REPO)).repo == REPO
    assert json.loads(kept.read_bytes())["model"] == json.loads(whole)["model"]


async def test_offline_nothing_is_asked(tmp_path: Path, server: FileServer) -> None:
    looker = remote_in(tmp_path, offline=lambda: True)
    assert await code_of(looker.probe(REPO)) == "download.offline"
    assert server.asked == []


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "maker/model@", "http://x/y", "../../etc", "..", "/x", "maker/model:", "模型"]
)
async def test_what_is_no_repository(tmp_path: Path, server: FileServer, name: str) -> None:
    assert await code_of(remote_in(tmp_path).probe(name)) == "model.missing"
    assert server.asked == []


async def test_not_there(tmp_path: Path, server: FileServer) -> None:
    looker = remote_in(tmp_path)
    assert await code_of(looker.probe("nobody/nothing")) == "download.failed"
    assert await code_of(looker.probe(f"{REPO}@never")) == "download.failed"


@pytest.mark.parametrize("how", ["cancel", "stop", "close"])
async def test_it_can_be_ended(tmp_path: Path, server: FileServer, how: str) -> None:
    server.pause, server.piece = 5.0, 100
    looker = remote_in(tmp_path)
    looking = asyncio.ensure_future(looker.probe(REPO))
    while not server.asked:
        await asyncio.sleep(0.02)
    if how == "cancel":
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
    elif how == "stop":
        looker.stop()
        assert await code_of(looking) == "download.offline"
    else:
        await looker.close()
        assert await code_of(looking) == "download.offline"
    assert list(tmp_path.glob("cache/*")) == []


async def test_the_reason_stands_in_the_record(tmp_path: Path, server: FileServer) -> None:
    """Loopback is no use of the network; what the helper counts goes under the repository's name."""
    await remote_in(tmp_path).probe(REPO)
    lines = (tmp_path / "logs" / "connections.jsonl").read_bytes().splitlines()
    whys = {(line["why"], line["received"] > 0) for line in map(json.loads, lines)}
    assert whys == {(REPO, True)}
    assert Network(tmp_path / "logs").connections.uses() == []


async def test_the_studio_knows_where_its_models_come_from(tmp_path: Path, server: FileServer) -> None:
    paths = Paths.under(tmp_path).create()
    studio = Studio(paths, basis=Basis(paths, offline=False))
    model, source = next(
        (entry.model, source)
        for entry in studio.library.entries()
        for source in entry.model.sources
        if isinstance(source, Hub) and "model.safetensors" in source.files and "config.json" in source.files
    )
    files = repositories.sharded()
    whole = files["model-00001-of-00002.safetensors"]
    server.hub(source.repo, COMMIT, {"config.json": files["config.json"], "model.safetensors": whole})
    try:
        assert (await studio.probe(model.id)).repo == source.repo
        assert (await studio.probe(REPO)).repo == REPO
    finally:
        await studio.close()


def test_the_order_says_all() -> None:
    order = Probe(
        repo=REPO,
        logs="logs",
        revision="r",
        variant="v",
        files=("a",),
        route=Route(tokens={"https://h": "t"}),
    )
    assert order_of(to_frame(order)) == order


def test_the_fake_is_a_hub_for_its_own_library(tmp_path: Path, server: FileServer) -> None:
    """What is proved against the fake holds for the real hub as far as huggingface_hub sees no difference."""
    api = HfApi(endpoint=server.url, token=False)
    try:
        info = api.model_info(REPO, revision="main", files_metadata=True)
        assert info.sha == COMMIT
        assert {entry.rfilename: entry.size for entry in info.siblings or []} == {
            name: len(data) for name, data in repositories.sharded().items()
        }
        with pytest.raises(RevisionNotFoundError):
            api.model_info(REPO, revision="never")
        with pytest.raises(RepositoryNotFoundError):
            api.model_info("nobody/nothing", revision="main")
    finally:
        close_session()
