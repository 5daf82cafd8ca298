from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QLabel, QMenu, QTextEdit, QVBoxLayout, QWidget

from studio.app import keys, language, motion, prompt_weight
from studio.app.widgets.banner import Banner
from studio.app.widgets.button import Button
from studio.app.widgets.chips import Chip, ChipGroup
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.flow import FlowLayout
from studio.app.widgets.image_view import ImageView
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.memory_bar import MemoryBar
from studio.app.widgets.meter import Meter
from studio.app.widgets.model_picker import ModelItem, ModelPicker
from studio.app.widgets.prompt_box import PromptBox
from studio.app.widgets.seed_field import SeedField
from studio.app.widgets.segmented import SegmentedButtons
from studio.app.widgets.slider import SliderRow
from studio.app.widgets.status import FitLine
from studio.app.widgets.text_area import TextArea
from studio.app.widgets.thumbnail_strip import Thumbnail, ThumbnailStrip
from studio.app.widgets.toast import ToastHost
from studio.app.widgets.waveform import Waveform, peaks
from studio.domain.failure import Failure

HOSTILE = '<a href="file:///etc/passwd">x</a> & <b>y</b>'


def picture(width: int, height: int, color: str = "red") -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image


def heard(signal: Any) -> list[Any]:
    values: list[Any] = []
    signal.connect(lambda *arguments: values.append(arguments[0] if arguments else None))
    return values


def shown(qtbot: Any, widget: QWidget, width: int = 400, height: int = 300) -> Any:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    with qtbot.waitActive(widget):
        widget.show()
        widget.activateWindow()
    return widget


# -- text


def test_text_from_outside_is_shown_as_it_stands(qtbot) -> None:
    label, elided = Label(), ElidedLabel()
    banner = Banner()
    for widget in (label, elided, banner):
        qtbot.addWidget(widget)
    label.setText(HOSTILE)
    elided.setText(HOSTILE)
    banner.show_failure(Failure(code="internal", values={"reason": HOSTILE}, details=HOSTILE))
    labels = [label, elided, *banner.findChildren(QLabel)]
    assert all(each.textFormat() == Qt.TextFormat.PlainText for each in labels)
    assert any(HOSTILE in each.text() for each in banner.findChildren(QLabel))
    elided.resize(30, 20)
    elided.show()
    tip = QTextEdit()
    qtbot.addWidget(tip)
    tip.setHtml(elided.toolTip())
    assert tip.toPlainText() == HOSTILE


def test_an_ampersand_in_a_button_is_no_shortcut(qtbot) -> None:
    chip = Chip()
    qtbot.addWidget(chip)
    chip.setText("Q&A")
    assert chip.words() == "Q&A"
    assert chip.shortcut().isEmpty()


def test_an_elided_label_says_all_in_its_tooltip_only_when_shortened(qtbot) -> None:
    label = shown(qtbot, ElidedLabel(), 40, 20)
    label.setText("a name that is much longer than its place")
    assert label.shown_text().endswith("…")
    assert "longer" in label.toolTip()
    label.resize(600, 20)
    assert label.toolTip() == ""


# -- choices and numbers


@pytest.mark.parametrize("kind", [SegmentedButtons, ChipGroup])
def test_one_of_several_by_mouse_and_by_arrow_keys(qtbot, kind: type) -> None:
    row = shown(qtbot, kind([(1, "1"), (4, "4"), (8, "8")]))
    row.set_value(4)
    values = heard(row.changed)
    assert values == []
    buttons = row.buttons()
    qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    assert (values, row.value) == ([1], 1)
    buttons[0].setFocus()
    qtbot.keyClick(buttons[0], Qt.Key.Key_Right)
    qtbot.keyClick(buttons[1], Qt.Key.Key_Right)
    assert (values, row.value) == ([1, 4, 8], 8)
    assert [b.focusPolicy() == Qt.FocusPolicy.TabFocus for b in buttons] == [False, False, True]
    row.set_value(99)
    assert row.value is None
    row.set_options([(8, "8"), (9, "9")])
    assert row.value is None


def test_a_slider_keeps_to_its_steps_and_range(qtbot) -> None:
    row = SliderRow(1.0, 20.0, 0.5)
    qtbot.addWidget(row)
    values, entered = heard(row.changed), heard(row.entered)
    row.set_value(7.25)
    assert (row.value, row.box.text(), values) == (7.25, "7.25", [])
    row.slider.setValue(14)
    assert (row.value, row.box.text(), values) == (8.0, "8.0", [8.0])
    qtbot.keyClick(row.box, Qt.Key.Key_Up)
    assert row.value == 8.5
    for text in ("21", "nan", "many", ""):
        row.box.setText(text)
        row.box.editingFinished.emit()
    assert (entered, row.value) == (["21", "nan", "many", ""], 8.5)


@pytest.mark.parametrize(("minimum", "maximum"), [(1, 32768), (0, 4096), (512, 131_072)])
def test_a_wide_range_reaches_both_ends_and_small_values(qtbot, minimum: int, maximum: int) -> None:
    row = SliderRow(minimum, maximum)
    qtbot.addWidget(row)
    reached = [row._at(position) for position in range(row.slider.maximum() + 1)]
    assert (reached[0], reached[-1]) == (minimum, maximum)
    assert reached == sorted(reached)
    assert all(isinstance(value, int) for value in reached)
    for value in reached:
        row.set_value(value)
        assert abs(row._at(row.slider.value()) - value) <= max(1, value * 0.1)


def test_the_mouse_sets_a_slider_where_it_presses(qtbot) -> None:
    row = shown(qtbot, SliderRow(0, 100), 300, 40)
    slider = row.slider
    values = heard(row.changed)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, 10))
    assert 48 <= values[-1] <= 52


def test_the_wheel_changes_nothing_that_has_no_keyboard(qtbot) -> None:
    from PySide6.QtGui import QWheelEvent

    row, combo = SliderRow(0, 100), ComboBox([(1, "a"), (2, "b")])
    for widget in (row, combo):
        shown(qtbot, widget)
    combo.set_value(1)
    for widget in (row.slider, row.box, combo):
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(5, 5),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        widget.wheelEvent(event)
        assert not event.isAccepted()
    assert (row.value, combo.value) == (0, 1)


def test_a_seed_rolls_locks_and_takes_every_legal_number(qtbot) -> None:
    field = SeedField()
    qtbot.addWidget(field)
    values, entered = heard(field.changed), heard(field.entered)
    qtbot.keyClicks(field.edit, "4294967295")
    qtbot.keyClick(field.edit, Qt.Key.Key_Return)
    assert (field.value, field.lock.isChecked()) == (4294967295, True)
    field.lock.click()
    assert (field.value, field.edit.text()) == (None, "")
    assert "4294967295" in field.edit.placeholderText()
    field.lock.click()
    assert field.value == 4294967295, "the lock keeps the last seed"
    field.dice.click()
    assert 0 <= field.value <= 4294967295
    assert values[:3] == [4294967295, None, 4294967295]
    field.edit.setText("4294967296")
    field.edit.editingFinished.emit()
    assert entered == ["4294967296"]
    assert field.edit.property("invalid") is True
    field.set_value(None)
    field.set_last(77)
    field.lock.click()
    assert values[-1] == 77


def test_a_combo_keeps_its_value_and_follows_the_language(qtbot) -> None:
    combo = ComboBox([("a", "app.stop"), ("b", "Euler")])
    qtbot.addWidget(combo)
    values = heard(combo.changed)
    combo.set_value("a")
    language.set_language("zh_CN")
    assert (combo.currentText(), combo.itemText(1), combo.value) == ("停止", "Euler", "a")
    combo.set_options([("x", "X"), ("a", "A")])
    assert (combo.value, values) == ("a", [])
    combo.set_value("gone")
    assert combo.value is None


def test_a_picker_without_models_says_so(qtbot) -> None:
    picker = shown(qtbot, ModelPicker())
    assert picker.value is None
    assert picker.placeholderText() == "No model yet"
    picker.set_models([ModelItem("a", "A & B", "installed"), ModelItem("c", "C")])
    picker.set_value("a")
    picker.set_models([ModelItem("c", "C"), ModelItem("a", "A")])
    assert picker.value == "a"


# -- prompt


def test_a_text_field_grows_to_its_limit(qtbot) -> None:
    area = shown(qtbot, TextArea(lines=2, most_lines=4))
    heights = []
    for lines in (1, 2, 3, 4, 9):
        area.set_text("\n".join("x" * lines))
        heights.append(area.sizeHint().height())
    assert heights[0] == heights[1] < heights[2] < heights[3] == heights[4]


def test_generate_stop_and_the_front_of_the_queue(qtbot) -> None:
    box = PromptBox("parameter.prompt.help")
    shown(qtbot, box, 800, 200)
    made, stopped = heard(box.generate_requested), heard(box.stop_requested)
    box.area.setFocus()
    qtbot.keyClick(box.area, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    shift = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(box.area, Qt.Key.Key_Return, shift)
    qtbot.keyClick(box.area, Qt.Key.Key_Enter, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(box.area, Qt.Key.Key_Escape)
    assert (made, stopped) == ([False, True, False], [])
    box.set_running(True)
    assert box.button.words() == "Stop"
    box.button.click()
    qtbot.keyClick(box.area, Qt.Key.Key_Escape)
    assert len(stopped) == 2
    qtbot.keyClick(box.area, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(made) == 4, "while one runs, another can join the queue"
    box.set_running(False)
    box.set_ready(False)
    qtbot.keyClick(box.area, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(made) == 4
    assert not box.button.isEnabled()


def test_a_changed_key_works_at_once_and_stands_on_the_button(qtbot) -> None:
    box = PromptBox("parameter.prompt.help")
    shown(qtbot, box, 800, 200)
    made = heard(box.generate_requested)
    keys.set_sequence("generate", "Ctrl+G")
    assert box.button._hint == "Ctrl G"
    qtbot.keyClick(box.area, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(box.area, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert made == [False]


def test_keys_change_the_weight_of_the_selection_in_one_step_of_undo(qtbot) -> None:
    box = PromptBox("parameter.prompt.help", weights=True)
    shown(qtbot, box, 800, 200)
    box.set_text("red apple")
    box.area.moveCursor(box.area.textCursor().MoveOperation.End)
    for _ in range(2):
        qtbot.keyClick(box.area, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert box.text() == "red (apple:1.2)"
    assert box.area.textCursor().selectedText() == "apple"
    box.area.undo()
    assert box.text() == "red (apple:1.1)"


@pytest.mark.parametrize(
    ("text", "start", "end", "step", "result"),
    [
        ("red apple", 0, 3, 0.1, "(red:1.1) apple"),
        ("(red:1.1) apple", 2, 2, -0.1, "red apple"),
        ("红苹果，白底", 1, 1, 0.1, "(红苹果:1.1)，白底"),
        ("(a:1.95)", 1, 2, 0.1, "(a:2)"),
        ("(a:0.05)", 1, 2, -0.1, "(a:0)"),
        ("a  b", 2, 2, 0.1, "a  b"),
        ("a  b", 3, 3, 0.1, "a  (b:1.1)"),
        ("", 0, 0, 0.1, ""),
    ],
)
def test_prompt_weights(text: str, start: int, end: int, step: float, result: str) -> None:
    assert prompt_weight.adjust(text, start, end, step)[0] == result


def test_the_fit_line_can_be_asked_only_when_it_says_something(qtbot) -> None:
    line = shown(qtbot, FitLine())
    clicks = heard(line.clicked)
    line.click()
    line.set("ok", "Fits")
    line.click()
    assert len(clicks) == 1
    assert "Fits" in line.text()


# -- pictures


def test_a_small_picture_fills_the_view_and_a_wheel_keeps_the_point_under_it(qtbot) -> None:
    view = shown(qtbot, ImageView(), 432, 432)
    view.set_image(picture(64, 64))
    assert view.scale() == pytest.approx(400 / 64)
    at = QPointF(100, 300)
    before = view._to_picture(at)
    view.set_zoom(20.0, at)
    after = view._to_picture(at)
    assert (after.x(), after.y()) == (pytest.approx(before.x()), pytest.approx(before.y()))
    view.fit()
    assert view.scale() == pytest.approx(400 / 64)


def test_keys_show_actual_size_fit_and_browse(qtbot) -> None:
    view = shown(qtbot, ImageView(), 400, 300)
    view.set_image(picture(2000, 1000))
    browsed = heard(view.browse_requested)
    view.setFocus()
    assert view.scale() < 1
    qtbot.keyClick(view, Qt.Key.Key_1)
    assert view.scale() == 1.0
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.scale() < 1
    qtbot.keyClick(view, Qt.Key.Key_Left)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert browsed == [-1, 1]


def test_a_large_picture_is_panned_and_never_lost(qtbot) -> None:
    view = shown(qtbot, ImageView(), 400, 300)
    view.set_image(picture(2000, 1000))
    view.set_zoom(1.0)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    qtbot.mouseMove(view, QPoint(100, 150))
    assert view._centre.x() == pytest.approx(1100)
    qtbot.mouseMove(view, QPoint(-90_000, 150))
    assert view._centre.x() == pytest.approx(2000)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton)


def test_the_view_draws_what_it_is_given(qtbot) -> None:
    view = shown(qtbot, ImageView(), 300, 300)
    for image in (picture(64, 64, "#204060"), picture(3000, 3000, "#204060")):
        view.set_image(image)
        assert view.grab().toImage().pixelColor(150, 150).name() == "#204060"
    clear = QImage(64, 64, QImage.Format.Format_ARGB32)
    clear.fill(Qt.GlobalColor.transparent)
    view.set_image(clear)
    shot = view.grab().toImage()
    assert {shot.pixelColor(x, 150).name() for x in range(100, 200)} == {"#ffffff", "#e2e5ea"}
    view.set_image(QImage())
    assert view.grab().toImage().pixelColor(150, 150).name() == "#ffffff"


def test_a_copied_picture_has_its_pixels_and_a_file_can_be_saved(qtbot, tmp_path: Path) -> None:
    view = shown(qtbot, ImageView())
    view.set_image(picture(8, 8, "#123456"))
    menu = view.context_menu()
    assert [a.text() for a in menu.actions() if a.text()][:2] == ["Copy picture", "Fit to the window"]
    menu.actions()[0].trigger()
    assert QGuiApplication.clipboard().image().pixelColor(3, 3).name() == "#123456"
    view.set_image(picture(8, 8), tmp_path / "a.png")
    with_file = view.context_menu()
    assert "Save a copy…" in [a.text() for a in with_file.actions()]
    for each in view.findChildren(QMenu):
        each.close()
        each.deleteLater()


def test_a_strip_tells_what_is_chosen_by_mouse_and_key(qtbot) -> None:
    strip = shown(qtbot, ThumbnailStrip(), 500, 84)
    chosen = heard(strip.chosen)
    strip.set_items([Thumbnail(str(i), f"picture {i}", picture(10, 20)) for i in range(4)])
    assert strip.current is None
    strip.set_current("1")
    assert chosen == []
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    strip.step(1)
    strip.step(1)
    assert (strip.current, chosen) == ("3", ["2", "3"])
    qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(10, 40))
    assert (strip.current, chosen[-1]) == ("0", "0")
    strip.set_items([Thumbnail("9", "new"), Thumbnail("0", "old")])
    assert (strip.current, chosen[-1]) == ("0", "0")
    strip.set_picture("9", picture(5, 5, "#00ff00"))
    strip.set_picture("unknown", picture(5, 5))
    assert strip.viewport().grab().toImage().pixelColor(40, 40).name() == "#00ff00"


# -- sound, levels, memory


def test_peaks_are_the_loudest_of_their_part() -> None:
    assert peaks([0.0, -0.5, 0.25, 1.5], 2) == (0.5, 1.0)
    assert peaks([], 10) == ()
    assert len(peaks([0.1] * 5, 600)) == 5


def test_a_click_in_the_waveform_seeks(qtbot) -> None:
    wave = shown(qtbot, Waveform(), 200, 80)
    sought = heard(wave.seek_requested)
    qtbot.mouseClick(wave, Qt.MouseButton.LeftButton, pos=QPoint(100, 40))
    assert sought == []
    wave.set_peaks((0.1, 1.0, 0.5), 20.0)
    qtbot.mouseClick(wave, Qt.MouseButton.LeftButton, pos=QPoint(100, 40))
    qtbot.keyClick(wave, Qt.Key.Key_Right)
    qtbot.keyClick(wave, Qt.Key.Key_End)
    qtbot.keyClick(wave, Qt.Key.Key_Home)
    assert sought == [10.0, 15.0, 20.0, 0.0]
    assert wave.bars(6) == [0.1, 0.1, 1.0, 1.0, 0.5, 0.5]
    assert wave.bars(1) == [1.0]


def test_a_meter_glides_up_and_jumps_down(qtbot) -> None:
    motion.set_preference("full")
    meter = shown(qtbot, Meter())
    meter.set_value(1.7)
    assert meter.value == 1.0
    assert meter._shown < 1.0
    qtbot.waitUntil(lambda: meter._shown == 1.0)
    meter.set_value(0.1)
    assert meter._shown == pytest.approx(0.1)
    meter.set_value(None)
    assert meter._glide.state() == meter._glide.State.Running
    meter.hide()
    assert meter._glide.state() == meter._glide.State.Stopped
    motion.set_preference("reduced")
    meter.show()
    meter.set_value(0.9)
    assert meter._shown == pytest.approx(0.9)


def test_a_stacked_bar_is_to_scale_and_says_its_parts(qtbot) -> None:
    bar = shown(qtbot, MemoryBar(), 400, 60)
    bar.set_parts([("UNet", 1e9), ("VAE", 1e9)], available=4e9)
    assert bar.accessibleName() == "UNet 1.0, VAE 1.0"
    shot = bar.grab().toImage()
    colors = [shot.pixelColor(x, 7).name() for x in (50, 150, 300)]
    assert colors == ["#6c78ff", "#c76bd6", "#e2e5ea"]
    assert bar.heightForWidth(80) > bar.heightForWidth(400)


# -- messages


def test_a_banner_follows_the_language_copies_and_acts_once(qtbot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    acted: list[str] = []
    failure = Failure(code="model.missing", values={"name": "m"}, details="trace")
    banner.show_failure(failure, "app.retry", lambda: acted.append("x"))
    assert banner.isVisible()
    assert "is not on this computer" in banner.accessibleName()
    banner.copy.click()
    assert QGuiApplication.clipboard().text().startswith("model.missing\n")
    assert "trace" in QGuiApplication.clipboard().text()
    language.set_language("zh_CN")
    assert "is not on this computer" not in banner.accessibleName()
    assert banner.button.words() == "重试"
    banner.button.click()
    assert (acted, banner.isVisible()) == (["x"], False)
    banner.show_notice("ok", "app.copied")
    assert not banner.button.isVisible()
    assert not banner.copy.isVisible()
    dismissed = heard(banner.dismissed)
    banner.close_button.click()
    assert len(dismissed) == 1


def test_a_toast_goes_by_itself_and_can_be_answered(qtbot) -> None:
    window = QWidget()
    shown(qtbot, window, 800, 600)
    host = ToastHost(window)
    undone: list[str] = []
    host.show_toast("Deleted", "delete", "Undo", lambda: undone.append("x"))
    assert host.isVisible()
    assert window.rect().contains(host.geometry())
    host._button.click()
    assert (undone, host.isVisible()) == (["x"], False)
    host.show_toast("Deleted", "delete", "Undo", undone.clear)
    host.withdraw(undone.copy)
    assert host.isVisible(), "something else was done"
    host.withdraw(undone.clear)
    assert (undone, host.isVisible()) == (["x"], False), "done by key: taken away, not done again"
    host.show_toast("Deleted: " + "a long title " * 20, "delete", "Undo", undone.clear)
    assert window.rect().contains(host.geometry())
    assert host.rect().contains(host._button.geometry())
    host.show_toast("Copied")
    assert host.width() < 300
    host._timer.setInterval(0)
    qtbot.waitUntil(lambda: not host.isVisible())


def test_a_flow_wraps(qtbot) -> None:
    holder = QWidget()
    flow = FlowLayout(holder, spacing=10)
    for _ in range(4):
        part = QWidget()
        part.setFixedSize(QSize(50, 20))
        flow.addWidget(part)
    shown(qtbot, holder, 120, 100)
    places = [flow.itemAt(index).geometry().topLeft() for index in range(4)]
    assert [(p.x(), p.y()) for p in places] == [(0, 0), (60, 0), (0, 30), (60, 30)]
    assert flow.heightForWidth(120) == 50
    assert flow.heightForWidth(1000) == 20


def test_buttons_leave_the_keyboard_where_it_was_and_show_it_when_it_comes(qtbot) -> None:
    holder = QWidget()
    column = QVBoxLayout(holder)
    area, button = TextArea(), Button("app.stop")
    column.addWidget(area)
    column.addWidget(button)
    shown(qtbot, holder)
    holder.activateWindow()
    area.setFocus()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert holder.focusWidget() is area
    plain = button.grab().toImage()
    qtbot.keyClick(area, Qt.Key.Key_Tab)
    assert holder.focusWidget() is button
    qtbot.waitUntil(lambda: button.ring)
    assert button.grab().toImage() != plain
