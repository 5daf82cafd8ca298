"""Every control can be named and reached: by a walk of the widgets and by Qt's own accessibility."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractScrollArea, QLabel, QScrollArea, QWidget

from studio.app import language
from studio.app.desk import Desk
from studio.app.panels import panel_specs
from studio.app.widgets.button import IconButton
from studio.app.widgets.label import ElidedLabel
from tests.app.studios import studio_at, window_on


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


def unreached(window: QWidget) -> set[QWidget]:
    """What can be operated and Tab does not come to."""
    wanted = {widget for widget in controls(window) if widget.isEnabled()}
    reached: set[QWidget] = set()
    for _ in range(3 * len(wanted)):
        window.focusNextChild()
        if (focused := window.focusWidget()) is not None:
            reached.add(focused)
    return wanted - reached


def cut_off(window: QWidget) -> list[str]:
    """Texts of labels that have too little room, of those that do not shorten themselves."""
    labels = [each for each in window.findChildren(QLabel) if each.isVisible() and not each.wordWrap()]
    return [
        label.text()
        for label in labels
        if not isinstance(label, ElidedLabel) and label.width() < label.sizeHint().width()
    ]


def settle(window: QWidget) -> None:
    """Let every layout that has been asked for happen."""
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    window.grab()


@pytest.mark.parametrize("key", [spec.key for spec in panel_specs(Desk.__new__(Desk))])
async def test_a_panel_can_be_named_reached_and_read(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        window = frame.window
        window.activateWindow()
        window.go(key)
        await asyncio.sleep(0.2)
        for lang in ("en", "zh_CN"):
            language.set_language(lang)
            settle(window)
            found = list(controls(window))
            assert len(found) > 8
            assert [widget for widget in found if not name_of(widget).strip()] == []
            assert cut_off(window) == []
        assert unreached(window) == set()
        labels = window.findChildren(QLabel)
        assert [label.text() for label in labels if label.textFormat() != Qt.TextFormat.PlainText] == []


async def test_what_is_wrong_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        window = frame.window
        window.activateWindow()
        settle(window)
        button = IconButton("close", "app.dismiss")
        button.setParent(window)
        button.setAccessibleName("")
        button.setText("")
        area = QScrollArea(window)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        area.setFocusProxy(button)
        label = QLabel("More words than there is room for", window)
        label.setFixedWidth(20)
        for each in (button, area, label):
            each.show()
        assert button in [widget for widget in controls(window) if not name_of(widget).strip()]
        assert area in unreached(window)
        assert cut_off(window) == [label.text()]


@pytest.mark.parametrize("key", ["write", "draw", "speak"])
async def test_a_default_window_needs_no_scroll_bar_for_the_simple_form(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qloop: Any
) -> None:
    async with studio_at(tmp_path, monkeypatch) as studio, window_on(studio) as (frame, _):
        panel: Any = frame.window.go(key)
        await asyncio.sleep(0.2)
        settle(frame.window)
        assert panel.inspector.findChild(QScrollArea).verticalScrollBar().maximum() == 0
