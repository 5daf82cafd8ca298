"""Every control can be named and reached: by a walk of the widgets and by Qt's own accessibility."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractScrollArea, QLabel, QScrollArea, QWidget

from studio.app import language
from studio.app.widgets.button import IconButton
from studio.app.window import StudioWindow
from tests.app import showcase


def controls(window: QWidget) -> Iterator[QWidget]:
    """What a person can operate."""
    for widget in window.findChildren(QWidget):
        inside = (
            isinstance(widget.parent(), QAbstractScrollArea)
            and widget.objectName() == "qt_scrollarea_viewport"
        )
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not inside and widget.isVisible():
            yield widget


def name_of(widget: QWidget) -> str:
    interface = QAccessible.queryAccessibleInterface(widget)
    assert interface is not None, widget
    return interface.text(QAccessible.Text.Name)


def settle(window: QWidget) -> None:
    """Let every layout that has been asked for happen."""
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    window.grab()


@pytest.fixture(params=["draw", "models"])
def window(qtbot, request: pytest.FixtureRequest) -> StudioWindow:
    made = showcase.window(request.param)
    qtbot.addWidget(made, before_close_func=lambda made: made.finish())
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    return made


@pytest.mark.parametrize("lang", ["en", "zh_CN"])
def test_every_control_has_a_name(window: StudioWindow, lang: str) -> None:
    language.set_language(lang)
    found = list(controls(window))
    assert len(found) > 15
    assert [widget for widget in found if not name_of(widget).strip()] == []


def test_a_nameless_control_would_be_found(qtbot, window: StudioWindow) -> None:
    button = IconButton("close", "app.dismiss")
    button.setParent(window)
    button.show()
    button.setAccessibleName("")
    button.setText("")
    assert [widget for widget in controls(window) if not name_of(widget).strip()] == [button]


def test_tab_reaches_every_control(qtbot, window: StudioWindow) -> None:
    wanted = {widget for widget in controls(window) if widget.isEnabled()}
    reached: set[QWidget] = set()
    for _ in range(3 * len(wanted)):
        window.focusNextChild()
        focused = window.focusWidget()
        if focused is not None:
            reached.add(focused)
    assert wanted - reached == set()


def test_no_label_takes_text_for_html(window: StudioWindow) -> None:
    labels = window.findChildren(QLabel)
    assert labels
    assert [label for label in labels if label.textFormat() != Qt.TextFormat.PlainText] == []


def test_no_text_is_cut_off(window: StudioWindow) -> None:
    for lang in ("en", "zh_CN"):
        language.set_language(lang)
        settle(window)
        labels = [each for each in window.findChildren(QLabel) if each.isVisible() and not each.wordWrap()]
        cut = [
            label.text()
            for label in labels
            if type(label).__name__ != "ElidedLabel" and label.width() < label.sizeHint().width()
        ]
        assert cut == []


def test_a_default_window_needs_no_scroll_bar_for_the_simple_form(qtbot) -> None:
    made = showcase.window("draw")
    qtbot.addWidget(made, before_close_func=lambda made: made.finish())
    made.show()
    area = made.findChild(showcase.DrawPanel).inspector.findChild(QScrollArea)
    made.findChild(showcase.Form)._model.expanded.value = False
    settle(made)
    assert area.verticalScrollBar().maximum() == 0
