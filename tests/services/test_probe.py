"""A repository is judged by its headers, as its files would be here, whatever its server does."""

from __future__ import annotations

import pickle
import random
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from huggingface_hub import close_session

from studio.domain.cost.cost import ModelFacts
from studio.domain.cost.packed import pack
from studio.domain.failure import StudioError
from studio.domain.remote import RemoteModel
from studio.services.downloads import beginning, repository
from studio.services.downloads.messages import Probe
from studio.services.downloads.probe import probe
from studio.services.downloads.route import HUB, Route
from studio.services.library.facts import read_facts
from studio.services.library.recognize import recognize
from studio.services.network import Network, Traffic
from tests.fakes.file_server import FileServer, serving
from tests.fakes.model_files import TINY, gguf_array, gguf_text
from tests.fakes.model_files import gguf as gguf_bytes
from tests.services import repositories
from tests.services.repositories import COMMIT, as_json, on_disk

REPO = "maker/model"
FILES = f"/{REPO}/resolve/{COMMIT}/"
INFO = f"/api/models/{REPO}/revision/main"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setattr(beginning, "ATTEMPTS", 2)
    with serving() as server:
        yield server
    close_session()


def look(server: FileServer, *, tokens: dict[str, str] | None = None, **order: Any) -> RemoteModel:
    route = Route(origin=server.url, endpoints=(server.url,), tokens=tokens or {})
    return probe(Probe(repo=REPO, logs="", route=route, **order), Traffic())


def refused(server: FileServer, **order: Any) -> StudioError:
    began = time.monotonic()
    with pytest.raises(StudioError) as caught:
        look(server, **order)
    assert time.monotonic() - began < 30
    return caught.value


def told(facts: ModelFacts) -> bytes:
    """For comparing: the order of the tensors does not count."""
    packed = pack(facts)
    parts = {
        name: msgspec.structs.replace(part, tensors=tuple(sorted(part.tensors, key=msgspec.json.encode)))
        for name, part in packed.parts.items()
    }
    return msgspec.json.encode(msgspec.structs.replace(packed, parts=parts), order="deterministic")


# --- the same as here ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["diffusers", "sharded", "gguf"])
def test_the_same_facts_and_family_as_of_the_files_here(
    tmp_path: Path, server: FileServer, kind: str
) -> None:
    if kind == "gguf":
        files = {"tiny-Q8_0.gguf": repositories.gguf(tmp_path)}
    else:
        files = repositories.diffusers() if kind == "diffusers" else repositories.sharded()
    server.hub(REPO, COMMIT, files, tags=["license:apache-2.0"], gated=False)
    folder = on_disk(tmp_path / "here", files)
    found, here = look(server), recognize(folder)
    assert told(found.facts) == told(read_facts(here.path))
    assert (found.family, found.parameters) == (here.spec.name, here.parameters)
    assert (found.commit, found.licence, found.gated) == (COMMIT, "apache-2.0", False)
    assert sum(part.elements for part in found.facts.parts.values()) > 0
    size = sum(map(len, files.values()))
    assert server.sent < 0.1 * size, (server.sent, size)


def test_other_facts_would_be_seen(tmp_path: Path) -> None:
    files = repositories.sharded()
    facts = read_facts(on_disk(tmp_path, files))
    config = as_json({**repositories.CONFIG, "num_hidden_layers": 5})
    assert told(read_facts(on_disk(tmp_path, {"config.json": config}))) != told(facts)


def test_what_a_fetch_would_bring(server: FileServer) -> None:
    files = repositories.sharded()
    server.hub(REPO, COMMIT, files)
    found = look(server)
    left_out = {"README.md", "consolidated.safetensors", "pytorch_model.bin"}
    assert {file.path for file in found.files} == files.keys() - left_out
    assert found.bytes == sum(len(data) for name, data in files.items() if name not in left_out)
    assert all(file.sha256 for file in found.files if (file.bytes or 0) > 1000)


def test_the_manifests_patterns_count(server: FileServer) -> None:
    files = {**repositories.sharded(), "other-Q4_K_M.gguf": b"GGUF", "modeling.py": b"print(1)"}
    server.hub(REPO, COMMIT, files)
    assert look(server, files=("*.json", "model-*")).family is not None  # code is not fetched either
    assert refused(server, files=("*.gguf",)).failure.code == "model.unrecognized"


# --- variants -----------------------------------------------------------------------------------


def test_quantizations_are_listed_and_one_is_read(tmp_path: Path, server: FileServer) -> None:
    data = repositories.gguf(tmp_path, 400_000)
    files = {f"tiny-{kind}.gguf": data + bytes(n) for n, kind in enumerate(["F16", "Q2_K", "Q4_K_M", "Q8_0"])}
    files |= {"mmproj-F16.gguf": data, "README.md": b"words"}
    server.hub(REPO, COMMIT, files)
    found = look(server)
    assert (found.variant, [file.path for file in found.files]) == ("Q4_K_M", ["tiny-Q4_K_M.gguf"])
    assert [(v.name, v.bytes) for v in found.variants] == [
        ("F16", len(data)),
        ("Q2_K", len(data) + 1),
        ("Q4_K_M", len(data) + 2),
        ("Q8_0", len(data) + 3),
    ]
    assert {asked.path for asked in server.asked} == {INFO, FILES + "tiny-Q4_K_M.gguf"}
    for name in ("q8_0", "tiny-Q8_0.gguf"):
        assert look(server, variant=name).variant == "Q8_0"
    assert refused(server, variant="Q9").failure.values["file"] == "Q9"


def test_a_gguf_in_pieces_counts_whole(tmp_path: Path, server: FileServer) -> None:
    data = repositories.gguf(tmp_path, 100_000)
    files = {f"big/big-Q4_0-0000{n}-of-00002.gguf": data for n in (1, 2)}
    server.hub(REPO, COMMIT, files)
    found = look(server)
    folder = on_disk(tmp_path / "here", files)
    here = read_facts(folder / "big" / "big-Q4_0-00001-of-00002.gguf")
    assert told(found.facts) == told(here)
    assert len(found.files) == 2
    assert found.facts.parts["model"].bytes > len(data) - 100_000 - 20_000  # twice the one file's
    del files["big/big-Q4_0-00002-of-00002.gguf"]
    server.hub(REPO, COMMIT, files)
    assert refused(server).failure.code == "model.missing_file"


def test_half_precision_is_a_variant(server: FileServer) -> None:
    files = repositories.sharded()
    del files["model.safetensors.index.json"]
    half = files.pop("model-00002-of-00002.safetensors")
    whole = files.pop("model-00001-of-00002.safetensors") + bytes(1000)
    server.hub(REPO, COMMIT, {**files, "model.safetensors": whole, "model.fp16.safetensors": half})
    plain, fp16 = look(server), look(server, variant="fp16")
    assert [variant.name for variant in plain.variants] == ["", "fp16"]
    assert {file.path for file in plain.files} ^ {file.path for file in fp16.files} == {
        "model.safetensors",
        "model.fp16.safetensors",
    }
    assert plain.variants[0].bytes - fp16.variants[1].bytes == len(whole) - len(half)


# --- what is nothing for this version -----------------------------------------------------------


def test_an_unknown_kind_is_described(server: FileServer) -> None:
    config = as_json({**repositories.CONFIG, "architectures": ["NobodyKnowsThis"]})
    server.hub(REPO, COMMIT, {**repositories.sharded(), "config.json": config})
    found = look(server)
    assert (found.family, len(found.facts.parts["model"].tensors)) == (None, 31)


CODE: dict[str, dict[str, bytes]] = {
    "auto_map": {"config.json": as_json({**repositories.CONFIG, "auto_map": {"AutoModel": "x.Y"}})},
    "attention": {"config.json": as_json({**repositories.CONFIG, "_attn_implementation": "evil/kernel"})},
    "a Python file": {"modeling.py": b"print(1)"},
    "a Python file below": {"lib/modeling.py": b"print(1)"},
    "custom_pipeline": {"model_index.json": as_json({"_class_name": "X", "custom_pipeline": "me/mine"})},
    "a component of unknown origin": {
        "model_index.json": as_json({"_class_name": "StableDiffusionPipeline", "unet": ["mine", "Unet"]}),
        "unet/config.json": b"{}",
    },
    "a shard that climbs": {
        "model.safetensors.index.json": as_json({"weight_map": {"a": "../../x.safetensors"}})
    },
}


@pytest.mark.parametrize("name", CODE)
def test_code_is_refused(server: FileServer, name: str) -> None:
    server.hub(REPO, COMMIT, {**repositories.sharded(), **CODE[name]})
    assert refused(server).failure.code == "model.unsafe"


def test_pickles_are_refused(server: FileServer) -> None:
    files = {"config.json": as_json(repositories.CONFIG), "pytorch_model.bin": pickle.dumps({})}
    server.hub(REPO, COMMIT, files)
    assert refused(server).failure.code == "model.unsafe"
    server.hub(REPO, COMMIT, {"model.safetensors": pickle.dumps({"a": bytes(100)})})
    assert refused(server).failure.code == "model.unsafe"


BROKEN: dict[str, bytes] = {
    "the array of a hundred million": gguf_bytes(gguf_array("a", 8, 10**8, b"")) + bytes(50_000_000),
    "an array that goes on": gguf_bytes(gguf_array("a", 8, 2**24, b"")) + bytes(80_000_000),
    "entries that are not there": gguf_bytes(gguf_text("a", "b"), count=2),
    "no tensors behind it": gguf_bytes(gguf_text("general.architecture", "llama")).replace(
        b"\3\0\0\0" + bytes(8), b"\3\0\0\0" + struct.pack("<Q", 9)
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_gguf_is_refused_at_once(server: FileServer, name: str) -> None:
    server.hub(REPO, COMMIT, {"model.gguf": BROKEN[name]})
    assert refused(server).failure.code == "model.unrecognized"
    assert server.sent < 70_000_000


def test_weights_that_are_not_there(tmp_path: Path, server: FileServer) -> None:
    data = repositories.gguf(tmp_path, 0)
    server.hub(REPO, COMMIT, {"m.gguf": data})
    assert look(server).family is not None
    server.hub(REPO, COMMIT, {"m.gguf": data[: len(data) // 2]})
    assert refused(server).failure.code == "model.unrecognized"


HEADERS: dict[str, bytes] = {
    "a header longer than any": struct.pack("<Q", 2**40) + b'{"a":' + bytes(1000),
    "a header longer than the file": struct.pack("<Q", 5000) + b'{"a":' + bytes(1000),
    "words": b"these are only words, many of them",
    "a type of nobody": TINY.replace(b'"F32"', b'"f<>"'),
    "tensors outside": TINY.replace(b"[0, 8]", b"[0,99]"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_broken_safetensors_is_refused_at_once(server: FileServer, name: str) -> None:
    server.hub(
        REPO, COMMIT, {"config.json": as_json(repositories.CONFIG), "model.safetensors": HEADERS[name]}
    )
    assert refused(server).failure.code == "model.unrecognized"


@pytest.mark.parametrize("config", [b"{", b"[]", b"<html>", b'{"a":' * 5000, b" " * (4 * 2**20 + 1)])
def test_a_broken_configuration(server: FileServer, config: bytes) -> None:
    server.hub(REPO, COMMIT, {**repositories.sharded(), "config.json": config})
    assert refused(server).failure.code == "model.unrecognized"


def test_more_than_a_look_may_take(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "MAX_BYTES", 100_000)
    server.hub(REPO, COMMIT, repositories.sharded())
    assert refused(server).failure.code == "model.unrecognized"


def test_mutated_repositories_never_crash(server: FileServer) -> None:
    """Bits turned, pieces cut and doubled in everything that is read: an answer or a refusal."""
    rng = random.Random(7)
    files = {
        name: data for name, data in repositories.sharded().items() if name != "consolidated.safetensors"
    }
    answers = {"yes": 0, "no": 0}
    for _ in range(60):
        name = rng.choice(["config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"])
        broken = bytearray(files[name])
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(min(len(broken), 2000))
            how = rng.randrange(3)
            if how == 0:
                broken[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                del broken[at : at + rng.randint(1, 16)]
            else:
                broken[at:at] = broken[at : at + rng.randint(1, 32)]
        server.hub(REPO, COMMIT, {**files, name: bytes(broken)})
        try:
            look(server)
            answers["yes"] += 1
        except StudioError as error:
            answers["no"] += error.failure.code.startswith("model.")
    assert answers["no"] > 20, answers
    assert sum(answers.values()) == 60


# --- what servers do ----------------------------------------------------------------------------

SHARD = FILES + "model-00001-of-00002.safetensors"
HARMLESS = ["ignores ranges!", "no length!", "short", "reset", "503", "retry-after 0", "etag changes"]


@pytest.mark.parametrize("fault", HARMLESS)
def test_faults_that_are_got_over(tmp_path: Path, server: FileServer, fault: str) -> None:
    files = repositories.sharded()
    server.hub(REPO, COMMIT, files)
    server.faults[SHARD] = [fault]
    assert told(look(server).facts) == told(read_facts(on_disk(tmp_path, files)))
    assert server.sent < 0.3 * sum(map(len, files.values()))


def test_a_server_without_ranges_is_left_early(tmp_path: Path, server: FileServer) -> None:
    data = repositories.gguf(tmp_path, 60_000_000)
    server.hub(REPO, COMMIT, {"tiny-Q8_0.gguf": data})
    server.faults[FILES + "tiny-Q8_0.gguf"] = ["ignores ranges!"]
    server.pause = 0.001  # else the system's buffers swallow more than anyone read
    assert look(server).family is not None
    assert server.sent < 0.3 * len(data)


FATAL: dict[str, tuple[str, str]] = {
    "html!": ("download.failed", "models.reason.content"),
    "longer!": ("download.failed", "models.reason.content"),
    "another range!": ("download.failed", "models.reason.content"),
    "416!": ("download.failed", "models.reason.content"),
    "404!": ("download.failed", "models.reason.nowhere"),
    "redirect loop!": ("download.failed", "models.reason.nowhere"),
    "redirect http://192.0.2.1/x!": ("download.failed", "models.reason.nowhere"),
    "redirect file:///etc/passwd!": ("download.failed", "models.reason.nowhere"),
    "503!": ("download.failed", "models.reason.unreachable"),
    "retry-after 9999!": ("download.failed", "models.reason.unreachable"),
    "401!": ("model.gated", ""),
    "403!": ("model.gated", ""),
}


@pytest.mark.parametrize("what", ["config.json", "model-00001-of-00002.safetensors"])
@pytest.mark.parametrize("fault", FATAL)
def test_faults_that_end_it(server: FileServer, fault: str, what: str) -> None:
    server.hub(REPO, COMMIT, repositories.sharded())
    server.faults[FILES + what] = [fault]
    failure = refused(server).failure
    assert (failure.code, failure.values.get("reason", "")) == FATAL[fault]
    assert failure.values["name"] == REPO


def test_a_server_that_always_breaks_off(server: FileServer) -> None:
    server.hub(REPO, COMMIT, repositories.sharded())
    server.faults[FILES + "config.json"] = ["reset!"]
    assert refused(server).failure.values["reason"] == "models.reason.unreachable"
    assert len(server.of(FILES + "config.json")) == beginning.ATTEMPTS


def test_a_file_that_changes_while_it_is_read(server: FileServer) -> None:
    words = (struct.pack("<Q", 10) + b"0123456789") * 50_000  # too many for one piece
    tokens = gguf_array("tokens", 8, 50_000, words)
    server.hub(REPO, COMMIT, {"m.gguf": gguf_bytes(tokens, gguf_text("general.architecture", "llama"))})
    assert look(server).family is not None
    server.faults[FILES + "m.gguf"] = ["another etag each time!"]
    failure = refused(server).failure
    assert (failure.code, failure.values["reason"]) == ("download.failed", "models.reason.content")


def test_a_slow_server_is_not_waited_for_without_end(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MAX_SECONDS", 0.5)
    server.hub(REPO, COMMIT, repositories.sharded())
    server.piece, server.pause = 500, 0.05
    failure = refused(server).failure
    assert (failure.code, failure.values["reason"]) == ("download.failed", "models.reason.unreachable")


def test_the_token_stays_with_its_host(server: FileServer) -> None:
    files = repositories.sharded()
    with serving() as other:
        server.hub(REPO, COMMIT, files)
        other.files = dict(server.files)
        server.redirects[SHARD] = other.url + SHARD
        assert look(server, tokens={server.url: "hub-token"}).family is not None
        assert {asked.authorization for asked in server.asked} == {"Bearer hub-token"}
        assert other.asked
        assert {asked.authorization for asked in other.asked} == {None}


def test_a_mirror_gets_no_token(server: FileServer) -> None:
    server.hub(REPO, COMMIT, repositories.sharded())
    look(server, tokens={HUB: "hub-token"})
    assert {asked.authorization for asked in server.asked} == {None}


def test_not_on_the_hub(server: FileServer) -> None:
    failure = refused(server).failure
    assert (failure.code, failure.values["reason"]) == ("download.failed", "models.reason.nowhere")


@pytest.mark.parametrize("name", ["../x.json", "/etc/x.json", "a\\b.json", "con.json", "x\x1b[31m.json"])
def test_impossible_names_are_refused(server: FileServer, name: str) -> None:
    server.hub(REPO, COMMIT, {**repositories.sharded(), name: b"{}"})
    if "/" in name:  # not in the model's folder: nothing asks for it
        assert name not in {file.path for file in look(server).files}
    else:
        assert refused(server).failure.values["reason"] == "models.reason.content"


def test_every_connection_stands_under_one_reason(server: FileServer, tmp_path: Path) -> None:
    """Those of the threads that read ahead too. Loopback is no use of the network, but for this test."""
    server.hub(REPO, COMMIT, repositories.sharded())
    program = f"""
import sys
from pathlib import Path
from studio.services.downloads.messages import Probe
from studio.services.downloads.probe import probe
from studio.services.downloads.route import Route
from studio.services.network import Network
from studio.wire import offline
offline.is_local = lambda host: False
connects = []
sys.addaudithook(lambda event, args: event == "socket.connect" and connects.append(args))
network = Network(Path({str(tmp_path)!r}) / "logs")
network.start()
with network.because("a look") as traffic:
    route = Route(origin={server.url!r}, endpoints=({server.url!r},))
    probe(Probe(repo={REPO!r}, logs="", route=route), traffic)
print(len(connects))
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True)
    assert int(done.stdout) > 2  # more than one client, hence threads
    (use,) = Network(tmp_path / "logs").connections.uses()
    assert (use.why, use.hosts) == ("a look", (f"127.0.0.1:{server.port}",))
