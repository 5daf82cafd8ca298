from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QKeySequence
from PySide6.QtWidgets import QLabel, QLineEdit, QVBoxLayout

from studio.app import keys, language
from studio.app.keys_dialog import KeysDialog
from studio.app.panel import Panel, PanelSpec
from studio.app.strip import QueueStrip
from studio.app.strip_model import MemoryUse, RunningJob, StripModel, WaitingJob
from studio.app.widgets.chips import Chip
from studio.app.widgets.inspector import Inspector
from studio.app.window import StudioWindow

RUNNING = RunningJob("7", "red & <b>apple</b>", "draw", "phase.denoise", 14, 25, 0.5, 6.2)


class Sketch(Panel):
    """A panel with an inspector and a field."""

    def __init__(self) -> None:
        super().__init__()
        self.edit = QLineEdit()
        QVBoxLayout(self).addWidget(self.edit)
        self.inspector = Inspector(width=300)


@pytest.fixture
def made(qtbot) -> tuple[StudioWindow, list[str]]:
    """A window and the keys of the panels that were made so far."""
    order: list[str] = []

    def spec(key: str, kind: type[Panel], group: str = "top") -> PanelSpec:
        def factory() -> Panel:
            order.append(key)
            return kind()

        return PanelSpec(key, "home", key, factory, group)

    specs = [spec("settings", Panel, "bottom"), spec("home", Panel), spec("draw", Sketch)]
    window = StudioWindow(specs, StripModel())
    qtbot.addWidget(window, before_close_func=lambda window: window.finish())
    return window, order


def active(qtbot: Any, window: Any) -> Any:
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return window


def test_a_panel_is_made_when_it_is_first_shown(made) -> None:
    window, order = made
    assert order == []
    window.go("home")
    window.go("draw")
    window.go("home")
    assert order == ["home", "draw"]
    with pytest.raises(KeyError):
        window.go("video")


def test_the_rail_and_the_keys_lead_to_the_panels(qtbot, made) -> None:
    window, _ = made
    window.go("home")
    active(qtbot, window)
    window.rail.button("draw").click()
    assert window.current.value == "draw"
    assert window.rail.button("draw").isChecked()
    assert not window.rail.button("home").isChecked()
    window.rail.button("draw").click()
    assert window.rail.button("draw").isChecked(), "a second click leaves one where one is"
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert window.current.value == "home"
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert window.current.value == "settings", "the numbers run down the rail, not in the order of the specs"
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    assert window.current.value == "settings"


def test_the_rail_by_keyboard(qtbot, made) -> None:
    window, _ = made
    window.go("home")
    active(qtbot, window)
    window.rail.button("home").setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(window.rail.button("home"), Qt.Key.Key_Down)
    assert window.focusWidget() is window.rail.button("draw")
    qtbot.keyClick(window.rail.button("draw"), Qt.Key.Key_Space)
    assert window.current.value == "draw"
    window.rail.button("home").setFocus()
    qtbot.keyClick(window.rail.button("home"), Qt.Key.Key_Up)
    assert window.focusWidget() is window.rail.button("settings")


def test_the_inspector_is_there_only_with_its_panel(made) -> None:
    window, _ = made
    window.resize(1440, 900)
    window.show()
    panel = window.go("draw")
    assert panel.inspector.isVisible()
    assert panel.inspector.width() == 300
    window.go("home")
    assert not panel.inspector.isVisible()


def test_closing_hides_asks_and_ends_only_when_told(made) -> None:
    window, _ = made
    asked: list[bool] = []
    window.close_requested.connect(lambda: asked.append(True))
    window.show()
    window.close()
    assert (asked, window.isVisible()) == ([True], False)
    window.finish()
    assert asked == [True]


def test_files_dropped_on_the_window_are_told(made, tmp_path: Path) -> None:
    window, _ = made
    told: list[list[Path]] = []
    window.files_dropped.connect(told.append)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "图 a.png")), QUrl("https://example.com/b.png")])
    buttons, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, modifiers))
    assert told == [[tmp_path / "图 a.png"]]


def test_all_keys_are_shown_and_can_be_changed(qtbot, made) -> None:
    window, _ = made
    window.go("home")
    active(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_Question, Qt.KeyboardModifier.ShiftModifier)
    dialog = window.findChild(KeysDialog)
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert set(keys.used()) >= {"panel_1", "panel_2", "panel_3", "settings", "all_keys"}
    assert "generate" not in dialog._rows, "nothing in this window generates"
    edit = dialog._rows["settings"][1]
    edit.setKeySequence(QKeySequence("Alt+1"))
    edit.editingFinished.emit()
    assert "Panel 1" in dialog._error.text()
    assert keys.sequence("settings") == "Ctrl+,"
    edit.setKeySequence(QKeySequence("F9"))
    edit.editingFinished.emit()
    assert keys.overrides.value == {"settings": "F9"}
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_F9)
    assert window.current.value == "settings"
    dialog.close()


def test_a_question_mark_can_be_typed(qtbot, made) -> None:
    window, _ = made
    edit = window.go("draw").edit
    active(qtbot, window)
    edit.setFocus()
    qtbot.keyClicks(edit, "why?")
    assert edit.text() == "why?"
    assert window.findChild(KeysDialog) is None


def test_the_defaults_do_not_clash() -> None:
    sequences = [QKeySequence(keys.sequence(name)).toString() for name in keys.DEFAULTS]
    assert all(sequences)
    assert len(set(sequences)) == len(sequences)


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac writes its own symbols")
def test_keys_are_written_as_people_read_them(made) -> None:
    language.set_language("zh_CN")
    assert [keys.text(name) for name in ("generate", "weight_up", "settings")] == [
        "Ctrl ⏎",
        "Ctrl ↑",
        "Ctrl ,",
    ]
    keys.set_sequence("settings", "Ctrl++")
    assert keys.text("settings") == "Ctrl +"
    keys.set_sequence("settings", "")
    assert keys.text("settings") == ""


def test_every_key_has_a_title_in_both_languages() -> None:
    for lang in ("en", "zh_CN"):
        language.set_language(lang)
        assert [n for n in keys.DEFAULTS if keys.title(n).startswith("key.")] == []


def test_the_menus_of_text_fields_follow_the_language(made) -> None:
    window, _ = made
    edit = window.go("draw").edit

    def copy_word() -> str:
        menu = edit.createStandardContextMenu()
        words = menu.actions()[4].text()
        menu.deleteLater()
        return words

    assert "Copy" in copy_word()
    language.set_language("zh_CN")
    assert "复制" in copy_word()
    language.set_language("en")
    assert "Copy" in copy_word()


# -- the strip


@pytest.fixture
def strip(qtbot) -> tuple[StripModel, QueueStrip]:
    model = StripModel()
    widget = QueueStrip(model)
    qtbot.addWidget(widget)
    widget.resize(1356, widget.height())
    widget.show()
    return model, widget


def texts(widget: QueueStrip) -> list[str]:
    labels = [label.text() for label in widget.findChildren(QLabel) if label.isVisible() and label.text()]
    return labels + [chip.words() for chip in widget.findChildren(Chip) if chip.isVisible()]


def test_an_idle_strip_says_so(strip) -> None:
    _, widget = strip
    assert texts(widget) == ["Nothing is running", "Online"]
    language.set_language("zh_CN")
    assert texts(widget) == ["没有正在运行的任务", "在线"]


def test_the_running_job_is_told_and_can_be_stopped(qtbot, strip) -> None:
    model, widget = strip
    stopped: list[str] = []
    model.stop_requested.connect(stopped.append)
    model.running.value = RUNNING
    assert "red & <b>apple</b>" in texts(widget)
    assert "Drawing 14 / 25  •  about 6 s" in texts(widget)
    assert widget._running._meter.value == 0.5
    widget._running._stop.click()
    assert stopped == ["7"]
    model.running.value = RunningJob("7", "x", "draw", stopping=True)
    assert "stopping…" in texts(widget)
    widget._running._stop.click()
    assert stopped == ["7"], "asked once is enough"
    model.running.value = RunningJob("7", "x", "draw", "phase.load", beside=1)
    assert any(text.endswith("•  1 more at work") for text in texts(widget))


def test_nothing_moves_when_a_number_changes(strip) -> None:
    model, widget = strip
    model.running.value = RUNNING
    widget.grab()
    before = widget._running._stop.mapTo(widget, QPoint())
    model.running.value = RunningJob("7", "a much longer title than before" * 9, "draw", "phase.load", 0, 0)
    widget.grab()
    assert widget._running._stop.mapTo(widget, QPoint()) == before


def test_what_waits_is_named_up_to_three(qtbot, strip) -> None:
    model, widget = strip
    chosen: list[str] = []
    model.job_chosen.connect(chosen.append)
    model.queue_requested.connect(lambda _: chosen.append("all"))
    model.waiting.value = tuple(WaitingJob(str(n), f"job {n} & co" * 3, "write") for n in range(5))
    model.waiting_seconds.value = 40.0
    assert "5 waiting  •  about 40 s in all" in texts(widget)
    chips = [chip for chip in widget.findChildren(Chip) if chip.isVisible() and chip.words() != "Online"]
    widget.grab()
    chips.sort(key=Chip.x)
    assert [chip.words()[:5] for chip in chips] == ["job 0", "job 1", "+3"]
    assert chips[0].nextInFocusChain() is chips[1]
    assert chips[1].nextInFocusChain() is not chips[0]
    chips[1].click()
    chips[2].click()
    assert chosen == ["1", "all"]
    widget.resize(940, widget.height())
    widget.grab()
    assert [chip.words()[:5] for chip in chips if chip.isVisible()] == []
    model.waiting.value = ()
    assert texts(widget) == ["Nothing is running", "Online"]


def test_memory_and_network_are_told(strip) -> None:
    model, widget = strip
    model.memory.value = MemoryUse(17.84e9, 24e9)
    assert "RAM 17.8 of 24 GB" in texts(widget)
    model.traffic.value = 9.4e6
    assert "Online  •  9.4 MB/s" in texts(widget)
    model.offline.value = True
    assert "Offline" in texts(widget)
    asked: list[None] = []
    model.network_requested.connect(asked.append)
    next(chip for chip in widget.findChildren(Chip) if chip.words() == "Offline").click()
    assert asked == [None]


# -- the start


def test_the_first_window_imports_little(root: Path) -> None:
    code = (
        "import sys; from PySide6.QtWidgets import QApplication; app = QApplication([])\n"
        "from studio.app import theme; from studio.app.window import StudioWindow\n"
        "from studio.app.panel import Panel, PanelSpec; from studio.app.strip_model import StripModel\n"
        "theme.install(app)\n"
        "window = StudioWindow([PanelSpec('home', 'home', 'Home', Panel)], StripModel())\n"
        "window.go('home'); window.show()\n"
        "print(*sorted(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(ran.stdout.split())
    assert "studio.app.window" in loaded
    unwanted = {"torch", "diffusers", "transformers", "accelerate", "numpy", "PIL", "qtawesome", "qtpy"}
    unwanted |= {"pyqtgraph", "superqt", "PySide6.QtMultimedia", "PySide6.QtSvg", "PySide6.QtNetwork"}
    assert not loaded & unwanted
