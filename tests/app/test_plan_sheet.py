"""What stands behind the fit line: opened by a click, true to the planner, and of help where nothing fits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from studio.app import language, plan_sheet
from studio.app.fit import fit_words
from studio.app.plan_sheet import PlanSheet, _compared, _short_time, _times
from studio.app.plan_words import short
from studio.app.widgets.button import Button
from studio.domain.job import Outcome, Peak
from studio.domain.plan import Estimate, Fit, Plan, Span
from studio.families.registry import family
from studio.services.studio import Studio
from tests.app.studios import studio_at
from tests.app.test_panels import window_on
from tests.fakes.measured import measured
from tests.fakes.tiny_diffusion import write_flux
from tests.services.engines import until

JOB = {"steps": {"load": 1, "denoise": 4}, "second": 0.02}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flux(tmp_path_factory.mktemp("tiny"), guidance=False)


@asynccontextmanager
async def draw_on(folder: Path, monkeypatch: Any, model: Path) -> AsyncIterator[tuple[Studio, Any, Any]]:
    """Draw with the tiny model, at a size that counts."""
    async with studio_at(folder, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, _):
        await studio.read_machine()
        await studio.library.add(model)
        draw: Any = frame.window.go("draw")
        await until(lambda: studio.planner.knows(str(model)))
        draw.making.choose(str(model))
        draw.making.form.set("size", (1024, 1024))
        draw.making.prompt.value = "a red apple"
        yield studio, frame, draw


def sheet_of(draw: Any) -> PlanSheet:
    return draw.findChild(PlanSheet)


def texts(sheet: PlanSheet) -> list[str]:
    return [label.text() for label in sheet.findChildren(QLabel) if label.isVisibleTo(sheet)]


async def test_a_click_on_the_fit_line_opens_and_closes_it(tmp_path, monkeypatch, qloop, qtbot, tiny) -> None:
    async with draw_on(tmp_path, monkeypatch, tiny) as (_, _frame, draw):
        assert sheet_of(draw) is None
        draw.prompt.fit.click()
        sheet = sheet_of(draw)
        assert sheet.isVisible()
        assert sheet.verdict.text().startswith("It fits: about")
        assert "processor" in texts(sheet)
        assert "not measured yet" in texts(sheet)
        line = draw.prompt.fit
        below = line.mapTo(draw, line.rect().topLeft()).y()
        assert 0 <= sheet.y() < sheet.geometry().bottom() < below
        assert sheet.geometry().right() < draw.width()
        qtbot.keyClick(sheet, Qt.Key.Key_Escape)
        assert not sheet.isVisible()
        draw.prompt.fit.click()
        draw.prompt.fit.click()
        assert not sheet.isVisible()


def test_what_may_end_before_is_told_as_the_most() -> None:
    seconds = Span(low=30.0, mid=40.0, high=50.0)
    estimate = Estimate(fit=Fit.GREEN, memory=None, available_bytes=0, seconds=seconds)
    assert "about 40 s" in fit_words(estimate)
    assert "at most" not in fit_words(estimate)
    most = msgspec.structs.replace(estimate, most=True)
    assert "at most about 40 s" in fit_words(most)
    assert _times(None, most) == [("In all, at most", "40 s (30 s to 50 s)")]
    assert _times(None, estimate)[0][0] == "In all"
    outcome = Outcome(timings={"total": 4.0}, peak=Peak(ram_bytes=1), device="cpu")
    assert _compared(outcome, most)[0] == ("Time", "4.0 s, at most 40 s predicted")
    assert _compared(outcome, estimate)[0] == ("Time", "4.0 s, predicted 40 s")


def test_other_ways_are_told_by_what_is_other() -> None:
    drawing = family("stable_diffusion")
    best = Plan(device="cpu", threads=2, precision={"unet": "bfloat16", "*": "float32"})
    sorted_too = msgspec.structs.replace(best, memory_format="channels_last")
    plain = msgspec.structs.replace(best, precision={"*": "float32"})
    card = Plan(device="cuda:0", precision={"unet": "bfloat16", "*": "float32"})
    assert short(sorted_too, best, drawing) == "sorted by pixel (channels last)"
    assert short(plain, best, drawing) == "32 bits (float32)"
    assert short(best, sorted_too, drawing) == "16 bits for unet (bfloat16), else 32 bits (float32)"
    assert short(card, best, drawing).startswith("cuda:0")


def test_a_moment_is_no_nought() -> None:
    assert [_short_time(seconds) for seconds in (0.0, 0.049, 0.06, 3.0)] == [
        "under 0.1 s",
        "under 0.1 s",
        "0.1 s",
        "3.0 s",
    ]


async def test_figures_of_a_busy_computer_are_told_of(tmp_path, monkeypatch, qloop, tiny) -> None:
    async with draw_on(tmp_path, monkeypatch, tiny) as (studio, _, draw):
        draw.prompt.fit.click()
        for taken, others, told in ((1.0, 0.4, True), (2.0, 0.0, False)):
            studio.measurements.save(measured(details={"others": others}, taken=taken))
            studio.planner.changed.emit(None)
            sheet_of(draw)._show()
            assert any("busy or hot" in text for text in texts(sheet_of(draw))) is told
            assert not sheet_of(draw)._scroll.verticalScrollBar().isVisible()  # there is room above


async def test_it_says_what_the_planner_says_and_follows_the_fields(
    tmp_path, monkeypatch, qloop, tiny
) -> None:
    async with draw_on(tmp_path, monkeypatch, tiny) as (studio, _, draw):
        studio.measuring.start()
        await until(lambda: not studio.measuring.state.running)
        draw.prompt.fit.click()
        sheet = sheet_of(draw)
        seen = [sheet._bar.accessibleName()]
        making = draw.making
        plans = studio.planner.plans(making.wanted(), making.spec)
        assert plans is not None
        assert len(plans.plans) > 1
        assert "Other ways" not in texts(sheet)  # of a model so small none needs noticeably less
        monkeypatch.setattr(plan_sheet, "NOTED", 2.0)
        draw.making.form.set("size", (1024, 1008))
        assert "Other ways" in texts(sheet)
        draw.making.form.set("size", (2048, 2048))
        seen.append(sheet._bar.accessibleName())
        assert seen[0] != seen[1]
        language.set_language("zh_CN")
        assert "处理器" in texts(sheet)


async def test_what_would_fit_is_set_by_a_click(tmp_path, monkeypatch, qloop, tiny) -> None:
    async with draw_on(tmp_path, monkeypatch, tiny) as (studio, _, draw):
        making = draw.making
        making.form.set("size", (512, 512))
        plans = studio.planner.plans(making.wanted(), making.spec)
        room = round(1.05 * max(plan.memory.high for plan in plans.plans))
        monkeypatch.setattr(studio.planner, "_ram", lambda: room)
        making.form.set("size", (2048, 2048))
        ((change, _),) = studio.planner.nearest(making.wanted(), making.spec)
        draw.prompt.fit.click()
        sheet = sheet_of(draw)
        assert sheet.verdict.text().startswith("It does not fit")
        assert "What would make it fit" in texts(sheet)
        (offer,) = [button for button in sheet.findChildren(Button) if button.isVisibleTo(sheet)]
        width, height = change["size"]
        assert offer.words().startswith(f"Size: {width} × {height}  •  ")
        offer.click()
        assert making.form.values()["size"] == (width, height)
        assert not sheet.verdict.text().startswith("It does not fit")
        assert "What would make it fit" not in texts(sheet)


async def test_the_last_run_is_compared_with_what_was_told(tmp_path, monkeypatch, qloop, tiny) -> None:
    async with draw_on(tmp_path, monkeypatch, tiny) as (studio, _, draw):
        draw.prompt.fit.click()
        sheet = sheet_of(draw)
        assert "The last run" not in texts(sheet)
        job = draw.generate()
        assert job is not None
        await studio.queue.wait(job.id)
        await until(lambda: "The last run" in texts(sheet))
        told = next(text for text in texts(sheet) if ", predicted " in text)
        assert told.startswith("0.1 GB, predicted"), "the fake engine's memory, and the planner's"
        assert not told.endswith("predicted 0.1 GB")
