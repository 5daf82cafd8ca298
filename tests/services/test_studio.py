"""The whole studio without a face: real library, database and gallery, and the fake engine's process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.domain.job import JobState
from studio.domain.request import Request
from studio.families.registry import family
from studio.services import studio as composition
from studio.services.engine.supervisor import EngineState
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.services.engines import command, until
from tests.services.stored_models import put

HEAVY = {"torch", "diffusers", "transformers", "accelerate", "onnxruntime", "xllamacpp", "PySide6", "numpy"}

Open = Callable[..., Studio]


@pytest.fixture
def home(tmp_path: Path) -> Paths:
    return Paths.under(tmp_path / "家 home").create()


@pytest.fixture
def open_studio(home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    def make(*, job: dict[str, Any] | None = None, **options: Any) -> Studio:
        monkeypatch.setattr(
            composition, "engine_command", lambda: command(tmp_path, jobs={"": job or {"save": True}})
        )
        return Studio(home, **options)

    return make


def drawing(studio: Studio) -> Request:
    model = studio.library.default("image")
    assert model is not None
    return Request(task="image", family="", model=model.model.id, values={"prompt": "a red apple"})


async def test_a_result_finds_its_way_into_the_gallery(open_studio: Open) -> None:
    studio = open_studio()
    await studio.start()
    assert studio.engine.state is EngineState.OFF
    job = studio.queue.submit(drawing(studio))
    done = await studio.queue.wait(job.id)
    assert done.state is JobState.DONE
    assert done.artifacts[0].path.startswith(str(studio.outputs()))
    await studio.close()
    await studio.close()
    studio = open_studio()
    await studio.start()
    (result,) = await studio.gallery.search("apple")
    assert str(result.path) == done.artifacts[0].path
    assert result.request is not None
    assert result.request.seed == done.request.seed
    await studio.close()


async def test_one_that_was_never_started_closes_too(open_studio: Open) -> None:
    await open_studio().close()


@pytest.mark.parametrize("keep_queue", [True, False])
async def test_the_queue_in_the_database_is_the_windows_alone(open_studio: Open, keep_queue: bool) -> None:
    endless = {"seconds": {"draw": 600}}
    studio = open_studio(job=endless, keep_queue=keep_queue)
    await studio.start()
    job = studio.queue.submit(drawing(studio))
    await until(lambda: studio.queue.job(job.id).progress)
    await studio.close()
    window = open_studio()
    await window.start()
    assert [(kept.id, kept.state) for kept in window.queue.jobs] == (
        [(job.id, JobState.HELD)] if keep_queue else []
    )
    await window.close()


async def test_a_terminal_beside_the_window(open_studio: Open) -> None:
    """Both work on one home; the window notices what came, and only that."""
    window, terminal = open_studio(), open_studio(keep_queue=False)
    await window.start()
    await terminal.start()
    told: list[str] = []
    window.gallery.changed.connect(lambda _: told.append("gallery"))
    window.library.changed.connect(lambda _: told.append("library"))
    await window.catch_up()
    assert told == [], "opening the database is no news"
    jobs = [(studio, studio.queue.submit(drawing(studio))) for studio in (window, terminal) * 3]
    done = [await studio.queue.wait(job.id) for studio, job in jobs]
    assert [job.state for job in done] == [JobState.DONE] * 6
    assert len({job.artifacts[0].path for job in done}) == 6
    await terminal.close()
    told.clear()
    await window.catch_up()
    assert "gallery" in told
    found = {str(result.path) for result in await window.gallery.search("apple")}
    assert found == {job.artifacts[0].path for job in done}
    told.clear()
    put(window.library.folder)
    (window.library.folder / ".parts" / "half").mkdir(parents=True)
    await window.catch_up()
    await window.catch_up()
    assert told == ["library"]
    await window.close()


async def test_settings_reach_the_engine_and_the_switch(open_studio: Open) -> None:
    studio = open_studio()
    await studio.start()
    studio.settings.change(idle_unload_seconds=7, offline=True)
    assert studio.network.offline
    await studio.try_devices()
    studio.settings.change(idle_unload_seconds=8, offline=False)
    assert not studio.network.offline
    engine_log = studio.paths.logs / "engine.log"
    await until(lambda: "configured 8" in engine_log.read_text())
    assert "configured 7" in engine_log.read_text()
    await studio.close()


async def test_offline_for_one_run_is_stronger_than_the_setting(open_studio: Open) -> None:
    studio = open_studio(offline=True)
    await studio.start()
    studio.settings.change(theme="dark", offline=False)
    assert studio.network.offline
    await studio.close()
    assert not studio.network.offline


async def test_what_the_engine_holds_is_there_for_the_next_job(open_studio: Open) -> None:
    studio = open_studio()
    await studio.start()
    machine = await studio.try_devices()
    assert studio.machine == machine
    await until(lambda: studio.engine.figures)
    free = machine.ram.available_bytes
    request = drawing(studio)
    spec = studio.library.resolve(request.model).spec
    estimate = studio.estimator.estimate(request, spec, weights=1000)
    assert estimate.available_bytes == pytest.approx(free + 50_000_000, rel=0.2)
    await studio.close()


async def test_what_cannot_be_saved_keeps_nothing_else_from_ending(
    open_studio: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = open_studio()
    await studio.start()
    await studio.try_devices()
    pid = studio.engine.pid

    async def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(studio.drafts, "save", full)
    with pytest.raises(OSError, match="No space"):
        await studio.close()
    assert pid is not None
    assert studio.engine.state is EngineState.OFF
    assert not studio.network.offline


async def test_the_terminals_studio_lives_in_the_users_home() -> None:
    studio = Studio.create(offline=True)
    assert studio.paths == Paths.default()
    await studio.start()
    assert studio.offline
    await studio.close()


def test_nothing_heavy_is_imported(root: Path) -> None:
    code = (
        "import asyncio, sys; from studio.services.studio import Studio; s = Studio.create();"
        "asyncio.run(s.start()); asyncio.run(s.read_machine()); asyncio.run(s.close()); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


async def test_the_real_engine_starts_as_the_studio_starts_it(home: Paths) -> None:
    studio = Studio(home)
    await studio.start()
    job = studio.queue.submit(drawing(studio))
    await until(lambda: studio.engine.state is EngineState.READY, 60)
    assert studio.engine.pid is not None
    studio.queue.cancel(job.id)
    assert (await studio.queue.wait(job.id)).state is JobState.CANCELLED
    await studio.close()
    assert studio.engine.pid is None


async def test_a_voice_inside_a_package_can_be_planned(open_studio: Open) -> None:
    studio = open_studio()
    await studio.start()
    try:
        voice = studio.library.default("speech")
        if voice is None:
            pytest.skip("no voice is installed")
        assert not studio.planner.knows(voice.model.id)
        await studio.judge_models()
        candidate = studio.candidate(voice, family(voice.model.family), "speech")
        assert candidate.counted
        assert candidate.memory is not None
    finally:
        await studio.close()
