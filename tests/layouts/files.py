"""The stripped headers of `tests/data/layouts`, as tensors or as files of the real size that hold nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.cost.packed import PackedFacts, unpack
from studio.services.library.headers import Tensor

FOLDER = Path(__file__).parents[1] / "data" / "layouts"
BYTES = {"F16": 2, "BF16": 2, "F32": 4, "F8_E4M3": 1}


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def layout(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a fixture, without data, and what it must be recognised as."""
    found = msgspec.json.decode((FOLDER / f"{name}.json").read_bytes())
    packed = {"layout": "safetensors", "parts": {"model": {"config": {}, "tensors": found["tensors"]}}}
    facts = unpack(msgspec.convert(packed, PackedFacts))
    tensors = {t.name: Tensor(t.type, t.shape, (0, 0)) for t in facts.parts["model"].tensors}
    return tensors, found["expected"]


def write_file(path: Path, name: str) -> int:
    """A file with the header of the layout *name* and a hole for its data; returns its size."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "title": path.stem}}
    end = 0
    for tensor, entry in layout(name)[0].items():
        length = math.prod(entry.shape) * BYTES[entry.dtype]
        header[tensor] = {"dtype": entry.dtype, "shape": entry.shape, "data_offsets": (end, end + length)}
        end += length
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    with path.open("wb") as file:
        file.write(len(words).to_bytes(8, "little") + words)
        file.truncate(8 + len(words) + end)
    return 8 + len(words) + end
