"""Conversations kept over restarts: one JSON file each, always whole."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from studio.domain.job import Tokens
from studio.services.event import Event
from studio.services.paths import Paths
from studio.services.settings import set_aside
from studio.wire import files

log = logging.getLogger(__name__)

TITLE = 60


class Turn(Struct, frozen=True, kw_only=True):
    """What one side said.

    Of an answer: `finish` is why it ended, "stop", "limit", "cancelled" or "failed", None while it is
    to come; `job` the one that writes it meanwhile; `model` the id of who spoke; `tokens` what it took,
    if it came to its own end.
    """

    role: Literal["user", "assistant"]
    content: str
    finish: str | None = None
    job: str = ""
    model: str = ""
    tokens: Tokens | None = None


class Conversation(Struct, frozen=True, kw_only=True):
    """`created` and `updated` are POSIX seconds. `title` is empty until the first words are there.

    `model` and `system` are what the last answer was asked of and with.
    """

    id: str
    created: float
    updated: float
    title: str = ""
    model: str = ""
    system: str = ""
    turns: tuple[Turn, ...] = ()


def messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """*turns* as a request carries them; what one side said in several goes is one."""
    said: list[dict[str, str]] = []
    for turn in turns:
        if said and said[-1]["role"] == turn.role:
            said[-1]["content"] += turn.content
        else:
            said.append({"role": turn.role, "content": turn.content})
    return said


class Conversations:
    """All of them in memory; they are text. A file that cannot be read is kept aside.

    `put` and `delete` are cheap and only remember; the caller calls `save` soon after, and `flush`
    before the end.
    """

    def __init__(self, paths: Paths) -> None:
        self._folder = paths.data / "conversations"
        self.changed: Event[Conversation] = Event()
        self._all = {one.id: one for one in self._read()}
        self._unsaved: set[str] = set()
        self._writing = threading.Lock()

    def recent(self, words: str = "") -> list[Conversation]:
        """Those that hold every one of *words*, the last used first."""
        wanted = words.lower().split()
        found = [one for one in self._all.values() if not wanted or _holds(one, wanted)]
        return sorted(found, key=lambda one: one.updated, reverse=True)

    def get(self, id_: str) -> Conversation | None:
        return self._all.get(id_)

    def new(self, *, model: str = "", system: str = "") -> Conversation:
        """An empty one. It is not kept before something is said in it."""
        now = time.time()
        return Conversation(id=uuid.uuid4().hex, created=now, updated=now, model=model, system=system)

    def put(self, conversation: Conversation, *, touch: bool = True) -> Conversation:
        """Remember it, with a title from its first words if it has none; *touch*: as used just now."""
        kept = msgspec.structs.replace(
            conversation,
            updated=time.time() if touch else conversation.updated,
            title=conversation.title or _title(conversation),
        )
        self._all[kept.id] = kept
        self._unsaved.add(kept.id)
        self.changed.emit(kept)
        return kept

    def delete(self, id_: str) -> Conversation | None:
        """Forget it; the caller may `put` the returned one to undo."""
        conversation = self._all.pop(id_, None)
        if conversation is not None:
            self._unsaved.add(id_)
            self.changed.emit(conversation)
        return conversation

    @property
    def unsaved(self) -> bool:
        return bool(self._unsaved)

    async def save(self) -> None:
        """Write what has changed, in a thread. Raises OSError."""
        await asyncio.to_thread(self.flush)

    def flush(self) -> None:
        """Write what has changed before returning. What could not be written is tried next time.

        Raises OSError.
        """
        with self._writing:
            while self._unsaved:
                id_ = self._unsaved.pop()
                try:
                    self._write(id_)
                except OSError:
                    self._unsaved.add(id_)
                    raise

    def _write(self, id_: str) -> None:
        conversation = self._all.get(id_)
        if conversation is None:
            self._file(id_).unlink(missing_ok=True)
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            files.write(self._file(id_), msgspec.json.encode(conversation))

    def _file(self, id_: str) -> Path:
        return self._folder / f"{id_}.json"

    def _read(self) -> list[Conversation]:
        found: list[Conversation] = []
        for file in sorted(self._folder.glob("*.json")):
            if ".broken-" in file.name:
                continue
            try:
                found.append(msgspec.json.decode(file.read_bytes(), type=Conversation))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                log.warning("a conversation could not be read and is kept as %s: %s", set_aside(file), error)
        return found


def _title(conversation: Conversation) -> str:
    first = next((turn.content for turn in conversation.turns if turn.role == "user"), "")
    words = " ".join(first[: 4 * TITLE].split())
    return words if len(words) <= TITLE else words[: TITLE - 1] + "…"


def _holds(conversation: Conversation, wanted: list[str]) -> bool:
    text = "\n".join((conversation.title, *(turn.content for turn in conversation.turns))).lower()
    return all(word in text for word in wanted)
