"""Stored models made of a few small files, as a download leaves them, and what can be told of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from studio.domain.licence import Licence
from studio.domain.model import Model, ModelFile
from studio.services.store.errand import Errand
from studio.services.store.record import OLD_NAME, Accepted, OldRecord, Record, write_record
from studio.services.store.store import Store, Stored
from studio.services.store.verify import verify
from tests.fakes.model_files import gguf, gguf_text, write
from tests.services.shops import sha256

CONTENT = gguf(gguf_text("general.architecture", "qwen2")) + b"x" * 3000
FILES = {"m.gguf": CONTENT, "tokenizer/words.json": b'{"a": 1}', "empty.txt": b""}
PLACE = "maker--tiny/c0ffeec0ffee"


def listed(files: dict[str, bytes]) -> tuple[ModelFile, ...]:
    return tuple(ModelFile(path=path, bytes=len(data), sha256=sha256(data)) for path, data in files.items())


def described(model_id: str) -> Model:
    return Model(
        id=model_id,
        family="gguf_text",
        tasks=("text",),
        title={"en": f"The {model_id}", "zh_CN": f"模型 {model_id}"},
        description={"en": "-", "zh_CN": "-"},
        licence=Licence(id="MIT", url="https://example.org/licence", commercial="yes"),
        bytes=sum(map(len, FILES.values())),
    )


def record(model_id: str = "tiny", place: str = PLACE, files: dict[str, bytes] = FILES) -> Record:
    return Record(
        ids=(model_id,),
        place=place,
        source="hub",
        origin="https://example.org/maker/tiny",
        commit="c0ffee" * 6 + "c0ff",
        files=listed(files),
        licence=Accepted(id="MIT", url="https://example.org/licence", text="Do as you like.\n", date=1.0),
        installed=2.0,
        model=msgspec.Raw(msgspec.json.encode(described(model_id))),
    )


def put(root: Path, model_id: str = "tiny", place: str = PLACE, files: dict[str, bytes] = FILES) -> Path:
    """A whole model below *root*."""
    folder = write(root / place, dict(files))
    write_record(folder, record(model_id, place, files))
    return folder


def put_old(root: Path, model_id: str = "tiny") -> Path:
    """As an earlier version left it."""
    old = OldRecord(
        id=model_id,
        source="hub",
        origin="https://example.org/maker/tiny",
        commit="c0ffee" * 6 + "c0ff",
        files=listed(FILES),
        licence="MIT",
        accepted=1.0,
        installed=2.0,
    )
    return write(root / model_id, {**FILES, OLD_NAME: msgspec.json.encode(old)})


def whole(stored: Iterable[Stored]) -> list[Stored]:
    return [each for each in stored if verify(each.folder, each.record.files, Errand()).whole]


def only(store: Store) -> Stored:
    (stored,) = store.stored()
    return stored


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below *folder* but locks, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def elsewhere(tmp_path: Path) -> Path | None:
    """A folder on another file system than *tmp_path*, None where there is none."""
    memory = Path("/dev/shm")
    if (
        not memory.is_dir()
        or memory.stat().st_dev == tmp_path.stat().st_dev
        or not os.access(memory, os.W_OK)
    ):
        return None
    return memory
