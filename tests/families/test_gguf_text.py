from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio.domain.failure import Cancelled, StudioError
from studio.families.gguf_text import server
from studio.families.gguf_text.reply import Reply
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_text import write_gguf


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("chat")
    bench = Bench("gguf_text", write_gguf(folder / "tiny.gguf", context=16_384), folder / "outputs")
    yield bench
    bench.close()


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench("gguf_text", write_gguf(tmp_path / "tiny.gguf", chat=False), tmp_path / "outputs")
    yield bench
    bench.close()


def test_an_answer_is_streamed_saved_and_counted(chat: Bench) -> None:
    recording = chat.run(prompt="hello", max_tokens=20, context_length=1024)
    (artifact,) = recording.artifacts
    assert artifact.text == recording.text == Path(artifact.path).read_text(encoding="utf-8")
    tokens = recording.outcome.tokens
    assert tokens is not None
    assert recording.outcome.finish == "limit"
    assert tokens.generated == 20
    assert tokens.prompt > 5
    assert tokens.per_second > 0
    assert tokens.context == 1024
    assert set(recording.phases) <= set(chat.spec.phases)
    assert set(recording.outcome.timings) == {*chat.spec.phases, "total"}


def test_the_same_seed_writes_the_same_and_another_one_does_not(chat: Bench) -> None:
    first, again, other = (chat.run(prompt="hello", max_tokens=30, seed=seed).text for seed in (5, 5, 6))
    assert first == again != other


def test_the_largest_seed_is_a_seed_too(chat: Bench) -> None:
    first, again = (chat.run(prompt="hello", max_tokens=30, seed=2**32 - 1).text for _ in range(2))
    assert first == again


def test_every_setting_reaches_the_model(chat: Bench) -> None:
    plain = chat.run(prompt="hello", max_tokens=30).text
    changes: list[dict[str, Any]] = [
        {"temperature": 2.0},
        {"top_p": 0.01},
        {"top_k": 1},
        {"repetition_penalty": 2.0},
        {"system": "be brief"},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"mode": "completion"},
    ]
    for change in changes:
        assert chat.run(prompt="hello", max_tokens=30, **change).text != plain, change


def test_a_base_model_continues_the_text(base: Bench) -> None:
    recording = base.run(prompt="the quick brown", max_tokens=8)
    continued = base.run(messages=[{"role": "user", "content": "the quick"}], prompt=" brown", max_tokens=8)
    assert recording.text == continued.text
    assert recording.outcome.tokens
    assert recording.outcome.tokens.prompt < 8  # no template around it


def test_a_base_model_holds_no_conversation(base: Bench) -> None:
    with pytest.raises(StudioError) as raised:
        base.run(prompt="hello", mode="chat")
    assert raised.value.failure.code == "param.invalid"
    assert "conversation" in raised.value.failure.message


def test_a_second_turn_reads_only_what_is_new(chat: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [{"role": "user", "content": "the lazy dog " * 60}]
    chat.run(prompt=turns[0]["content"], max_tokens=1)
    seen: list[dict[str, Any]] = []
    receive = Reply._receive
    monkeypatch.setattr(Reply, "_receive", lambda self, chunk: (seen.append(chunk), receive(self, chunk))[1])
    chat.run(messages=[*turns, {"role": "assistant", "content": "a"}], prompt="again", max_tokens=1)
    timings = seen[-1]["timings"]
    assert timings["cache_n"] > 3 * timings["prompt_n"]


@pytest.mark.parametrize(
    ("when", "prompt"),
    [
        (lambda recording: "prompt" in recording.phases, "a small red apple " * 2000),
        (lambda recording: recording.text, "hello"),
    ],
    ids=["reading", "writing"],
)
def test_cancel_keeps_the_model(chat: Bench, when: Any, prompt: str) -> None:
    chat.run(prompt="hello", max_tokens=1, context_length=16_384)
    loaded = chat._pipeline._server
    with pytest.raises(Cancelled):
        chat.run(when, prompt=prompt, context_length=16_384, max_tokens=8000)
    assert chat.last.cancelled_at is not None
    assert chat.last.ended - chat.last.cancelled_at < 2
    assert chat.last.artifacts == []
    assert chat.run(prompt="hello", max_tokens=5, context_length=16_384).text
    assert chat._pipeline._server is loaded


def test_leaving_does_not_wait_for_the_library() -> None:
    """A library that does not call back for a long time must not hold up the cancel."""
    release = threading.Event()

    def slow(body: dict[str, Any], callback: Any) -> None:
        assert callback({"n": 1}) is False
        release.wait(30)
        assert callback({"n": 2}) is True

    reply = Reply(slow, {})
    began = time.monotonic()
    for chunks in reply:
        if chunks:
            break
    reply.stop()
    assert time.monotonic() - began < 5
    release.set()
    reply.join()
    assert reply._error is None


def test_what_the_library_raises_arrives() -> None:
    def broken(body: dict[str, Any], callback: Any) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(Reply(broken, {}))


def test_a_conversation_that_is_too_long_says_so(chat: Bench) -> None:
    with pytest.raises(StudioError) as raised:
        chat.run(prompt="a small red apple " * 2000, context_length=512)
    assert raised.value.failure.code == "param.invalid"
    assert "fit" in raised.value.failure.message
    assert "512" in raised.value.failure.details


def test_a_full_context_is_a_limit(chat: Bench) -> None:
    recording = chat.run(prompt="hello", context_length=512, max_tokens=5000)
    assert recording.outcome.finish == "limit"
    assert recording.outcome.tokens
    assert recording.outcome.tokens.prompt + recording.outcome.tokens.generated <= 513


@pytest.mark.heavy
def test_ten_thousand_tokens(chat: Bench) -> None:
    recording = chat.run(prompt="hello", context_length=16_384, max_tokens=10_000)
    assert recording.outcome.tokens
    assert recording.outcome.tokens.generated == 10_000
    assert recording.artifacts[0].text == recording.text


@pytest.mark.parametrize("content", [b"", b"GGUF" + bytes(300), b"PK\x03\x04" + bytes(300)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(StudioError) as raised:
        Bench("gguf_text", tmp_path / "bad.gguf", tmp_path).run(prompt="hello")
    assert raised.value.failure.code == "model.unrecognized"


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StudioError) as raised:
        Bench("gguf_text", path, tmp_path).run(prompt="hello")
    assert raised.value.failure.code == "model.unrecognized"


def test_nobody_can_connect_while_a_model_is_loaded(chat: Bench) -> None:
    chat.run(prompt="hello", max_tokens=2)
    process = psutil.Process()
    listening = [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening == []
    sockets = {c.laddr for c in process.net_connections("unix") if str(c.laddr).endswith("/x.sock")}
    assert sockets, "the control: llama.cpp does open a socket, and this test can see it"
    assert not any(Path(str(path)).exists() or Path(str(path)).parent.exists() for path in sockets)


def test_the_socket_is_private_while_it_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    real = server.llama.Server

    def look(params: Any) -> Any:
        made = real(params)
        (socket,) = params.hostnames
        seen["mode"] = stat.S_IMODE(Path(socket).parent.stat().st_mode)
        seen["length"] = len(os.fsencode(socket))
        seen["open"] = (params.ui, params.endpoint_slots, params.endpoint_props, params.fit_params)
        seen["key"] = len(params.api_keys[0])
        return made

    monkeypatch.setattr(server.llama, "Server", look)
    monkeypatch.setattr(server.tempfile, "gettempdir", lambda: str(tmp_path / ("long" * 30)))
    server.start(
        str(write_gguf(tmp_path / "tiny.gguf")), context=512, threads=1, device="cpu", exposed=pytest.fail
    )
    assert seen.pop("length") < 100
    assert seen == {"mode": 0o700, "open": (False, False, False, False), "key": 64}


def test_where_a_socket_cannot_be_had_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = server.llama.Server
    made: list[Any] = []

    def no_sockets(params: Any) -> Any:
        if params.hostnames[0].endswith(".sock"):
            raise RuntimeError("Failed to init server")
        made.append((params.hostnames, len(params.api_keys[0])))
        return real(params)

    monkeypatch.setattr(server.llama, "Server", no_sockets)
    monkeypatch.setattr(server.sys, "platform", "win32")
    bench = Bench("gguf_text", write_gguf(tmp_path / "tiny.gguf"), tmp_path)
    recording = bench.run(prompt="hello", max_tokens=2)
    bench.close()
    assert recording.text
    assert recording.notices == ["family.gguf_text.exposed"]
    assert made == [(["127.0.0.1"], 64)]


@pytest.mark.skipif(server.has_gpu(), reason="this build of llama.cpp has what the test says is missing")
def test_a_graphics_card_that_llama_cpp_cannot_use_is_said(tmp_path: Path) -> None:
    bench = Bench("gguf_text", write_gguf(tmp_path / "tiny.gguf"), tmp_path, device="cuda:0")
    assert bench.run(prompt="hello", max_tokens=2).notices == ["family.gguf_text.on_cpu"]
    bench.close()


def test_closing_gives_the_memory_back(tmp_path: Path) -> None:
    bench = Bench("gguf_text", write_gguf(tmp_path / "tiny.gguf"), tmp_path / "outputs")
    bench.run(prompt="hello", max_tokens=2)
    before = {thread.id for thread in psutil.Process().threads()}
    bench.close()
    deadline = time.monotonic() + 5
    while len({thread.id for thread in psutil.Process().threads()}) >= len(before):
        assert time.monotonic() < deadline, "llama.cpp's threads are still there"
        time.sleep(0.02)


def test_a_model_can_be_dropped_as_soon_as_it_is_loaded(tmp_path: Path) -> None:
    """llama.cpp by itself hangs for ever in about every hundredth of these."""
    path = str(write_gguf(tmp_path / "tiny.gguf"))
    for _ in range(300):
        server.start(path, context=512, threads=1, device="cpu", exposed=pytest.fail)
