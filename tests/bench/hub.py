"""A hub on loopback in a process of its own, with one model that benches fetch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILES = 12


def make_files(folder: Path, size: int) -> None:
    """Files of random bytes, *size* bytes all together."""
    folder.mkdir()
    for number in range(FILES):
        with (folder / f"{number:02}.safetensors").open("wb") as file:
            for _ in range(size // FILES // 1_000_000):
                file.write(os.urandom(1_000_000))


@contextmanager
def serving(files: Path) -> Iterator[str]:
    """The address of a hub with these files, which everything here asks meanwhile."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.file_server", str(files)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        os.environ["HF_ENDPOINT"] = url
        try:
            yield url
        finally:
            server.communicate()


def entry(model_id: str) -> dict[str, object]:
    """Of a manifest: a model that is these files."""
    return {
        "id": model_id,
        "family": "gguf_text",
        "tasks": ["text"],
        "title": {"en": f"Model {model_id}", "zh_CN": f"模型 {model_id}"},
        "description": {"en": "For measuring how fast it comes.", "zh_CN": "用于测量下载速度。"},
        "licence": {"id": "MIT", "url": "https://example.org/licence", "commercial": "yes"},
        "sources": [{"kind": "hub", "repo": "bench/files", "files": ["*"]}],
    }
