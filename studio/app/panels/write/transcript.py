"""A conversation as it reads: what is said stays as it is drawn, only the last answer changes.

Long answers are drawn a few milliseconds at a time, the latest first.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from studio.app.panels.write.answer import AnswerView, Offer
from studio.app.panels.write.question import QuestionView
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.scroll import ScrollColumn
from studio.services.conversations import Conversation, Turn

LATEST = 30  # turns that are shown at first
READABLE = 820  # pixels: longer lines are hard to read
MARGIN = 22
BUDGET = 0.006  # seconds of drawing before others have their turn
BREATH_MS = 2
CLOSE = 32  # pixels from the end that count as being there


class Transcript(ScrollColumn):
    """*name_of* gives the words for a model's id. `offered` carries an `Offer` of the last answer."""

    offered = Signal(object)
    said_instead = Signal(int, str)
    link_chosen = Signal(str)

    def __init__(self, name_of: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent, margins=(MARGIN, 20, MARGIN, 20), spacing=18)
        self._name_of = name_of
        self._id = ""
        self._plain = False
        self._first = 0  # earlier turns are not shown
        self._turns: tuple[Turn, ...] = ()  # those that are
        self._views: list[QuestionView | AnswerView] = []
        self._follow = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw)
        self._earlier = Button("write.earlier", "chevron_up", "quiet")
        self._earlier.clicked.connect(self._show_earlier)
        self.body.addWidget(self._earlier)
        self.body.addStretch(1)
        self._to_end = IconButton("arrow_down", "write.to_end", self)
        self._to_end.clicked.connect(self.go_to_end)
        self._to_end.hide()
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._grown)
        bar.valueChanged.connect(self._moved)
        self._whole: Conversation | None = None

    @property
    def views(self) -> list[QuestionView | AnswerView]:
        return self._views

    @property
    def drawn(self) -> bool:
        """Whether all of it is on the screen."""
        return all(view.clean for view in self._views if isinstance(view, AnswerView))

    def show_conversation(self, conversation: Conversation, *, plain: bool) -> None:
        """Show it, drawing only what is not there yet. *plain*: it is one text, not a conversation."""
        if conversation.id != self._id or plain != self._plain:
            self._remove(0)
            self._id, self._plain, self._follow = conversation.id, plain, True
            self._first = max(0, len(conversation.turns) - LATEST)
        self._whole = conversation
        self._first = min(self._first, max(0, len(conversation.turns) - 1))
        self._earlier.setVisible(self._first > 0)
        turns = conversation.turns[self._first :]
        same = 0
        while same < min(len(turns), len(self._turns)) and _same(turns[same], self._turns[same]):
            same += 1
        self._remove(same)
        self._turns = turns
        for turn in turns[len(self._views) :]:
            self._follow = True
            self._add(turn)
        if turns and turns[-1].role == "assistant":
            self._take(turns[-1])
        self._draw()

    def grow(self, text: str) -> None:
        """*text*: all there is of the last answer by now."""
        view = self._views[-1] if self._views else None
        if isinstance(view, AnswerView):
            view.take(text)
            self._draw()

    def set_state(self, offer: Offer, note: str = "", *, editable: bool = True) -> None:
        """What stands below the last answer. *editable*: whether what was said can be changed now."""
        for turn, view in zip(self._turns, self._views, strict=True):
            if isinstance(view, AnswerView):
                last = view is self._views[-1]
                view.set_state(turn, offer if last else Offer.NOTHING, note if last else "")
            else:
                view.set_editable(editable)

    def go_to_end(self) -> None:
        self._follow = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    # --- what is shown -------------------------------------------------------------------------

    def _add(self, turn: Turn) -> None:
        index = len(self._views)
        if turn.role == "user":
            view: QuestionView | AnswerView = QuestionView(turn.content)
            view.sent_again.connect(lambda words: self.said_instead.emit(self._first + index, words))
        else:
            view = AnswerView(lambda: self._name_of(turn.model), plain=self._plain)
            view.take(turn.content, ended=turn.finish is not None)
            view.offered.connect(self.offered)
            view.link_chosen.connect(self.link_chosen)
        self._views.append(view)
        self.body.insertWidget(self.body.count() - 1, view)

    def _take(self, turn: Turn) -> None:
        view = self._views[-1]
        if isinstance(view, AnswerView) and (turn.finish is not None or len(turn.content) > len(view.text)):
            view.take(turn.content, ended=turn.finish is not None)

    def _remove(self, start: int) -> None:
        for view in self._views[start:]:
            self.body.removeWidget(view)
            view.hide()
            view.deleteLater()
        del self._views[start:]
        self._turns = self._turns[:start]

    def _show_earlier(self) -> None:
        if self._whole is None:
            return
        self._first = max(0, self._first - LATEST)
        self._remove(0)
        self.show_conversation(self._whole, plain=self._plain)
        self._follow = False
        self.verticalScrollBar().setValue(0)
        self.offered.emit(Offer.NOTHING)  # the states below are to be set again

    def _draw(self) -> None:
        """As much as fits into the budget, the latest turn first; the rest a moment later."""
        self._timer.stop()
        end = time.perf_counter() + BUDGET
        for view in reversed(self._views):
            while isinstance(view, AnswerView) and not view.clean:
                view.draw_one()
                if time.perf_counter() > end:
                    self._timer.start(BREATH_MS)
                    return

    # --- where it stands -----------------------------------------------------------------------

    def _grown(self, _: int, maximum: int) -> None:
        if self._follow:
            self.verticalScrollBar().setValue(maximum)
        else:
            self._moved(self.verticalScrollBar().value())

    def _moved(self, value: int) -> None:
        self._follow = value >= self.verticalScrollBar().maximum() - CLOSE
        self._to_end.setVisible(not self._follow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        side = max(MARGIN, (self.width() - READABLE) // 2)
        self._margins = (side, 20, side, 20)
        self._keep_width(0, self.verticalScrollBar().maximum())
        super().resizeEvent(event)
        self._to_end.move(
            (self.width() - self._to_end.width()) // 2, self.height() - self._to_end.height() - 12
        )
        self._to_end.raise_()


def _same(new: Turn, old: Turn) -> bool:
    """Whether the view of *old* can show *new*: it is that turn, or its answer grown or ended."""
    if new == old:
        return True
    return new.role == old.role == "assistant" and old.finish is None
