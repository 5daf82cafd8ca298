"""What is here, what is offered, and what a request gets: whole files or a clear error, in both languages."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.domain import text
from studio.domain.failure import StudioError
from studio.domain.model import ModelFile
from studio.services.library import sums
from studio.services.library.library import Library
from studio.services.paths import ASSETS, MANIFEST
from studio.services.store.record import NAME, Accepted, Record, write_record
from tests.fakes.model_files import gguf, gguf_text, write

CONTENT = gguf(gguf_text("general.architecture", "qwen2")) + b"x" * 500


def model(model_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": model_id,
        "family": "gguf_text",
        "tasks": ["text"],
        "title": {"en": f"The {model_id}", "zh_CN": f"模型 {model_id}"},
        "description": {"en": "-", "zh_CN": "-"},
        "licence": {"id": "MIT", "url": "https://example.org/", "commercial": "yes"},
        "sources": [{"kind": "hub", "repo": "a/b", "files": ["m.gguf"]}],
        "languages": ["en"],
        **changes,
    }


class Home:
    """A library in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.models, self.manifest, self.assets = folder / "models", folder / "manifest", folder / "assets"
        self.manifest.mkdir()

    def add(self, model_id: str, **changes: Any) -> None:
        (self.manifest / f"{model_id}.json").write_text(
            json.dumps(model(model_id, **changes)), encoding="utf-8"
        )

    def install(self, model_id: str) -> Path:
        """As a download does."""
        place = f"a--b/{'c' * 12}+{model_id}"
        folder = write(self.models / place, {"m.gguf": CONTENT})
        file = ModelFile(path="m.gguf", bytes=len(CONTENT), sha256=sums.sha256_of(folder / "m.gguf"))
        record = Record(
            ids=(model_id,),
            place=place,
            source="hub",
            origin="https://example.org/a/b",
            commit="c" * 40,
            files=(file,),
            licence=Accepted(id="MIT", date=1.0),
            installed=2.0,
        )
        write_record(folder, record)
        return folder / "m.gguf"

    def library(self) -> Library:
        return Library(self.models, manifest=self.manifest, assets=self.assets)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def refusal(act: Callable[[], object]) -> StudioError:
    """The error of *act*, which has words and a hint in both languages."""
    with pytest.raises(StudioError) as caught:
        act()
    failure = caught.value.failure
    for language in text.LANGUAGES:
        text.set_language(language)
        for words in (failure.message, failure.hint):
            assert words
            assert not words.startswith("failure."), words
            assert "{" not in words, words
    text.set_language("en")
    return caught.value


def code_of(act: Callable[[], object]) -> str:
    return refusal(act).failure.code


# --- what there is ------------------------------------------------------------------------------


def test_the_studios_own(tmp_path: Path) -> None:
    """Nothing fetched yet: the bundled one and the one in a package are here by nature."""
    library = Library(tmp_path)
    here = {entry.model.id for entry in library.entries() if entry.installed}
    assert here == {"starter-icons", "hibari-en"}
    starters = [entry.model.id for entry in library.starters()]
    assert set(starters) == {"starter-icons", "hibari-en", "qwen2.5-coder-0.5b-instruct-q4", "faces-dcgan"}
    for task, first in (("image", "starter-icons"), ("speech", "hibari-en")):
        entry = library.default(task)
        assert entry is not None
        assert entry.model.id == first
    assert library.default("text") is None


def test_looking_into_a_package_does_not_import_it(tmp_path: Path) -> None:
    import subprocess

    program = (
        "import sys; from pathlib import Path; from studio.services.library.library import Library\n"
        f"library = Library(Path({str(tmp_path)!r}))\n"
        "assert library.entry('hibari-en').installed\n"
        "source = library.resolve('hibari-en').source\n"
        "print(source.path, [m for m in ('hibari', 'torch', 'onnxruntime', 'PySide6') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ASSETS.parent
    )
    path, _, loaded = done.stdout.strip().partition(" ")
    assert loaded == "[]"
    spec = importlib.util.find_spec("hibari")
    assert spec
    assert spec.submodule_search_locations
    assert path == spec.submodule_search_locations[0]


def test_order_task_and_status(home: Home) -> None:
    home.add("b", order=5)
    home.add("a", order=5)
    home.add("z", order=1)
    home.add("picture", tasks=["image"])
    home.add("later", status="coming")
    library = home.library()
    assert [entry.model.id for entry in library.entries("text")] == ["z", "a", "b", "later"]
    assert [entry.model.id for entry in library.entries("image")] == ["picture"]


def test_default_is_free_of_terms(home: Home) -> None:
    home.add("non-commercial", order=1, licence={"id": "X", "url": "https://x/", "commercial": "no"})
    home.add("limited", order=2, licence={"id": "X", "url": "https://x/", "commercial": "limited"})
    home.add("gated", order=3, licence={"id": "X", "url": "https://x/", "commercial": "yes", "gated": True})
    home.add("coming", order=4, status="coming")
    home.add("free", order=5)
    for model_id in ("non-commercial", "limited", "gated", "coming"):
        home.install(model_id)
    assert home.library().default("text") is None
    home.install("free")
    entry = home.library().default("text")
    assert entry is not None
    assert entry.model.id == "free"


def test_installed_says_where_and_since_when(home: Home) -> None:
    home.add("m")
    assert home.library().entry("m").installed is None
    file = home.install("m")
    installed = home.library().entry("m").installed
    assert installed is not None
    assert (installed.path, installed.bytes, installed.source) == (str(file.parent), len(CONTENT), "hub")
    assert (installed.commit, installed.installed, installed.removable) == ("c" * 40, 2.0, True)


@pytest.mark.logs
@pytest.mark.parametrize(
    "break_it", ["no record", "broken record", "file gone", "file cut", "folder is a file"]
)
def test_half_a_model_is_not_installed(home: Home, break_it: str) -> None:
    home.add("m")
    file = home.install("m")
    if break_it == "no record":
        (file.parent / NAME).unlink()
    elif break_it == "broken record":
        (file.parent / NAME).write_text('{"id": ')
    elif break_it == "file gone":
        file.unlink()
    elif break_it == "file cut":
        file.write_bytes(CONTENT[:-1])
    else:
        shutil.rmtree(file.parent)
        file.parent.write_text("x")
    library = home.library()
    assert library.entry("m").installed is None
    assert library.default("text") is None
    assert code_of(lambda: library.resolve("m")).startswith("model.")


# --- what a request gets ------------------------------------------------------------------------


def test_resolve(home: Home) -> None:
    home.add("m")
    file = home.install("m")
    resolved = home.library().resolve("m")
    source = resolved.source
    assert resolved.spec.name == "gguf_text"
    assert resolved.model is not None
    assert (source.id, source.family, source.path) == ("m", "gguf_text", str(file))
    assert (source.bytes, source.title, source.languages) == (len(CONTENT), "The m", ("en",))


def test_resolve_bundled(tmp_path: Path) -> None:
    resolved = Library(tmp_path).resolve("starter-icons")
    assert resolved.source.path == str(ASSETS / "models" / "starter-icons")
    assert 60_000_000 < resolved.source.bytes < 70_000_000


def test_resolve_path(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "我的 模型", {"随便.bin": CONTENT})
    resolved = home.library().resolve(str(folder / "随便.bin"))
    assert (resolved.model.id, resolved.model.bytes) == (resolved.source.path, resolved.source.bytes)
    assert resolved.model.licence.commercial == "unknown"
    assert (resolved.source.path, resolved.source.bytes) == (str(folder / "随便.bin"), len(CONTENT))
    assert resolved.source.title == "随便.bin"
    monkeypatch.chdir(folder)
    assert home.library().resolve("随便.bin").source.path == str(folder / "随便.bin")
    monkeypatch.setenv("HOME", str(folder))
    assert home.library().resolve("~/随便.bin").source.path == str(folder / "随便.bin")


@pytest.mark.parametrize("name", ["nobody", "", "/no/such/file", "../x", "no such", "模型", "a\nb"])
def test_not_there(home: Home, name: str) -> None:
    assert code_of(lambda: home.library().resolve(name)) == "model.missing"


def test_not_fetched(home: Home) -> None:
    home.add("m")
    error = refusal(lambda: home.library().resolve("m"))
    assert error.failure.code == "model.missing"
    assert error.failure.values["name"] == "The m"


def test_file_missing(home: Home) -> None:
    home.add("m")
    home.install("m").unlink()
    error = refusal(lambda: home.library().resolve("m"))
    assert (error.failure.code, error.failure.values["file"]) == ("model.missing_file", "m.gguf")


@pytest.mark.parametrize(
    "content", [CONTENT[:-1], CONTENT + b"x", CONTENT[:-1] + b"y"], ids=["cut", "grown", "changed"]
)
def test_wrong_content(home: Home, content: bytes) -> None:
    home.add("m")
    file = home.install("m")
    library = home.library()
    library.resolve("m")
    file.write_bytes(content)
    os.utime(file, (1, 1))
    assert code_of(lambda: library.resolve("m")) == "model.hash_mismatch"
    assert code_of(lambda: home.library().resolve("m")) == "model.hash_mismatch"


def test_bundled_with_a_wrong_hash(tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    shutil.copytree(ASSETS / "models" / "starter-icons", assets / "models" / "starter-icons")
    library = Library(tmp_path / "models", manifest=MANIFEST, assets=assets)
    library.resolve("starter-icons")
    file = assets / "models" / "starter-icons" / "vae" / "config.json"
    content = file.read_bytes()
    file.unlink()
    assert code_of(lambda: library.resolve("starter-icons")) == "model.missing_file"
    assert library.default("image") is None
    file.write_bytes(content.replace(b"silu", b"relu"))
    os.utime(file, (1, 1))
    assert code_of(lambda: library.resolve("starter-icons")) == "model.hash_mismatch"


def test_files_are_read_again_only_when_they_changed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.add("m")
    file = home.install("m")
    read: list[Path] = []
    real = sums.sha256_of

    def counting(path: Path) -> str:
        read.append(path)
        return real(path)

    monkeypatch.setattr(sums, "sha256_of", counting)
    library = home.library()
    library.resolve("m", verify=False)
    assert read == []
    library.resolve("m")
    library.resolve("m")
    assert read == [file]
    home.library().resolve("m")  # another run of the studio
    assert read == [file]
    os.utime(file, (5, 5))
    library.resolve("m")
    assert read == [file, file]


@pytest.mark.parametrize("content", ["{", "[]", "\x00", '{"a": 1}'])
def test_a_broken_memory_of_hashes_costs_only_time(home: Home, content: str) -> None:
    home.add("m")
    home.install("m")
    (home.models / ".sums.json").write_text(content)
    assert home.library().resolve("m")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs file permissions")
def test_a_read_only_folder_can_be_used(home: Home) -> None:
    home.add("m")
    home.install("m")
    home.models.chmod(0o500)
    try:
        assert home.library().resolve("m")
    finally:
        home.models.chmod(0o700)


# --- the user's own -----------------------------------------------------------------------------


async def test_own_models_are_listed_used_and_left_alone(home: Home, tmp_path: Path) -> None:
    home.add("m")
    file = write(tmp_path / "我的 模型", {"随便.bin": CONTENT}) / "随便.bin"
    library, told = home.library(), list[None]()
    library.changed.connect(told.append)
    assert library.default("text") is None
    added = await library.add(file)
    assert (added.model.id, added.installed.source, added.installed.bytes) == (str(file), "own", len(CONTENT))
    assert not added.installed.removable
    assert len(told) == 1
    await library.add(file)  # twice is once
    again = home.library()
    assert [entry.model.id for entry in again.entries("text")] == ["m", str(file)]
    assert again.entries("image") == []
    assert again.entry(str(file)) == added
    assert again.default("text") == added
    assert again.resolve(str(file)).model == added.model
    home.install("m")
    assert again.default("text").model.id == "m"
    await again.forget(str(file))
    assert [entry.model.id for entry in home.library().entries()] == ["m"]
    assert file.read_bytes() == CONTENT


async def test_own_models_that_cannot_be(home: Home, tmp_path: Path) -> None:
    junk = write(tmp_path / "own", {"junk.bin": b"\0" * 100}) / "junk.bin"
    for path, code in ((junk, "model.unrecognized"), (tmp_path / "no", "model.missing")):
        with pytest.raises(StudioError) as caught:
            await home.library().add(path)
        assert caught.value.failure.code == code
    assert home.library().own() == []


async def test_own_models_that_went_away_are_not_installed(home: Home, tmp_path: Path) -> None:
    file = write(tmp_path / "own", {"m.bin": CONTENT}) / "m.bin"
    library = home.library()
    await library.add(file)
    file.rename(tmp_path / "elsewhere")
    assert [entry.installed for entry in library.own()] == [None]
    assert library.default("text") is None


@pytest.mark.logs
def test_a_broken_list_of_own_models_is_empty(home: Home) -> None:
    write(home.models, {".own.json": b'[{"path": 3}]'})
    assert home.library().own() == []
