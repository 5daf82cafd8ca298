"""What the engine saves: the files, their names, and what they say about themselves."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from studio import __version__
from studio.domain.artifact import Artifact
from studio.domain.infotext import CHUNK, parse_infotext
from studio.domain.record import decode_record, sidecar
from studio.wire.files import PART
from studio.wire.messages import Done, Saved
from tests.engine.process import EngineProcess

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
LABEL = {
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
}


def saved(engine: EngineProcess, **values: object) -> list[Artifact]:
    ended = engine.run(**values)
    assert isinstance(ended, Done), ended
    return [message.artifact for message in engine.of(Saved)]


def one(engine: EngineProcess, **values: object) -> Artifact:
    [artifact] = saved(engine, **values)
    return artifact


def no_parts(folder: Path) -> bool:
    return not list(folder.rglob(f"*{PART}"))


# --- names ------------------------------------------------------------------------------------------


def test_names_are_numbered_by_day_and_never_reused(engine: EngineProcess) -> None:
    first, second = saved(engine, prompt="A red apple, on/a table!", count=2)
    third = one(engine, prompt="今天的天气很好")
    paths = [Path(artifact.path) for artifact in (first, second, third)]
    assert len({path.parent for path in paths}) == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", paths[0].parent.name)
    assert paths[0].parent.parent == engine.outputs
    assert [path.name for path in paths] == [
        "00001-7-a-red-apple-on-a-table.png",
        "00002-8-a-red-apple-on-a-table.png",
        "00003-7-今天的天气很好.png",
    ]
    assert no_parts(engine.outputs)
    for artifact, path in zip((first, second, third), paths, strict=True):
        data = path.read_bytes()
        assert artifact.sha256 == hashlib.sha256(data).hexdigest()
        assert artifact.bytes == len(data)


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("", "00001-7.png"),
        ("../../etc/passwd", "00001-7-etc-passwd.png"),
        ("a\u202egnp.exe", "00001-7-a-gnp-exe.png"),
        ("CON", "00001-7-con.png"),
        ("x" * 500, f"00001-7-{'x' * 40}.png"),
        ("\n\0\t:*?", "00001-7.png"),
    ],
)
def test_a_prompt_cannot_make_a_bad_name(engine: EngineProcess, prompt: str, name: str) -> None:
    assert Path(one(engine, prompt=prompt).path).name == name


def test_an_exact_path_is_obeyed_and_nothing_is_replaced(engine: EngineProcess, tmp_path: Path) -> None:
    exact = tmp_path / "new folder" / "apple.png"
    assert one(engine, exact=exact).path == str(exact)
    before = exact.read_bytes()
    failure = engine.failure(exact=exact, seed=9)
    assert failure.code == "output.unwritable"
    assert failure.values["path"] == str(exact)
    assert exact.read_bytes() == before
    assert one(engine, exact=exact, seed=9, overwrite=True).path == str(exact)
    assert exact.read_bytes() != before
    assert no_parts(tmp_path)


def test_an_exact_path_for_several(engine: EngineProcess, tmp_path: Path) -> None:
    artifacts = saved(engine, exact=tmp_path / "apple.png", count=3)
    assert [Path(a.path).name for a in artifacts] == ["apple-1.png", "apple-2.png", "apple-3.png"]


def test_a_wrong_suffix_is_completed(engine: EngineProcess, tmp_path: Path) -> None:
    assert Path(one(engine, exact=tmp_path / "apple.jpg").path).name == "apple.jpg.png"
    assert Path(one(engine, act="sound", exact=tmp_path / "word").path).name == "word.wav"


# --- what they say ----------------------------------------------------------------------------------


def test_a_png_says_how_it_was_made(engine: EngineProcess) -> None:
    prompt = 'a "red" apple, <b>&amp; 苹果'
    second = saved(engine, prompt=prompt, steps=3, count=2)[1]
    with Image.open(second.path) as image:
        texts = dict(image.text)
    record = decode_record(texts[CHUNK])
    assert record is not None
    assert record.request.values["prompt"] == prompt
    assert record.request.values["steps"] == 3
    assert (record.request.family, record.device) == ("sample", "cpu")
    assert (record.index, record.seed, record.version) == (1, 8, __version__)
    assert record.libraries["torch"].startswith("2.")
    a1111 = parse_infotext(texts["parameters"])
    assert (a1111["prompt"], a1111["steps"], a1111["seed"]) == (prompt, 3, 8)
    assert str(Path.home()) not in str(texts)


def test_a_png_carries_both_labels(engine: EngineProcess) -> None:
    with Image.open(one(engine, prompt="an <apple> & a pear").path) as image:
        texts = dict(image.text)
    packet = ET.fromstring(texts["XML:com.adobe.xmp"])
    find = lambda space, name: next(packet.iter(f"{{{space}}}{name}")).text  # noqa: E731
    assert find("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "DigitalSourceType") == SOURCE
    label = json.loads(find("http://www.tc260.org.cn/ns/AIGC/1.0/", "AIGC"))
    assert label.keys() == LABEL
    assert label["Label"] == "1"
    assert label["ContentProducer"] == "AIGC Studio"
    assert re.fullmatch(r"[0-9a-f]{32}", label["ProduceID"])
    assert decode_record(texts[CHUNK]).label == label


def test_the_chinese_label_is_the_user_s_choice(engine: EngineProcess) -> None:
    with Image.open(one(engine, label=False).path) as image:
        texts = dict(image.text)
    assert SOURCE in texts["XML:com.adobe.xmp"]
    assert "ContentProducer" not in str(texts)


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """A second engine, which has done nothing yet."""
    engine = EngineProcess(tmp_path_factory.mktemp("another"))
    yield engine
    engine.close()


@pytest.mark.parametrize("values", [{}, {"act": "sound"}, {"act": "sound", "format": "flac"}])
def test_the_same_request_gives_the_same_bytes(
    engine: EngineProcess, another: EngineProcess, values: dict
) -> None:
    first, again = one(engine, **values), one(engine, **values)
    other = one(engine, seed=8, **values)
    assert first.path != again.path
    assert first.sha256 == again.sha256 != other.sha256
    assert one(another, **values).sha256 == first.sha256


def chunks(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 0
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def test_a_wav_is_a_wav_and_says_how_it_was_made(engine: EngineProcess) -> None:
    artifact = one(engine, act="sound", prompt="你好")
    assert (artifact.media_type, artifact.seconds) == ("audio/wav", 0.1)
    samples, rate = soundfile.read(artifact.path, dtype="float32")
    assert rate == 24000
    wave = np.sin(np.arange(2400, dtype=np.float32) / 10) * 0.5
    assert np.abs(samples - wave).max() < 1e-4
    data = Path(artifact.path).read_bytes()
    riff = chunks(data)[b"RIFF"]
    assert len(riff) == len(data) - 8
    inside = chunks(riff[4:])
    assert list(inside)[:2] == [b"fmt ", b"data"]
    info = chunks(inside[b"LIST"][4:])
    assert decode_record(info[b"ICMT"].rstrip(b"\0")).request.prompt == "你好"
    assert json.loads(info[b"AIGC"].rstrip(b"\0")).keys() == LABEL
    assert SOURCE.encode() in inside[b"_PMX"]


def test_a_flac_is_a_flac_and_says_how_it_was_made(engine: EngineProcess) -> None:
    artifact = one(engine, act="sound", format="flac", prompt="你好 " * 5000)
    assert artifact.media_type == "audio/flac"
    with soundfile.SoundFile(artifact.path) as file:
        assert (file.samplerate, file.frames, file.channels) == (24000, 2400, 1)
        assert len(file.read()) == 2400
        assert decode_record(file.comment).request.prompt == "你好 " * 5000
    data = Path(artifact.path).read_bytes()
    assert f"DIGITALSOURCETYPE={SOURCE}".encode() in data
    assert b'AIGC={"Label":"1"' in data


def test_the_suffix_chooses_the_sound_s_format(engine: EngineProcess, tmp_path: Path) -> None:
    artifact = one(engine, act="sound", format="wav", exact=tmp_path / "word.flac")
    assert (artifact.media_type, soundfile.info(artifact.path).format) == ("audio/flac", "FLAC")


def test_a_text_has_its_record_beside_it(engine: EngineProcess, tmp_path: Path) -> None:
    path = Path(one(engine, act="write", prompt="count").path)
    assert path.name == "00001-7-count.txt"
    assert path.read_bytes() == "one two 三".encode()
    record = decode_record(sidecar(path).read_bytes())
    assert record.request.prompt == "count"
    assert record.label.keys() == LABEL
    exact = Path(one(engine, act="write", exact=tmp_path / "poem.md").path)
    assert sorted(p.name for p in exact.parent.glob("poem*")) == ["poem.md", "poem.md.json"]


def test_a_strange_file_beside_a_text_is_not_replaced(engine: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "poem.txt.json").write_text("mine")
    assert engine.failure(act="write", exact=tmp_path / "poem.txt").code == "output.unwritable"
    assert (tmp_path / "poem.txt.json").read_text() == "mine"
    assert not (tmp_path / "poem.txt").exists()


# --- where nothing can be saved ---------------------------------------------------------------------


@pytest.mark.parametrize("place", ["file", "under a file"])
def test_a_folder_that_cannot_be(engine: EngineProcess, tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").write_text("a file")
    engine.outputs = tmp_path / "taken" if place == "file" else tmp_path / "taken" / "deeper"
    failure = engine.failure()
    assert failure.code == "output.unwritable"
    assert str(engine.outputs) in failure.values["path"]
    assert failure.values["reason"]


def can_unshare() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode == 0


needs_mounts = pytest.mark.skipif(not can_unshare(), reason="this system lets no user mount: unshare -rm")


@needs_mounts
@pytest.mark.parametrize("room", [0, 60])
def test_a_full_disk(start: Callable[..., EngineProcess], tmp_path: Path, room: int) -> None:
    """With no room even for a folder, and with room for some of the results."""
    disk = tmp_path / "disk"
    disk.mkdir()
    fill = f"head -c $((1048576 - {room} * 1024)) /dev/zero > {disk}/filler 2>/dev/null"
    script = f'mount -t tmpfs -o size=1m none {disk} && {{ {fill}; exec "$@"; }}'
    engine = start(wrap=("unshare", "-rm", "sh", "-c", script, "engine"))
    engine.outputs = disk
    for n in range(40):
        ended = engine.run(seed=n)
        if not isinstance(ended, Done):
            break
    assert ended.failure.code == "disk.full"
    assert str(disk) in ended.failure.values["path"]
    assert (n > 0) == (room > 0)
    inside = Path(f"/proc/{engine.pid}/root{disk}")
    assert no_parts(inside)
    kept = list(inside.rglob("*.png"))
    assert len(kept) == n
    for path in kept:
        Image.open(path).verify()
    engine.outputs = tmp_path / "elsewhere"
    assert isinstance(engine.run(), Done)


@needs_mounts
def test_a_disk_that_may_not_be_written(start: Callable[..., EngineProcess], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=1m,ro none {disk} && exec "$@"'
    engine = start(wrap=("unshare", "-rm", "sh", "-c", script, "engine"))
    engine.outputs = disk
    assert engine.failure().code == "output.unwritable"
