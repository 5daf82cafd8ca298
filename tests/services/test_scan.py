"""Models of other programs: found where they keep them, told apart, used in place, and left as they were."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from studio.services.library.library import Library
from studio.services.scan import places
from studio.services.scan.places import Spot, defaults, spot_of
from studio.services.scan.scan import Scan, duplicates, is_as_named, scan
from tests.fakes.model_files import TINY, gguf, gguf_text, safetensors, write

QWEN = (
    gguf(gguf_text("general.architecture", "qwen2"), gguf_text("general.name", "Qwen2 small")) + b"\0" * 600
)
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
WEIGHTS = safetensors({"weight": ("F32", [200], b"\0" * 800)})
EMBEDDING = safetensors({"emb_params": ("F32", [1, 768], b"\0" * 3072)})
COMMIT = "a" * 40


def tree(folder: Path) -> str:
    """A hash of every name, content, time of change and target of a link below *folder*."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        content = str(path.readlink()).encode() if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)}|{about.st_mtime_ns}|{about.st_mode}|".encode() + content)
    return digest.hexdigest()


def titles(found: Scan) -> dict[str, str]:
    return {seen.title: seen.finding.kind for seen in found.found}


def troubles(found: Scan) -> list[str]:
    return [each.key for each in found.trouble]


# --- programs -----------------------------------------------------------------------------------


def hub_cache(folder: Path) -> Path:
    repository = folder / "models--owner--name"
    blob = repository / "blobs" / hashlib.sha256(WEIGHTS).hexdigest()
    write(repository, {f"blobs/{blob.name}": WEIGHTS, "refs/main": COMMIT.encode()})
    snapshot = repository / "snapshots" / COMMIT
    write(snapshot, {"config.json": LLAMA})
    (snapshot / "model.safetensors").symlink_to(Path("../../blobs") / blob.name)
    write(folder / "models--a--q" / "snapshots" / ("b" * 40), {"q4.gguf": QWEN, "readme.md": b"x" * 900})
    write(folder / "datasets--a--b" / "snapshots" / COMMIT, {"x.safetensors": WEIGHTS})
    (folder / "models--broken--one" / "blobs").mkdir(parents=True)
    return folder


def test_the_hub_cache(tmp_path: Path) -> None:
    found = scan([Spot(places.HUB, hub_cache(tmp_path))])
    assert titles(found) == {"owner/name": "model", "a/q/q4.gguf": "model"}
    assert all(seen.finding.runnable for seen in found.found)
    whole = next(seen for seen in found.found if seen.title == "owner/name")
    assert (whole.finding.family, whole.finding.precision) == ("transformers_text", "F32")
    assert whole.finding.bytes == len(WEIGHTS) + (Path(whole.finding.path) / "config.json").stat().st_size
    assert spot_of(tmp_path).program == places.HUB


def test_the_older_layout_of_the_hub_cache(tmp_path: Path) -> None:
    name = "c" * 64 + "." + "d" * 64
    address = {"url": "https://hub.example/owner/name/resolve/main/model.safetensors", "etag": "x"}
    write(tmp_path, {name: EMBEDDING, f"{name}.json": address, "e" * 64: WEIGHTS, "note.txt": b"x"})
    found = scan([Spot(places.HUB, tmp_path)])
    assert titles(found) == {"owner/name/model.safetensors": "embedding"}


def test_ollama(tmp_path: Path) -> None:
    digest = hashlib.sha256(QWEN).hexdigest()
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": 1}
    template = layer | {"mediaType": "application/vnd.ollama.image.template"}
    climbing = layer | {"digest": "sha256:../../../etc/passwd"}
    manifest = {"layers": [layer, template, climbing, "nonsense", layer | {"digest": f"sha256:{'0' * 64}"}]}
    write(
        tmp_path,
        {
            f"blobs/sha256-{digest}": QWEN,
            "manifests/registry.ollama.ai/library/qwen2/0.5b": manifest,
            "manifests/registry.ollama.ai/someone/qwen2/latest": manifest,
            "manifests/registry.ollama.ai/library/broken/1": b"{",
        },
    )
    found = scan([spot_of(tmp_path)])
    (seen,) = found.found  # one blob, whatever names it has
    assert (seen.program, seen.title, seen.finding.family) == (places.OLLAMA, "qwen2:0.5b", "gguf_text")
    assert troubles(found) == ["scan.unreadable"]
    assert seen.sha256 == digest
    assert is_as_named(seen)
    Path(seen.finding.path).write_bytes(QWEN + b"changed")
    assert not is_as_named(seen)


EXTRA = """
other_disk:
    base_path: {base}
    checkpoints: checkpoints
    loras: |
        loras
        more/loras
    custom_nodes: nodes
elsewhere:
    vae: {vae}
nothing:
"""


def comfy(folder: Path, **more: bytes) -> Path:
    write(folder / "ComfyUI", {"models/checkpoints/a.safetensors": WEIGHTS, "models/loras/put_here": b""})
    other = write(
        folder / "disk",
        {
            "checkpoints/b.safetensors": WEIGHTS,
            "loras/c.safetensors": WEIGHTS,
            "more/loras/d.safetensors": WEIGHTS,
            "nodes/e.safetensors": WEIGHTS,
        },
    )
    write(folder / "vae", {"f.safetensors": WEIGHTS})
    words = EXTRA.format(base=other, vae=folder / "vae").encode()
    write(folder / "ComfyUI", {"extra_model_paths.yaml": more.get("words", words)})
    return folder / "ComfyUI"


def test_comfyui_and_its_other_folders(tmp_path: Path) -> None:
    found = scan([spot_of(comfy(tmp_path))])
    assert list(titles(found)) == [f"{letter}.safetensors" for letter in "abcdf"]
    assert {seen.program for seen in found.found} == {places.COMFY}


BAD_YAML: dict[str, bytes] = {
    "code": b"a:\n  base_path: !!python/object/apply:os.system ['touch canary']\n  x: y\n",
    "broken": b"a: [",
    "another shape": b"- 1\n- 2\n",
    "sections that are none": b"a: text\nb: 3\nc: [1]\nd:\n  base_path: 3\n  x: [1]\n  y: 5\n",
    "not UTF-8": b"a:\n  base_path: \xff\xfe\n",
    "growing": b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n",
    "deep": b"[" * 5000,
    "folders that are not there": b"a:\n  base_path: /nowhere/at/all\n  x: y\n",
    "large": b"# " + b"x" * 2**21,
    "a NUL": b'a:\n  base_path: x\n  b: "a\\0b"\n',
}


@pytest.mark.parametrize("name", BAD_YAML)
def test_a_bad_list_of_folders_names_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    found = scan([spot_of(comfy(tmp_path, words=BAD_YAML[name]))])
    assert list(titles(found)) == ["a.safetensors"]
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("program", [places.WEBUI, places.FORGE])
def test_a1111_and_forge(tmp_path: Path, program: str) -> None:
    files: dict[str, Any] = {
        "models/Stable-diffusion/a.safetensors": WEIGHTS,
        "embeddings/b.safetensors": EMBEDDING,
        "venv/lib/c.safetensors": WEIGHTS,
        "extensions/d.safetensors": WEIGHTS,
    }
    if program == places.FORGE:
        files["modules_forge/x.py"] = b""
    spot = spot_of(write(tmp_path, files))
    assert spot.program == program
    assert titles(scan([spot])) == {"a.safetensors": "unknown", "b.safetensors": "embedding"}


def test_lm_studio_jan_and_gpt4all_by_default(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".lmstudio/models/maker/model-GGUF/model-Q4_K_M.gguf": QWEN,
            ".local/share/Jan/data/llamacpp/models/tiny/model.gguf": QWEN,
            ".local/share/nomic.ai/GPT4All/falcon.gguf": QWEN,
            "ComfyUI/models/vae/x.safetensors": WEIGHTS,
            "ComfyUI/comfy/x.py": b"",
        },
    )
    spots = defaults({}, "linux", tmp_path)
    programs = {spot.program for spot in spots}
    assert programs >= {places.LM_STUDIO, places.JAN, places.GPT4ALL, places.COMFY}
    found = scan(spot for spot in spots if tmp_path in spot.folder.parents)
    assert set(titles(found)) == {"model-Q4_K_M.gguf", "tiny", "falcon.gguf", "x.safetensors"}


def test_places_that_the_environment_names(tmp_path: Path) -> None:
    for name in ("hub", "store", "home/hub"):
        (tmp_path / name).mkdir(parents=True)
    named = {"HF_HUB_CACHE": str(tmp_path / "hub"), "OLLAMA_MODELS": str(tmp_path / "store")}
    folders = {spot.folder for spot in defaults(named, "linux", tmp_path / "x")}
    assert folders >= {tmp_path / "hub", tmp_path / "store"}
    assert tmp_path / "home" / "hub" in {
        spot.folder for spot in defaults({"HF_HOME": str(tmp_path / "home")}, "linux", tmp_path / "x")
    }
    for platform in ("win32", "darwin", "linux"):
        assert all(spot.folder.is_dir() for spot in defaults({}, platform, tmp_path / "x"))


# --- folders that lie or are broken -------------------------------------------------------------


def test_links_in_circles_and_outwards(tmp_path: Path) -> None:
    inside = write(tmp_path / "inside", {"a.safetensors": WEIGHTS})
    outside = write(tmp_path / "outside", {"b.safetensors": WEIGHTS})
    (inside / "again").symlink_to(inside)
    (inside / "up").symlink_to(tmp_path)
    (inside / "out").symlink_to(outside)
    (inside / "nowhere.safetensors").symlink_to(tmp_path / "none")
    (inside / "self.safetensors").symlink_to(inside / "self.safetensors")
    (inside / "c.safetensors").symlink_to(outside / "b.safetensors")
    found = scan([Spot("", inside)])
    assert list(titles(found)) == ["a.safetensors", "c.safetensors"]
    assert troubles(found) == ["scan.outside", "scan.outside"]


def test_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").symlink_to("/dev/zero")
    began = time.monotonic()
    assert scan([Spot("", tmp_path)]).found == ()
    assert time.monotonic() - began < 30


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs file permissions")
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"closed/a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS, "c.safetensors": WEIGHTS})
    (tmp_path / "closed").chmod(0)
    (tmp_path / "b.safetensors").chmod(0)
    found = scan([Spot("", tmp_path)])
    (tmp_path / "closed").chmod(0o700)
    assert troubles(found) == ["scan.unreadable"]
    failures = {seen.title: seen.finding.failure.code for seen in found.found if seen.finding.failure}
    assert failures == {"b.safetensors": "model.missing", "c.safetensors": "model.unrecognized"}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for program in ("", places.HUB, places.COMFY, places.WEBUI, places.OLLAMA):
        assert scan([Spot(program, tmp_path / "none")]).found == ()


def test_strange_names_and_depths(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 30)
    write(deep, {"a.safetensors": WEIGHTS})
    write(tmp_path, {"我的 模型/型号 <b>.safetensors": WEIGHTS, "\u202egnp.safetensors": WEIGHTS})
    found = scan([Spot("", tmp_path)])
    assert len(found.found) == 2
    assert troubles(found) == ["scan.too_many"]


def test_model_folders_are_one_and_shards_too(tmp_path: Path) -> None:
    index = {"_class_name": "WanPipeline", "vae": ["diffusers", "AutoencoderKLWan"]}
    write(
        tmp_path,
        {
            "wan/model_index.json": index,
            "wan/vae/config.json": {},
            "wan/vae/diffusion_pytorch_model.safetensors": TINY,
            "llama/config.json": LLAMA,
            "llama/model.safetensors": WEIGHTS,
            "vae/config.json": {"_class_name": "AutoencoderKL"},
            "vae/diffusion_pytorch_model.safetensors": WEIGHTS,
            "lora/adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "owner/base"},
            "lora/adapter_model.safetensors": WEIGHTS,
            "g/q-00001-of-00002.gguf": QWEN,
            "g/q-00002-of-00002.gguf": QWEN,
        },
    )
    found = {seen.title: seen.finding for seen in scan([Spot("", tmp_path)]).found}
    kinds = {title: finding.kind for title, finding in found.items()}
    assert kinds == {
        "g/q-00001-of-00002.gguf".rpartition("/")[2]: "model",
        "llama": "model",
        "lora": "lora",
        "vae": "vae",
        "wan": "model",
    }
    assert (found["wan"].name, found["wan"].failure.code) == ("Wan", "model.not_yet")  # type: ignore[union-attr]
    assert found["lora"].bases == ("owner/base",)
    assert found["llama"].runnable


# --- what is done with it -----------------------------------------------------------------------


async def test_nothing_of_other_programs_changes(tmp_path: Path) -> None:
    """Looked through, compared, added, resolved, forgotten: every byte and every time as before."""
    cache = hub_cache(tmp_path / "theirs")
    comfy(tmp_path / "theirs")
    before = tree(tmp_path / "theirs")
    found = scan([spot_of(cache), spot_of(tmp_path / "theirs" / "ComfyUI")])
    duplicates(found.found)
    library = Library(tmp_path / "ours")
    for seen in found.found:
        if seen.finding.runnable:
            entry = await library.add(Path(seen.finding.path))
            assert library.resolve(entry.model.id).source.path == entry.model.id
            await library.forget(entry.model.id)
    assert tree(tmp_path / "theirs") == before
    (tmp_path / "theirs" / "new").write_bytes(b"")
    assert tree(tmp_path / "theirs") != before  # the hash would have seen it


def test_duplicates(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.safetensors": WEIGHTS, "b/y.safetensors": WEIGHTS, "c.safetensors": EMBEDDING})
    (tmp_path / "d.safetensors").symlink_to(tmp_path / "c.safetensors")
    os.link(tmp_path / "c.safetensors", tmp_path / "e.safetensors")
    (tmp_path / "z.safetensors").write_bytes(WEIGHTS[:-1] + b"\1")  # as large, and not the same
    found = scan([Spot("", tmp_path)]).found
    ((first, second),) = duplicates(found)
    assert {first.title, second.title} == {"x.safetensors", "y.safetensors"}
    assert duplicates(found, stopped=lambda: True) == []


def test_only_equal_sizes_are_read_to_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.services.scan import scan as module

    read: list[Path] = []
    monkeypatch.setattr(module, "sha256_of", lambda path: read.append(path) or "x")
    write(tmp_path, {"a.safetensors": WEIGHTS, "b.safetensors": EMBEDDING})
    assert duplicates(scan([Spot("", tmp_path)]).found) == []
    assert read == []


def test_it_can_be_stopped_and_tells_how_far_it_is(tmp_path: Path) -> None:
    write(tmp_path, {f"{n}.safetensors": WEIGHTS for n in range(9)})
    told: list[int] = []
    found = scan(
        [Spot("", tmp_path)], progress=lambda count, _: told.append(count), stopped=lambda: len(told) >= 3
    )
    assert (len(found.found), told) == (3, [1, 2, 3])


def test_a_finding_can_be_written_down(tmp_path: Path) -> None:
    import msgspec

    write(tmp_path, {"a.safetensors": EMBEDDING})
    (seen,) = scan([Spot("", tmp_path)]).found
    assert json.loads(msgspec.json.encode(seen))["finding"]["bases"] == ["Stable Diffusion 1.x"]
