"""The static checks find what they are for: each has something here that it must refuse."""

from __future__ import annotations

import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from installer import test as runner
from tests import check

SKELETON = [
    "app/panels/a/__init__.py",
    "app/panels/b/__init__.py",
    "cli/__init__.py",
    "services/__init__.py",
    "wire/__init__.py",
    "domain/__init__.py",
    "engine/__init__.py",
    "diffusion/__init__.py",
    "families/registry.py",
    "families/a/spec.py",
    "families/a/pipeline.py",
    "families/b/spec.py",
    "families/b/pipeline.py",
]
TRESPASSES = {
    "layers": ("domain/bad.py", "import studio.services"),
    "engine-layers": ("families/a/bad.py", "import studio.wire"),
    "engine-apart": ("engine/bad.py", "import studio.services"),
    "engine-private": ("services/bad.py", "import studio.engine"),
    "pipelines": ("cli/bad.py", "import studio.families.a.pipeline"),
    "no-ml": ("wire/bad.py", "import torch"),
    "no-qt": ("cli/worse.py", "import PySide6"),
    "families": ("families/b/bad.py", "import studio.families.a.spec"),
    "panels": ("app/panels/b/bad.py", "import studio.app.panels.a"),
}


@pytest.fixture
def contracts(root: Path) -> list[dict[str, object]]:
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["importlinter"]["contracts"]


def _lint(folder: Path) -> list[str]:
    """Names of the contracts that the studio in *folder* breaks."""
    program = Path(sysconfig.get_path("scripts"), "lint-imports")
    done = subprocess.run(
        [program, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "Analyzed" in done.stdout, done.stdout + done.stderr
    return [line.removesuffix(" BROKEN") for line in done.stdout.splitlines() if line.endswith(" BROKEN")]


def test_every_contract_refuses_its_trespass(
    tmp_path: Path, root: Path, contracts: list[dict[str, object]]
) -> None:
    (tmp_path / "pyproject.toml").write_bytes((root / "pyproject.toml").read_bytes())
    for name in SKELETON:
        file = tmp_path / "studio" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        for folder in file.parents:
            if folder == tmp_path:
                break
            (folder / "__init__.py").touch()
    assert _lint(tmp_path) == []
    for name, line in TRESPASSES.values():
        (tmp_path / "studio" / name).write_text(f"{line}\n")
    assert sorted(_lint(tmp_path)) == sorted(str(contract["name"]) for contract in contracts)
    assert TRESPASSES.keys() == {contract["id"] for contract in contracts}


def test_every_room_is_under_contract(root: Path, contracts: list[dict[str, object]]) -> None:
    rooms = {file.parent.name for file in (root / "studio").glob("*/__init__.py")}
    by_id = {contract["id"]: contract for contract in contracts}
    for contract, free in {"no-ml": {"engine", "families", "diffusion"}, "no-qt": {"app"}}.items():
        named = {str(module).split(".")[1] for module in by_id[contract]["source_modules"]}  # type: ignore[attr-defined]
        assert rooms - free <= named


def test_too_few_analysed_files_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = "Analyzed {} files, 3 dependencies.\nContracts: 9 kept, 0 broken."
    monkeypatch.setattr(check, "program", lambda *_: kept.format(12))
    with pytest.raises(check.Failed, match="12 files"):
        check.check_layers()
    monkeypatch.setattr(check, "program", lambda *_: kept.format(100_000))
    check.check_layers()


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://" + "py" + "pi.org/simple",
        "https://files.python" + "hosted.org/packages/x.whl",
        "https://download.py" + "torch.org/whl/cpu",
        "deb http://deb.deb" + "ian.org/debian",
        "registry.np" + "mjs.org",
        "open('/wo" + "rk/main/x')",
        "cd /ro" + "ot/project",
        "/ho" + "me/alice/models",
    ],
)
def test_forbidden_words_are_found(line: str) -> None:
    assert check.forbidden_words(line)


@pytest.mark.parametrize(
    "line",
    [
        "self.worker = work / 'main'",
        "https://github.com/someone/network/tree",
        "studio/network/ro" + "ot/x",
        "pip config set global.index-url ADDRESS",
        "/home/user/Pictures",
        "import torch",
    ],
)
def test_ordinary_words_are_not(line: str) -> None:
    assert check.forbidden_words(line) == []


def test_a_large_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "tracked", lambda: [Path("big.bin")])
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(check.LARGEST_FILE)
    check.check_sizes()
    with (tmp_path / "big.bin").open("ab") as file:
        file.write(b"x")
    with pytest.raises(check.Failed, match=r"big\.bin"):
        check.check_sizes()


def test_every_stage_runs_and_one_failure_fails_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def stage(command: list[str]) -> int:
        ran.append(command[0])
        return 3 if command[0] == "b" else 0

    monkeypatch.setattr(runner, "run_stage", stage)
    assert runner.run_all({"first": ["a"], "second": ["b"], "third": ["c"]}) == 1
    assert ran == ["a", "b", "c"]
    assert "✗ second" in capsys.readouterr().err
    assert runner.run_all({"first": ["a"]}) == 0
