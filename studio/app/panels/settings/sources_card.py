"""Where models come from: chosen by speed, or in an order of one's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from studio.app.language import bind_text, on_language
from studio.app.observable import watch
from studio.app.panels.settings.network_model import NetworkModel, SourceRow
from studio.app.panels.settings.parts import labelled, left
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.meter import Meter
from studio.app.widgets.number_box import set_invalid
from studio.app.widgets.segmented import SegmentedButtons
from studio.app.widgets.switch import Switch
from studio.domain.failure import StudioError
from studio.domain.text import t

MODES = ((True, "settings.mirrors.automatic"), (False, "settings.mirrors.own"))


class Sources(QWidget):
    def __init__(self, model: NetworkModel) -> None:
        super().__init__()
        self.model = model
        self.mode = SegmentedButtons(MODES)
        self.mode.setMinimumWidth(320)
        bind_text(self.mode.setAccessibleName, "settings.mirrors")
        self.mode.changed.connect(self._choose_mode)
        self.given = Label(role="small", wrap=True)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        self.measure = Button("settings.measure", "retry")
        self.measure.clicked.connect(model.measure)
        self._measured = Label(role="small")
        self.address = QLineEdit()
        self.address.setFixedHeight(36)
        bind_text(self.address.setPlaceholderText, "settings.source.address")
        bind_text(self.address.setAccessibleName, "settings.source.address")
        self._add = Button("settings.source.add", "add")
        self._add.clicked.connect(self._add_address)
        self.address.returnPressed.connect(self._add_address)
        self._wrong = Label(role="error", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(labelled("settings.mirrors.order", self.mode))
        column.addWidget(self.given)
        column.addLayout(self._rows)
        own = QHBoxLayout()
        own.setSpacing(8)
        own.addWidget(self.address, 1)
        own.addWidget(self._add)
        column.addLayout(own)
        column.addWidget(self._wrong)
        column.addLayout(left(self.measure, self._measured))
        self._wrong.hide()
        watch(model.measuring, self._show_measuring)
        on_language(self.show_all)

    def show_all(self) -> None:
        """What is set, and what was measured."""
        model = self.model
        automatic = not model.settings.mirrors
        given = model.hub_given
        self.mode.set_value(automatic)
        self.mode.setEnabled(not given)
        self.given.setText(t("settings.mirrors.given", host=given) if given else "")
        self.given.setVisible(bool(given))
        own = not automatic and not given
        for widget in (self.address, self._add):
            widget.setVisible(own)
        self._measured.setText(model.measured)
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for row in model.sources():
            self._rows.addWidget(_Row(row, self, own=own))

    def do(self, act: Callable[[], object]) -> None:
        """*act*, and show what came of it."""
        act()
        self.show_all()

    def _show_measuring(self, measuring: bool) -> None:
        self.measure.setEnabled(not measuring)
        self.measure.setText(t("settings.measuring" if measuring else "settings.measure"))

    def _choose_mode(self, automatic: object) -> None:
        self.do(partial(self.model.automatic, bool(automatic)))

    def _add_address(self) -> None:
        words = self.address.text().strip()
        if not words:
            return
        try:
            self.model.add(words)
        except StudioError as error:
            self._wrong.setText(error.failure.message)
        else:
            self._wrong.setText("")
            self.address.clear()
            self.show_all()
        set_invalid(self.address, bool(self._wrong.text()))
        self._wrong.setVisible(bool(self._wrong.text()))


class _Row(QWidget):
    """A place in the order, the name, how fast; in an order of one's own with the means to change it."""

    def __init__(self, row: SourceRow, sources: Sources, *, own: bool) -> None:
        super().__init__()
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(12)
        self.setMinimumHeight(44)
        place = Label(role="muted")
        place.setText(str(row.place or "–"))
        place.setFixedWidth(16)
        place.setAlignment(Qt.AlignmentFlag.AlignCenter)
        names = QVBoxLayout()
        names.setSpacing(0)
        title = ElidedLabel(role="strong" if row.place else "body")
        title.setText(row.title)
        names.addWidget(title)
        if row.host != row.title:
            host = ElidedLabel(role="small")
            host.setText(row.host)
            names.addWidget(host)
        meter = Meter()
        meter.set_value(row.share)
        meter.set_tone("accent" if row.place == 1 else "muted")
        meter.setFixedWidth(140)
        meter.setVisible(bool(row.words) and not row.failed)
        speed = Label(role="error" if row.failed else "label")
        speed.setText(row.words)
        speed.setFixedWidth(110)
        speed.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(place)
        line.addLayout(names, 1)
        line.addWidget(meter)
        line.addWidget(speed)
        if own:
            line.addWidget(self._up(row, sources))
            line.addWidget(self._switch(row, sources))

    def _up(self, row: SourceRow, sources: Sources) -> QWidget:
        up = IconButton("arrow_up", "settings.source.up", framed=False, side=30, name=row.title)
        up.setEnabled(bool(row.place and row.place > 1))
        up.clicked.connect(lambda: sources.do(partial(sources.model.move_up, row.name)))
        return up

    def _switch(self, row: SourceRow, sources: Sources) -> QWidget:
        switch = Switch()
        switch.set_value(bool(row.place))
        switch.setAccessibleName(t("settings.source.use", name=row.title))
        switch.changed.connect(lambda on: sources.do(partial(sources.model.choose, row.name, bool(on))))
        return switch
