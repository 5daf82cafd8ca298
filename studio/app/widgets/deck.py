"""Pages on one place, one of them seen: `Deck()`, `add(page)`, `show_page(page)`, `current`."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QWidget


class Deck(QWidget):
    """Takes what room it is given, and lays out and paints the new page once.

    A QStackedWidget is as large as its largest page: whenever anything in one of them changes, it
    measures all, the unseen ones too. At a change it marks each part of the new page for painting,
    outer ones first, and Qt then paints what lies on an opaque part twice.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.current: QWidget | None = None

    def add(self, page: QWidget) -> None:
        """*page* belongs to the deck, and is not seen before it is asked for."""
        page.hide()
        page.setParent(self)

    def show_page(self, page: QWidget) -> None:
        """Show *page*, which was added. It gets the keyboard if the one before had it."""
        old, self.current = self.current, page
        if page is old:
            return
        around = self.parentWidget()
        if around is not None and (layout := around.layout()) is not None:
            layout.activate()  # a change of size that is due is the new page's alone
        page.setGeometry(self.rect())
        page.show()
        if old is not None:
            focus = QApplication.focusWidget()
            if focus is not None and old.isAncestorOf(focus):
                (page.focusWidget() or _first(page)).setFocus()
            old.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.current is not None:
            self.current.setGeometry(self.rect())


def _first(page: QWidget) -> QWidget:
    """Where Tab goes first in *page*; the page itself where there is nothing."""
    tab = Qt.FocusPolicy.TabFocus
    widget = page.nextInFocusChain()
    while widget is not page:
        reached = widget.focusPolicy() & tab == tab and widget.isEnabled() and widget.isVisibleTo(page)
        if reached and page.isAncestorOf(widget):
            return widget
        widget = widget.nextInFocusChain()
    return page
