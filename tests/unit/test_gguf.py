from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from studio.domain.gguf import TYPES, GgufError, read_header, read_metadata
from tests.fakes.tiny_text import TEMPLATE, write_gguf


def header(entries: int, *parts: bytes) -> io.BytesIO:
    return io.BytesIO(b"GGUF" + struct.pack("<IQQ", 3, 0, entries) + b"".join(parts))


def entry(key: str, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value


def test_it_reads_what_a_real_file_says(tmp_path: Path) -> None:
    with write_gguf(tmp_path / "tiny.gguf", context=512).open("rb") as file:
        found = read_metadata(file)
    assert found["general.architecture"] == "llama"
    assert found["llama.context_length"] == 512
    assert found["tokenizer.chat_template"] == TEMPLATE
    assert "tokenizer.ggml.tokens" not in found


def test_a_base_model_has_no_template(tmp_path: Path) -> None:
    with write_gguf(tmp_path / "tiny.gguf", chat=False).open("rb") as file:
        assert "tokenizer.chat_template" not in read_metadata(file)


@pytest.mark.parametrize(
    "stream",
    [
        io.BytesIO(b""),
        io.BytesIO(b"PK\x03\x04" + bytes(40)),
        io.BytesIO(b"GGUF" + struct.pack("<IQQ", 99, 0, 0)),
        header(2**40),
        header(1),
        header(1, entry("a", 77, bytes(8))),
        header(1, entry("a", 8, struct.pack("<Q", 2**60))),
        header(1, entry("a", 9, struct.pack("<IQ", 4, 10**8))),
        header(1, entry("a", 9, struct.pack("<IQ", 8, 10**7))),
        header(1, entry("a", 9, struct.pack("<IQ", 4, 10**6))),
        header(1, entry("a", 9, struct.pack("<IQ", 9, 2))),
    ],
    ids=["empty", "zip", "version", "entries", "cut", "type", "string", "array", "strings", "ends", "nested"],
)
def test_what_is_not_a_header_is_refused_at_once(stream: io.BytesIO) -> None:
    with pytest.raises(GgufError):
        read_metadata(stream)


def test_a_long_array_is_stepped_over_and_a_short_one_is_kept() -> None:
    short = entry("short", 9, struct.pack("<IQ3I", 4, 3, 1, 2, 3))
    long = entry("long", 9, struct.pack("<IQ", 4, 5000) + bytes(20_000))
    found = read_metadata(header(3, long, short, entry("after", 7, b"\x01")))
    assert found == {"short": (1, 2, 3), "after": True}


def test_the_tensors_are_those_that_the_library_reads(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf", context=512)
    with path.open("rb") as file:
        _, tensors = read_header(file)
    theirs = {t.name: (t.tensor_type.name, tuple(t.shape.tolist())[::-1], t.n_bytes) for t in _library(path)}
    assert {t.name: (t.type, t.shape, t.bytes) for t in tensors} == theirs
    assert len(tensors) > 5


def _library(path: Path) -> list:
    from gguf import GGUFReader

    return GGUFReader(path).tensors


def test_every_type_has_the_size_that_the_library_gives_it() -> None:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    for number, (name, block, size) in TYPES.items():
        kind = GGMLQuantizationType(number)
        assert (kind.name, GGML_QUANT_SIZES[kind]) == (name, (block, size))


def test_a_tensor_of_an_unknown_type_is_refused() -> None:
    tensor = struct.pack("<Q", 1) + b"a" + struct.pack("<IQIQ", 1, 32, 4000, 0)
    stream = io.BytesIO(b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor)
    with pytest.raises(GgufError, match="tensor type"):
        read_header(stream)
