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


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Two that wait for each other on busy cores take a hundred times as long for something so small."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
