"""What results say of themselves comes back whole, and a hostile file says nothing."""

from __future__ import annotations

import random
import struct
import time
import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.domain.infotext import CHUNK, LIMIT
from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.record import Record, encode_record, sidecar
from studio.domain.request import Request
from studio.engine.save import Saver
from studio.families.registry import family
from studio.services import metadata
from studio.wire.messages import Run

REQUEST = Request(
    task="image",
    family="stable_diffusion",
    model="icons",
    values={
        "prompt": '红苹果, "quoted"\nsecond line',
        "negative": "Steps: 1, Seed: 2",
        "size": [64, 64],
        "steps": 25,
        "guidance": 4.0,
        "scheduler": "ddim",
        "seed": 7,
        "count": 4,
    },
    device="cpu",
    threads=2,
)
NOISE = np.random.default_rng(1)


@pytest.fixture
def saver(tmp_path):
    model = ModelSource(id="icons", family="stable_diffusion", title="Icons, small")
    run = Run(job="j", request=REQUEST, model=model, plan=Plan(device="cpu"), outputs=str(tmp_path))
    return Saver(run, family("stable_diffusion"), "cpu")


def picture(size=(8, 8)) -> Image.Image:
    return Image.fromarray(NOISE.integers(0, 255, (*size, 3), dtype=np.uint8))


def saved(saver, kind: str, index: int = 2) -> Path:
    sound = np.sin(np.arange(2400) / 20).astype(np.float32)
    artifact = {
        "png": lambda: saver.image(picture(), index=index, seed=7 + index),
        "wav": lambda: saver.audio(sound, 24_000, index=index, seed=7 + index),
        "flac": lambda: saver.audio(sound, 24_000, index=index, seed=7 + index, format="flac"),
        "txt": lambda: saver.text("words", index=index),
        "glb": lambda: saver.other(b"glTF....", extension="glb", media_type="model/gltf-binary", index=index),
    }[kind]()
    return Path(artifact.path)


@pytest.mark.parametrize("kind", ["png", "wav", "flac", "txt", "glb"])
def test_every_kind_of_result_comes_back(saver, kind):
    path = saved(saver, kind)
    assert path.suffix == f".{kind}"
    found = metadata.read(path)
    own = 9 if kind in ("png", "wav", "flac") else 7
    assert found.request == msgspec.structs.replace(REQUEST, values={**REQUEST.values, "seed": own})
    assert found.values == found.request.values
    assert (found.record.index, found.model) == (2, "Icons, small")
    assert metadata.read_request(path) == found.request


@pytest.mark.parametrize("kind", ["png", "wav", "flac"])
def test_the_content_decides_not_the_name(saver, kind, tmp_path):
    other = saved(saver, kind).rename(tmp_path / "a.bin")
    assert metadata.read_request(other) is not None


def test_values_come_back_as_the_family_takes_them(saver):
    request = metadata.read_request(saved(saver, "png", index=0))
    complete = family("stable_diffusion").complete(request.values)
    assert complete["size"] == (64, 64)
    assert complete["prompt"] == REQUEST.prompt


def png(path: Path, **texts) -> Path:
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text, zip=name.endswith("_z"))
    picture().save(path, pnginfo=info)
    return path


A1111 = (
    "a cat, 猫\nNegative prompt: dog\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x768, Model: v1-5, Eta: 0.1"
)


def test_pictures_of_other_programs(tmp_path):
    found = metadata.read(png(tmp_path / "a.png", parameters=A1111))
    assert found.request is None
    assert metadata.read_request(tmp_path / "a.png") is None
    assert found.model == "v1-5"
    assert found.other == {"Eta": "0.1"}
    assert found.values == {
        "prompt": "a cat, 猫",
        "negative": "dog",
        "steps": 20,
        "scheduler": "euler_a",
        "guidance": 7.0,
        "seed": 5,
        "size": (512, 768),
    }


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("international", [False, True])
def test_all_kinds_of_text_chunks(tmp_path, zipped, international):
    info = PngInfo()
    (info.add_itxt if international else info.add_text)(
        "parameters", "häuser\nSteps: 3, Seed: 1, Size: 8x8", zip=zipped
    )
    picture().save(tmp_path / "a.png", pnginfo=info)
    assert metadata.read(tmp_path / "a.png").values["prompt"] == "häuser"


def test_texts_behind_the_pixels(tmp_path):
    path = png(tmp_path / "a.png")
    data = path.read_bytes()
    end = data.rindex(b"IEND") - 4
    path.write_bytes(data[:end] + chunk(b"tEXt", b"parameters\0late") + data[end:])
    assert metadata.read(path).values == {"prompt": "late"}


def test_ours_is_believed_before_the_other(saver, tmp_path):
    path = saved(saver, "png")
    with Image.open(path) as image:
        assert set(image.text) >= {CHUNK, "parameters"}
    assert metadata.read(path).record is not None
    newer = encode_record(msgspec.structs.replace(Record(request=REQUEST, version="9"), format=99)).decode()
    found = metadata.read(png(tmp_path / "new.png", **{CHUNK: newer, "parameters": A1111}))
    assert found.request is None  # not understood, so what can be is read
    assert found.values["prompt"] == "a cat, 猫"


# --- hostile ----------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    body = kind + data
    return (
        struct.pack(">I", len(data) if length is None else length)
        + body
        + struct.pack(">I", zlib.crc32(body))
    )


def bomb(size: int) -> bytes:
    return zlib.compress(b"Steps: 1, " * (size // 10))


HEAD = metadata.PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0))
NAME = CHUNK.encode()
DEEP = b"[" * 400_000
HOSTILE = {
    "empty": b"",
    "head": HEAD,
    "half": HEAD[:11],
    "length lies": HEAD + chunk(b"tEXt", b"parameters\0x", 2**31 - 1),
    "length within": HEAD + chunk(b"tEXt", b"parameters\0x", LIMIT),
    "long text": HEAD + chunk(b"tEXt", b"parameters\0" + b"a" * (LIMIT + 1)),
    "long itxt": HEAD + chunk(b"iTXt", NAME + b"\0\0\0\0\0" + b"a" * (LIMIT + 1)),
    "bomb": HEAD + chunk(b"zTXt", b"parameters\0\0" + bomb(300 * LIMIT)),
    "itxt bomb": HEAD + chunk(b"iTXt", NAME + b"\0\1\0\0\0" + bomb(300 * LIMIT)),
    "broken zip": HEAD + chunk(b"zTXt", b"parameters\0\0" + b"\xff" * 50),
    "no text": HEAD + chunk(b"iTXt", NAME),
    "no parts": HEAD + chunk(b"iTXt", NAME + b"\0\1\0"),
    "deep json": HEAD + chunk(b"tEXt", NAME + b"\0" + DEEP),
    "deep values": HEAD
    + chunk(b"tEXt", NAME + b'\0{"request":{"task":"t","family":"f","model":"m","values":{"a":' + DEEP),
    "wrong types": HEAD + chunk(b"tEXt", NAME + b'\0{"request": 5, "version": []}'),
    "not utf-8": HEAD + chunk(b"iTXt", NAME + b"\0\0\0\0\0" + b"\xff\xfe{"),
    "a million chunks": HEAD + b"\0\0\0\0tEXt\0\0\0\0" * 400_000,
    "wav": b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\xff\xff\xff\xffINFO" + b"ICMT\xff\xff\xff\xff{}",
    "wav zeros": b"RIFF\0\0\0\0WAVE" + b"LIST\x04\0\0\0INFO" * 100_000,
    "wav odd": b"RIFF\x10\0\0\0WAVELIST\x03\0\0\0INF",
    "flac": b"fLaC" + b"\x04\x0f\xff\xff" + b"\xff" * 100,
    "flac count": b"fLaC" + b"\x84\0\0\x10" + b"\xff\xff\xff\xff" * 4,
    "flac empty": b"fLaC" + b"\x04\0\0\0" * 100_000,
    "flac entries": b"fLaC" + b"\x84\x10\0\0" + b"\0" * 2**20,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_says_nothing(tmp_path, name):
    path = tmp_path / "a"
    path.write_bytes(HOSTILE[name])
    began = time.process_time()
    assert metadata.read_request(path) is None
    assert time.process_time() - began < 10


def test_a_huge_text_is_not_swallowed_whole(tmp_path):
    import tracemalloc

    path = tmp_path / "a"
    path.write_bytes(HOSTILE["bomb"])
    tracemalloc.start()
    metadata.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * LIMIT


def test_a_sidecar_that_is_too_large_or_wrong(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("words")
    for content in (b" " * (LIMIT + 1), b"[]", b"\0", DEEP):
        sidecar(path).write_bytes(content)
        assert metadata.read(path) is None


def test_what_cannot_be_opened(tmp_path):
    assert metadata.read(tmp_path / "absent.png") is None
    assert metadata.read(tmp_path) is None


def test_damaged_files_never_raise(saver):
    rng = random.Random(1)
    for kind in ("png", "wav", "flac"):
        path = saved(saver, kind)
        whole = path.read_bytes()
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(rng.randrange(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.3 else data)
            metadata.read(path)
