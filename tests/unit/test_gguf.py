from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from studio.domain.gguf import GgufError, read_metadata
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


def test_an_array_is_stepped_over() -> None:
    array = entry("list", 9, struct.pack("<IQ3I", 4, 3, 1, 2, 3))
    assert read_metadata(header(2, array, entry("after", 7, b"\x01"))) == {"after": True}
