"""The user's own files in the window: added in Models or dropped, used where they are, music among them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog

from studio.app import language
from studio.app.found.dropped import DroppedModel
from studio.app.panels.models.actions import Own
from studio.app.widgets.empty_state import EmptyState
from studio.domain.job import JobState
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.app.studios import studio_at
from tests.app.test_panels import window_on
from tests.fakes.tiny_diffusion import write_flux
from tests.fakes.tiny_music import write_music
from tests.services.engines import until

JOB = {"steps": {"load": 1, "compose": 4}, "second": 0.02}


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_music(tmp_path_factory.mktemp("我的 models") / "<b>tunes</b> &c")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flux(tmp_path_factory.mktemp("quick"), guidance=False)


def sums(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


async def test_a_folder_is_added_and_taken_out_again(
    tmp_path: Path, monkeypatch: Any, qloop: Any, tunes: Path
) -> None:
    before = sums(tunes)
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, said):
        panel: Any = frame.window.go("models").show_page("catalogue")
        folder, _file, _find = panel.add_menu().actions()
        folder.trigger()
        (dialog,) = panel.findChildren(QFileDialog)
        assert dialog.fileMode() is QFileDialog.FileMode.Directory
        dialog.fileSelected.emit(str(tunes))
        dialog.done(0)
        await until(lambda: str(tunes) in panel.cards.list.ids)
        assert not any(said)
        panel._enter(str(tunes))
        card = panel.details
        assert isinstance(card.page, Own)
        assert card.state.title == tunes.name
        again = Studio(Paths.under(tmp_path / "home"))
        assert [entry.model.id for entry in again.library.own()] == [str(tunes)]  # also after a restart
        await again.close()
        card.page.first.click()
        await until(lambda: str(tunes) not in panel.cards.list.ids)
        assert studio.library.own() == []
    assert sums(tunes) == before


async def test_what_no_family_knows_is_refused_with_a_reason(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    (tmp_path / "nothing").mkdir()
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, said):
        panel: Any = frame.window.go("models").show_page("catalogue")
        panel.model.add(tmp_path / "nothing")
        await until(lambda: said and said[-1] is not None)
        assert said[-1].failure.code == "model.unrecognized"
        assert studio.library.own() == []


async def test_a_dropped_model_joins_the_list(
    tmp_path: Path, monkeypatch: Any, qloop: Any, tunes: Path
) -> None:
    (tmp_path / "note.txt").write_text("no model")
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, said):
        await frame._dropped([tmp_path / "note.txt"])
        assert studio.library.own() == []
        assert not any(said)
        await frame._dropped([tunes])
        assert studio.library.own() == []  # nothing is taken without being asked for
        (dialog,) = frame.window.findChildren(DroppedModel)
        assert dialog.row.seen.finding.family == "musicgen"
        dialog.row.use.click()
        await until(lambda: bool(studio.library.own()) and not dialog.models._tasks)
        assert [entry.model.id for entry in studio.library.own()] == [str(tunes)]
        panel: Any = frame.window.panel("models").page("catalogue")
        assert str(tunes) in panel.cards.list.ids


async def test_one_that_moved_away_says_so(tmp_path: Path, monkeypatch: Any, qloop: Any, tunes: Path) -> None:
    import shutil

    mine = shutil.copytree(tunes, tmp_path / "mine")
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        await studio.library.add(mine)
        speak: Any = frame.window.go("speak")
        assert str(mine) in [entry.model.id for entry in speak.making.models.value]
        mine.rename(tmp_path / "away")
        studio.library.changed.emit(None)
        panel: Any = frame.window.go("models").show_page("catalogue")
        assert panel.model.cards[str(mine)].value.mode == "lost"
        assert str(mine) not in [entry.model.id for entry in speak.making.models.value]


async def test_the_form_is_narrowed_to_what_the_files_say(
    tmp_path: Path, monkeypatch: Any, qloop: Any, quick: Path
) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, said):
        await studio.library.add(quick)
        draw: Any = frame.window.go("draw")
        assert "guidance" in draw.making.form.fields
        draw.making.choose(str(quick))
        assert "guidance" not in draw.making.form.fields
        assert draw.making.form.values()["steps"] == 4
        draw.making.prompt.value = "a lighthouse"
        assert draw.generate() is not None, said
        draw.making.stop()
        await until(lambda: not draw.making.busy)


async def test_speak_makes_music_with_words_of_its_own(
    tmp_path: Path, monkeypatch: Any, qloop: Any, tunes: Path
) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, said):
        speak: Any = frame.window.go("speak")
        making, prompt = speak.making, speak.prompt
        if making.entry.value is not None:  # the bundled voice is a package that may be absent
            voice = making.entry.value.model.id
            making.prompt.value = "Good morning"
            assert making.task == "speech"
            assert prompt.button.words() == "Speak"
        await studio.library.add(tunes)
        making.choose(str(tunes))
        assert (making.task, making.prompt.value) == ("music", "")
        assert prompt.button.words() == "Make music"
        language.set_language("zh_CN")
        assert prompt.button.words() == "生成音乐"
        assert "乐器" in prompt.area.placeholderText()
        language.set_language("en")
        assert [f for f in making.form.fields if f in ("seconds", "voice", "speed")] == ["seconds"]
        visible = [page for page in speak.findChildren(EmptyState) if page.isVisible()]
        assert [page.button.words() for page in visible] == ["Make an example"]
        visible[0].clicked.emit()
        job = making.job.value
        assert job is not None, said
        assert (job.request.task, job.request.model) == ("music", str(tunes))
        assert job.request.prompt == making.prompt.value != ""
        making.stop()
        await until(lambda: not making.busy)
        if making.models.value[0].model.id != str(tunes):
            making.choose(voice)
            assert (making.prompt.value, making.task) == ("Good morning", "speech")
        frame._desk.use_again(job.request)  # back to where it came from, model and all
        assert frame.window.panel("speak") is speak
        assert (making.task, making.prompt.value) == ("music", job.request.prompt)


@pytest.mark.heavy
async def test_music_from_click_to_file_and_back(tmp_path: Path, qloop: Any, tunes: Path) -> None:
    studio = Studio(Paths.under(tmp_path / "a 家").create())
    await studio.start()
    try:
        async with window_on(studio) as (frame, said):
            studio.settings.change(threads=1)  # two would wait for each other on a busy machine
            await studio.library.add(tunes)
            speak: Any = frame.window.go("speak")
            making, recent = speak.making, speak.model.recent
            making.choose(str(tunes))
            making.prompt.value = "a slow piano tune"
            making.form.set("seconds", 1)
            making.form.set("seed", 5)
            speak.prompt.button.click()
            await until(lambda: not making.busy and recent.current.value is not None, seconds=120)
            assert making.job.value.state is JobState.DONE, said
            tune = recent.current.value.path
            assert tune.suffix == ".wav"
            assert recent.current.value.seconds == pytest.approx(1.0)
            gallery: Any = frame.window.go("gallery")
            gallery.model.kind.value = "music"
            await until(lambda: bool(gallery.model.results.value))
            assert [result.path for result in gallery.model.results.value] == [tune]
            gallery.model.kind.value = "speech"
            await until(lambda: gallery.model.results.value == ())
            making.form.set("seconds", 9)
            making.prompt.value = "something else"
            await frame._dropped([tune])
            assert (making.task, making.prompt.value) == ("music", "a slow piano tune")
            assert making.form.values()["seconds"] == 1
    finally:
        await studio.close()
