"""One engine for a module's families; they must leave it as good as new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.process import EngineProcess


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path_factory.mktemp("out"))
    yield engine
    engine.close()
