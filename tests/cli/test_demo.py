"""`studio demo` with what is there: the real program, real models, real checks.

`STUDIO_TEST_MODELS` names a models folder with the whole starter pack; see tests/services/test_starters.py.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from studio.cli.demo import Maker, Row, _new_folder, _row
from studio.domain.artifact import Artifact
from studio.domain.failure import StudioError
from studio.domain.job import Job, Outcome, Peak, Tokens
from studio.domain.request import Request
from studio.services.library.library import Library
from studio.services.studio import Studio
from tests.cli.terminal import studio


def lines(table: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]


@pytest.mark.heavy
@pytest.mark.timeout(1200)
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


def test_earlier_results_are_never_written_over(tmp_path: Path) -> None:
    folders = [_new_folder(tmp_path / "outputs") for _ in range(3)]
    assert [folder.name for folder in folders] == ["demo-1", "demo-2", "demo-3"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file")
    with pytest.raises(StudioError) as raised:
        _new_folder(tmp_path / "outputs")
    assert raised.value.failure.code == "output.unwritable"


def test_a_line_tells_speed_in_the_result_s_own_measure() -> None:
    request = Request(task="any", family="any", model="any", values={})

    def line(
        tokens: Tokens | None = None, seconds: float | None = None, problems: tuple[str, ...] = ()
    ) -> Row:
        made = Artifact(path="/elsewhere/x", media_type="a/b", sha256="", bytes=1, seconds=seconds)
        outcome = Outcome(
            timings={"load": 3.0, "work": 2.0, "total": 5.0},
            peak=Peak(ram_bytes=10**9),
            device="cpu",
            tokens=tokens,
        )
        job = Job(id="1", request=request, created=0.0, artifacts=(made,), outcome=outcome)
        return _row("what", job, problems)

    assert line(Tokens(prompt=1, generated=9, per_second=4.5)).speed == "4.5 tokens/s"
    assert line(seconds=6.0).speed == "3.0 x real time"
    plain = line(problems=("check.image.unlike",))
    assert (plain.speed, plain.seconds, plain.peak) == ("2.0 s each", "5.0", "1.0 GB")
    assert plain.problems == ("its colours and shape do not suit the prompt",)


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
    done = studio("--offline", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    rows = lines(done.stdout)[1:]
    assert len(rows) == 6
    assert all(row[-1] == "real" and (tmp_path / row[1]).is_file() for row in rows)


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
