"""Write: conversations with a language model, and texts that it continues."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from studio.app import keys
from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.making_panel import MakingPanel
from studio.app.observable import bind, watch
from studio.app.panels.write.answer import Offer, rate
from studio.app.panels.write.conversation_list import ConversationSide, Row
from studio.app.panels.write.greeting import Greeting
from studio.app.panels.write.markdown import SCHEMES
from studio.app.panels.write.transcript import Transcript
from studio.app.panels.write.viewmodel import ContextUse, WriteModel
from studio.app.widgets.announce import announce
from studio.app.widgets.button import IconButton
from studio.app.widgets.card import Card
from studio.app.widgets.meter import Meter
from studio.app.widgets.prompt_box import PromptBox
from studio.domain.job import Job, JobState
from studio.domain.text import language, localized, t
from studio.services.conversations import Conversation

ROOM_FOR_LIST = 760  # pixels of the panel; narrower, the list is shown on request
ADDRESS = 90  # characters of a link's address that are shown
NEARLY_FULL = 0.8


class WritePanel(MakingPanel):
    def __init__(self, desk: Desk) -> None:
        self.model = WriteModel(desk.studio)
        super().__init__(desk, self.model, PromptBox("write.placeholder", "write.send"))
        self.list = ConversationSide()
        self.transcript = Transcript(self._name_of)
        self.greeting = Greeting()
        self._meter = Meter(thickness=6)
        self._list_wanted: bool | None = None
        self._deleted: Conversation | None = None
        self._put_together()
        self._connect()
        self._add_keys()

    def generate(self, front: bool = False) -> Job | None:
        """Send the prompt; with nothing in it, try a failed answer again."""
        if self.model.busy:
            self.desk.say(t("write.busy"))
            return None
        turns = self.model.conversation.value.turns
        failed = bool(turns) and turns[-1].finish == "failed"
        if failed and not self.model.prompt.value.strip():
            return self.model.regenerate()
        return self.model.send(front=front)

    # --- how it is put together ----------------------------------------------------------------

    def _put_together(self) -> None:
        self.side.addWidget(self.list)
        self._toggle = IconButton("chat", "write.list")
        self._toggle.setCheckable(True)
        self._toggle.clicked.connect(self._toggled)
        new = IconButton("new_chat", "write.new")
        new.clicked.connect(self._new)
        self.head.addWidget(self._toggle)
        self.head.addWidget(new)
        card = Card(margin=1, spacing=0)
        self._pages = QStackedLayout()
        self._pages.addWidget(self.greeting)
        self._pages.addWidget(self.transcript)
        holder = QWidget()
        holder.setLayout(self._pages)
        card.body.addWidget(holder)
        self.workspace.addWidget(card, 1)
        self._meter.setFixedWidth(64)
        self._meter.setAccessibleName(t("write.context"))
        self.prompt.tools.addWidget(self._meter)

    def _connect(self) -> None:
        model, side = self.model, self.list
        side.search.textChanged.connect(lambda words: setattr(model.search, "value", words))
        side.new.clicked.connect(self._new)
        side.rows.chosen.connect(model.open)
        side.rows.renamed.connect(model.rename)
        side.rows.delete_requested.connect(self._delete)
        self.greeting.chosen.connect(self._example)
        self.transcript.offered.connect(self._take_offer)
        self.transcript.said_instead.connect(self._say_instead)
        self.transcript.link_chosen.connect(self._ask_about_link)
        watch(model.conversations, self._list)
        watch(model.answering, self._list)
        watch(model.conversation, self._show)
        watch(model.more, self._grow)
        watch(model.job, self._job_changed)
        watch(model.speed, self._state)
        watch(model.chat, self._manner)
        watch(model.entry, self._examples)
        bind(model.context, self._show_context)
        on_language(self._retranslate)

    def _add_keys(self) -> None:
        keys.shortcut("new", self, self._new)
        keys.shortcut("search", self, self._search)
        keys.shortcut("delete", self, lambda: self._delete(self.model.conversation.value.id))
        keys.shortcut("undo_delete", self, self._undo_delete)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_list()

    def _show_list(self) -> None:
        shown = self.width() >= ROOM_FOR_LIST if self._list_wanted is None else self._list_wanted
        self.list.setVisible(shown)
        self._toggle.setChecked(shown)

    def _toggled(self) -> None:
        self._list_wanted = self._toggle.isChecked()
        self._show_list()

    # --- showing -------------------------------------------------------------------------------

    def _retranslate(self) -> None:
        self._manner(self.model.chat.value)
        self._meter.setAccessibleName(t("write.context"))
        self._examples(None)
        self._show_context(self.model.context.value)
        self._list(None)

    def _manner(self, chat: bool) -> None:
        self.prompt.area.setPlaceholderText(t("write.placeholder" if chat else "write.placeholder.text"))
        self._show(self.model.conversation.value)

    def _list(self, _: object) -> None:
        states = self.model.answering.value
        rows = [
            Row(each.id, each.title, each.updated, states.get(each.id))
            for each in self.model.conversations.value
        ]
        self.list.set_rows(rows, self.model.conversation.value.id)

    def _show(self, conversation: Conversation) -> None:
        self._pages.setCurrentIndex(1 if conversation.turns else 0)
        self.transcript.show_conversation(conversation, plain=not self.model.chat.value)
        if self.model.busy:
            self._grow(None)
        self._state(None)
        self._list(None)

    def _grow(self, _: None) -> None:
        self.transcript.grow(self.model.written())

    def _job_changed(self, job: Job | None) -> None:
        self._state(None)
        if job is not None and job.state is JobState.DONE:
            announce(self.transcript, t("write.done"))

    def _state(self, _: object) -> None:
        offer, note = self._offer()
        self.transcript.set_state(offer, note, editable=not self.model.busy)

    def _offer(self) -> tuple[Offer, str]:
        """What can be done about the last answer, and what to say of it while it is to come."""
        turns = self.model.conversation.value.turns
        if not turns or turns[-1].role != "assistant":
            return Offer.NOTHING, ""
        job = self.model.job.value
        if job is None or job.state.ended or turns[-1].finish is not None:
            if turns[-1].finish == "failed":
                return Offer.RETRY, ""
            return (Offer.REGENERATE if self.model.chat.value else Offer.CONTINUE), ""
        if job.state is JobState.HELD:
            return Offer.RESUME, t("write.held")
        if job.state is JobState.WAITING:
            return Offer.NOTHING, t("write.waiting")
        if job.state is JobState.CANCELLING:
            return Offer.NOTHING, t("strip.stopping")
        if self.model.speed.value is not None:
            return Offer.NOTHING, t("write.speed.about", rate=rate(self.model.speed.value))
        phase = job.progress.phase if job.progress else ""
        return Offer.NOTHING, t(f"phase.{phase}") + "…" if phase else t("write.starting")

    def _show_context(self, use: ContextUse) -> None:
        share = use.share
        self._meter.setVisible(share is not None)
        if share is not None:
            self._meter.set_tone("bad" if share > 1 else "warning" if share >= NEARLY_FULL else "accent")
            self._meter.set_value(min(share, 1.0))
        key = "write.context.used" if use.limit is None else "write.context.of"
        if share is not None and share > 1:
            key = "write.context.over"
        used = f"{use.used:,}"
        self.prompt.set_count(
            t(key, used=t("write.about", number=used) if use.about else used, limit=f"{use.limit or 0:,}")
        )

    def _examples(self, _: object) -> None:
        model = self.model.model
        self.greeting.set_examples(model.prompts(language()) if model else ())

    def _name_of(self, model_id: str) -> str:
        known = (e.model for e in self.desk.studio.library.entries("text") if e.model.id == model_id)
        model = next(known, None)
        return localized(model.title) if model else model_id or t("write.answer")

    # --- doing ---------------------------------------------------------------------------------

    def _new(self) -> None:
        self.model.new()
        self.prompt.area.setFocus()

    def _search(self) -> None:
        self._list_wanted = True
        self._show_list()
        self.list.search.setFocus()
        self.list.search.selectAll()

    def _example(self, words: str) -> None:
        self.model.prompt.value = words
        self.generate()

    def _take_offer(self, offer: Offer) -> None:
        if offer in (Offer.REGENERATE, Offer.RETRY):
            self.model.regenerate()
        elif offer is Offer.CONTINUE:
            self.model.go_on()
        elif offer is Offer.RESUME:
            self.model.resume()
        else:
            self._state(None)

    def _say_instead(self, index: int, words: str) -> None:
        before = self.model.say_instead(index, words)
        if before is not None:
            self.desk.say(t("write.changed"), "write.undo", lambda: self.model.put_back(before))

    def _delete(self, id_: str) -> None:
        deleted = self.model.delete(id_)
        if deleted is not None:
            self._deleted = deleted
            self.desk.say(t("write.deleted", title=deleted.title), "write.undo", self._undo_delete)

    def _undo_delete(self) -> None:
        if self._deleted is not None:
            deleted, self._deleted = self._deleted, None
            self.desk.unsay(self._undo_delete)
            self.model.put_back(deleted)

    def _ask_about_link(self, address: str) -> None:
        """A link opens only when the user, who sees where it leads, says so."""
        url = QUrl(address)
        if url.scheme().lower() not in SCHEMES:
            self.desk.say(t("write.link.refused"))
            return
        shown = url.toString()
        shown = shown if len(shown) <= ADDRESS else shown[: ADDRESS - 1] + "…"
        self.desk.say(
            t("write.link", address=shown), "write.link.open", lambda: QDesktopServices.openUrl(url)
        )


def create(desk: Desk) -> WritePanel:
    return WritePanel(desk)
