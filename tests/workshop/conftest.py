"""Benches for the workshop, and tiny models that are written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import tiny_diffusion, tiny_text
from tests.fakes.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path / "models")


@pytest.fixture(scope="session")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_text.write_transformers(tmp_path_factory.mktemp("language") / "tiny")


@pytest.fixture(scope="session")
def diffusion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_diffusion.write_pipeline(tmp_path_factory.mktemp("diffusion") / "tiny")
