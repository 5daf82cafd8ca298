"""Every file of the manifest is right: by the schema, the domain, the family, and the files themselves."""

from __future__ import annotations

import copy
import importlib.metadata
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from studio.domain.cost.cost import Cost
from studio.domain.failure import StudioError
from studio.domain.model import Bundled, DataWheels, Hub, Package
from studio.domain.text import LANGUAGES
from studio.families.registry import cost, families
from studio.services.library.facts import facts_of_manifest, read_facts
from studio.services.library.library import Library
from studio.services.library.manifest import STARTERS, ManifestError, read_manifest
from studio.services.library.sums import sha256_of
from studio.services.paths import ASSETS, MANIFEST
from tests.manifest_facts import entry_with, facts_for_manifest

FILES = sorted(file for file in MANIFEST.rglob("*.json") if file.name != "schema.json")
SCHEMA = json.loads((MANIFEST / "schema.json").read_text(encoding="utf-8"))


def entry(name: str) -> dict[str, Any]:
    return json.loads(next(MANIFEST.rglob(f"{name}.json")).read_text(encoding="utf-8"))


def test_there_are_models() -> None:
    assert len(FILES) >= 10


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_follows_the_schema(file: Path) -> None:
    jsonschema.validate(entry(file.stem), SCHEMA, jsonschema.Draft202012Validator)


BREAKS = {
    "starter without hashes": ("faces-dcgan", lambda e: e.pop("files")),
    "starter without a size": ("faces-dcgan", lambda e: e.pop("bytes")),
    "starter with a guessed size": ("faces-dcgan", lambda e: e.update(approximate="somebody said so")),
    "starter's hub without a commit": (
        "qwen2.5-coder-0.5b-instruct-q4",
        lambda e: e["sources"][0].pop("revision"),
    ),
    "bundled without hashes": ("starter-icons", lambda e: (e.pop("starter"), e.pop("files"))),
    "hub model with a hash": (
        "sd-turbo",
        lambda e: e.update(files=[{"path": "a", "bytes": 1, "sha256": "0" * 64}]),
    ),
    "hub model with a commit": ("sd-turbo", lambda e: e["sources"][0].update(revision="0" * 40)),
    "size without its source": ("sd-turbo", lambda e: e.pop("approximate")),
    "limits that are not told": ("sd-turbo", lambda e: e["licence"].pop("restrictions")),
    "one language only": ("sd-turbo", lambda e: e["title"].pop("zh_CN")),
    "a climbing path": ("faces-dcgan", lambda e: e["files"][0].update(path="../config.json")),
    "an unknown field": ("faces-dcgan", lambda e: e.update(colour="blue")),
    "facts without a type": (
        "faces-dcgan",
        lambda e: e["facts"]["parts"]["model"]["tensors"].append(["main.99.weight", [1], 4]),
    ),
    "an unknown source": ("faces-dcgan", lambda e: e["sources"][0].update(kind="torrent")),
}


@pytest.mark.parametrize("name", BREAKS)
def test_schema_refuses(name: str) -> None:
    model, breaks = BREAKS[name]
    broken = copy.deepcopy(entry(model))
    breaks(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA, jsonschema.Draft202012Validator)


def test_domain_reads_all_in_order() -> None:
    models = read_manifest(MANIFEST)
    assert set(models) == {file.stem for file in FILES}
    assert [model.order for model in models.values()] == sorted(model.order for model in models.values())


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"id": "x"}', '{"id": "y", "family": "f", "tasks": []}', "\udcff"]
)
def test_broken_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ManifestError, match=r"x\.json"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("model", read_manifest(MANIFEST).values(), ids=lambda model: model.id)
def test_family_takes_the_model(model: Any) -> None:
    spec = families()[model.family]
    assert set(model.tasks) <= set(spec.tasks)
    names = {parameter.name for parameter in spec.parameters}
    assert set(model.parameters) <= names
    for parameter in spec.parameters_for(model):
        if model.parameters.get(parameter.name):
            parameter.check(parameter.default)  # raises for a default outside its own limits
    for prompts in model.examples.values():
        for prompt in prompts:
            spec.complete({"prompt": prompt} if "prompt" in names else {}, model)


def test_a_default_outside_its_limits_would_be_seen() -> None:
    spec = families()["stable_diffusion"]
    model = read_manifest(MANIFEST)["starter-icons"]
    size = next(p for p in spec.parameters_for(model) if p.name == "size")
    with pytest.raises(StudioError):
        size.check((512, 512))


@pytest.mark.parametrize("model", read_manifest(MANIFEST).values(), ids=lambda model: model.id)
def test_pinned_files_are_what_they_are(model: Any) -> None:
    """Bundled files hash to what the manifest says, and so do a package's of the version that is pinned."""
    for source in model.sources:
        if isinstance(source, Bundled):
            folder = ASSETS / "models" / source.path
            there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
            assert there == {file.path for file in model.files}
            assert (folder / "README.md").exists(), "a card goes with the weights"
        elif isinstance(source, Package):
            spec = importlib.util.find_spec(source.module)
            assert spec is not None
            assert spec.submodule_search_locations
            folder = Path(spec.submodule_search_locations[0]) / source.path
            distribution = importlib.metadata.packages_distributions()[source.module][0]
            if importlib.metadata.version(distribution) != source.version:
                pytest.skip(f"{distribution} is another version here")
        else:
            continue
        for file in model.files:
            path = folder / file.path
            assert (path.stat().st_size, sha256_of(path)) == (file.bytes, file.sha256), file.path
        assert model.bytes == sum(file.bytes for file in model.files)


FETCHED = [model for model in read_manifest(MANIFEST).values() if model.facts]


def test_what_no_hub_has_carries_its_facts() -> None:
    """A hub can be asked for headers; the pieces in wheels cannot."""
    kinds = {
        model.id: {type(source) for source in model.sources} for model in read_manifest(MANIFEST).values()
    }
    assert {model.id for model in FETCHED} == {name for name, types in kinds.items() if DataWheels in types}


@pytest.mark.parametrize("model", FETCHED, ids=lambda model: model.id)
def test_facts_fit_the_sizes(model: Any) -> None:
    """Everything but the header is weights."""
    facts = facts_of_manifest(model)
    weights = sum(part.bytes for part in facts.parts.values())
    assert 0.97 * model.bytes < weights < model.bytes
    spec = families()[model.family]
    values = {parameter.name: parameter.default for parameter in spec.parameters_for(model)}
    assert cost(model.family).cost(facts, values).parts[0].elements > 1e6


@pytest.mark.parametrize("model", FETCHED, ids=lambda model: model.id)
def test_facts_are_those_of_the_files(model: Any) -> None:
    """Where the files are: nothing that a cost is counted from differs."""
    models = os.environ.get("STUDIO_TEST_MODELS")
    library = Library(Path(models)) if models else None
    if library is None or not library.entry(model.id).installed:
        pytest.skip("the model is not in STUDIO_TEST_MODELS")
    folder = library.folder_of(model.id)
    assert facts_for_manifest(folder) == model.facts
    spec, counted = families()[model.family], cost(model.family)
    values = {parameter.name: parameter.default for parameter in spec.parameters_for(model)}
    told, here = facts_of_manifest(model), read_facts(folder)
    assert told is not None
    assert _in_order(counted.cost(told, values)) == _in_order(counted.cost(here, values))


def _in_order(cost: Cost) -> Cost:
    """The order in which tensors were met does not count."""
    stages = [msgspec.structs.replace(s, ops=tuple(sorted(s.ops, key=repr))) for s in cost.stages]
    return msgspec.structs.replace(cost, stages=tuple(stages))


def test_facts_are_written_into_the_entry_as_they_stand() -> None:
    for model in FETCHED:
        text = next(MANIFEST.rglob(f"{model.id}.json")).read_text(encoding="utf-8")
        assert entry_with(text, model.facts) == text


def test_nothing_bundled_is_large() -> None:
    sizes = {path: path.stat().st_size for path in (ASSETS / "models").rglob("*") if path.is_file()}
    assert sizes
    assert max(sizes.values()) <= 30_000_000


def test_starters_cover_every_task_without_a_hub() -> None:
    starters = [model for model in read_manifest(MANIFEST).values() if model.starter]
    assert starters == list(read_manifest(MANIFEST / STARTERS).values())  # where they are looked for
    assert {task for model in starters for task in model.tasks} == {"text", "image", "speech"}
    for model in starters:
        assert any(not isinstance(source, Hub) for source in model.sources), model.id
        assert model.licence.commercial == "yes"


def test_words_are_complete() -> None:
    for model in read_manifest(MANIFEST).values():
        for words in (
            model.title,
            model.description,
            model.licence.restrictions or dict.fromkeys(LANGUAGES, "-"),
        ):
            assert set(words) == set(LANGUAGES), model.id
