"""The window: rail, panels made when first shown, their inspectors, banner, strip.

window = StudioWindow(specs, strip_model)
window.go("draw")                  shows a panel and returns it
window.close_requested             the user closed it: shut down, then call window.finish()
window.files_dropped               list[Path]
window.banner, window.toasts       for what concerns no single panel
window.banner_of("draw")           for what concerns that one
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app import keys, theme
from studio.app.language import bind_text
from studio.app.observable import Property
from studio.app.panel import Panel, PanelSpec
from studio.app.qt_words import QtWords
from studio.app.strip import QueueStrip
from studio.app.strip_model import StripModel
from studio.app.widgets.deck import Deck
from studio.app.widgets.rail import Rail
from studio.app.widgets.toast import ToastHost

if TYPE_CHECKING:
    from studio.app.widgets.banner import Banner

_MARGIN = 22
WHOLE = ""  # the key of what concerns no single panel


def _now(action: Callable[[], object]) -> None:
    action()


class StudioWindow(QWidget):
    """`current` is the key of the panel that is shown, "" before the first `go`.

    *when_open*: how to do what the user asks for; it may wait until the studio runs.
    """

    close_requested = Signal()
    files_dropped = Signal(object)

    def __init__(
        self,
        specs: Sequence[PanelSpec],
        strip: StripModel,
        parent: QWidget | None = None,
        *,
        when_open: Callable[[Callable[[], object]], object] = _now,
    ) -> None:
        super().__init__(parent)
        self._when_open = when_open
        self._specs = {spec.key: spec for spec in specs}
        self._panels: dict[str, Panel] = {}
        self._banners: dict[str, Banner] = {}
        self._finishing = False
        self.current: Property[str] = Property("")
        self.setAcceptDrops(True)
        self.setMinimumSize(1024, 640)
        self.resize(1440, 900)
        bind_text(self.setWindowTitle, "app.name")
        QtWords(self)
        self.rail = Rail()
        self.toasts = ToastHost(self)
        self._deck = Deck()
        self._inspectors = Deck()
        self._inspectors.hide()
        self._lay_out(QueueStrip(strip))
        for spec in specs:
            self.rail.add(spec.key, spec.icon, spec.title_key, spec.group)
        self.rail.chosen.connect(self._choose)
        self._add_shortcuts()

    def _lay_out(self, strip: QueueStrip) -> None:
        self._middle = middle = QVBoxLayout()
        middle.addWidget(self._deck, 1)
        upper = QHBoxLayout()
        upper.addLayout(middle, 1)
        upper.addWidget(self._inspectors)
        right = QVBoxLayout()
        right.addLayout(upper, 1)
        right.addWidget(strip)
        self._whole = QHBoxLayout(self)
        self._whole.addWidget(self.rail)
        self._whole.addLayout(right, 1)
        for layout in (middle, upper, right, self._whole):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)

    def _add_shortcuts(self) -> None:
        for number, key in enumerate(self.keys()[:9], 1):
            keys.shortcut(f"panel_{number}", self, lambda key=key: self._choose(key))
        if "settings" in self._specs:
            keys.shortcut("settings", self, lambda: self._choose("settings"))
        keys.shortcut("all_keys", self, self.show_keys)

    def keys(self) -> list[str]:
        """Of all panels, in the order of the rail."""
        top = [spec.key for spec in self._specs.values() if spec.group == "top"]
        return top + [key for key in self._specs if key not in top]

    def _choose(self, key: str) -> None:
        self.rail.set_current(key)
        self._when_open(lambda: self.go(key))

    def go(self, key: str) -> Panel:
        """Show the panel *key*, making it if this is the first time. KeyError if there is none.

        `PANEL/PAGE` also turns to that page of it.
        """
        key, _, page = key.partition("/")
        panel = self.panel(key)
        self._whole.setEnabled(False)  # not laid out with the old panel in the new room
        if panel.inspector is not None:
            self._inspectors.show_page(panel.inspector)
            self._inspectors.setFixedWidth(panel.inspector.sizeHint().width())
        self._inspectors.setVisible(panel.inspector is not None)
        self._whole.setEnabled(True)
        self._deck.show_page(panel.parentWidget())
        self.rail.set_current(key)
        self.current.value = key
        if page:
            panel.show_page(page)
        return panel

    def panel(self, key: str) -> Panel:
        """The panel *key*, made now if it was not yet. It is not shown."""
        if key not in self._panels:
            panel = self._specs[key].factory()
            self._panels[key] = panel
            self._deck.add(_page(panel))
            if panel.inspector is not None:
                self._inspectors.add(panel.inspector)
        return self._panels[key]

    @property
    def banner(self) -> Banner:
        """Above all panels."""
        if WHOLE not in self._banners:
            self._banners[WHOLE] = _banner()
            self._middle.insertWidget(0, self._banners[WHOLE])
        return self._banners[WHOLE]

    def banner_of(self, key: str) -> Banner:
        """Above the panel *key*: it goes and comes with it. KeyError if there is none."""
        if key not in self._banners:
            self._banners[key] = _banner()
            page = self.panel(key).parentWidget().layout()
            assert isinstance(page, QVBoxLayout)
            page.insertWidget(0, self._banners[key])
        return self._banners[key]

    def made_panels(self) -> list[Panel]:
        """Those that were shown at least once."""
        return list(self._panels.values())

    def show_keys(self) -> None:
        """All keys, to read and to change."""
        from studio.app.keys_dialog import KeysDialog  # not needed for the first window

        KeysDialog(self).show()

    def finish(self) -> None:
        """Close for good."""
        self._finishing = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._finishing:
            event.accept()
        else:  # hidden at once; the studio ends when its work has been put down
            event.ignore()
            self.hide()
            self.close_requested.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        outside = event.source() is None
        if outside and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.files_dropped.emit(paths)

    def sizeHint(self) -> QSize:
        return QSize(1440, 900)

    def paintEvent(self, _: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("background"))


def _banner() -> Banner:
    from studio.app.widgets.banner import Banner  # nothing is wrong in the first window

    banner = Banner()
    banner.setContentsMargins(_MARGIN, 12, _MARGIN, 0)
    return banner


def _page(panel: Panel) -> QWidget:
    """*panel* with room for a banner above it."""
    page = QWidget()
    page.setFocusProxy(panel)
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(panel, 1)
    return page
