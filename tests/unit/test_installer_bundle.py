"""A small bundle: collected here, carried, checked, and installed where nothing can be fetched."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from installer import bundle, collect, copying, machine, run, say
from tests.fakes.small_project import Project, make_wheel, make_wheels

# As much of a studio as the installer asks: models in the folder $STUDIO_HOME/models, and two of its words.
HOME = """
import json, os
from pathlib import Path
from types import SimpleNamespace as Some

class Library:
    folder = Path(os.environ["STUDIO_HOME"], "models")

    def entries(self):
        for name in ("little", "other", "never-fetched"):
            here = Some(source="hub", removable=True, bytes=9) if self.of(name) else None
            yield Some(model=Some(id=name, bytes=9), installed=here)
        yield Some(model=Some(id="/mine", bytes=9), installed=Some(source="own", removable=False, bytes=9))

    def of(self, name):
        folder = self.folder / "owner--x" / name
        if not folder.exists():
            return []
        files = [Some(**file) for file in json.loads((folder / ".studio.json").read_text())]
        return [Some(folder=folder, record=Some(place=f"owner--x/{name}", files=files))]

    store = property(lambda self: self)

def open_library():
    return Library()
"""
CARRY = """
def name_of(record):
    return record.place.replace("/", "@")
"""
MODELS = """
import hashlib, shutil, sys
from pathlib import Path

from studio.cli.home import open_library
from studio.services.store.carry import name_of

def whole(folder, record):
    return all(hashlib.sha256((folder / f.path).read_bytes()).hexdigest() == f.sha256 for f in record.files)

def main(word, *words):
    library = open_library()
    if word == "export":
        (stored,) = library.of(words[0])
        if not whole(stored.folder, stored.record):
            sys.exit("a file has changed")
        target = Path(words[1], name_of(stored.record))
        shutil.copytree(stored.folder, target / stored.record.place)
        (target / "README.txt").write_text("what this is")
    if word == "import":
        for folder in Path(words[0]).glob("*/*/*"):
            target = library.folder / folder.parent.name / folder.name
            if folder.is_dir() and not target.exists():
                shutil.copytree(folder, target)
"""
FAKES = {"cli/home.py": HOME, "services/store/carry.py": CARRY, "models.py": MODELS}


def add_model(home: Path, name: str, content: bytes) -> Path:
    folder = home / "models" / "owner--x" / name
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "权重.gguf").write_bytes(content)
    record = [{"path": "deep/权重.gguf", "sha256": hashlib.sha256(content).hexdigest()}]
    (folder / ".studio.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was set up, has two models, and has collected one of them in `base/to carry`."""
    base = tmp_path_factory.mktemp("bundle")
    project = Project.make(base / "from", make_wheels(base / "links"))
    main = project.root / "studio" / "__main__.py"
    words = "import sys; from studio.models import main; main(*sys.argv[2:]); sys.exit()"
    main.write_text(f"import sys\nif sys.argv[1:2] == ['models']:\n    {words}\n{main.read_text()}")
    for file, text in FAKES.items():
        (project.root / "studio" / file).parent.mkdir(parents=True, exist_ok=True)
        (project.root / "studio" / file).write_text(text)
    (project.root / "READ.md").write_text("words")
    (project.root / "private.txt").write_text("mine")
    project.environment["STUDIO_HOME"] = str(base / "home")
    add_model(base / "home", "little", b"weights" * 1000)
    add_model(base / "home", "other", b"others" * 1000)
    done = project.run("--cpu", "--bundle", str(base / "to carry"), "--models", "little")
    assert done.returncode == 0, done.stderr
    project.first = done  # type: ignore[attr-defined]
    project.bundle = base / "to carry"  # type: ignore[attr-defined]
    return project


@pytest.fixture
def carried(made: Project, tmp_path: Path) -> Project:
    """A copy of the bundle on a computer of its own, where pip is told to ask an index that is not there."""
    shutil.copytree(made.bundle, tmp_path / "stick")  # type: ignore[attr-defined]
    project = Project(tmp_path / "stick" / "program", tmp_path / "no links")
    project.environment.pop("PIP_NO_INDEX")
    project.environment |= {"PIP_INDEX_URL": "http://127.0.0.1:9/", "STUDIO_HOME": str(tmp_path / "home")}
    return project


def known(folder: Path) -> dict[str, Any]:
    return json.loads((folder / bundle.NAME).read_text(encoding="utf-8"))


def change(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    facts = known(folder)
    change(facts)
    (folder / bundle.NAME).write_text(json.dumps(facts), encoding="utf-8")


def test_everything_is_collected_and_hashed(made: Project) -> None:
    folder: Path = made.bundle  # type: ignore[attr-defined]
    facts = known(folder)
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert there == facts["files"].keys() | {bundle.NAME, bundle.README, "collect.log"}
    for path, file in facts["files"].items():
        data = (folder / path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    wheels = sorted(path for path in there if path.endswith(".whl"))
    assert [wheel.split("/")[1].split("-py3")[0] for wheel in wheels] == [
        "small-1.0",
        "torch-2.13.0+cpu",
        "xllamacpp-2026.10.1",
    ]
    assert {"program/studio/__main__.py", "program/installer/run.py", "program/READ.md"} <= there
    assert "models/owner--x@little/owner--x/little/deep/权重.gguf" in there
    assert not any(word in path for path in there for word in ("private", "other", "pyc", ".venv"))


def test_it_ends_with_what_there_is_and_how_to_go_on(made: Project) -> None:
    said = made.first.stderr  # type: ignore[attr-defined]
    *_, collected = (line for line in said.splitlines() if line.startswith("•"))
    for word in (str(made.bundle), "3 packages", "little", "in all"):  # type: ignore[attr-defined]
        assert word in collected
    command = "program/installer/run.py --from ."
    assert command in said
    readme = (made.bundle / bundle.README).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert readme.count(command) == 2
    assert "给没有网络的电脑" in readme


def test_it_installs_with_no_index(carried: Project, tmp_path: Path) -> None:
    stick = carried.root.parent
    make_wheel(stick / "wheels", "small", "1.5", "raise RuntimeError('slipped in')")
    done = carried.run("--from", "..", "first", folder=carried.root)
    assert done.returncode == 1, done.stderr  # the program's own, which counts its arguments
    assert json.loads(done.stdout)["prefix"] == str(carried.root / ".venv")
    model = tmp_path / "home" / "models" / "owner--x" / "little"
    assert (model / "deep" / "权重.gguf").read_bytes() == b"weights" * 1000
    assert (model / ".studio.json").exists()

    # From then on it is an installation like any other, also when the hardware changes.
    stamp = carried.root / ".venv" / "studio-setup.json"
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"hardware": "another"}))
    again = carried.run("again")
    assert json.loads(again.stdout)["arguments"] == ["again"]
    assert again.stderr == ""

    # A second installation has nothing to do but to look, and leaves what is there.
    (model / "deep" / "权重.gguf").write_bytes(b"changed by its owner")
    repeated = carried.run("--from", str(stick))
    assert repeated.returncode == 0, repeated.stderr
    assert (model / "deep" / "权重.gguf").read_bytes() == b"changed by its owner"
    assert "Start it with" in repeated.stderr


def test_the_program_can_be_put_elsewhere(carried: Project, tmp_path: Path) -> None:
    target = tmp_path / "电脑 here"
    done = carried.run("--from", str(carried.root.parent), "--to", str(target), "first")
    answer = json.loads(done.stdout)
    assert answer["prefix"] == str(target / ".venv")
    assert str(target / "installer" / "run.py") in answer["program"]
    assert not (carried.root / ".venv").exists()


@pytest.mark.parametrize(
    "path",
    [
        "program/installer/offers.py",
        "wheels/small-1.0-py3-none-any.whl",
        "models/owner--x@little/owner--x/little/deep/权重.gguf",
        "models/owner--x@little/owner--x/little/.studio.json",
    ],
)
@pytest.mark.parametrize("harm", ["flip", "cut", "lose"])
def test_a_changed_file_is_named_and_nothing_is_done(carried: Project, path: str, harm: str) -> None:
    file = carried.root.parent / path
    data = file.read_bytes()
    if harm == "lose":
        file.unlink()
    else:
        file.write_bytes(data[:-1] + (bytes([data[-1] ^ 1]) if harm == "flip" else b""))
    done = carried.run("--from", str(carried.root.parent), "first")
    assert done.returncode == 1
    assert done.stdout == ""
    *_, what, _ = done.stderr.splitlines()
    assert path in what
    assert not (carried.root / ".venv").exists()
    assert not Path(carried.environment["STUDIO_HOME"]).exists()


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("system", "Plan9", "Plan9"),
        ("arch", "vax", "vax"),
        ("python", "3.99", "Python 3.99"),
        ("oldest", "99.1", "version 99.1"),
        ("project", "another", "another version"),
    ],
)
def test_what_does_not_suit_is_said_first(carried: Project, key: str, value: str, word: str) -> None:
    change(carried.root.parent, lambda facts: facts.update({key: value}))
    done = carried.run("--from", str(carried.root.parent), "first")
    assert done.returncode == 1
    what, remedy = done.stderr.splitlines()  # and not one step before
    assert word in what
    assert remedy.strip().startswith("→")
    assert not (carried.root / ".venv").exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "bundle.none"),
        ("{", "bundle.changed"),
        ("[]", "bundle.changed"),
        ('{"format": 1}', "bundle.unfinished"),
        ('{"format": 2, "news": 1}', "bundle.format"),
        ('{"format": 1, "system": "Linux"}', "bundle.changed"),
    ],
)
def test_what_is_no_bundle(tmp_path: Path, text: str | None, code: str) -> None:
    if text is not None:
        (tmp_path / bundle.NAME).write_text(text)
    with pytest.raises(say.Problem) as raised:
        bundle.read(tmp_path)
    assert raised.value.code == code


@pytest.mark.parametrize("path", ["../out", "/out", "a/../../out", "C:/out", "a\\..\\out", "", "a\0b"])
def test_no_path_leads_out(made: Project, tmp_path: Path, path: str) -> None:
    shutil.copy(made.bundle / bundle.NAME, tmp_path)  # type: ignore[attr-defined]
    assert bundle.read(tmp_path).files
    change(tmp_path, lambda facts: facts["files"].update({path: {"bytes": 1, "sha256": ""}}))
    with pytest.raises(say.Problem):
        bundle.read(tmp_path)


def test_a_second_run_goes_on_and_brings_up_to_date(made: Project, tmp_path: Path) -> None:
    folder = tmp_path / "to carry"
    shutil.copytree(made.bundle, folder)  # type: ignore[attr-defined]
    # As a run that was stopped leaves it: unfinished, a wheel cut off, a model copied in part.
    (folder / bundle.NAME).write_text('{"format": 1}')
    torch = next(folder.glob("wheels/torch*"))
    torch.write_bytes(torch.read_bytes()[:200])
    weights = folder / "models/owner--x@little/owner--x/little/deep/权重.gguf"
    before = weights.stat().st_ino
    (folder / "program/studio/gone.py").write_text("was in an older version")
    (folder / "program/outputs").mkdir()
    (folder / "program/outputs/mine.png").write_text("made by a program that was installed there")
    shutil.copytree(folder / "models/owner--x@little", folder / "models/owner--x@no-longer")
    shutil.copytree(
        folder / "models/owner--x@little", folder / "models/owner--x@other"
    )  # damaged: not its own

    done = made.run("--bundle", str(folder), "--models=little,other")
    assert done.returncode == 0, done.stderr
    bundle.read(folder).verify(folder)
    assert weights.stat().st_ino == before  # not copied again
    assert (folder / "program/outputs/mine.png").exists()
    assert not (folder / "program/studio/gone.py").exists()
    assert {each.name for each in (folder / "models").iterdir()} == {"owner--x@little", "owner--x@other"}
    assert (folder / "models/owner--x@other/owner--x/other/deep/权重.gguf").read_bytes() == b"others" * 1000
    assert set(known(folder)["models"]) == {"little", "other"}


def test_every_fetched_model_or_none(made: Project, tmp_path: Path) -> None:
    for wish, models in ((None, {"little", "other"}), ("none", set[str]())):
        options = [] if wish is None else ["--models", wish]
        done = made.run("--bundle", str(tmp_path / "b"), *options)
        assert done.returncode == 0, done.stderr
        assert set(known(tmp_path / "b")["models"]) == models


@pytest.mark.parametrize(
    ("wish", "word"),
    [("little,nobody", "nobody"), ("never-fetched", "models get never-fetched"), ("/mine", "of your own")],
)
def test_models_are_checked_before_anything_is_written(
    made: Project, tmp_path: Path, wish: str, word: str
) -> None:
    done = made.run("--bundle", str(tmp_path / "b"), "--models", wish)
    assert done.returncode == 1
    assert word in done.stderr
    assert not (tmp_path / "b").exists()


def test_a_model_that_changed_is_not_carried(made: Project, tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = add_model(home, "little", b"as it was")
    (folder / "deep" / "权重.gguf").write_bytes(b"as it is!")
    made = Project(made.root, Path(made.environment["PIP_FIND_LINKS"]))
    made.environment["STUDIO_HOME"] = str(home)
    done = made.run("--bundle", str(tmp_path / "b"))
    assert done.returncode == 1
    assert "a file has changed" in done.stderr  # says the studio
    assert "little could not be copied" in done.stderr
    with pytest.raises(say.Problem):
        bundle.read(tmp_path / "b")


def test_a_folder_with_other_things_is_left_alone(made: Project, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    done = made.run("--bundle", str(tmp_path))
    assert done.returncode == 1
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_too_small_a_disk_is_told_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choice = machine.Choice("cpu", ("cpu",))
    disk = shutil.disk_usage(tmp_path)
    collect._check_disk(tmp_path / "new" / "folder", 0, choice)
    monkeypatch.setattr(collect.shutil, "disk_usage", lambda _: disk._replace(free=3 * 10**9))
    with pytest.raises(say.Problem) as raised:
        collect._check_disk(tmp_path / "new" / "folder", 3 * 10**9, choice)
    assert raised.value.code == "bundle.disk"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("wheels", "oldest"),
    [
        ([], ""),
        (["a-1-py3-none-any.whl", "b-1-cp311-cp311-win_amd64.whl"], ""),
        (["a-1-cp311-cp311-manylinux_2_28_x86_64.whl", "b-1-cp39-abi3-manylinux2014_x86_64.whl"], "2.28"),
        (["a-1-py3-none-manylinux_2_5_x86_64.manylinux1_x86_64.manylinux_2_17_x86_64.whl"], "2.5"),
        (["a-1-cp311-cp311-macosx_11_0_arm64.whl", "b-1-cp311-cp311-macosx_14_0_arm64.whl"], "14.0"),
        (["a-1-cp311-cp311-manylinux_2_5_x86_64.whl", "b-1-cp311-cp311-manylinux_2_34_x86_64.whl"], "2.34"),
    ],
)
def test_the_oldest_system_that_will_do(wheels: list[str], oldest: str) -> None:
    assert bundle.oldest_system(wheels) == oldest


def test_a_copy_has_its_name_only_when_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "folder" / "target"
    source.write_bytes(b"x" * 3_000_000)

    def stopped(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, stopped)
    assert not target.exists()
    assert copying.copy(source, target) == copying.measure(source) == copying.measure(target)


def test_options_stand_before_words_and_have_their_values() -> None:
    assert run.parse(["--bundle", "d", "--cpu", "demo", "--cpu"]) == (
        {"--cpu"},
        {"--bundle": "d"},
        ["demo", "--cpu"],
    )
    assert run.parse(["--from=d", "--to=e"]) == (set(), {"--from": "d", "--to": "e"}, [])
    assert run.parse(["models", "--from", "x"]) == (set(), {}, ["models", "--from", "x"])
    for wrong in (["--bundle"], ["--bundle="], ["--models", "a"], ["--to", "d"]):
        with pytest.raises(say.Problem):
            run.parse(wrong)
