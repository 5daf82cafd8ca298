from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with spaces and Chinese characters, for an English reader."""
    folder = tmp_path / "我的 家 home"
    monkeypatch.setenv("STUDIO_HOME", str(folder))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    return folder
