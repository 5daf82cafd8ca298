"""A small world to download in: a model in wheels and on a hub, an index, and a library to put it in."""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from studio.services.downloads.downloads import Downloads
from studio.services.library.library import Library
from studio.services.library.manifest import STARTERS
from tests.fakes.file_server import FileServer
from tests.fakes.model_files import gguf, gguf_text, wheel_bytes

COMMIT = "c0ffee" * 6 + "c0ff"
REPO = "maker/tiny-gguf"
TARGET = "tiny.gguf"


class Shop:
    """`content` is the model's one file; `server` has it in wheels and in a hub's repository."""

    def __init__(
        self, folder: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, *, size: int = 900_000
    ) -> None:
        self.folder, self.server = folder, server
        self.content = gguf(gguf_text("general.architecture", "qwen2")) + random.Random(size).randbytes(size)
        self.models, self.manifest, self.logs = folder / "模型 folder", folder / "manifest", folder / "logs"
        self.manifest.mkdir()
        third = len(self.content) // 3 + 1
        self.wheels: list[dict[str, Any]] = []
        files: dict[str, tuple[str, bytes]] = {}
        for n in range(3):
            name, member = f"tiny-part{n}", f"tiny_part{n}/data/part{n}.bin"
            data = wheel_bytes(name, "1.0.0", {member: self.content[n * third : (n + 1) * third]})
            files[f"tiny_part{n}-1.0.0-py3-none-any.whl"] = (name, data)
            self.wheels.append(
                {
                    "name": name,
                    "version": "1.0.0",
                    "bytes": len(data),
                    "sha256": sha256(data),
                    "member": member,
                }
            )
        self.index_files = files
        index = server.index(files, as_json=True)
        server.hub(REPO, COMMIT, {TARGET: self.content, "README.md": b"# Tiny", "run.py": b"print(1)"})
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", index)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.delenv("STUDIO_DATA_WHEELS", raising=False)

    @property
    def data_wheels(self) -> dict[str, Any]:
        return {"kind": "data_wheels", "wheels": self.wheels, "target": TARGET}

    @property
    def hub(self) -> dict[str, Any]:
        return {"kind": "hub", "repo": REPO, "files": [TARGET, "*.md"]}

    def add(self, model_id: str, *sources: dict[str, Any], **changes: Any) -> None:
        """List a model in the manifest."""
        entry: dict[str, Any] = {
            "id": model_id,
            "family": "gguf_text",
            "tasks": ["text"],
            "title": {"en": f"The {model_id}", "zh_CN": model_id},
            "description": {"en": "-", "zh_CN": "-"},
            "licence": {"id": "MIT", "url": "https://example.org/licence", "commercial": "yes"},
            "sources": list(sources),
            "bytes": len(self.content),
            **changes,
        }
        folder = self.manifest / STARTERS if entry.get("starter") else self.manifest
        folder.mkdir(exist_ok=True)
        (folder / f"{model_id}.json").write_text(json.dumps(entry), encoding="utf-8")

    def pinned(self) -> list[dict[str, Any]]:
        return [{"path": TARGET, "bytes": len(self.content), "sha256": sha256(self.content)}]

    def library(self) -> Library:
        return Library(self.models, manifest=self.manifest, assets=self.folder / "assets")

    def folder_of(self, model_id: str) -> Path:
        return self.library().folder_of(model_id)

    def downloads(self, **options: Any) -> Downloads:
        return Downloads(self.library(), self.logs, **options)

    def left(self) -> list[str]:
        """Every file in the models' folder but locks and the memory of hashes."""
        return sorted(
            path.relative_to(self.models).as_posix()
            for path in self.models.rglob("*")
            if path.is_file() and path.suffix != ".lock" and path.name != ".sums.json"
        )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
