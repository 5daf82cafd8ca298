"""A real studio that writes: language models of a few bytes, and the fake engine with answers to order."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from studio.services import basis
from studio.services import studio as composition
from studio.services.engine.supervisor import Engine
from studio.services.library.library import Library
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.fakes.model_files import gguf, gguf_number, gguf_text, write
from tests.fakes.tiny_text import write_gguf
from tests.services.engines import QUICK, command

TOKENS = {"prompt": 40, "generated": 60, "per_second": 25.0, "context": 4096}
CONTEXT = 4096


def answer(*text: str, **more: Any) -> dict[str, Any]:
    """What the fake engine does for one prompt."""
    return {"steps": {"load": 1, "prompt": 1}, "text": text, "tokens": TOKENS, "finish": "stop", **more}


def model_file(*, chat: bool) -> bytes:
    """A GGUF file without weights, and nothing else missing."""
    entries = [gguf_text("general.architecture", "llama"), gguf_number("llama.context_length", CONTEXT)]
    return gguf(*entries, *([gguf_text("tokenizer.chat_template", "{{ messages }}")] if chat else []))


def studio_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, real: bool = False, **jobs: dict[str, Any]
) -> Studio:
    """Not started. *jobs*: what the engine does, by prompt; *real*: tiny real models on the real engine."""
    assets, manifest = folder / "assets", folder / "manifest"
    for name, chat in (("chat", True), ("base", False)):
        file = write(assets / "models" / name, {"m.gguf": model_file(chat=chat)}) / "m.gguf"
        if real:
            write_gguf(file, chat=chat, context=CONTEXT)
        entry = {
            "id": name,
            "family": "gguf_text",
            "tasks": ["text"],
            "title": {"en": f"The {name} model", "zh_CN": f"模型 {name}"},
            "description": {"en": "-", "zh_CN": "-"},
            "licence": {"id": "MIT", "url": "https://example.org/", "commercial": "yes"},
            "sources": [{"kind": "bundled", "path": name}],
            "files": [{"path": "m.gguf", "bytes": file.stat().st_size}],
            "examples": {"en": ["Say hello.", "Say <b>goodbye</b>."], "zh_CN": ["说你好。"]},
            "order": 1 if chat else 2,
        }
        write(manifest, {f"{name}.json": entry})
    here = functools.partial(Library, manifest=manifest, assets=assets)
    monkeypatch.setattr(basis, "Library", here)
    if not real:
        engine = command(folder, jobs=jobs or {"": answer("Hello", " there.")})
        monkeypatch.setattr(composition, "Engine", lambda _, log: Engine(engine, log, QUICK))
    studio = Studio(Paths.under(folder / "home").create())
    studio.settings.change(keep_awake=False)
    return studio


@asynccontextmanager
async def writing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, real: bool = False, **jobs: dict[str, Any]
) -> AsyncIterator[Studio]:
    studio = studio_at(folder, monkeypatch, real=real, **jobs)
    await studio.start()
    try:
        yield studio
    finally:
        await studio.close()
