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
from studio.domain.cost.packed import PackedFacts, pack
from studio.domain.failure import StudioError
from studio.domain.model import Bundled, Hub, Model, Package, choices_of, in_variant
from studio.domain.text import LANGUAGES, catalogue
from studio.families.registry import cost, families
from studio.services.library.facts import facts_of_manifest, read_facts
from studio.services.library.library import Library
from studio.services.library.manifest import FACTS, STARTERS, ManifestError, read_manifest
from studio.services.library.sums import sha256_of
from studio.services.paths import ASSETS, MANIFEST
from tests.facts.known import KNOWN, TEXTS
from tests.manifest_facts import as_json_has_it, facts_for_manifest, text_of

FILES = sorted(
    file for file in MANIFEST.rglob("*.json") if file.name != "schema.json" and file.parent.name != FACTS
)
SCHEMA = json.loads((MANIFEST / "schema.json").read_text(encoding="utf-8"))


def entry(name: str) -> dict[str, Any]:
    file = next(file for file in FILES if file.stem == name)
    return json.loads(file.read_text(encoding="utf-8"))


MANIFEST_MODELS = read_manifest(MANIFEST)
LEAST = {"text": 12, "image": 20, "speech": 8, "video": 8, "upscale": 4, "model3d": 2}
LEAST |= {"control": 1, "lora": 1, "preview": 1}


def test_there_are_models_for_every_task() -> None:
    assert len(MANIFEST_MODELS) >= 60
    for task, least in LEAST.items():
        assert len([m for m in MANIFEST_MODELS.values() if task in m.tasks]) >= least, task
    sounding = [m for m in MANIFEST_MODELS.values() if {"music", "sound"} & set(m.tasks)]
    assert len(sounding) >= 5
    drawing = {m.family for m in MANIFEST_MODELS.values() if "image" in m.tasks}
    assert len(drawing) >= 20


def test_every_task_has_its_name_in_both_languages() -> None:
    tasks = {task for model in MANIFEST_MODELS.values() for task in model.tasks}
    for language in LANGUAGES:
        assert [task for task in tasks if f"task.{task}" not in catalogue(language)] == []


def test_what_cannot_run_is_coming_and_what_can_is_ready() -> None:
    for model in MANIFEST_MODELS.values():
        assert (model.family in families()) == (model.status == "ready"), model.id


def test_what_is_needed_is_there_and_needs_nothing_itself() -> None:
    for model in MANIFEST_MODELS.values():
        for needed in model.needs:
            assert MANIFEST_MODELS[needed].needs == (), model.id
            ready = MANIFEST_MODELS[needed].status == "ready"
            assert ready or model.status == "coming", model.id


def test_traps_of_licences_stand_in_the_data() -> None:
    terms = {model.id: model.licence for model in MANIFEST_MODELS.values()}
    for name in ("hunyuan-image-2.1", "hunyuanvideo-1.5-480p", "hunyuan3d-2.1", "minimax-h3"):
        assert {"EU", "GB", "KR"} <= set(terms[name].excluded), name
    assert "US" in terms["minimax-h3"].excluded
    for name in ("flux.1-dev", "flux.2-klein-9b", "qwen-image-2.1-turbo", "musicgen-small", "f5-tts"):
        assert terms[name].commercial == "no", name
    for name in ("flux.2-klein-4b", "qwen-image-2512", "qwen-image-edit-2511", "z-image-turbo"):
        assert terms[name].commercial == "yes", name
    for name, cap in (("sd-turbo", 1_000_000), ("krea-2-turbo", 1_000_000), ("ltx-2", 10_000_000)):
        assert terms[name].revenue_cap == cap, name
    assert terms["flux.1-schnell"].gated


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
    "facts from elsewhere": ("faces-dcgan", lambda e: e.update(facts="../schema")),
    "a place without a licence that may still sell": (
        "sd-turbo",
        lambda e: e["licence"].update(commercial="yes", excluded=["EU"]),
    ),
    "two sources of what it takes": ("sd-turbo", lambda e: e.update(memory_bytes=5_000_000_000)),
    "nothing of what it takes": ("flux.2-klein-4b", lambda e: e.pop("memory_bytes")),
    "a place that is no code": ("sd-turbo", lambda e: e["licence"].update(excluded=["Europe"])),
    "choices without a name of the usual one": (
        "qwen3-8b-q4",
        lambda e: e["sources"][0].pop("variant"),
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


READY = [model for model in MANIFEST_MODELS.values() if model.status == "ready"]


@pytest.mark.parametrize("model", READY, ids=lambda model: model.id)
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


DESCRIBED = [model for model in MANIFEST_MODELS.values() if model.facts]
PINNED = [model for model in DESCRIBED if model.files]
NOT_KNOWN = {"minicpm5-1b-q4"}  # nobody here has its configuration
HERE = (Bundled, Package)  # planned from what lies here


def test_all_that_can_run_can_be_planned_before_it_is_here() -> None:
    ready = {m.id for m in READY if not any(isinstance(source, HERE) for source in m.sources)}
    assert ready - {model.id for model in DESCRIBED} == NOT_KNOWN


def test_no_words_say_what_is_planned() -> None:
    """A description with a figure of memory and a plan of another would contradict each other."""
    for model in DESCRIBED:
        assert not any("GB" in words for words in model.description.values()), model.id


@pytest.mark.parametrize("model", DESCRIBED, ids=lambda model: model.id)
def test_facts_fit_the_sizes(model: Model) -> None:
    """Everything but the header is weights; a size that nobody has weighed may be a little off."""
    facts = facts_of_manifest(model)
    assert facts is not None
    assert model.bytes is not None
    weights = sum(part.bytes for part in facts.parts.values())
    least, most = (0.97, 1.04) if model.approximate else (0.97, 1.0)
    assert least * model.bytes < weights < most * model.bytes
    spec = families()[model.family]
    values = {parameter.name: parameter.default for parameter in spec.parameters_for(model)}
    assert cost(model.family).cost(facts, values).parts[0].elements > 1e6


def test_a_wrong_size_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        test_facts_fit_the_sizes(msgspec.structs.replace(DESCRIBED[-1], bytes=1_000))


@pytest.mark.parametrize("name", TEXTS)
def test_computed_facts_are_those_that_are_written(name: str) -> None:
    assert _written(name) == as_json_has_it(pack(KNOWN[name]()))


def test_every_file_of_facts_is_used_and_can_be_made_again() -> None:
    there = {file.stem for file in (MANIFEST / FACTS).glob("*.json")}
    assert there == {model.facts for model in DESCRIBED}
    assert there - set(KNOWN) == {model.facts for model in PINNED}


def _written(name: str) -> PackedFacts:
    return msgspec.json.decode((MANIFEST / FACTS / f"{name}.json").read_bytes(), type=PackedFacts)


@pytest.mark.parametrize("model", PINNED, ids=lambda model: model.id)
def test_facts_are_those_of_the_files(model: Model) -> None:
    """Where the files are: nothing that a cost is counted from differs."""
    models = os.environ.get("STUDIO_TEST_MODELS")
    library = Library(Path(models)) if models else None
    if library is None or not library.entry(model.id).installed:
        pytest.skip("the model is not in STUDIO_TEST_MODELS")
    folder = library.folder_of(model.id)
    assert facts_for_manifest(folder) == _written(model.facts)
    spec, counted = families()[model.family], cost(model.family)
    values = {parameter.name: parameter.default for parameter in spec.parameters_for(model)}
    told, here = facts_of_manifest(model), read_facts(folder)
    assert told is not None
    assert _in_order(counted.cost(told, values)) == _in_order(counted.cost(here, values))


def _in_order(cost: Cost) -> Cost:
    """The order in which tensors were met does not count."""
    stages = [msgspec.structs.replace(s, ops=tuple(sorted(s.ops, key=repr))) for s in cost.stages]
    return msgspec.structs.replace(cost, stages=tuple(stages))


def test_facts_lie_as_they_are_written() -> None:
    for file in (MANIFEST / FACTS).glob("*.json"):
        assert text_of(_written(file.stem)) == file.read_text(encoding="utf-8"), file.name


# --- other forms of a model --------------------------------------------------------------------------


WITH_CHOICES = [model for model in READY if choices_of(model)]


@pytest.mark.parametrize("model", WITH_CHOICES, ids=lambda model: model.id)
def test_every_choice_can_be_planned_and_fits_its_size(model: Model) -> None:
    names = [choice.name for choice in choices_of(model)]
    assert len(names) == len(set(names)) > 1
    for choice in choices_of(model)[1:]:
        chosen = in_variant(model, choice.name.lower())
        hub = next(source for source in chosen.sources if isinstance(source, Hub))
        assert (chosen.bytes, hub.files, hub.variant) == (choice.bytes, choice.files, choice.name)
        assert [c.name for c in choices_of(chosen)] == [choice.name, *(n for n in names if n != choice.name)]
        facts = facts_of_manifest(chosen)
        assert facts is not None
        weights = sum(part.bytes for part in facts.parts.values())
        assert 0.87 * choice.bytes < weights < 1.1 * choice.bytes, choice.name  # mixed with finer types


def test_a_form_that_is_not_offered_is_refused() -> None:
    with pytest.raises(KeyError):
        in_variant(WITH_CHOICES[0], "Q1_0")


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
