"""What Write knows: the conversations, the one that is open, and how its answer is coming along."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.app.making import Making
from studio.app.observable import Property
from studio.domain.failure import StudioError
from studio.domain.job import Job, JobState
from studio.domain.request import Request
from studio.domain.writing import CHAT, COMPLETION
from studio.services.answers import Words, question
from studio.services.conversations import Conversation, Turn
from studio.services.event import Event
from studio.services.library.library import Entry
from studio.services.library.traits import Traits, read_traits
from studio.services.studio import Studio

log = logging.getLogger(__name__)

DRAFT = "write"
BATCH_SECONDS = 0.05  # words are shown in batches
SHARE = 8  # showing them takes at most one part in so many of the time
SURE_SECONDS = 1.0  # before this a speed says nothing
BYTES_PER_TOKEN = 4  # of UTF-8: holds for English and Chinese alike, roughly
TURN_TOKENS = 4  # what a template adds to each turn, roughly


class ContextUse(Struct, frozen=True):
    """Tokens of the conversation and the prompt, and how many the model can see. *about*: estimated."""

    used: int
    limit: int | None
    about: bool

    @property
    def share(self) -> float | None:
        return self.used / self.limit if self.limit else None


def estimate_tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


class WriteModel(Making):
    """`conversations`: those that hold the words of `search`, the last used first. `answering`: by id, how
    the answers that are on their way in any of them stand.

    `conversation`: the open one. `more` tells that its answer has grown (`written`); `speed` in tokens
    per second meanwhile, estimated. `chat`: it is a conversation, not a text that the model continues.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio, "text")
        self._answers = studio.answers
        self.search: Property[str] = Property("")
        self.conversations: Property[tuple[Conversation, ...]] = Property(())
        self.answering: Property[dict[str, JobState]] = Property({})
        self.conversation: Property[Conversation] = Property(self._fresh())
        self.context: Property[ContextUse] = Property(ContextUse(0, None, about=True))
        self.speed: Property[float | None] = Property(None)
        self.chat: Property[bool] = Property(True)
        self.more: Event[None] = Event()
        self._traits = Traits()
        self._reading: asyncio.Task[None] | None = None
        self._batch: asyncio.TimerHandle | None = None
        self._pause = BATCH_SECONDS
        self._began: float | None = None
        self._ends = (
            studio.conversations.changed.connect(self._kept),
            studio.queue.changed.connect(lambda _: self._follow_answers()),
            studio.answers.text.connect(self._heard),
            studio.answers.failed.connect(lambda failure: setattr(self.failure, "value", failure)),
        )
        self.search.connect(lambda _: self._list())
        self.entry.connect(self._read_traits)
        self.form.changed.connect(lambda _: self._measure())
        self.form.rebuilt.connect(lambda _: self._measure())
        self.prompt.connect(lambda _: self._measure())
        self._list()
        self._read_traits(self.entry.value)
        last = studio.conversations.get(str(studio.drafts.get(DRAFT).get("conversation", "")))
        if last is not None:
            self._show(last)

    def close(self) -> None:
        for end in self._ends:
            end()
        if self._batch is not None:
            self._batch.cancel()
        if self._reading is not None:
            self._reading.cancel()
        super().close()

    # --- which conversation ------------------------------------------------------------------

    def open(self, id_: str) -> None:
        """Show another conversation, with the model and instructions it was held with. KeyError if gone."""
        conversation = self.studio.conversations.get(id_)
        if conversation is None:
            raise KeyError(id_)
        if id_ == self.conversation.value.id:
            return
        self._show(conversation)
        self.choose(conversation.model)
        if "system" in self.form.fields:
            self.form.set("system", conversation.system)

    def new(self) -> None:
        """An empty conversation; it is kept once something is said."""
        self._show(self._fresh())

    def rename(self, id_: str, title: str) -> None:
        """An empty title is its first words again."""
        conversation = self.studio.conversations.get(id_)
        if conversation is not None and title.strip() != conversation.title:
            self.studio.conversations.put(
                msgspec.structs.replace(conversation, title=" ".join(title.split())), touch=False
            )

    def delete(self, id_: str) -> Conversation | None:
        """For `put_back`. None when it is not kept."""
        return self._answers.delete(id_)

    def put_back(self, conversation: Conversation) -> None:
        """Undo: the conversation as it was. An answer that is on its way there is stopped."""
        job = self._answers.job(conversation.id)
        self.studio.conversations.put(conversation, touch=False)
        if job is not None and not job.state.ended:
            self.studio.queue.cancel(job.id)
        if self.conversation.value.id != conversation.id:
            self.open(conversation.id)

    # --- what is asked -----------------------------------------------------------------------

    def send(self, *, front: bool = False) -> Job | None:
        """Say what stands in the prompt. None when it is refused; `failure` tells why."""
        conversation = self.conversation.value
        job = self._ask(_with(conversation, Turn(role="user", content=self.prompt.value)), front=front)
        if job is not None:
            self.prompt.value = ""
        return job

    def say_instead(self, index: int, words: str) -> Conversation | None:
        """Say *words* in the place of turn *index* and go on from there.

        Returns the conversation as it was, for `put_back`; None when it is refused.
        """
        before = self.conversation.value
        kept = msgspec.structs.replace(before, turns=before.turns[:index])
        return before if self._ask(_with(kept, Turn(role="user", content=words))) else None

    def regenerate(self) -> Job | None:
        """Another answer in the place of the last one."""
        turns = self.conversation.value.turns
        if turns and turns[-1].role == "assistant":
            turns = turns[:-1]
        return self._ask(msgspec.structs.replace(self.conversation.value, turns=turns)) if turns else None

    def go_on(self) -> Job | None:
        """Continue the text where it ends."""
        return self._ask(self.conversation.value) if self.conversation.value.turns else None

    def resume(self) -> None:
        """Let an answer that was kept from an earlier session be written."""
        if self.job.value is not None:
            try:
                self.studio.queue.resume(self.job.value.id)
            except StudioError as error:
                self.failure.value = error.failure

    def restore(self, request: Request) -> None:
        """Fill the fields from a result; what was said before it stands in a new conversation."""
        self._show(self._fresh())
        super().restore(request)
        said = request.values.get("messages", ())
        turns = tuple(
            Turn(
                role=turn["role"],
                content=turn["content"],
                finish="stop" if turn["role"] == "assistant" else None,
            )
            for turn in said
        )
        self._show(msgspec.structs.replace(self._fresh(), turns=turns))

    def written(self) -> str:
        """The last answer of the open conversation as far as it goes."""
        return self._answers.written(self.conversation.value.id)

    def _ask(self, conversation: Conversation, *, front: bool = False) -> Job | None:
        if self.busy:
            return None
        self.failure.value = None
        try:
            job = self._answers.ask(conversation, self.request(question(conversation.turns)), front=front)
        except StudioError as error:
            self.failure.value = error.failure
            return None
        self._began = None
        self._show(self.studio.conversations.get(conversation.id) or conversation)
        return job

    # --- what happens ------------------------------------------------------------------------

    def _fresh(self) -> Conversation:
        return self.studio.conversations.new()

    def _show(self, conversation: Conversation) -> None:
        if conversation.id != self.conversation.value.id:
            self._began = None
            self.speed.value = None
        self.job.value = self._answers.job(conversation.id)
        self.conversation.value = conversation
        self.studio.drafts.put(DRAFT, {"conversation": conversation.id})
        self._edited()
        self._measure()

    def _kept(self, conversation: Conversation) -> None:
        self._list()
        if conversation.id != self.conversation.value.id:
            return
        kept = self.studio.conversations.get(conversation.id)
        if kept is None:  # deleted
            self._show(next(iter(self.studio.conversations.recent()), None) or self._fresh())
            return
        job = self._answers.job(kept.id)
        if job is not None:
            self.job.value = job
        else:
            self.speed.value = None
        self.conversation.value = kept
        self._measure()

    def _follow_answers(self) -> None:
        self.answering.value = self._answers.states()

    def _list(self) -> None:
        self._follow_answers()
        self.conversations.value = tuple(self.studio.conversations.recent(self.search.value))

    def _heard(self, words: Words) -> None:
        if words.conversation != self.conversation.value.id:
            return
        if self._began is None:
            self._began = time.monotonic()
        if self._batch is None:
            self._batch = asyncio.get_running_loop().call_later(self._pause, self._tell)

    def _tell(self) -> None:
        self._batch = None
        began = time.perf_counter()
        self.more.emit(None)
        self._pause = max(BATCH_SECONDS, SHARE * (time.perf_counter() - began))
        if self._began is not None and self.busy:
            seconds = time.monotonic() - self._began
            if seconds >= SURE_SECONDS:
                self.speed.value = estimate_tokens(self.written()) / seconds
            self._measure()

    def _measure(self) -> None:
        """How much of what the model can see is used."""
        turns = self.conversation.value.turns
        used, about = estimate_tokens(self.prompt.value), bool(self.prompt.value)
        if turns and turns[-1].finish is None and turns[-1].role == "assistant":
            used += estimate_tokens(self.written())
            turns, about = turns[:-1], True
        known: int | None = None
        seen = None
        for turn in reversed(turns):
            if turn.tokens is not None:
                known = turn.tokens.prompt + turn.tokens.generated
                seen = turn.tokens.context or None
                break
            used += estimate_tokens(turn.content) + TURN_TOKENS
            about = True
        if known is None and "system" in self.form.fields:
            used += estimate_tokens(self.form.fields["system"].value.value)
        self.context.value = ContextUse(used + (known or 0), self._limit() or seen, about=about)
        self._choose_manner()

    def _limit(self) -> int | None:
        chosen = self.form.fields.get("context_length")
        limits = [each for each in (chosen.value.value if chosen else None, self._traits.context) if each]
        return min(limits, default=None)

    def _choose_manner(self) -> None:
        mode = self.form.fields.get("mode")
        wanted = mode.value.value if mode else None
        able = self.spec is None or "conversation" in self.spec.capabilities
        self.chat.value = wanted == CHAT or (wanted != COMPLETION and able and self._traits.chat is not False)

    def _read_traits(self, entry: Entry | None) -> None:
        self._traits = Traits()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if entry is not None:
            self._reading = asyncio.ensure_future(self._learn(entry.model.id))
            self._reading.add_done_callback(_report)
        self._measure()

    async def _learn(self, model_id: str) -> None:
        def read() -> Traits:
            try:
                found = self.studio.library.resolve(model_id, verify=False)
            except StudioError:  # the queue says it when something is asked of it
                return Traits()
            return read_traits(Path(found.source.path))

        self._traits = await asyncio.to_thread(read)
        self._measure()


def _with(conversation: Conversation, turn: Turn) -> Conversation:
    return msgspec.structs.replace(conversation, turns=(*conversation.turns, turn))


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("Write: something failed in the background", exc_info=error)
