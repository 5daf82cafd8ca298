"""A real engine for the tests: one per module where jobs may share it, a new one where they may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.process import EngineProcess


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine whose jobs must leave it as good as new. Results go to a folder of its own."""
    engine = EngineProcess(tmp_path_factory.mktemp("shared") / "结果 folder")
    yield engine
    engine.close()


@pytest.fixture
def engine(shared: EngineProcess, tmp_path: Path) -> EngineProcess:
    """The shared engine, with an output folder for this test."""
    assert shared.process.poll() is None, shared.stderr
    shared.outputs = tmp_path / "out put"
    return shared


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., EngineProcess]]:
    """Starts engines that end with the test."""
    engines: list[EngineProcess] = []

    def start(**options: object) -> EngineProcess:
        engine = EngineProcess(tmp_path / "out", **options)
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        engine.close()
