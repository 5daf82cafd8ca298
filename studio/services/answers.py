"""Answers on their way into conversations: what the queue writes for one is kept in it as it comes.

It listens from the studio's start, so that an answer finds its place whether or not anyone looks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from studio.domain.failure import Failure
from studio.domain.job import Job, JobState
from studio.domain.request import Request
from studio.services.conversations import Conversation, Conversations, Turn, messages
from studio.services.event import Event
from studio.services.queue import Queue
from studio.wire.messages import TextDelta

log = logging.getLogger(__name__)

TASK = "text"
KEEP_SECONDS = 2.0  # at most so much of an answer is lost with the computer
FINISH = {JobState.DONE: "stop", JobState.CANCELLED: "cancelled", JobState.FAILED: "failed"}


class Words(Struct, frozen=True):
    """Some more of the answer that is being written in *conversation* (an id)."""

    conversation: str
    text: str


def question(turns: Sequence[Turn]) -> dict[str, Any]:
    """The values of a request for what comes after *turns*: the last one is asked, or to be continued."""
    return {"messages": messages(turns[:-1]), "prompt": turns[-1].content}


class Answers:
    """`text`: more words of an answer. `failed`: the conversations could not be written to disk."""

    def __init__(self, queue: Queue, conversations: Conversations) -> None:
        self.text: Event[Words] = Event()
        self.failed: Event[Failure] = Event()
        self._queue = queue
        self._conversations = conversations
        self._jobs: dict[str, str] = {}  # whose answer a job writes: the id of its conversation
        self._ended: dict[str, str] = {}  # as `_jobs`, those that failed or were stopped in this session
        self._written: dict[str, list[str]] = {}
        self._asking = False
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        for conversation in conversations.recent():
            answer = _pending(conversation)
            if answer is not None and answer.job:
                self._jobs[answer.job] = conversation.id
        self._ends = (
            queue.changed.connect(self._changed),
            queue.text.connect(self._heard),
            conversations.changed.connect(self._save_soon),
        )

    async def close(self) -> None:
        """Write everything. Call it once the queue is closed."""
        for end in self._ends:
            end()
        if self._timer is not None:
            self._timer.cancel()
        for job in list(self._written):
            self._keep(job)
        if self._saving is not None:
            await asyncio.wait({self._saving})
        await self._save()

    def ask(self, conversation: Conversation, request: Request, *, front: bool = False) -> Job:
        """Queue *request* (see `question`); its answer becomes the last turn of *conversation*.

        Raises StudioError like `Queue.submit`, and changes nothing then. Raises ValueError while
        another answer is on its way there.
        """
        if self.job(conversation.id) is not None:
            raise ValueError("one answer at a time")
        self._asking = True
        try:
            job = self._queue.submit(request, front=front)
        finally:
            self._asking = False
        system = str(request.values.get("system", ""))
        self._await(msgspec.structs.replace(conversation, model=request.model, system=system), job)
        return self._queue.job(job.id)

    def job(self, conversation_id: str) -> Job | None:
        """The job that writes an answer in this conversation, or waits or is held to."""
        conversation = self._conversations.get(conversation_id)
        answer = _pending(conversation) if conversation is not None else None
        if answer is None or not answer.job:
            return None
        try:
            return self._queue.job(answer.job)
        except KeyError:
            return None

    def states(self) -> dict[str, JobState]:
        """How the answers that are on their way stand, by the id of their conversation."""
        known = {job.id: job.state for job in self._queue.jobs}
        return {where: known[job] for job, where in self._jobs.items() if job in known}

    def written(self, conversation_id: str) -> str:
        """What there is of the last answer of this conversation by now."""
        conversation = self._conversations.get(conversation_id)
        if conversation is None or not conversation.turns:
            return ""
        last = conversation.turns[-1]
        parts = self._written.get(last.job)
        return "".join(parts) if parts is not None else last.content

    def delete(self, conversation_id: str) -> Conversation | None:
        """Delete the conversation; an answer on its way ends. `Conversations.put` brings it back."""
        job = self.job(conversation_id)
        if job is not None:
            self._finish(job, finish="cancelled")
            if not job.state.ended:
                self._queue.cancel(job.id)
        return self._conversations.delete(conversation_id)

    # --- what happens in the queue --------------------------------------------------------------

    def _await(self, conversation: Conversation, job: Job) -> None:
        answer = Turn(role="assistant", content="", job=job.id, model=job.request.model)
        self._jobs[job.id] = conversation.id
        self._conversations.put(msgspec.structs.replace(conversation, turns=(*conversation.turns, answer)))

    def _changed(self, job: Job) -> None:
        if job.request.task != TASK:
            return
        if job.id not in self._jobs:
            if job.state is JobState.WAITING and not self._asking:
                self._adopt(job)
            return
        if job.state.ended:
            self._finish(job, finish=FINISH[job.state])
        elif not any(each.id == job.id for each in self._queue.jobs):  # a held one was dropped
            self._finish(job, finish="cancelled")

    def _adopt(self, job: Job) -> None:
        """Someone tries an answer's job again in the queue: the new one writes it in the old one's stead."""
        for old, conversation_id in self._ended.items():
            conversation = self._conversations.get(conversation_id)
            if conversation is None or not any(
                each.id == old and _same(each.request, job.request) for each in self._queue.jobs
            ):
                continue
            *before, last = conversation.turns or (None,)
            if isinstance(last, Turn) and last.finish in ("failed", "cancelled"):
                self._await(msgspec.structs.replace(conversation, turns=tuple(before)), job)
            return

    def _heard(self, delta: TextDelta) -> None:
        conversation = self._jobs.get(delta.job)
        if conversation is None:
            return
        self._written.setdefault(delta.job, []).append(delta.text)
        self.text.emit(Words(conversation, delta.text))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._keep_all)

    def _keep_all(self) -> None:
        self._timer = None
        for job in list(self._written):
            self._keep(job)

    def _keep(self, job_id: str) -> None:
        """Put what is written so far into the conversation."""
        conversation = self._conversations.get(self._jobs[job_id])
        answer = _pending(conversation) if conversation is not None else None
        if conversation is not None and answer is not None and answer.job == job_id:
            content = "".join(self._written[job_id])
            self._replace_last(conversation, msgspec.structs.replace(answer, content=content))

    def _finish(self, job: Job, *, finish: str) -> None:
        conversation_id = self._jobs.pop(job.id)
        if finish in ("failed", "cancelled"):
            self._ended[job.id] = conversation_id
        conversation = self._conversations.get(conversation_id)
        parts = self._written.pop(job.id, None)
        answer = _pending(conversation) if conversation is not None else None
        if conversation is None or answer is None or answer.job != job.id:
            return
        if job.state is JobState.DONE and job.outcome is not None and job.outcome.finish:
            finish = job.outcome.finish
        content = "".join(parts) if parts is not None else job.text or answer.content
        tokens = job.outcome.tokens if job.outcome is not None else None
        done = msgspec.structs.replace(answer, content=content, finish=finish, job="", tokens=tokens)
        self._replace_last(conversation, done)

    def _replace_last(self, conversation: Conversation, turn: Turn) -> None:
        turns = (*conversation.turns[:-1], turn)
        self._conversations.put(msgspec.structs.replace(conversation, turns=turns))

    # --- to disk --------------------------------------------------------------------------------

    def _save_soon(self, _: Conversation) -> None:
        if self._saving is None:
            self._saving = asyncio.get_running_loop().create_task(self._save(), name="save conversations")
            self._saving.add_done_callback(self._saved)

    def _saved(self, _: asyncio.Task[None]) -> None:
        self._saving = None

    async def _save(self) -> None:
        """Until nothing is left to write, or something cannot be; then the next change tries again."""
        try:
            while self._conversations.unsaved:
                await self._conversations.save()
        except OSError as error:
            log.exception("the conversations could not be saved")
            values = {"path": error.filename or "", "reason": error.strerror or str(error)}
            self.failed.emit(Failure(code="output.unwritable", values=values))


def _same(one: Request, other: Request) -> bool:
    """Whether they ask for the same, wherever it is to run."""
    return msgspec.structs.replace(one, device=other.device) == other


def _pending(conversation: Conversation) -> Turn | None:
    """The answer that is to come, if the last turn is one."""
    last = conversation.turns[-1] if conversation.turns else None
    return last if last is not None and last.role == "assistant" and last.finish is None else None
