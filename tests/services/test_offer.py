"""Any repository becomes a model of the library: looked at, ordered, fetched with what it needs, used."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from studio.domain.failure import StudioError
from studio.domain.model import Hub
from studio.services.judging import judge
from studio.services.library.ordered import id_of
from studio.services.studio import Studio
from tests.app.studios import studio_at
from tests.fakes.file_server import FileServer, serving
from tests.fakes.model_files import gguf, gguf_text
from tests.services import repositories
from tests.services.repositories import COMMIT
from tests.services.shops import Shop

REPO = "maker/model-GGUF"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@asynccontextmanager
async def studio_with(
    folder: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Studio, Shop]]:
    shop = Shop(folder, server, monkeypatch)
    small, large = (repositories.gguf(folder, size) for size in (1000, 5000))
    files = {"m-Q4_K_M.gguf": small, "m-Q8_0.gguf": large, "LICENSE": b"Be kind.", "README.md": b"-"}
    server.hub(REPO, COMMIT, files, tags=["license:other"])
    shop.add("part", {**shop.hub, "repo": "maker/part"}, bytes=None)
    server.hub("maker/part", COMMIT, {"tiny.gguf": shop.content})
    shop.add("whole", shop.hub, needs=["part"], bytes=None)
    shop.add("later", shop.hub, status="coming", bytes=None)
    async with studio_at(folder, monkeypatch, shop=shop) as studio:
        yield studio, shop


async def code_of(work) -> str:
    with pytest.raises(StudioError) as caught:
        await work
    return caught.value.failure.code


async def test_a_repository_is_ordered_fetched_and_used(tmp_path, server, monkeypatch) -> None:
    async with studio_with(tmp_path, server, monkeypatch) as (studio, _):
        model = await studio.offers.offer(f"https://huggingface.co/{REPO}")
        assert (model.id, model.licence.id, model.licence.commercial) == (
            "maker--model-GGUF+Q4_K_M",
            "other",
            "unknown",
        )
        source = model.sources[0]
        assert isinstance(source, Hub)
        assert (source.revision, source.files) == (COMMIT, ("m-Q4_K_M.gguf",))
        await studio.judge_models()
        assert studio.planner.knows(model.id)  # before a byte of it is here
        text = await studio.offers.licence_text(model)
        assert text == "Be kind."
        assert studio.offers.get(model.id, text) == [model.id]
        await studio.downloads.wait(model.id)
        entry = studio.library.entry(model.id)
        assert entry.installed is not None
        assert entry.installed.commit == COMMIT
        record = next(each.record for each in studio.library.store.stored())
        assert (record.licence.id, record.licence.text) == ("other", "Be kind.")
        resolved = studio.library.resolve(model.id)
        assert resolved.source.path.endswith("m-Q4_K_M.gguf")
        assert resolved.source.terms is not None
        assert resolved.source.terms.commercial == "unknown"


async def test_another_form_is_another_model(tmp_path, server, monkeypatch) -> None:
    async with studio_with(tmp_path, server, monkeypatch) as (studio, _):
        one = await studio.offers.offer(REPO)
        other = await studio.offers.offer(REPO, variant="Q8_0")
        assert (one.id, other.id) == (id_of(REPO, "Q4_K_M"), id_of(REPO, "Q8_0"))
        assert (other.bytes or 0) > (one.bytes or 0)
        assert {one.id, other.id} <= {entry.model.id for entry in studio.library.entries()}
        again = Studio(studio.paths)
        assert again.library.known(other.id) == other  # also after a restart
        await again.close()
        await studio.library.withdraw(other.id)
        assert studio.library.known(other.id) is None
        assert await code_of(studio.offers.offer(REPO, variant="Q1")) == "model.missing_file"


async def test_what_is_needed_comes_along_once(tmp_path, server, monkeypatch) -> None:
    async with studio_with(tmp_path, server, monkeypatch) as (studio, shop):
        shop.add("second", {**shop.hub, "repo": "maker/second"}, needs=["part"], bytes=None)
        assert studio.offers.get("whole") == ["part", "whole"]
        for model_id in ("part", "whole"):
            await studio.downloads.wait(model_id)
            assert studio.library.entry(model_id).installed
        assert server.of("/api/models/maker/part/revision/main") != []
        assert studio.library.together(studio.library.entry("whole").model)[1].id == "part"
        asked = len(server.of(f"/maker/part/resolve/{COMMIT}/tiny.gguf"))
        assert studio.offers.get("whole") == ["whole"]
        assert len(server.of(f"/maker/part/resolve/{COMMIT}/tiny.gguf")) == asked


async def test_what_is_to_come_cannot_be_fetched(tmp_path, server, monkeypatch) -> None:
    async with studio_with(tmp_path, server, monkeypatch) as (studio, _):
        with pytest.raises(StudioError) as caught:
            studio.offers.get("later")
        assert caught.value.failure.code == "model.coming"
        assert studio.downloads.states == {}


async def test_an_unknown_family_is_the_user_s_to_decide(tmp_path, server, monkeypatch) -> None:
    async with studio_with(tmp_path, server, monkeypatch) as (studio, _):
        strange = gguf(gguf_text("general.architecture", "from-the-future")) + bytes(5000)
        server.hub("maker/strange", COMMIT, {"s.gguf": strange})
        assert await code_of(studio.offers.offer("maker/strange")) == "model.unrecognized"
        family = next(e.model.family for e in studio.library.entries() if e.model.id == "whole")
        model = await studio.offers.offer("maker/strange", treat_as=family)
        ordered = studio.library.ordered(model.id)
        assert ordered is not None
        assert ordered.treated
        studio.offers.get(model.id)
        await studio.downloads.wait(model.id)
        assert studio.library.resolve(model.id).source.path.endswith("s.gguf")
        assert await code_of(studio.offers.offer("maker/strange", treat_as="no_such")) == "model.unrecognized"


async def test_every_form_has_a_verdict(tmp_path, server, monkeypatch) -> None:
    async with studio_with(tmp_path, server, monkeypatch) as (studio, _):
        remote = await studio.remote.probe(REPO)
        verdicts = judge(remote, studio.planner, studio.estimator)
        assert set(verdicts) == {"Q4_K_M", "Q8_0"}
        assert all(each.memory is not None for each in verdicts.values())


# --- searching --------------------------------------------------------------------------------------


def found(repo: str, **more: object) -> dict[str, object]:
    usual = {"downloads": 7, "likes": 1, "tags": ["license:mit"], "gated": False}
    return {"id": repo, "modelId": repo, "pipeline_tag": "text-generation", **usual, **more}


async def test_the_hub_is_searched(tmp_path, server, monkeypatch) -> None:
    async with studio_with(tmp_path, server, monkeypatch) as (studio, _):
        rows = [found("a/one"), found("b/two", gated="manual", pipeline_tag="odd", tags=["license:<b>"])]
        server.files["/api/models"] = json.dumps(rows).encode()
        server.types["/api/models"] = "application/json"
        one, two = await studio.remote.search("words", task="text", sort="likes")
        assert (one.repo, one.task, one.downloads, one.licence, one.gated) == (
            "a/one",
            "text",
            7,
            "mit",
            False,
        )
        assert (two.task, two.licence, two.gated) == ("", "", True)


async def test_a_search_says_what_keeps_it(tmp_path, server, monkeypatch) -> None:
    async with studio_with(tmp_path, server, monkeypatch) as (studio, _):
        server.faults["/api/models"] = ["500!"]
        assert await code_of(studio.remote.search("words")) == "download.failed"
        studio.settings.change(offline=True)
        assert await code_of(studio.remote.search("words")) == "download.offline"
