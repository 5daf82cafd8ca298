"""`studio demo` with what is there: the real program, real models, real checks.

`STUDIO_TEST_MODELS` names a models folder with the whole starter pack; see tests/services/test_starters.py.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from studio.cli.demo import Maker, Row
from studio.services.library.library import Library
from studio.services.studio import Studio
from tests.cli.terminal import studio


def lines(table: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]


def test_it_makes_what_it_can_and_tells_what_is_missing(tmp_path: Path) -> None:
    """Without a connection and without a download: the bundled painter and speaker, no writer."""
    done = studio("--offline", "demo", cwd=tmp_path)
    assert done.returncode == 1
    assert "set to stay offline" in done.stderr
    title, text, *pictures, speech = lines(done.stdout)
    assert title == ["What", "File", "Seconds", "Speed", "Peak memory", "Check"]
    assert text == ["Text", "No model is here for this: Text"]
    assert len(pictures) == 3
    for row in (*pictures, speech):
        assert row[-1] == "real"
        assert (tmp_path / row[1]).stat().st_size > 1000
        assert float(row[2]) > 0
    assert speech[1].endswith(".wav")
    assert not list((tmp_path / "outputs" / "demo-1").glob("again*"))


@pytest.fixture
def models() -> Path:
    folder = os.environ.get("STUDIO_TEST_MODELS")
    if not folder:
        pytest.skip("STUDIO_TEST_MODELS is not set")
    return Path(folder)


@pytest.mark.heavy
@pytest.mark.timeout(1200)
def test_everything_is_real(tmp_path: Path, home: Path, models: Path) -> None:
    home.mkdir(parents=True)
    (home / "models").symlink_to(models)
    for number in (1, 2):
        done = studio("--offline", "demo", cwd=tmp_path)
        assert done.returncode == 0, done.stdout
        rows = lines(done.stdout)[1:]
        assert len(rows) == 6
        assert all(row[-1] == "real" and f"demo-{number}" in row[1] for row in rows)


@pytest.mark.heavy
@pytest.mark.timeout(1200)
async def test_faces_stand_in_where_nothing_draws_from_words(tmp_path: Path, models: Path) -> None:
    running = Studio.create(offline=True)
    running.library = Library(models, assets=tmp_path / "nothing bundled")
    running.queue._models = running.queue._runner._models = running.library
    await running.start()
    try:
        rows = await Maker(running, tmp_path).pictures()
    finally:
        await running.close()
    assert len(rows) == 3
    assert all(isinstance(row, Row) and not row.problems for row in rows), rows
    assert all("instead of text to image" in row.what for row in rows)
    assert len({(tmp_path / Path(row.file).name).read_bytes() for row in rows}) == 3
