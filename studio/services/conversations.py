"""Conversations kept over restarts: one JSON file each, always whole."""

from __future__ import annotations

import logging
import time
import uuid
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from studio.services.event import Event
from studio.services.paths import Paths
from studio.services.settings import set_aside
from studio.wire import files

log = logging.getLogger(__name__)

TITLE = 60


class Turn(Struct, frozen=True, kw_only=True):
    """`finish`: why an answer ended, "stop", "limit" or "cancelled"; None while it is being written
    or for the user's words. `tokens_per_second` of an answer.
    """

    role: Literal["user", "assistant"]
    content: str
    finish: str | None = None
    tokens_per_second: float | None = None


class Conversation(Struct, frozen=True, kw_only=True):
    """`created` and `updated` are POSIX seconds. `title` is empty until the first words are there."""

    id: str
    created: float
    updated: float
    title: str = ""
    model: str = ""
    system: str = ""
    turns: tuple[Turn, ...] = ()

    def messages(self) -> list[dict[str, str]]:
        """The turns as a request carries them."""
        return [{"role": turn.role, "content": turn.content} for turn in self.turns]


class Conversations:
    """All of them in memory; they are text. A file that cannot be read is kept aside."""

    def __init__(self, paths: Paths) -> None:
        self._folder = paths.data / "conversations"
        self.changed: Event[Conversation] = Event()
        self._all = {one.id: one for one in self._read()}

    def recent(self, words: str = "") -> list[Conversation]:
        """Those that hold every one of *words*, the last used first."""
        wanted = words.lower().split()
        found = [one for one in self._all.values() if all(word in _text(one) for word in wanted)]
        return sorted(found, key=lambda one: one.updated, reverse=True)

    def get(self, id_: str) -> Conversation | None:
        return self._all.get(id_)

    def new(self, *, model: str = "", system: str = "") -> Conversation:
        """An empty one. It is not on disk before something is said in it."""
        now = time.time()
        return Conversation(id=uuid.uuid4().hex, created=now, updated=now, model=model, system=system)

    def save(self, conversation: Conversation) -> Conversation:
        """Keep it, with a title from its first words if it has none. Raises OSError."""
        title = conversation.title or _title(conversation)
        kept = msgspec.structs.replace(conversation, updated=time.time(), title=title)
        self._folder.mkdir(parents=True, exist_ok=True)
        files.write(self._file(kept.id), msgspec.json.encode(kept))
        self._all[kept.id] = kept
        self.changed.emit(kept)
        return kept

    def delete(self, id_: str) -> Conversation | None:
        """Forget it; the caller may `save` the returned one to undo. Raises OSError."""
        conversation = self._all.pop(id_, None)
        if conversation is not None:
            self._file(id_).unlink(missing_ok=True)
            self.changed.emit(conversation)
        return conversation

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
    words = " ".join(first.split())
    return words if len(words) <= TITLE else words[: TITLE - 1] + "…"


def _text(conversation: Conversation) -> str:
    return "\n".join((conversation.title, *(turn.content for turn in conversation.turns))).lower()
