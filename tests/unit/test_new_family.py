"""The guard of the rule "a new family is one folder", and of "no family is known by name elsewhere".

It copies the program, writes one folder into it, and uses the new family as a person would: by the
queue, in the terminal, in the window, and again from what its results say of themselves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
# diffusers' own name, in a model's index, for the part of itself that holds the picture checker.
WORDS_OF_A_FORMAT = {"studio/services/library/recognize.py": "stable_diffusion"}
PARTS = ("studio", "assets", "models_manifest", "pyproject.toml")


class Checkout:
    """A copy of the program in a repository of its own, run by this interpreter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.family = folder / "studio" / "families" / "new_family"
        listed = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS)
        for name in filter(None, listed.split("\0")):
            source = ROOT / name
            if source.is_file() and not name.startswith("assets/models/"):  # large, and of no family here
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        (folder / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
        _git(folder, "init", "-q")
        _git(folder, "add", "-A")
        _git(folder, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--no-verify", "-m", "copy")

    def changes(self) -> list[str]:
        return _git(self.folder, "status", "--porcelain").splitlines()

    def run(self, *arguments: str, code: int = 0) -> str:
        """What `python ...` writes to its standard output."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "STUDIO_HOME": str(self.folder.with_name("home")),
            "QT_QPA_PLATFORM": "offscreen",
            "LANG": "C.UTF-8",
        }
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this needs git and a checkout")
    copy = Checkout(tmp_path_factory.mktemp("new family") / "a copy")
    assert copy.changes() == []
    shutil.copytree(DATA / "new_family", copy.family, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def use(name: str) -> str:
    return str(DATA / "new_family_use" / name)


def test_the_registry_finds_it(checkout: Checkout) -> None:
    found = checkout.run("-c", "from studio.families.registry import families; print(*families())")
    assert "new_family" in found.split()


def test_its_words_are_complete(checkout: Checkout) -> None:
    words = [
        json.loads((checkout.family / f"text.{language}.json").read_text(encoding="utf-8"))
        for language in ("en", "zh_CN")
    ]
    assert words[0].keys() == words[1].keys()
    code = "from studio.domain.text import *; set_language('zh_CN'); print(t('family.new_family'))"
    assert checkout.run("-X", "utf8", "-c", code).strip() == "骰子"


def test_by_the_queue_and_again_from_its_files(checkout: Checkout) -> None:
    jobs = json.loads(checkout.run(use("by_queue.py")).splitlines()[-1])
    assert [job["state"] for job in jobs] == ["done"] * 3  # the first, and one from each of its files
    for job in jobs:
        assert job["request"]["values"] == {"dice": [3, 8], "seed": 5}
        assert [artifact["media_type"] for artifact in job["artifacts"]] == ["image/png", "text/plain"]
        assert [artifact["index"] for artifact in job["artifacts"]] == [0, 1]
    for n in (0, 1):
        assert len({job["artifacts"][n]["sha256"] for job in jobs}) == 1
    with Image.open(jobs[0]["artifacts"][0]["path"]) as picture:
        assert picture.width == 3 * 16
    assert len(jobs[0]["artifacts"][1]["text"].split()) == 3


def test_in_the_terminal(checkout: Checkout, tmp_path: Path) -> None:
    command = ("-m", "studio", "generate", "image", "-m", "dice", "--dice", "5d20", "--seed", "7")
    made = json.loads(checkout.run(*command, "--json", "-o", str(tmp_path / "throw.png")))
    assert made["model"] == "dice"
    assert [output["media_type"] for output in made["outputs"]] == ["image/png", "text/plain"]
    with Image.open(tmp_path / "throw.png") as picture:
        assert picture.width == 5 * 16
    assert "--dice" in checkout.run("-m", "studio", "generate", "image", "-m", "dice", "--help")
    assert "dice" in checkout.run("-m", "studio", "models", "list")
    checkout.run(*command[:-4], "--dice", "5 of 20", code=2)


def test_in_the_window(checkout: Checkout) -> None:
    seen = json.loads(checkout.run(use("by_window.py")).splitlines()[-1])
    assert seen["state"] == "done"
    assert seen["request"]["dice"] == [4, 9]
    assert seen["artifacts"] == ["image/png", "text/plain"]
    assert not seen["prompt"]
    assert seen["label"] == "Dice to throw"
    assert any("must lie between" in words for words in seen["refused"]), seen["refused"]
    assert seen["restored"] == seen["request"]


def test_nothing_else_was_touched(checkout: Checkout) -> None:
    assert checkout.changes() == ["?? studio/families/new_family/"]


def test_removed_it_is_gone(checkout: Checkout) -> None:
    aside = checkout.family.rename(checkout.folder.with_name("aside"))
    try:
        assert checkout.changes() == []
        assert "dice" not in checkout.run("-m", "studio", "models", "list")
        failed = checkout.run("-m", "studio", "generate", "image", "-m", "dice", "--json", code=1)
        assert json.loads(failed)["error"]["code"].startswith("model.")
    finally:
        aside.rename(checkout.family)


# --- names ------------------------------------------------------------------------------------------


def family_names() -> list[str]:
    return sorted(file.parent.name for file in (ROOT / "studio" / "families").glob("*/spec.py"))


def code_files() -> list[Path]:
    return [
        file
        for top in ("studio", "installer")
        for file in (ROOT / top).rglob("*.py")
        if (ROOT / "studio" / "families") not in file.parents
    ]


def mentions(file: Path, names: list[str]) -> list[str]:
    """Where the code of *file*, comments apart, holds one of *names* as a word."""
    name = file.relative_to(ROOT).as_posix()
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    with tokenize.open(file) as lines:
        return [
            f"{name}:{token.start[0]}: {found[0]}"
            for token in tokenize.generate_tokens(lines.readline)
            if token.type in (tokenize.NAME, tokenize.STRING)
            and not token.string.startswith(('"""', "'''"))
            and (found := pattern.search(token.string))
            and WORDS_OF_A_FORMAT.get(name) != found[0]
        ]


def test_no_family_is_known_by_name() -> None:
    names = family_names()
    assert len(names) >= 2
    files = code_files()
    assert len(files) > 50  # an empty walk would find nothing either
    assert [place for file in files for place in mentions(file, names)] == []


def test_the_search_for_names_finds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    code = tmp_path / "a.py"
    code.write_text('"""Not new_family here."""\nx = "the new_family"\n# nor new_family\n', encoding="utf-8")
    assert mentions(code, ["new_family"]) == ["a.py:2: new_family"]


def test_no_starter_is_known_by_name() -> None:
    models = [
        json.loads(file.read_text(encoding="utf-8")) for file in (ROOT / "models_manifest").rglob("*.json")
    ]
    starters = [model["id"] for model in models if model.get("starter")]
    assert starters
    assert [place for file in code_files() for place in mentions(file, starters)] == []
