"""The queue's sheet over a real queue and a fake engine, and in the real window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QVBoxLayout, QWidget

from studio.app import language
from studio.app.desk import Complaint, Desk
from studio.app.frame import Frame
from studio.app.queue_rows import EndedRow, HeldRow
from studio.app.queue_view import QueueSheet
from studio.app.queue_view_model import MOST, QueueViewModel
from studio.domain.job import JobState
from studio.domain.text import t
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.services import engines
from tests.services.engines import desk_on, request, until

HOSTILE = "<b>bold</b> & <img src=x>"
SLOW = {"second": 30.0}


def desk_over(services: engines.Desk) -> Desk:
    """The window's desk over a queue alone."""
    return Desk(SimpleNamespace(queue=services.queue, machine=None))  # type: ignore[arg-type]


@asynccontextmanager
async def model_on(folder: Path) -> AsyncIterator[tuple[QueueViewModel, engines.Desk, Desk]]:
    async with desk_on(folder) as services:
        desk = desk_over(services)
        model = QueueViewModel(desk)
        try:
            yield model, services, desk
        finally:
            model.close()


@asynccontextmanager
async def sheet_on(folder: Path) -> AsyncIterator[tuple[QueueSheet, QueueViewModel, engines.Desk, Desk]]:
    async with model_on(folder) as (model, services, desk):
        window = QWidget()
        window.resize(1200, 800)
        field = QLineEdit()
        QVBoxLayout(window).addWidget(field)
        sheet = QueueSheet(window, model, bottom=76)
        window.show()
        window.activateWindow()
        field.setFocus()
        await until(window.isActiveWindow)
        try:
            yield sheet, model, services, desk
        finally:
            window.close()
            window.deleteLater()


def waiting(model: QueueViewModel) -> list[str]:
    return [job.title for job in model.waiting.value]


async def busy(services: engines.Desk, *prompts: str) -> list[str]:
    """One job that does not end by itself, and these behind it; their ids."""
    services.queue.submit(request(prompt="long", **SLOW))
    return [services.queue.submit(request(prompt=prompt)).id for prompt in prompts]


def texts(widget: QWidget) -> list[str]:
    return [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]


def button(widget: QWidget, name: str) -> QAbstractButton:
    return next(
        each
        for each in widget.findChildren(QAbstractButton)
        if each.isVisible() and name in (each.accessibleName(), each.text())
    )


# --- the view-model ------------------------------------------------------------------------------


async def test_it_follows_the_queue_and_reorders_it(tmp_path: Path, qloop) -> None:
    async with model_on(tmp_path) as (model, services, _):
        _, b, c = await busy(services, "a", "b", "c")
        assert model.running.value
        assert model.running.value[0].title == "long"
        assert waiting(model) == ["a", "b", "c"]
        model.move(c, 0)
        assert waiting(model) == ["c", "a", "b"]
        model.shift(c, 1)
        model.shift(b, 1)  # it is the last already
        assert waiting(model) == ["a", "c", "b"]
        model.chosen.value = c
        model.cancel(c)
        assert waiting(model) == ["a", "b"]
        assert model.chosen.value == b, "the one that took its place"
        assert [(job.title, job.state) for job in model.ended.value] == [("c", JobState.CANCELLED)]
        model.move("unknown", 0)
        model.cancel("unknown")
        model.cancel_all()
        await until(lambda: not model.running.value)
        assert waiting(model) == []
        assert model.chosen.value == ""
        assert {job.title for job in model.ended.value} == {"long", "a", "b", "c"}


async def test_a_failed_job_says_why_and_is_tried_again(tmp_path: Path, qloop) -> None:
    async with model_on(tmp_path) as (model, services, _):
        job = services.queue.submit(request(prompt="too big", failure={"code": "oom.ram"}))
        await services.queue.wait(job.id)
        (ended,) = model.ended.value
        assert ended.failure
        assert ended.failure.code == "oom.ram"
        assert ended.result is None
        model.retry(ended.id)
        await until(lambda: model.ended.value and model.ended.value[0].id != ended.id)
        assert model.ended_count.value == 1, "it came in the old one's stead"
        model.retry(ended.id)  # gone meanwhile: nothing happens
        model.clear_ended()
        assert model.ended.value == ()


async def test_a_result_is_opened(tmp_path: Path, qloop) -> None:
    async with model_on(tmp_path) as (model, services, desk):
        opened: list[Path] = []
        desk.result_requested.connect(opened.append)
        job = await services.queue.wait(services.queue.submit(request(save=True)).id)
        (ended,) = model.ended.value
        assert ended.took is not None
        model.open_result(ended)
        assert opened == [Path(job.artifacts[0].path)]


async def test_what_was_kept_from_last_time_runs_when_asked(tmp_path: Path, qloop) -> None:
    async with desk_on(tmp_path) as before:
        await busy(before, "a", "b", "c")
        await before.vanish()
    async with model_on(tmp_path) as (model, services, desk):
        told: list[Complaint | None] = []
        desk.complained.connect(told.append)
        assert [job.title for job in model.held.value] == ["long", "a", "b", "c"]
        assert not model.running.value
        long, a, b, _ = (job.id for job in model.held.value)
        model.forget(long)
        model.resume(a)
        await until(lambda: [job.title for job in model.ended.value] == ["a"])
        services.models.here.clear()
        model.resume(b)
        assert told[0]
        assert told[0].failure.code == "model.missing"
        assert [job.title for job in model.held.value] == ["b", "c"]
        model.resume_all()
        assert len(told) == 2
        model.forget_held()
        assert (model.held.value, model.held_count.value) == ((), 0)


async def test_long_lists_are_cut_and_counted(tmp_path: Path, qloop) -> None:
    async with model_on(tmp_path) as (model, services, _):
        ids = await busy(services, *(f"job {n}" for n in range(MOST + 5)))
        for job in ids:
            services.queue.cancel(job)
        assert len(model.ended.value) == MOST
        assert model.ended_count.value == MOST + 5
        assert model.ended.value[0].title == f"job {MOST + 4}", "the last to end comes first"


# --- the sheet -----------------------------------------------------------------------------------


async def test_keys_and_buttons_reorder_and_drop(qtbot, tmp_path: Path, qloop) -> None:
    async with sheet_on(tmp_path) as (sheet, model, services, _):
        _, b, _ = await busy(services, "a", "b", "c")
        sheet.open(b)
        assert sheet.geometry().bottom() == 800 - 76 - 1
        assert sheet.waiting.hasFocus()
        assert sheet.waiting.currentRow() == 1
        qtbot.keyClick(sheet.waiting, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        assert waiting(model) == ["a", "c", "b"]
        assert sheet.waiting.currentRow() == 2, "the choice goes along"
        assert not sheet.actions["later"].isEnabled()
        sheet.actions["front"].click()
        assert waiting(model) == ["b", "a", "c"]
        assert not sheet.actions["front"].isEnabled()
        sheet.actions["later"].click()
        sheet.actions["sooner"].click()
        assert waiting(model) == ["b", "a", "c"]
        qtbot.keyClick(sheet.waiting, Qt.Key.Key_Down)
        qtbot.keyClick(sheet.waiting, Qt.Key.Key_Home, Qt.KeyboardModifier.AltModifier)
        assert waiting(model) == ["a", "b", "c"]
        qtbot.keyClick(sheet.waiting, Qt.Key.Key_Delete)
        assert waiting(model) == ["b", "c"]
        sheet.actions["cancel"].click()
        assert waiting(model) == ["c"]
        button(sheet, t("queue.cancel_all")).click()
        await until(lambda: not model.running.value)
        assert not sheet.actions["cancel"].isVisible()
        assert t("strip.idle") in texts(sheet)


@pytest.mark.parametrize(
    ("row", "target", "half", "order"),
    [(0, 2, 0.9, "bca"), (2, 0, 0.1, "cab"), (0, 1, 0.1, "abc"), (1, None, 0.5, "acb")],
)
async def test_a_job_is_dragged_to_its_place(
    qtbot,
    tmp_path: Path,
    qloop,
    monkeypatch: pytest.MonkeyPatch,
    row: int,
    target: int | None,
    half: float,
    order: str,
) -> None:
    async with sheet_on(tmp_path) as (sheet, model, services, _):
        await busy(services, "a", "b", "c")
        sheet.open()
        listed = sheet.waiting
        listed.setCurrentRow(row)
        where = type(listed).DropIndicatorPosition
        if target is None:
            point, place = QPointF(20, listed.height() - 1), where.OnViewport
        else:
            box = listed.visualItemRect(listed.item(target))
            point = QPointF(20, box.top() + box.height() * half)
            place = where.BelowItem if half > 0.5 else where.AboveItem
        monkeypatch.setattr(listed, "dropIndicatorPosition", lambda: place)
        data = QMimeData()
        event = QDropEvent(
            point, Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        listed.dropEvent(event)
        assert "".join(waiting(model)) == order
        assert [listed.item(n).text() for n in range(3)] == list(order)
        assert event.dropAction() == Qt.DropAction.IgnoreAction, "the list itself moves nothing"


async def test_escape_closes_it_and_gives_the_keyboard_back(qtbot, tmp_path: Path, qloop) -> None:
    async with sheet_on(tmp_path) as (sheet, _, services, _):
        await busy(services, "a")
        field = sheet.parentWidget().findChild(QLineEdit)
        sheet.toggle()
        assert sheet.waiting.hasFocus()
        qtbot.keyClick(sheet.waiting, Qt.Key.Key_Escape)
        assert not sheet.isVisible()
        assert field.hasFocus()
        assert services.queue.jobs[0].state is JobState.RUNNING, "it is not the job that stops"
        sheet.toggle()
        sheet.parentWidget().resize(1000, 600)
        assert sheet.geometry().right() == 999
        sheet.close_button.click()
        assert not sheet.isVisible()


async def test_failures_and_titles_are_shown_as_they_stand_in_both_languages(
    qtbot, tmp_path: Path, qloop
) -> None:
    async with sheet_on(tmp_path) as (sheet, model, services, _):
        job = services.queue.submit(request(prompt=HOSTILE, failure={"code": "oom.ram"}))
        await services.queue.wait(job.id)
        sheet.open()
        for lang in ("en", "zh_CN"):
            language.set_language(lang)
            said = {HOSTILE, t("failure.oom.ram"), t("failure.oom.ram.hint")}
            await until(lambda said=said: said <= set(texts(sheet)))
            assert {label.textFormat() for label in sheet.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
        language.set_language("en")
        await asyncio.sleep(0.05)  # a new row is shown a moment later
        (row,) = [row for row in sheet.findChildren(EndedRow) if row.isVisible()]
        button(row, t("app.retry")).click()
        await until(lambda: model.ended.value and model.ended.value[0].id != job.id)
        await asyncio.sleep(0.05)
        (row,) = [row for row in sheet.findChildren(EndedRow) if row.isVisible()]
        button(row, t("queue.forget")).click()
        assert model.ended.value == ()


async def test_the_running_job_is_stopped_and_held_ones_are_run(qtbot, tmp_path: Path, qloop) -> None:
    async with desk_on(tmp_path) as before:
        await busy(before, "kept")
        await before.vanish()
    async with sheet_on(tmp_path) as (sheet, model, _, _):
        sheet.open()
        long, _ = [row for row in sheet.findChildren(HeldRow) if row.isVisible()]
        button(long, t("queue.resume")).click()
        await until(lambda: model.running.value and model.running.value[0].phase)
        assert sheet.running.rows[0].stop.isVisible()
        sheet.running.rows[0].stop.click()
        await until(lambda: not model.running.value)
        button(sheet, t("queue.resume_all")).click()
        await until(lambda: any(job.title == "kept" for job in model.ended.value))
        button(sheet, t("queue.clear")).click()
        await asyncio.sleep(0)
        assert texts(sheet)[-1] == t("strip.idle")


async def test_a_job_whose_device_has_gone_is_run_on_the_cpu(qtbot, tmp_path: Path, qloop) -> None:
    async with sheet_on(tmp_path) as (sheet, model, services, _):
        other = services.queue.submit(request(prompt="<b>ill</b>", failure={"code": "oom.ram"}))
        gone = services.queue.submit(request(prompt="a fish", device="cuda:0", missing=["cuda:0"]))
        for job in (other, gone):
            await services.queue.wait(job.id)
        sheet.open()
        offers = [each for each in sheet.findChildren(QAbstractButton) if each.text() == t("app.run_on_cpu")]
        assert [each.accessibleDescription() for each in offers] == ["a fish"]
        offers[0].click()
        await until(lambda: any(job.state is JobState.DONE for job in model.ended.value))
        done = next(job for job in services.queue.jobs if job.state is JobState.DONE)
        assert done.request == msgspec.structs.replace(gone.request, device="cpu")
        assert len(model.ended.value) == 2, "it came in the old one's stead"


async def test_a_job_on_each_device_has_its_row_and_its_stop(qtbot, tmp_path: Path, qloop) -> None:
    async with sheet_on(tmp_path) as (sheet, model, services, _):
        for device in ("cpu", "cuda:0"):
            services.queue.submit(request(prompt=f"on {device}", device=device, steps={"draw": 10_000}))
        sheet.open()
        await until(lambda: len(model.running.value) == 2 and all(job.phase for job in model.running.value))
        assert [row.isVisible() for row in sheet.running.rows] == [True, True]
        assert {"on cpu", "on cuda:0"} <= set(texts(sheet))
        sheet.running.rows[0].stop.click()
        await until(lambda: len(model.running.value) == 1)
        assert "on cuda:0" in texts(sheet.running)
        assert [row.isVisible() for row in sheet.running.rows] == [True, False]
        sheet.running.rows[0].stop.click()
        await until(lambda: not model.running.value)
        assert texts(sheet.running) == [t("strip.idle")]


# --- in the window -------------------------------------------------------------------------------


async def test_the_strip_opens_it_and_the_network_chip_leads_to_the_settings(
    qtbot, tmp_path: Path, qloop
) -> None:
    studio = Studio(Paths.under(tmp_path / "home").create(), offline=True)
    await studio.start()
    frame = Frame(Desk(studio))
    window = frame.window
    window.show()
    window.activateWindow()
    await until(window.isActiveWindow)
    window.go("gallery")
    button(window, t("strip.open_queue")).click()
    (sheet,) = window.findChildren(QueueSheet)
    assert sheet.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert not sheet.isVisible()
    frame._shell.strip.job_chosen.emit("gone meanwhile")
    assert sheet.isVisible()
    frame._shell.strip.network_requested.emit(None)
    assert window.current.value == "settings"
    assert window.panel("settings").choice.value == "network"
    path = studio.outputs() / "2026-01-02" / "a.txt"
    path.parent.mkdir(parents=True)
    path.write_text("a")
    await studio.gallery.reconcile()
    frame._desk.open_result(path)
    gallery = window.panel("gallery")
    await until(lambda: gallery.model.opened.value is not None)
    assert window.current.value == "gallery"
    assert not sheet.isVisible(), "it would lie over the result"
    sheet.close_down()
    for panel in window.made_panels():
        panel.close_down()
    window.finish()
    window.deleteLater()
    await asyncio.sleep(0.05)
    await studio.close()
