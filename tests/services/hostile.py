"""Hundreds of files that would run something, and how they fare: `python -m tests.services.hostile FOLDER`.

Each is looked at and then converted. Every payload would make the file `canary` in FOLDER. Prints how many
there were, which were let through, and whether the canary is there, as JSON. Its test runs it under strace.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.services.library.convert import CheckpointError, to_safetensors
from studio.services.library.identify import identify
from tests.fakes.model_files import checkpoint, pickled_tensor
from tests.services.payloads import opcodes, payloads

GOOD = pickled_tensor("0", 6, (2, 3), (3, 1))
DATA = struct.pack("<6f", *range(6))
NAMES = ("m.pt", "m.ckpt", "m.bin", "m.safetensors", "m.gguf", "model")


def pickled(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Every payload in every protocol, and pickles that no pickler writes."""
    for name in sorted(payloads(canary)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                yield f"{name}, protocol {protocol}", pickle.dumps(payloads(canary)[name], protocol)
            except (TypeError, ValueError, AttributeError):  # some cannot be written in old protocols
                continue
    yield from sorted(opcodes(canary).items())


def write_all(folder: Path, canary: Path) -> dict[str, Path]:
    """The files by what is hostile in them."""
    found: dict[str, Path] = {}

    def put(what: str, data: bytes) -> None:
        place = folder / f"{len(found):04}"
        place.mkdir(parents=True)
        file = place / NAMES[len(found) % len(NAMES)]
        file.write_bytes(data)
        found[what] = file

    touch = next(data for name, data in pickled(canary) if name.startswith("os.system, protocol 2"))
    for name, data in pickled(canary):
        put(f"{name}, in a checkpoint", zipped(folder, {"m/data.pkl": data, "m/data/0": DATA}))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        evil = pickle.dumps(payloads(canary)["os.system"], protocol)
        put(f"bare, protocol {protocol}", evil)
        put(f"gzipped, protocol {protocol}", gzip.compress(evil))
        put(f"deflated, protocol {protocol}", zlib.compress(evil))
        put(f"behind a magic of GGUF, protocol {protocol}", b"GGUF" + evil)
        put(f"behind a header of safetensors, protocol {protocol}", struct.pack("<Q", 2) + b"{}" + evil)
        put(
            f"behind a good pickle, protocol {protocol}",
            zipped(folder, {"m/data.pkl": GOOD + evil, "m/data/0": DATA}),
        )
    inner = zipped(folder, {"m/data.pkl": touch})
    for name, files in archives(touch, inner).items():
        put(name, zipped(folder, files))
    put("in a tar", tarred({"data.pkl": touch, "pickle": touch}))
    put(
        "an old torch file", b"".join([pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), touch])
    )
    put(
        "an array of NumPy's with objects", b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + b" " * 118 + touch
    )
    put("compressed", zipped(folder, {"m/data.pkl": touch}, zipfile.ZIP_DEFLATED))
    put("before an archive", touch + inner)
    put("behind an archive without tensors", inner + touch)
    return found


def archives(touch: bytes, inner: bytes) -> dict[str, dict[str, bytes]]:
    return {
        "a checkpoint in a checkpoint": {"m/data.pkl": inner},
        "a .pt inside": {"m/inner.pt": inner, "m/data/0": DATA},
        "two of them": {"a/data.pkl": touch, "b/data.pkl": touch},
        "code beside it": {"m/data.pkl": touch, "m/code/__torch__.py": b"import os"},
        "constants of TorchScript": {"m/data.pkl": touch, "m/constants.pkl": touch},
        "a name that climbs": {"../data.pkl": touch},
        "an absolute name": {"/data.pkl": touch},
        "a name of Windows": {"m\\data.pkl": touch},
        "deeper": {"m/n/data.pkl": touch},
        "with a byte order": {"m/data.pkl": touch, "m/byteorder": b"little"},
        "as data": {"m/data.pkl": pickle.dumps({}), "m/data/0": touch},
        "as a version": {"m/data.pkl": pickle.dumps([]), "m/version": touch},
    }


def zipped(folder: Path, files: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    del folder
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return data.getvalue()


def let_through(file: Path) -> str:
    """What was done with a hostile file that should not have been; empty if nothing was."""
    finding = identify(file)
    if finding.runnable:
        return "taken for a model"
    target = file.with_name("out")
    try:
        to_safetensors(file, target)
    except CheckpointError:
        left = [each.name for each in file.parent.iterdir() if each != file]
        return f"left behind: {left}" if left else ""
    return "converted"


def main() -> None:
    folder = Path(sys.argv[1])
    canary = folder / "canary"
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 1  # only each so manieth, for a quick look
    files = write_all(folder / "files", canary)
    chosen = dict(list(files.items())[::every])
    before = os.getpid()
    through: dict[str, Any] = {what: how for what, file in chosen.items() if (how := let_through(file))}
    good = checkpoint(folder / "good.pt", GOOD, {"0": DATA})
    to_safetensors(good, folder / "good.safetensors")  # so that a converter that refuses all is seen
    told = {
        "files": len(chosen),
        "let_through": through,
        "canary": canary.exists(),
        "alive": os.getpid() == before,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
