"""Computer: live figures, facts, what can be done, and measuring, in the real window."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtWidgets import QLabel, QWidget

from studio.app import language, theme
from studio.app.desk import Desk
from studio.app.frame import Frame
from studio.app.panels.computer.hardware import KindCard
from studio.app.panels.computer.panel import ComputerPanel
from studio.app.widgets.button import Button
from studio.app.widgets.status import StatusLine
from studio.domain.job import JobState
from studio.domain.machine import Accelerator, Limits, Machine
from studio.services.hardware import Upgrade
from studio.services.machine.meter import Figures, GpuLoad
from studio.services.measuring import End
from studio.services.studio import Studio
from studio.wire.messages import Measure
from tests.app.studios import studio_at
from tests.fakes.fake_engine import measurements
from tests.services.engines import until
from tests.services.test_abilities import about
from tests.services.test_studio import drawing

JOB = {"steps": {"load": 1, "denoise": 4}, "second": 0.02}
GB = 10**9


@asynccontextmanager
async def panel_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **script: Any
) -> AsyncIterator[tuple[Studio, ComputerPanel, Frame]]:
    async with studio_at(folder, monkeypatch, jobs={"": JOB}, **script) as studio:
        studio.settings.change(welcomed=True)
        frame = Frame(Desk(studio))
        frame.window.show()
        panel = frame.window.go("computer")
        assert isinstance(panel, ComputerPanel)
        await until(lambda: panel.model.machine.value is not None)
        try:
            yield studio, panel, frame
        finally:
            for each in frame.window.made_panels():
                each.close_down()
            frame.window.finish()
            frame.window.deleteLater()
            await asyncio.sleep(0.05)


def texts(widget: QWidget) -> str:
    labels = [label.text() for label in widget.findChildren(QLabel) if not label.isHidden()]
    return "\n".join([*labels, *(line.text() for line in widget.findChildren(StatusLine))])


def figures(**changes: Any) -> Figures:
    usual = {"cpu_percent": 40.0, "ram_used_bytes": 5 * GB, "ram_total_bytes": 16 * GB}
    return Figures(**{**usual, **changes})


def test_the_heavy_charts_are_imported_late() -> None:
    code = (
        "import sys\nimport studio.app.panels.computer.panel\n"
        "print([name for name in ('pyqtgraph', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


async def test_the_facts_are_told(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch) as (studio, panel, _):
        assert studio.machine is not None
        facts = msgspec.structs.replace(
            studio.machine,
            limits=Limits(container="docker", memory_bytes=2 * GB, cpus=1.5),
            accelerators=(
                Accelerator(
                    kind="cuda",
                    vendor="NVIDIA",
                    name="RTX <b>1</b>",
                    memory_total_bytes=8 * GB,
                    usable=True,
                    device="cuda:0",
                ),
                Accelerator(
                    kind="npu", vendor="Intel", name="NPU", usable=False, reason="machine.reason.npu"
                ),
            ),
        )
        panel.model.machine.value = facts
        await asyncio.sleep(0.05)  # new rows are shown by the loop
        told = texts(panel)
        assert studio.machine.cpu.name in told
        assert "container (docker), 2.0 GB of memory, the time of 1.5 cores" in told
        assert "NVIDIA RTX <b>1</b>  •  works  •  chosen" in told
        assert "Intel NPU  •  cannot be used" in told
        assert "Not usable: The studio cannot compute on NPUs." in told
        language.set_language("zh_CN")
        await asyncio.sleep(0.05)
        assert "容器（docker）" in texts(panel)
        before = len(panel.findChildren(StatusLine))
        panel.model.tried.value = True  # told even where trying changed nothing else
        assert len(panel.findChildren(StatusLine)) > before


async def test_figures_move_while_somebody_looks(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch) as (_, panel, frame):
        await until(lambda: panel.model.history.value and panel.model.charts.value)
        frame.window.go("settings")
        assert panel.model._metering is None, "it measures while nobody looks"
        frame.window.go("computer")
        assert panel.model._metering is not None
        assert panel.model.history.value == (), "another minute is not this one"


async def test_a_tile_shows_and_tells_its_figure(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch) as (_, panel, _frame):
        await until(lambda: panel.model.charts.value)
        panel.model.watch_live(False)
        gpu = GpuLoad(name="RTX 1", used_bytes=3 * GB, total_bytes=8 * GB, percent=97.0)
        minute = [figures(cpu_percent=float(n), disk_bytes_per_second=2e6, gpus=(gpu,)) for n in range(60)]
        panel.model.history.value = tuple(minute)
        tiles = panel.pages["overview"].live.tiles
        assert list(tiles) == ["cpu", "ram", "engine", "disk", "gpu 0"]
        assert tiles["cpu"].accessibleName() == "Processor 59 % of the cores that may be used"
        assert tiles["ram"].accessibleName() == "Memory 5.0 GB of 16.0 GB"
        assert tiles["engine"].accessibleName().endswith("the engine is not running")
        assert tiles["disk"].accessibleName() == "Disks 2.0 MB/s read and written a second"
        assert tiles["gpu 0"].accessibleName() == "RTX 1 97 % memory 3.0 of 8.0 GB"
        x, y = tiles["cpu"]._chart._lines[0].getData()
        assert (list(x[:2]), list(y[-2:])) == ([-59, -58], [58.0, 59.0])
        assert len(tiles["gpu 0"]._chart._lines) == 2
        assert not panel.pages["overview"].live.free.isEnabled(), "no engine, nothing to free"


async def test_charts_follow_the_theme(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch) as (_, panel, _frame):
        await until(lambda: panel.model.charts.value)
        chart = panel.pages["overview"].live.tiles["cpu"]._chart
        seen = []
        for look in ("light", "dark"):
            theme.set_mode(look)
            assert chart._lines[0].opts["pen"].color() == theme.color("accent")
            assert chart.backgroundBrush().color() == theme.color("surface")
            seen.append(chart.backgroundBrush().color().name())
        assert seen[0] != seen[1]


async def test_each_task_has_a_model_and_a_way_to_it(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch) as (studio, panel, frame):
        await until(lambda: panel.model.abilities.value)
        able = panel.pages["overview"].able
        told = texts(able)
        assert "Image  •  Comfortable" in told
        assert "Starter icons" in told
        ways = {button.words(): button for button in able.findChildren(Button) if not button.isHidden()}
        assert ways["Draw"].accessibleName() == "Image: Starter icons"
        ways["Draw"].click()
        assert frame.window.current.value == "draw"
        frame.window.go("computer")
        ways["Get it"].click()
        assert frame.window.current.value == "models"
        assert studio.library.default("text") is None


def shown(panel: ComputerPanel) -> tuple[str, list[str]]:
    """The words and the buttons of the card."""
    card = panel.pages["overview"].benchmark
    return texts(card), [button.words() for button in (card.start, card.stop) if not button.isHidden()]


async def test_measuring_from_the_panel(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch, measure={"second": 0.2}) as (studio, panel, _):
        card = panel.pages["overview"].benchmark
        told, buttons = shown(panel)
        assert "Not measured yet" in told
        assert buttons == ["Measure this computer (under a minute)"]
        card.start.click()
        await until(lambda: panel.model.measuring.value.section == "nets")
        told, buttons = shown(panel)
        assert buttons == ["Stop measuring"]
        assert "Small models" in told
        await until(lambda: studio.measuring.state.end is End.DONE)
        await asyncio.sleep(0.05)
        told, buttons = shown(panel)
        assert buttons == ["Measure again"]
        assert "GFLOP/s" in told
        assert "Measured 20" in told
        assert "GB/s" in told


async def test_measuring_is_stopped_or_makes_way_for_a_job(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch, measure={"second": 0.3}) as (studio, panel, _):
        card = panel.pages["overview"].benchmark
        card.start.click()
        await until(lambda: panel.model.measuring.value.section == "nets")
        card.stop.click()
        await until(lambda: not studio.measuring.state.running)
        assert "Measuring was stopped; nothing was kept." in shown(panel)[0]
        card.start.click()
        await until(lambda: panel.model.measuring.value.section == "nets")
        job = studio.queue.submit(drawing(studio))
        assert (await studio.queue.wait(job.id)).state is JobState.DONE
        await until(lambda: not studio.measuring.state.running)
        told, buttons = shown(panel)
        assert "made way for what you asked for" in told
        assert buttons == ["Measure this computer (under a minute)"]


async def test_what_another_build_measured_is_offered_again(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch) as (studio, panel, _):
        message = Measure(job="m", device="cpu", name="another computer", folder="", seconds=1)
        found = msgspec.structs.replace(
            measurements(message), versions={"torch": "1.0"}, throttled=True, details={"others": 0.4}
        )
        studio.measurements.save(found)
        studio.planner.changed.emit(None)
        told, buttons = shown(panel)
        assert "with another build" in told
        assert "probably hot" in told
        assert "Other programs took 40 %" in told
        assert buttons == ["Measure again"]


async def test_figures_of_a_busy_computer_are_offered_again(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch, measure={"others": 0.4}) as (studio, panel, _):
        card = panel.pages["overview"].benchmark
        card.start.click()
        await until(lambda: studio.measuring.state.end is End.DOUBTFUL)
        assert "Other programs took 40 %" in shown(panel)[0]
        assert card.start._kind == "primary"
        sound = msgspec.structs.replace(panel.model.measured.value, details={})
        studio.measurements.save(sound)
        card.start.click()
        await until(lambda: studio.measuring.state.running)
        await until(lambda: not studio.measuring.state.running)
        assert "the earlier figures stay" in shown(panel)[0]
        assert panel.model.measured.value == sound
        assert card.start._kind == "secondary"


async def test_other_hardware_has_a_page_of_its_own(tmp_path, monkeypatch, qloop) -> None:
    async with panel_on(tmp_path, monkeypatch) as (_, panel, _frame):
        assert "hardware" not in panel.pages
        panel.choice.changed.emit("hardware")
        page = panel.pages["hardware"]
        assert page.isVisible()
        assert not panel.pages["overview"].isVisible()
        await asyncio.sleep(0.05)
        assert "comfortable" in texts(page)
        panel.model.upgrades.value = (
            Upgrade(kind="gpu", bytes=8e9, models=(about("Large One", seconds=90.0),)),
            Upgrade(kind="ram", bytes=16e9, models=(about("Larger One"), about("Largest"))),
        )
        await asyncio.sleep(0.05)
        told = texts(page)
        assert "A graphics card with 8 GB of memory would make these comfortable: Large One." in told
        assert "16 GB more memory would make these possible: Larger One, Largest." in told
        assert len(page.findChildren(KindCard)) == 5
        assert "not supported" in told
        panel.model.upgrades.value = ()
        await asyncio.sleep(0.05)
        assert "comfortable here already" in texts(page)
        language.set_language("zh_CN")
        await asyncio.sleep(0.05)
        assert "显卡（GPU）" in texts(page)
        assert len(page.findChildren(KindCard)) == 5


def test_machine_of_nothing_is_told(look) -> None:
    """Unknown facts leave no empty rows and no None."""
    from studio.app.panels.computer.facts import _facts
    from studio.domain.machine import Cpu, Ram

    empty = Machine(cpu=Cpu(), ram=Ram(), disks=(), accelerators=(), os="", python="")
    words = " ".join(text for _, text in _facts(empty))
    assert "None" not in words
