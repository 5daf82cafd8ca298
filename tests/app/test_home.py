"""Home: examples that run in one click, what was measured, what was made lately."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QLabel, QWidget

from studio.app import language
from studio.app.desk import Desk, Order
from studio.app.frame import Frame
from studio.app.panels.home.measure import MeasureRow
from studio.app.panels.home.panel import HomePanel
from studio.app.panels.home.viewmodel import HomeModel, part_of_the_day
from studio.app.speed import Speed, speed_words
from studio.app.widgets.button import PaintedButton
from studio.domain.ability import Verdict, figure
from studio.domain.job import JobState
from studio.services.library.library import Entry, Installed
from studio.services.studio import Studio
from tests.app.studios import studio_at
from tests.services.engines import until
from tests.services.writing import writing

SLOW = {"steps": {"load": 1, "denoise": 400}, "second": 0.02}
QUICK = {"steps": {"load": 1, "denoise": 4}, "second": 0.05}


@asynccontextmanager
async def model_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, job: dict[str, Any] = QUICK
) -> AsyncIterator[tuple[Studio, HomeModel, list[Order], list[str]]]:
    """The view-model, what it asks to be made, and where it goes."""
    async with studio_at(folder, monkeypatch, jobs={"": job}) as studio:
        desk, made, gone = Desk(studio), list[Order](), list[str]()
        desk.make_requested.connect(made.append)
        desk.go_requested.connect(gone.append)
        model = HomeModel(desk)
        try:
            yield studio, model, made, gone
        finally:
            model.close()
            await asyncio.sleep(0)


@asynccontextmanager
async def panel_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, job: dict[str, Any] = QUICK
) -> AsyncIterator[tuple[Studio, HomePanel, Frame]]:
    async with studio_at(folder, monkeypatch, jobs={"": job}) as studio:
        studio.settings.change(welcomed=True)
        frame = Frame(Desk(studio))
        frame.window.show()
        panel = frame.window.go("home")
        assert isinstance(panel, HomePanel)
        try:
            yield studio, panel, frame
        finally:
            for each in frame.window.made_panels():
                each.close_down()
            frame.window.finish()
            frame.window.deleteLater()
            await asyncio.sleep(0.05)


def of(model: HomeModel, task: str) -> Any:
    return next(one for one in model.tries.value if one.task == task)


def texts(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if not label.isHidden())


def results(studio: Studio) -> None:
    """A picture and a text as an earlier version left them."""
    folder = studio.outputs() / "2026-11-20"
    folder.mkdir(parents=True)
    picture = QImage(64, 48, QImage.Format.Format_RGB32)
    picture.fill(QColor("#c03020"))
    assert picture.save(str(folder / "00001-5-apple.png"))
    (folder / "00001-poem.txt").write_text("The <b>sea</b>\nis wide", encoding="utf-8")


# --- the view-model -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "part"),
    [
        (0, "night"),
        (4, "night"),
        (5, "morning"),
        (10, "morning"),
        (11, "noon"),
        (13, "afternoon"),
        (18, "evening"),
    ],
)
def test_the_greeting_follows_the_day(hour: int, part: str) -> None:
    assert part_of_the_day(hour) == part


async def test_each_task_has_an_example_in_the_user_s_language(tmp_path, monkeypatch) -> None:
    async with model_on(tmp_path, monkeypatch) as (studio, model, *_):
        assert [one.task for one in model.tries.value] == ["text", "image", "speech", "music"]
        assert of(model, "image").prompt == studio.library.default("image").model.examples["en"][0]
        language.set_language("zh_CN")
        assert of(model, "image").prompt == studio.library.default("image").model.examples["zh_CN"][0]
        model.greet(datetime(2026, 11, 22, 20, 0))  # noqa: DTZ001 - only the hour counts
        assert model.greeting.value == "evening"


async def test_who_has_the_whole_starter_pack_needs_no_welcome(tmp_path, monkeypatch) -> None:
    async with model_on(tmp_path, monkeypatch) as (studio, model, *_):
        starters = studio.library.starters()
        assert model.welcomed.value == all(entry.installed for entry in starters)
        here = [Entry(entry.model, Installed(path="", bytes=0, source="hub")) for entry in starters]
        monkeypatch.setattr(studio.library, "starters", lambda: here)
        after = HomeModel(model.desk)
        assert after.welcomed.value
        assert not studio.settings.value.welcomed
        after.close()


async def test_trying_asks_for_the_example_with_the_model_s_defaults(tmp_path, monkeypatch) -> None:
    async with model_on(tmp_path, monkeypatch) as (studio, model, made, gone):
        model.run("image")
        request = made[0].request
        assert request.prompt == of(model, "image").prompt
        assert request.seed is None
        assert request.values["steps"] == 25
        assert studio.queue.submit(request).request.prompt == request.prompt
        assert gone == []
        await until(lambda: all(job.state.ended for job in studio.queue.jobs))


async def test_a_task_without_a_model_leads_to_models(tmp_path, monkeypatch) -> None:
    async with model_on(tmp_path, monkeypatch) as (_, model, made, gone):
        assert of(model, "text").entry is None
        model.run("text")
        assert gone == ["models"]
        assert made == []


async def test_nothing_is_measured_before_the_first_run_and_something_after(tmp_path, monkeypatch) -> None:
    async with model_on(tmp_path, monkeypatch) as (studio, model, made, _):
        assert not of(model, "image").speed.measured
        model.run("image")
        job = studio.queue.submit(made[0].request)
        assert (await studio.queue.wait(job.id)).state is JobState.DONE
        await until(lambda: of(model, "image").speed.measured)
        speed = of(model, "image").speed
        assert 0.1 < speed.seconds < 30
        assert speed_words(speed).startswith("about ")
        assert speed.verdict is Verdict.COMFORTABLE
        measured = [one.speed.measured for one in model.abilities.value if one.task == "image"]
        assert measured[0]
        assert not of(model, "speech").speed.measured


async def test_home_and_computer_tell_the_same(tmp_path, monkeypatch) -> None:
    """Also when the runs were other than what is usual, and when figures were taken."""
    async with model_on(tmp_path, monkeypatch) as (studio, model, made, _):
        for measured in (False, True):
            if measured:
                studio.measuring.start()
                await until(lambda: not studio.measuring.state.running)
            model.run("image")
            request = made[-1].request
            short = msgspec.structs.replace(request, values={**request.values, "steps": 3})
            job = studio.queue.submit(short)
            assert (await studio.queue.wait(job.id)).state is JobState.DONE
            await until(lambda: of(model, "image").speed.measured)
            await studio.read_machine()
            model._look()
            best = studio.abilities()["image"].best
            rows = [one for one in model.abilities.value if one.task == "image"]
            (row,) = [one for one in rows if one.entry.model.id == best.model.id]
            assert row.speed.seconds == pytest.approx(best.seconds)
            assert speed_words(row.speed) == figure(best)


async def test_a_text_s_speed_is_what_the_engine_counted(tmp_path, monkeypatch) -> None:
    async with writing(tmp_path, monkeypatch) as studio:
        desk = Desk(studio)
        desk.make_requested.connect(lambda order: studio.queue.submit(order.request))
        model = HomeModel(desk)
        model.run("text")
        (job,) = studio.queue.jobs
        assert job.request.prompt == "Say hello."
        assert (await studio.queue.wait(job.id)).state is JobState.DONE
        assert speed_words(of(model, "text").speed) == "25 tokens a second"
        model.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("speed", "words", "verdict"),
    [
        (Speed("text", None, 200 / 27.4), "27 tokens a second", Verdict.COMFORTABLE),
        (Speed("text", None, 200 / 2.25), "2.2 tokens a second", Verdict.SLOW),
        (Speed("text", None, 200 / 0.4), "0.4 tokens a second", Verdict.SLOW),
        (Speed("speech", None, 6 / 60.0), "60 × real time", Verdict.COMFORTABLE),
        (Speed("speech", None, 6 / 0.4), "0.4 × real time", Verdict.SLOW),
        (Speed("image", None, 140.0), "about 2 min", Verdict.SLOW),
        (Speed("image", None, 1400.0), "about 23 min", Verdict.SLOW),
        (Speed("image"), "", None),
        (Speed("video", None, 40.0), "about 40 s", None),
    ],
)
def test_speeds_are_said_and_judged(speed: Speed, words: str, verdict: Verdict | None) -> None:
    assert (speed_words(speed), speed.verdict) == (words, verdict)


async def test_what_runs_is_followed_and_can_be_stopped(tmp_path, monkeypatch) -> None:
    async with model_on(tmp_path, monkeypatch, SLOW) as (studio, model, made, _):
        model.run("image")
        other = studio.queue.submit(made[0].request)
        await until(lambda: studio.queue.job(other.id).progress)
        assert of(model, "image").job is None, "it was started elsewhere"
        job = studio.queue.submit(made[0].request)
        made[0].accepted(job)
        assert of(model, "image").job.state is JobState.WAITING
        studio.queue.cancel(other.id)
        await until(lambda: of(model, "image").job and of(model, "image").job.progress)
        assert of(model, "speech").job is None
        model.stop("image")
        assert (await studio.queue.wait(job.id)).state is JobState.CANCELLED
        assert of(model, "image").job is None


async def test_what_was_made_lately_comes_from_the_gallery(tmp_path, monkeypatch) -> None:
    async with model_on(tmp_path, monkeypatch) as (studio, model, *_):
        results(studio)
        await studio.gallery.reconcile()
        await until(lambda: len(model.lately.value) == 2)
        words = {made.result.task: made.words for made in model.lately.value}
        assert words == {"image": "", "text": "The <b>sea</b> is wide"}
        opened: list[Path] = []
        model.desk.result_requested.connect(opened.append)
        model.open(model.lately.value[0])
        assert opened == [model.lately.value[0].result.path]


async def test_the_computer_is_read(tmp_path, monkeypatch) -> None:
    async with model_on(tmp_path, monkeypatch) as (studio, model, *_):
        await until(lambda: model.machine.value)
        assert model.machine.value is studio.machine


# --- the panel -----------------------------------------------------------------------------------


async def test_one_click_runs_the_example_in_its_panel(qloop, tmp_path, monkeypatch) -> None:
    async with panel_on(tmp_path, monkeypatch, SLOW) as (studio, panel, frame):
        card = panel.overview.cards["image"]
        assert card.meter.isHidden()
        card.try_it.click()
        assert frame.window.current.value == "draw"
        assert frame.window.panel("draw").prompt.text() == of(panel.model, "image").prompt
        (job,) = studio.queue.jobs
        assert job.request.prompt == of(panel.model, "image").prompt
        frame.window.go("home")
        await until(lambda: card.meter.isVisible() and card.meter.value and "/ 400" in texts(card))
        assert card.try_it.words() == "Stop"
        card.try_it.click()
        await studio.queue.wait(job.id)
        assert card.try_it.words() == "Try it"
        assert card.meter.isHidden()


async def test_the_card_tells_what_was_measured_in_both_languages(qloop, tmp_path, monkeypatch) -> None:
    async with panel_on(tmp_path, monkeypatch) as (studio, panel, frame):
        assert "Not measured yet" in texts(panel.overview.cards["image"])
        assert "Nothing was measured yet" in texts(panel.overview.abilities)
        panel.overview.cards["image"].try_it.click()
        await studio.queue.wait(studio.queue.jobs[0].id)
        frame.window.go("home")
        assert "about 1 s" in texts(panel.overview.cards["image"])
        assert "Comfortable" in texts(panel.overview.abilities)
        assert "or predicted until the first run" in texts(panel.overview.abilities)
        language.set_language("zh_CN")
        assert "约 1 秒" in texts(panel.overview.cards["image"])
        assert "流畅" in texts(panel.overview.abilities)
        assert of(panel.model, "image").prompt in texts(panel.overview.cards["image"])


async def test_made_lately_shows_pictures_and_opens_them(qloop, tmp_path, monkeypatch) -> None:
    async with panel_on(tmp_path, monkeypatch) as (studio, panel, frame):
        assert "Nothing made yet" in texts(panel.overview.lately)
        results(studio)
        await studio.gallery.reconcile()
        await until(lambda: len(panel.overview.lately.tiles()) == 2)
        picture = next(tile for tile in panel.overview.lately.tiles() if tile.made.result.task == "image")
        await until(lambda: picture._picture)
        middle = picture.grab().toImage().pixelColor(56, 56)
        assert middle.name() == "#c03020"
        text = next(tile for tile in panel.overview.lately.tiles() if tile.made.result.task == "text")
        assert "<b>" not in text.toolTip()
        picture.click()
        assert frame.window.current.value == "gallery"
        frame.window.go("home")
        await studio.gallery.delete([picture.made.result])
        await until(lambda: len(panel.overview.lately.tiles()) == 1)


async def test_every_control_has_a_name_and_texts_are_plain(qloop, tmp_path, monkeypatch) -> None:
    async with panel_on(tmp_path, monkeypatch) as (_, panel, __):
        names = [each.accessibleName() or each.text() for each in panel.findChildren(PaintedButton)]
        assert len(names) > 6
        assert all(names)
        assert "Try it: Draw" in names
        assert all(label.textFormat() is Qt.TextFormat.PlainText for label in panel.findChildren(QLabel))


async def test_measuring_is_offered_until_it_was_done(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch) as (studio, panel, _):
        row = panel.overview.abilities.measure
        assert row.isHidden(), "nothing is offered before the computer is known"
        await studio.read_machine()
        studio.planner.changed.emit(None)
        assert not row.isHidden()
        assert "Times can be predicted once this computer was measured." in texts(row)
        row.button.click()
        await until(lambda: studio.measuring.state.running)
        assert row.button.words() == "Stop"
        await until(lambda: not studio.measuring.state.running)
        assert row.isHidden(), "once it is measured nothing is offered any more"


async def test_measuring_is_stopped_where_it_began(tmp_path, monkeypatch, qloop) -> None:
    async with studio_at(tmp_path, monkeypatch, measure={"second": 0.3}) as studio:
        await studio.read_machine()
        row = MeasureRow(Desk(studio))
        studio.planner.changed.emit(None)
        row.button.click()
        await until(lambda: studio.measuring.state.section == "nets")
        row.button.click()
        await until(lambda: not studio.measuring.state.running)
        assert not row.isHidden()
        assert row.button.words().startswith("Measure now")
        row.close_down()
        row.deleteLater()
        await asyncio.sleep(0.05)
