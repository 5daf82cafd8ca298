"""Ollama's store: manifests that name blobs by their hashes. A blob is a GGUF file without an ending."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from studio.services.library.headers import HeaderError, read_json
from studio.services.scan.walk import Trouble

MODEL = "application/vnd.ollama.image.model"
PROJECTOR = "application/vnd.ollama.image.projector"
ADAPTER = "application/vnd.ollama.image.adapter"
MAX_MANIFESTS = 10_000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Blob(Struct, frozen=True):
    """`name` as Ollama shows it, "llama3:8b"; `sha256` in hex, as its manifest says."""

    name: str
    file: Path
    sha256: str


def blobs(store: Path, trouble: Callable[[Trouble], object]) -> Iterator[Blob]:
    """The model files that the manifests in *store* name and that are there, by name."""
    manifests = store / "manifests"
    for number, manifest in enumerate(sorted(file for file in manifests.rglob("*") if file.is_file())):
        if number >= MAX_MANIFESTS:
            trouble(Trouble(str(manifests), "scan.too_many"))
            return
        try:
            layers = read_json(manifest).get("layers")
        except (HeaderError, OSError):
            trouble(Trouble(str(manifest), "scan.unreadable"))
            continue
        for layer in cast("list[Any]", layers) if isinstance(layers, list) else []:
            if blob := _blob(store, _name(manifest, manifests), layer):
                yield blob


def _blob(store: Path, name: str, layer: Any) -> Blob | None:
    if not isinstance(layer, dict):
        return None
    about = cast("dict[str, Any]", layer)
    digest = str(about.get("digest", ""))
    if about.get("mediaType") not in (MODEL, PROJECTOR, ADAPTER) or not _DIGEST.fullmatch(digest):
        return None
    for file in (store / "blobs" / digest.replace(":", "-"), store / "blobs" / digest):
        if file.is_file():
            return Blob(name, file, digest.removeprefix("sha256:"))
    return None


def _name(manifest: Path, root: Path) -> str:
    """ "registry.ollama.ai/library/llama3/8b" is called "llama3:8b"; other owners keep their names."""
    *before, tag = manifest.relative_to(root).parts
    rest = [part for part in before[1:] if part != "library"] or before
    return f"{'/'.join(rest)}:{tag}"
