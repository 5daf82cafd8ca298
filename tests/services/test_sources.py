"""Whom to believe: the origin, mirrors that agree with it, mirrors that do not; and sources beside them."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session

from studio.domain.failure import StudioError
from studio.domain.licence import Licence
from studio.domain.model import ModelScope as Source
from studio.services.downloads import fetch as fetching
from studio.services.downloads import fill
from studio.services.downloads.messages import Fetch, Finished, Probe
from studio.services.downloads.probe import probe
from studio.services.downloads.route import Route
from studio.services.library.ordered import order_of
from studio.services.network import Traffic
from studio.services.store.record import Record, read_record
from tests.fakes.answering import Answer, ModelScope, Request, answering, part_of
from tests.fakes.file_server import FileServer, serving
from tests.services.shops import COMMIT, REPO, TARGET, Shop, sha256

FILE = f"/{REPO}/resolve/{COMMIT}/{TARGET}"
INFO = f"/api/models/{REPO}/revision/main"


@pytest.fixture
def origin() -> Iterator[FileServer]:
    with serving() as server:
        yield server
    close_session()


@pytest.fixture
def mirror() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, origin: FileServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(fill, "ATTEMPTS", 1)
    shop = Shop(tmp_path, origin, monkeypatch, size=100_000)
    shop.add("tiny", {**shop.hub, "files": [TARGET]})
    return shop


def run(shop: Shop, route: Route, model_id: str = "tiny") -> Finished:
    """Fetch as a helper does, in this process."""
    order = Fetch(
        model=shop.library().entry(model_id).model,
        folder=str(shop.models),
        logs=str(shop.logs),
        limit=str(shop.logs / "rate"),
        accepted=1.0,
        route=route,
    )
    return fetching.fetch(order, lambda _: None, Traffic(), lambda: None)


def get(shop: Shop, route: Route, model_id: str = "tiny") -> Record:
    """What is recorded of it then."""
    run(shop, route, model_id)
    record = read_record(shop.folder_of(model_id))
    assert record is not None
    return record


def refused(shop: Shop, route: Route, model_id: str = "tiny") -> StudioError:
    with pytest.raises(StudioError) as caught:
        get(shop, route, model_id)
    return caught.value


def dead() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def both(origin: str, *mirrors: str) -> Route:
    """The mirrors first, as a user would have them who chose them."""
    return Route(origin=origin, endpoints=(*mirrors, origin))


# --- hub and mirrors ----------------------------------------------------------------------------


def test_bytes_from_the_mirror_hashes_from_the_origin(
    shop: Shop, origin: FileServer, mirror: FileServer
) -> None:
    mirror.files, mirror.types = dict(origin.files), dict(origin.types)
    assert run(shop, both(origin.url, mirror.url)).refused == ()
    record = read_record(shop.folder_of("tiny"))
    assert record is not None
    assert mirror.of(FILE)
    assert not origin.of(FILE)
    assert origin.of(INFO)
    assert (record.commit, record.origin, record.verified) == (COMMIT, f"{origin.url}/{REPO}", True)


@pytest.mark.logs
def test_a_mirror_that_lists_something_else_is_refused_and_not_asked_for_bytes(
    shop: Shop, origin: FileServer, mirror: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    mirror.hub(REPO, COMMIT, {TARGET: b"something else" * 1000})
    word = run(shop, both(origin.url, mirror.url))
    assert word.refused == (f"127.0.0.1:{mirror.port}",)
    assert not mirror.of(FILE)
    assert origin.of(FILE)
    assert f"127.0.0.1:{mirror.port} is refused" in caplog.text


@pytest.mark.logs
def test_a_mirror_that_sends_something_else_is_refused_by_name(
    shop: Shop, origin: FileServer, mirror: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    mirror.files, mirror.types = dict(origin.files), dict(origin.types)
    mirror.files[FILE] = bytes(len(shop.content))
    word = run(shop, both(origin.url, mirror.url))
    assert word.refused == (f"127.0.0.1:{mirror.port}",)
    assert mirror.of(FILE)
    assert origin.of(FILE), "the origin takes over"
    assert f"127.0.0.1:{mirror.port} is not asked any more" in caplog.text


@pytest.mark.logs
def test_alone_it_is_named_in_the_failure(shop: Shop, origin: FileServer, mirror: FileServer) -> None:
    mirror.files, mirror.types = dict(origin.files), dict(origin.types)
    mirror.files[FILE] = bytes(len(shop.content))
    origin.faults[FILE] = ["500!"]
    failure = refused(shop, both(origin.url, mirror.url)).failure
    assert (failure.code, failure.values["reason"]) == ("download.failed", "models.reason.content")
    assert f"127.0.0.1:{mirror.port}" in failure.details
    assert shop.left() == [name for name in shop.left() if name.startswith(".parts")]


def test_one_mirror_alone_is_believed(shop: Shop, origin: FileServer) -> None:
    route = Route(origin=dead(), endpoints=(origin.url,))
    assert get(shop, route).commit == COMMIT


def test_two_that_agree_are_believed(shop: Shop, origin: FileServer, mirror: FileServer) -> None:
    mirror.files, mirror.types = dict(origin.files), dict(origin.types)
    assert get(shop, Route(origin=dead(), endpoints=(mirror.url, origin.url))).commit == COMMIT


@pytest.mark.logs
def test_two_that_contradict_each_other_are_both_refused_and_named(
    shop: Shop, origin: FileServer, mirror: FileServer
) -> None:
    mirror.hub(REPO, COMMIT, {TARGET: b"something else" * 1000})
    failure = refused(shop, Route(origin=dead(), endpoints=(mirror.url, origin.url))).failure
    assert failure.code == "download.contradiction"
    named = {failure.values["one"], failure.values["other"]}
    assert named == {f"127.0.0.1:{mirror.port}", f"127.0.0.1:{origin.port}"}
    assert failure.values["file"] == TARGET
    assert not mirror.of(FILE)
    assert not origin.of(FILE)


def test_a_mirror_that_is_late_contradicts_nobody(shop: Shop, origin: FileServer, mirror: FileServer) -> None:
    """Of another commit it says nothing; what it has of this one is not asked for."""
    mirror.hub(REPO, "0" * 40, {TARGET: b"older" * 1000})
    assert get(shop, both(origin.url, mirror.url)).commit == COMMIT
    assert get_again(shop, Route(origin=dead(), endpoints=(origin.url, mirror.url))).commit == COMMIT


def get_again(shop: Shop, route: Route) -> Record:
    shop.add("again", {**shop.hub, "files": [TARGET]})
    return get(shop, route, "again")


def test_a_dead_mirror_is_passed_over(shop: Shop, origin: FileServer) -> None:
    assert get(shop, both(origin.url, dead())).commit == COMMIT


@pytest.mark.logs
def test_a_mirror_that_dies_halfway_loses_nothing(shop: Shop, origin: FileServer, mirror: FileServer) -> None:
    mirror.files, mirror.types = dict(origin.files), dict(origin.types)
    mirror.faults[FILE] = ["short", "500!"]
    get(shop, both(origin.url, mirror.url))
    assert all(asked.start > 0 for asked in origin.of(FILE)), "it goes on where the mirror ended"


@pytest.mark.logs
def test_nobody_is_left(shop: Shop, origin: FileServer) -> None:
    failure = refused(shop, Route(origin=dead(), endpoints=(dead(),))).failure
    assert (failure.code, failure.values["reason"]) == ("download.failed", "models.reason.unreachable")
    assert failure.retryable


@pytest.mark.logs
def test_a_gate_is_the_origins_and_no_mirror_opens_it(
    shop: Shop, origin: FileServer, mirror: FileServer
) -> None:
    mirror.files, mirror.types = dict(origin.files), dict(origin.types)
    origin.password = "Bearer right"
    mirror.faults[FILE] = ["403!"]
    right = Route(origin=origin.url, endpoints=(mirror.url, origin.url), tokens={origin.url: "right"})
    assert get(shop, right).commit == COMMIT
    assert {asked.authorization for asked in mirror.asked} == {None}
    assert {asked.authorization for asked in origin.asked} == {"Bearer right"}


# --- ModelScope ---------------------------------------------------------------------------------


@pytest.fixture
def scope(shop: Shop) -> Iterator[Any]:
    files = {TARGET: shop.content, "README.md": b"# Tiny", "sub/run.py": b"print(1)"}
    with answering(ModelScope(REPO, files)) as server:
        yield server


def test_a_repository_on_modelscope(shop: Shop, scope: Any) -> None:
    shop.add("scoped", {"kind": "modelscope", "repo": REPO, "files": [TARGET, "*.md"]})
    record = get(shop, Route(endpoints=(scope.url,), modelscope=scope.url), "scoped")
    assert (record.source, record.commit, record.origin) == (
        "modelscope",
        "c" * 40,
        f"{scope.url}/models/{REPO}",
    )
    assert {file.path: file.sha256 for file in record.files} == {
        TARGET: sha256(shop.content),
        "README.md": sha256(b"# Tiny"),
    }
    revisions = {request.query["Revision"] for request in scope.asked if request.path.endswith("/repo")}
    assert revisions == {"c" * 40}, "every file of one commit"


def test_a_repository_on_modelscope_is_looked_at(shop: Shop, scope: Any) -> None:
    route = Route(endpoints=(scope.url,), modelscope=scope.url)
    order = Probe(repo=REPO, logs="", revision="master", modelscope=True, route=route)
    found = probe(order, Traffic())
    assert (found.repo, found.commit, found.modelscope) == (REPO, "c" * 40, True)
    assert [file.path for file in found.files] == [TARGET]
    assert found.family is not None
    ordered = order_of(found, Licence(id="", url="", commercial="unknown"))
    source = ordered.model.sources[0]
    assert isinstance(source, Source)
    assert (source.repo, source.revision, source.files) == (REPO, "c" * 40, (TARGET,))
    assert ordered.model.id.startswith("modelscope--")


@pytest.mark.logs
def test_modelscope_that_sends_something_else(shop: Shop, scope: Any) -> None:
    scope.answer.lies[TARGET] = bytes(len(shop.content))
    shop.add("scoped", {"kind": "modelscope", "repo": REPO, "files": [TARGET]})
    failure = refused(shop, Route(modelscope=scope.url), "scoped").failure
    assert failure.values["reason"] == "models.reason.content"


@pytest.mark.logs
@pytest.mark.parametrize("source", [{"repo": "nobody/nothing"}, {"repo": REPO, "revision": "never"}])
def test_not_on_modelscope(shop: Shop, scope: Any, source: dict[str, str]) -> None:
    shop.add("scoped", {"kind": "modelscope", "files": [TARGET], **source})
    failure = refused(shop, Route(modelscope=scope.url), "scoped").failure
    assert failure.values["reason"] == "models.reason.nowhere"


@pytest.mark.logs
def test_modelscope_wants_its_own_token(shop: Shop, scope: Any) -> None:
    scope.answer.token = "scope-token"
    shop.add("scoped", {"kind": "modelscope", "repo": REPO, "files": [TARGET]})
    failure = refused(
        shop, Route(modelscope=scope.url, tokens={"https://huggingface.co": "x"}), "scoped"
    ).failure
    assert failure.code == "model.gated"
    assert failure.values["url"] == f"{scope.url}/models/{REPO}"
    get(shop, Route(modelscope=scope.url, tokens={scope.url: "scope-token"}), "scoped")


def test_what_modelscope_has_too_may_come_from_there(shop: Shop, origin: FileServer, scope: Any) -> None:
    route = Route(origin=origin.url, endpoints=(scope.url, origin.url), modelscope=scope.url)
    get(shop, route)
    assert not origin.of(FILE)
    assert any(request.path == f"/cdn/{TARGET}" for request in scope.asked)


def test_what_it_has_otherwise_may_not(shop: Shop, origin: FileServer, scope: Any) -> None:
    scope.answer.files[TARGET] = b"another model" * 1000
    route = Route(origin=origin.url, endpoints=(scope.url, origin.url), modelscope=scope.url)
    get(shop, route)
    assert origin.of(FILE)
    assert not any(request.path.startswith("/cdn/") for request in scope.asked)


def test_it_comes_first_where_it_is_preferred(shop: Shop, origin: FileServer, scope: Any) -> None:
    shop.add("two", shop.hub, {"kind": "modelscope", "repo": REPO, "files": [TARGET]})
    route = Route(origin=origin.url, endpoints=(scope.url, origin.url), modelscope=scope.url)
    assert get(shop, route, "two").source == "modelscope"
    shop.add("hub-first", shop.hub, {"kind": "modelscope", "repo": REPO, "files": [TARGET]})
    assert get(shop, both(origin.url), "hub-first").source == "hub"


# --- an address ---------------------------------------------------------------------------------

DATA = b"weights" * 5000


def file_at(shop: Shop, headers: dict[str, str], **source: str) -> Any:
    """A server with one file at /models/thing.gguf, listed as the model "direct"."""

    def answer(request: Request) -> Answer:
        if request.path == "/models/thing.gguf":
            return part_of(DATA, request, **headers)
        if request.path == "/page":
            return Answer(200, b"<html>", {"Content-Type": "text/html; charset=utf-8"})
        return Answer(404)

    return answering(answer)


def add_address(shop: Shop, url: str, **source: str) -> None:
    shop.add("direct", {"kind": "address", "url": url, "path": "thing.gguf", **source})


def test_what_no_source_vouches_for_is_said_to_be_so(shop: Shop) -> None:
    with file_at(shop, {"ETag": '"v1"'}) as server:
        add_address(shop, f"{server.url}/models/thing.gguf")
        record = get(shop, Route(), "direct")
    assert not record.verified
    assert [(file.path, file.sha256) for file in record.files] == [("thing.gguf", sha256(DATA))]
    assert record.origin == f"{server.url}/models/thing.gguf"


def digest() -> str:
    import base64

    return f"sha-256=:{base64.b64encode(hashlib.sha256(DATA).digest()).decode()}:"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Linked-ETag": f'"{sha256(DATA)}"'},
        {"X-Checksum-Sha256": sha256(DATA)},
        {"Repr-Digest": digest()},
    ],
)
def test_a_server_that_gives_the_hash_vouches(shop: Shop, headers: dict[str, str]) -> None:
    with file_at(shop, headers) as server:
        add_address(shop, f"{server.url}/models/thing.gguf")
        assert get(shop, Route(), "direct").verified


@pytest.mark.logs
def test_a_hash_that_is_not_its_own_is_found_out(shop: Shop) -> None:
    with file_at(shop, {"X-Checksum-Sha256": "0" * 64}) as server:
        add_address(shop, f"{server.url}/models/thing.gguf")
        assert refused(shop, Route(), "direct").failure.values["reason"] == "models.reason.content"


@pytest.mark.logs
def test_the_hash_in_the_address_counts(shop: Shop) -> None:
    with file_at(shop, {}) as server:
        add_address(shop, f"{server.url}/models/thing.gguf", sha256="0" * 64)
        assert refused(shop, Route(), "direct").failure.values["reason"] == "models.reason.content"
        add_address(shop, f"{server.url}/models/thing.gguf", sha256=sha256(DATA))
        assert get(shop, Route(), "direct").verified


@pytest.mark.logs
@pytest.mark.parametrize("path", ["/page", "/models/none.gguf"])
def test_a_page_is_no_file(shop: Shop, path: str) -> None:
    with file_at(shop, {}) as server:
        add_address(shop, f"{server.url}{path}")
        assert refused(shop, Route(), "direct").failure.values["reason"] == "models.reason.nowhere"
