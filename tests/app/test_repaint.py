"""How much is laid out and painted when a panel is switched or scrolled, counted, not timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from studio.app import theme
from studio.app.panels.gallery.grid import ResultGrid
from studio.app.panels.gallery.thumbnails import Thumbnail
from studio.app.widgets.deck import Deck
from studio.app.widgets.inspector import Inspector
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.services.gallery import Result

LINES = 80


class Painted(QObject):
    """Counts what the application paints within the block."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[QObject, int] = {}
        self.area = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent) and isinstance(watched, QWidget):
            self.times[watched] = self.times.get(watched, 0) + 1
            parts: Any = event.region()  # it can be gone through, which its stub does not say
            self.area += sum(part.width() * part.height() for part in parts)
        return False

    def __enter__(self) -> Self:
        _settle()
        QApplication.instance().installEventFilter(self)  # pyright: ignore[reportOptionalMemberAccess]
        return self

    def __exit__(self, *_: object) -> None:
        _settle()
        QApplication.instance().removeEventFilter(self)  # pyright: ignore[reportOptionalMemberAccess]


def _settle() -> None:
    for _ in range(3):
        QCoreApplication.sendPostedEvents()


def column(*, surface: bool = False) -> ScrollColumn:
    scroll = ScrollColumn(surface=surface)
    for number in range(LINES):
        label = Label(wrap=True)
        label.setText(f"line {number}")
        scroll.body.addWidget(label)
    return scroll


def opened(qtbot: Any, widget: QWidget) -> None:
    qtbot.addWidget(widget)
    widget.resize(400, 600)
    with qtbot.waitExposed(widget):
        widget.show()
    _settle()


def scrolled(area: Any) -> int:
    """Pixels that are painted to scroll it by 40."""
    with Painted() as painted:
        area.verticalScrollBar().setValue(area.verticalScrollBar().value() + 40)
    return painted.area


@pytest.mark.parametrize("surface", [False, True])
def test_a_column_that_scrolls_is_moved_and_not_painted_anew(qtbot, surface: bool) -> None:
    scroll = column(surface=surface)
    opened(qtbot, scroll)
    seen = scroll.viewport().width() * scroll.viewport().height()
    assert 0 < scrolled(scroll) < seen / 2
    scroll.widget().setAutoFillBackground(False)  # what lies behind it shows: it cannot be moved
    _settle()
    assert scrolled(scroll) > seen


@pytest.mark.parametrize("surface", [False, True])
def test_its_ground_follows_the_theme(qtbot, surface: bool) -> None:
    scroll = column(surface=surface)
    opened(qtbot, scroll)
    for mode in ("light", "dark"):
        theme.set_mode(mode)
        corner = scroll.grab().toImage().pixelColor(scroll.width() - 30, 4)
        assert corner == theme.color("surface" if surface else "background")
        assert 0 < scrolled(scroll) < scroll.viewport().width() * scroll.viewport().height() / 2


def test_the_tiles_of_the_gallery_are_moved_too(qtbot, tmp_path: Path) -> None:
    grid = ResultGrid()
    grid.list.thumbnails.get = lambda result: Thumbnail()  # type: ignore[method-assign]
    grid.show_results(
        [
            Result(id=n, path=tmp_path / f"{n}.obj", task="3d", media_type="model/obj", created=n, bytes=1)
            for n in range(300)
        ]
    )
    opened(qtbot, grid)
    seen = grid.viewport().width() * grid.viewport().height()
    for mode in ("light", "dark"):
        theme.set_mode(mode)
        assert grid.grab().toImage().pixelColor(0, 0) == theme.color("background")
        assert 0 < scrolled(grid) < seen / 2
    grid.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent, False)
    assert scrolled(grid) >= seen


def test_the_column_of_an_inspector_moves_too(qtbot) -> None:
    inspector = Inspector()
    for _ in range(LINES):
        inspector.body.addWidget(Label("app.inspector", wrap=True))
    opened(qtbot, inspector)
    scroll = inspector.findChild(ScrollColumn)
    assert 0 < scrolled(scroll) < scroll.viewport().width() * scroll.viewport().height() / 2


def pages() -> list[QWidget]:
    """Two that scroll, the first with two fields."""
    made = [QWidget(), QWidget()]
    for page in made:
        layout = QVBoxLayout(page)
        layout.addWidget(QPushButton("first"))
        layout.addWidget(QLineEdit())
        layout.addWidget(column())
    return made


def test_a_new_page_is_painted_once_and_the_unseen_one_is_not_measured(qtbot) -> None:
    deck, (first, second) = Deck(), pages()
    for page in (first, second):
        deck.add(page)
    opened(qtbot, deck)
    deck.show_page(first)
    with Painted() as painted:
        deck.show_page(second)
    assert max(painted.times.values()) == 1
    assert first.isHidden()
    assert second.isVisible()
    assert second.geometry() == deck.rect()
    before = first.geometry()
    deck.resize(500, 700)
    assert second.geometry() == deck.rect()
    assert first.geometry() == before
    assert not deck.hasHeightForWidth()

    plain = QStackedWidget()
    for page in pages():
        plain.addWidget(page)
    opened(qtbot, plain)
    with Painted() as painted:
        plain.setCurrentIndex(1)
    assert max(painted.times.values()) > 1, "Qt does as well by now: the deck may go"


def test_the_keyboard_goes_on_to_the_new_page(qtbot) -> None:
    deck, (first, second) = Deck(), pages()
    for page in (first, second):
        deck.add(page)
    outside = QLineEdit()
    whole = QWidget()
    layout = QVBoxLayout(whole)
    layout.addWidget(outside)
    layout.addWidget(deck)
    qtbot.addWidget(whole)
    with qtbot.waitActive(whole):
        whole.show()
        whole.activateWindow()
    deck.show_page(first)
    field = first.findChild(QLineEdit)
    field.setFocus()
    deck.show_page(second)
    assert QApplication.focusWidget() is second.findChild(QPushButton)
    deck.show_page(first)
    assert QApplication.focusWidget() is field, "where it was before"
    outside.setFocus()
    deck.show_page(second)
    assert QApplication.focusWidget() is outside
