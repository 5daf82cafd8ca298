"""Every panel in the real window: named controls, no accidental markup; Draw and Speak from click to file."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from studio.app import language
from studio.app.widgets.button import Button
from studio.domain.failure import Failure
from studio.domain.job import JobState
from studio.domain.machine import Accelerator
from studio.domain.text import t
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.app.studios import studio_at, window_on
from tests.services.engines import until

JOB = {"steps": {"load": 1, "denoise": 4}, "second": 0.02}


async def test_a_changed_field_is_kept_for_the_next_start(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio:
        async with window_on(studio) as (frame, _):
            draw: Any = frame.window.go("draw")
            draw.making.prompt.value = "一只蓝色的猫"
            draw.making.form.set("steps", 7)
            await until(lambda: studio.drafts.get("image").get("prompt") == "一只蓝色的猫", seconds=5)
        async with window_on(studio) as (frame, _):
            draw = frame.window.go("draw")
            assert draw.making.prompt.value == "一只蓝色的猫"
            assert draw.making.form.values()["steps"] == 7


async def test_a_picture_of_another_program_fills_what_it_says(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    settings = "Steps: 12, Sampler: Euler a, CFG scale: 3.5, Seed: 99, Size: 64x64"
    words = f"a red apple\nNegative prompt: blue\n{settings}"
    told = PngInfo()
    told.add_text("parameters", words)
    Image.new("RGB", (64, 64)).save(tmp_path / "theirs.png", pnginfo=told)
    Image.new("RGB", (64, 64)).save(tmp_path / "mute.png")
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, said):
        frame.window.go("draw")
        draw: Any = frame.window.panel("draw")
        await frame._dropped([tmp_path / "mute.png"])
        assert draw.making.prompt.value == ""
        await frame._dropped([tmp_path / "theirs.png"])
        assert draw.making.prompt.value == "a red apple"
        values = draw.making.form.values()
        assert (values["negative"], values["steps"], values["guidance"], values["seed"]) == (
            "blue",
            12,
            3.5,
            99,
        )
        assert said == []


async def test_an_empty_prompt_is_refused_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, said):
        draw: Any = frame.window.go("draw")
        draw.making.form.set("steps", 9)
        assert draw.generate() is None
        assert said[-1].failure.code == "param.invalid"
        assert draw.making.form.values()["steps"] == 9
        assert studio.queue.jobs == ()


async def test_another_language_leaves_the_workspace_alone(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, _):
        folder = studio.outputs() / "2026-11-20"
        folder.mkdir(parents=True)
        Image.new("RGB", (64, 64)).save(folder / "00001-apple.png")
        with wave.open(str(folder / "00001-hello.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(16000))
        await studio.gallery.reconcile()
        frame.window.resize(1024, 640)
        for key, shown in (("draw", "view"), ("speak", "wave")):
            panel: Any = frame.window.go(key)
            await until(lambda panel=panel: panel.model.recent.current.value)
            assert getattr(panel, shown).isVisible()
            language.set_language("zh_CN")
            assert getattr(panel, shown).isVisible(), "what was made gave way to the page of a new user"
            language.set_language("en")
        assert not panel.wave.geometry().intersects(panel.play.geometry()), "the smallest window is too small"
        draw: Any = frame.window.go("draw")
        draw.making.entry.value = None
        assert not draw.view.isVisible()


async def test_a_complaint_stays_with_its_panel(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, _):
        window = frame.window
        draw: Any = window.go("draw")
        window.banner.show_notice("warning", "frame.no_chinese_font")
        assert draw.generate() is None
        banner = window.banner_of("draw")
        assert banner.isVisible()
        assert not window.toasts.isVisible()
        window.go("gallery")
        assert not banner.isVisible()
        assert window.banner.isVisible(), "what concerns the whole window is seen everywhere"
        draw.desk.complain(Failure(code="model.missing", values={"name": "unicorn"}))
        assert not banner.isVisible()
        assert window.toasts.isVisible(), "who looks elsewhere is told"
        window.toasts._button.click()
        assert window.current.value == "draw"
        assert banner.isVisible()
        assert "unicorn" in banner.accessibleName()
        banner.close_button.click()
        window.go("gallery")
        window.go("draw")
        assert not banner.isVisible()


@pytest.mark.parametrize("card", ["", "Good <b>card</b> & Co"])
async def test_a_device_that_has_gone_is_replaced_by_a_click(
    card: str, tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with (
        studio_at(tmp_path, monkeypatch, jobs={"": JOB | {"missing": ["cuda:0"]}}) as studio,
        window_on(studio) as (frame, said),
    ):
        machine = await studio.read_machine()
        cards = (
            Accelerator(kind="cuda", vendor="x", name="Gone", usable=True, device="cuda:0"),
            Accelerator(kind="cuda", vendor="x", name="Broken", usable=False, device="cuda:1"),
            Accelerator(kind="cuda", vendor="x", name=card, usable=True, device="cuda:2"),
        )
        studio.machine = msgspec.structs.replace(machine, accelerators=cards if card else cards[:2])
        studio.settings.change(device="cuda:0")
        draw: Any = frame.window.go("draw")
        draw.making.prompt.value = "an apple"
        job = draw.generate()
        await studio.queue.wait(job.id)
        assert said[-1].failure.code == "device.missing"
        banner = frame.window.banner_of("draw")
        words = t("app.run_on", device=card) if card else t("app.run_on_cpu")
        assert banner.button.words() == words
        banner.button.click()
        again = draw.making.job.value
        assert again.id != job.id
        done = await studio.queue.wait(again.id)
        assert done.state is JobState.DONE, done.failure
        expected = msgspec.structs.replace(job.request, device="cuda:2" if card else "cpu")
        assert done.request == expected
        assert not banner.isVisible()


async def test_a_voice_refuses_a_language_before_the_run(
    tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, said):
        speak: Any = frame.window.go("speak")
        speak.making.prompt.value = "早上好"
        assert speak.generate() is None
        assert said[-1].failure.code == "model.language"
        assert studio.queue.jobs == ()
        speak.making.prompt.value = "Good morning"
        assert speak.generate() is not None
        speak.making.stop()
        await until(lambda: not speak.making.busy)


async def test_a_field_in_hand_counts_when_the_key_is_pressed(
    qtbot: Any, tmp_path: Path, monkeypatch: Any, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, said):
        draw: Any = frame.window.go("draw")
        draw.making.prompt.value = "red apple"
        steps = next(box for box in draw.inspector.findChildren(QLineEdit) if box.text() == "25")
        frame.window.activateWindow()
        steps.setFocus()
        await until(steps.hasFocus)
        steps.selectAll()
        qtbot.keyClicks(steps, "9999")
        qtbot.keyClick(steps, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert said[-1].failure.code == "param.invalid"
        assert studio.queue.jobs == ()
        steps.selectAll()
        qtbot.keyClicks(steps, "12")
        qtbot.keyClick(steps, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert not frame.window.banner_of("draw").isVisible()
        assert studio.queue.jobs[0].request.values["steps"] == 12
        draw.making.stop()
        await until(lambda: not draw.making.busy)


async def test_settings_change_at_once_and_are_kept(tmp_path: Path, monkeypatch: Any, qloop: Any) -> None:
    async with studio_at(tmp_path, monkeypatch, jobs={"": JOB}) as studio, window_on(studio) as (frame, said):
        panel: Any = frame.window.go("settings/network").pages["network"]
        panel.offline.click()
        assert studio.settings.value.offline
        assert studio.offline
        panel = frame.window.go("settings/general").pages["general"]
        file = tmp_path / "a file"
        file.write_text("x")
        panel._change("outputs", str(file))
        assert said[-1].failure.code == "output.unwritable"
        assert studio.settings.value.outputs == ""
        panel._change("outputs", str(tmp_path / "新 文件夹"))
        assert studio.outputs() == tmp_path / "新 文件夹"
        usual = next(button for button in panel.findChildren(Button) if button.words() == "Usual place")
        usual.click()  # the first row's, that of the results
        assert studio.settings.value.outputs == ""
    again = Studio(Paths.under(tmp_path / "home"))
    assert again.settings.value.offline
    await again.close()


@pytest.mark.heavy
async def test_a_picture_from_click_to_file_and_back(tmp_path: Path, qloop: Any) -> None:
    studio = Studio(Paths.under(tmp_path / "a 家").create())
    await studio.start()
    try:
        async with window_on(studio) as (frame, said):
            draw: Any = frame.window.go("draw")
            making, recent = draw.making, draw.model.recent
            making.prompt.value = "red apple"
            making.form.set("steps", 12)
            making.form.set("seed", 5)
            previews: list[object] = []
            draw.model.preview.connect(lambda frame: previews.append(frame) if frame else None)
            draw.prompt.button.click()
            await until(lambda: not making.busy and recent.current.value is not None, seconds=120)
            assert making.job.value.state is JobState.DONE, said
            assert previews, "no preview was seen"
            picture = recent.current.value.path
            assert picture.suffix == ".png"
            await until(lambda: draw.view.path() == picture)

            making.prompt.value = "something else"
            making.form.set("steps", 30)
            await frame._dropped([picture])
            assert making.prompt.value == "red apple"
            assert making.form.values()["steps"] == 12
            assert making.form.values()["seed"] == 5

            recent.delete()
            await until(lambda: not picture.exists())
            async with asyncio.timeout(20):
                while await studio.gallery.trashed() != 1:
                    await asyncio.sleep(0.05)
    finally:
        await studio.close()
