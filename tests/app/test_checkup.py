"""The check-up in the window: begun when it is seen, what is wrong first, mended by a click."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from studio.app import language
from studio.app.panels.computer.checkup import Checkup, FindingRow
from studio.app.widgets.card import Card
from studio.domain.failure import StudioError
from studio.services.downloads.route import Route
from studio.services.studio import Studio
from tests.app.studios import studio_at
from tests.app.test_accessibility import controls, name_of, settle
from tests.app.test_panels import JOB, window_on
from tests.services.engines import until


@asynccontextmanager
async def checkup_on(studio: Studio) -> AsyncIterator[tuple[Any, Checkup, list[Any]]]:
    async with window_on(studio) as (frame, said):
        panel: Any = frame.window.go("computer")
        assert panel._checkup is None, "it looks before anybody asks"
        panel.choice.buttons()[1].click()
        page = panel._checkup
        await looked(page)
        yield frame, page, said


async def looked(page: Checkup) -> None:
    await until(lambda: not page.model.busy.value and page.model.diagnosis.value is not None, seconds=60)


def rows(page: Checkup) -> dict[str, FindingRow]:
    """By title."""
    return {row.findChild(QLabel).text(): row for row in page.findChildren(FindingRow) if row.isVisible()}


async def test_what_is_wrong_comes_first_in_words(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio:
        studio.settings.change(device="cuda:7")
        async with checkup_on(studio) as (_, page, _said):
            settle(page)
            cards = [card for card in page.findChildren(Card) if card.isVisible()]
            assert len(cards) == 9
            first = page.findChildren(FindingRow)[0]
            assert first.accessibleName().startswith("Wrong: Device in use. The settings ask for cuda:7")
            diagnosis = page.model.diagnosis.value
            assert diagnosis is not None
            assert len(rows(page)) <= len(page.findChildren(FindingRow)) == len(diagnosis.findings)
            for finding in diagnosis.findings:
                shown = " ".join(label.text() for label in page.findChildren(QLabel))
                assert finding.why in shown
            assert all(label.textFormat() == Qt.TextFormat.PlainText for label in page.findChildren(QLabel))


async def test_it_is_mended_by_a_click(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio:
        studio.settings.change(device="cuda:7")
        async with checkup_on(studio) as (_, page, said):
            button = rows(page)["Device in use"].button
            assert button is not None
            button.click()
            assert not page._again.isEnabled()
            await looked(page)
            await until(lambda: not page.model.busy.value)
            assert studio.settings.value.device == "auto"
            await until(lambda: rows(page)["Device in use"].button is None)
            assert said == []


async def test_what_only_the_user_can_choose_opens_the_settings(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with (
        studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio,
        checkup_on(studio) as (frame, page, _),
    ):
        page._act("choose_models")
        assert frame.window.current.value == "settings"


async def test_the_network_is_asked_by_its_button(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    from studio.services.doctor.case import Reached

    async def reach(name: str, logs: Path, route: Route) -> Reached:
        return Reached(host=f"{name}.example", seconds=0.1)

    monkeypatch.setattr("studio.services.doctor.examination.reach", reach)
    async with (
        studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio,
        checkup_on(studio) as (_, page, _said),
    ):
        button = rows(page)["Package index"].button
        assert button is not None
        button.click()
        await until(lambda: "index.example" in rows(page)["Package index"].accessibleName(), seconds=60)


async def test_freeing_memory_asks_first_while_a_job_runs(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with (
        studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio,
        checkup_on(studio) as (_, page, _said),
    ):
        words: list[Any] = []
        page._desk.said.connect(words.append)
        monkeypatch.setattr(type(page.model), "at_work", True)
        page._act("free_memory")
        assert not page.model.busy.value
        assert "job is running" in words[0].text
        words[0].action()
        assert page.model.busy.value
        await looked(page)
        await until(lambda: not page.model.busy.value)


async def test_what_cannot_be_mended_says_why(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    async with (
        studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio,
        checkup_on(studio) as (_, page, said),
    ):

        async def refuse(*_: object) -> None:
            raise StudioError("output.unwritable", path="/x", reason="read-only")

        monkeypatch.setattr("studio.services.doctor.fix", refuse)
        page._act("create_folders")
        await until(lambda: bool(said))
        assert said[-1].failure.code == "output.unwritable"
        await until(lambda: not page.model.busy.value)


async def test_the_report_is_copied_in_the_language_of_the_window(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with (
        studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio,
        checkup_on(studio) as (_, page, _said),
    ):
        page._copy.click()
        await until(lambda: QGuiApplication.clipboard().text().startswith("AIGC Studio"))
        assert "== Graphics cards ==" in QGuiApplication.clipboard().text()
        language.set_language("zh_CN")
        page._copy.click()
        await until(lambda: "== 显卡 ==" in QGuiApplication.clipboard().text())


async def test_every_control_has_a_name_and_follows_the_language(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with (
        studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio,
        checkup_on(studio) as (frame, page, _),
    ):
        for lang, title in (("en", "Sound"), ("zh_CN", "声音")):
            language.set_language(lang)
            await until(lambda title=title: title in rows(page))  # a new row is shown a turn later
            settle(frame.window)
            found = list(controls(page))
            assert len(found) >= 3
            assert [control for control in found if not name_of(control).strip()] == []
            cut = [
                label.text()
                for label in page.findChildren(QLabel)
                if label.isVisible() and not label.wordWrap() and label.width() < label.sizeHint().width()
            ]
            assert cut == []


async def test_a_look_that_is_left_ends_with_the_window(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, _):
        panel: Any = frame.window.go("computer")
        panel.choice.buttons()[1].click()
        await asyncio.sleep(0.01)
        assert panel._checkup.model.busy.value
