"""One answer: who speaks, Markdown in pieces as it comes, and what can be done with it below."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app import files
from studio.app.language import on_language
from studio.app.panels.write.code_block import CodeBlock
from studio.app.panels.write.pieces import Piece, Pieces
from studio.app.panels.write.prose import Prose
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.card import IconTile
from studio.app.widgets.label import ElidedLabel, Label
from studio.domain.text import t
from studio.services.conversations import Turn


class Offer(StrEnum):
    """What the button behind a last answer does."""

    NOTHING = ""
    REGENERATE = "regenerate"
    CONTINUE = "continue"
    RESUME = "resume"
    RETRY = "retry"


OFFERS = {
    Offer.REGENERATE: ("retry", "write.regenerate"),
    Offer.CONTINUE: ("play", "write.continue"),
    Offer.RESUME: ("play", "write.resume"),
    Offer.RETRY: ("retry", "app.retry"),
}


class AnswerView(QWidget):
    """`take` gives it text, which `draw_one` shows bit by bit, so that a long one holds nobody up.

    *name*: who speaks, asked again in another language. *plain*: the text continues another one and is
    no Markdown. `offered` carries an `Offer`.
    """

    offered = Signal(object)
    link_chosen = Signal(str)

    def __init__(
        self, name: Callable[[], str], *, plain: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._plain = plain
        self._offer = Offer.NOTHING
        self._turn: Turn | None = None
        self._note = ""
        self._text = ""
        self._pieces = Pieces()
        self._parts: list[Prose | CodeBlock] = []
        self._clean = 0  # so many pieces are shown as they are
        self._tail = self._prose()
        self._tail.hide()
        self._tail_clean = True
        self._name_of = name
        self._name = ElidedLabel(role="strong")
        self._state = Label(role="small")
        self._copy = IconButton("copy", "write.copy", framed=False, side=28)
        self._copy.clicked.connect(lambda: files.copy_text(self._text))
        self._button = Button(kind="quiet")
        self._button.setFixedHeight(28)
        self._button.clicked.connect(lambda: self.offered.emit(self._offer))
        self._button.hide()
        self._lay_out()
        on_language(self._reword)

    def _lay_out(self) -> None:
        self._body = QVBoxLayout()
        self._body.setSpacing(8)
        self._body.addWidget(self._tail)
        self._foot = QWidget()
        foot = QHBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(4)
        foot.addWidget(self._copy)
        foot.addWidget(self._button)
        foot.addSpacing(4)
        foot.addWidget(self._state, 1)
        self._foot.setFixedHeight(28)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(self._name)
        column.addLayout(self._body)
        column.addWidget(self._foot)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        tile = QVBoxLayout()
        tile.addWidget(IconTile("assistant", side=32))
        tile.addStretch(1)
        row.addLayout(tile)
        row.addLayout(column, 1)

    # --- its text ------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        return self._text

    @property
    def clean(self) -> bool:
        """Whether everything is shown."""
        return self._clean == len(self._pieces.done) and self._tail_clean

    def take(self, text: str, *, ended: bool = False) -> None:
        """All of the text so far. *ended*: there will be no more."""
        if not text.startswith(self._text):
            self._restart()
        added = text[len(self._text) :]
        self._text = text
        if self._plain:
            self._tail_clean = self._tail_clean and not added
            return
        if added:
            self._clean = min(self._clean, self._pieces.feed(added))
        if ended:
            self._clean = min(self._clean, self._pieces.finish())
        self._tail_clean = False

    def draw_one(self) -> None:
        """Show the next piece that is not shown yet, at last the words that are in none."""
        if self._clean < len(self._pieces.done):
            self._clean += self._draw(self._clean, self._pieces.done[self._clean])
        else:
            tail = self._text if self._plain else self._pieces.tail
            self._tail.grow(tail)
            self._tail.setVisible(bool(tail))
            self._tail_clean = True

    def _draw(self, index: int, piece: Piece) -> bool:
        """Whether all of the piece is shown now."""
        if index == len(self._parts):
            part: Prose | CodeBlock = CodeBlock(piece.language) if piece.code else self._prose()
            self._parts.append(part)
            self._body.insertWidget(index, part)
        part = self._parts[index]
        if isinstance(part, CodeBlock):
            return part.set_code(piece.source)
        part.set_markdown(piece.source)
        return True

    def _prose(self) -> Prose:
        prose = Prose()
        prose.setAccessibleName(t("write.answer"))
        prose.link_chosen.connect(self.link_chosen)
        return prose

    def _restart(self) -> None:
        for part in self._parts:
            part.hide()
            part.deleteLater()
        self._parts, self._pieces, self._text, self._clean = [], Pieces(), "", 0

    # --- what stands below ----------------------------------------------------------------------

    def set_state(self, turn: Turn, offer: Offer, note: str = "") -> None:
        """*note*: what happens now, in the user's language, while it is being written."""
        self._turn, self._offer, self._note = turn, offer, note
        if offer:
            icon, _ = OFFERS[offer]
            self._button.set_icon(icon)
        self._button.setVisible(bool(offer))
        self._copy.setVisible(bool(self._text))
        self._reword()

    def _reword(self) -> None:
        self._name.setText(self._name_of())
        if self._offer:
            self._button.setText(t(OFFERS[self._offer][1]))
        for part in (*self._parts, self._tail):
            if isinstance(part, Prose):
                part.setAccessibleName(t("write.answer"))
        self._state.setText(self._note or (figures(self._turn) if self._turn else ""))
        self._state.set_role("error" if self._turn and self._turn.finish == "failed" else "small")


def figures(turn: Turn) -> str:
    """ "212 tokens  •  27.3 tokens/s  •  stopped": what is known of an answer that has ended."""
    parts: list[str] = []
    if turn.tokens is not None:
        parts.append(t("write.tokens", count=f"{turn.tokens.generated:,}"))
        if turn.tokens.per_second:
            parts.append(t("write.speed", rate=rate(turn.tokens.per_second)))
    if turn.finish != "stop":
        parts.append(t(f"write.finish.{turn.finish or 'interrupted'}"))
    return "  •  ".join(parts)


def rate(per_second: float) -> str:
    return f"{per_second:.1f}" if per_second < 10 else f"{per_second:.0f}"
