from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from studio.services.paths import Paths


def test_one_variable_puts_everything_under_one_folder(tmp_path: Path) -> None:
    home = tmp_path / "我的 工作室"
    paths = Paths.default({"STUDIO_HOME": str(home)}).create()
    for folder in paths.__struct_fields__:
        assert getattr(paths, folder).is_relative_to(home)
    assert not paths.outputs.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is Linux's rule")
def test_xdg_folders_are_honoured(tmp_path: Path) -> None:
    code = "from studio.services.paths import Paths; print(Paths.default().config, Paths.default().models)"
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "c c"),
        "STUDIO_HOME": "",
    }
    environment.pop("XDG_DATA_HOME", None)
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert shown.strip() == f"{tmp_path}/c c/aigc-studio {tmp_path}/.local/share/aigc-studio/models"


def test_settings_move_results_and_models(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path)
    moved = paths.moved(outputs=str(tmp_path / "Bilder"))
    assert moved.outputs == tmp_path / "Bilder"
    assert moved.models == paths.models


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_the_run_folder_is_private(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path).create()
    assert stat.S_IMODE(paths.run.stat().st_mode) == 0o700
