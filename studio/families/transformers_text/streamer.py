"""Tokens to text while they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from transformers.generation.streamers import BaseStreamer

INTERVAL = 0.02  # seconds between two pieces: fast enough to read along
INCOMPLETE = "\ufffd"  # the first bytes of a character whose others are still to come
WINDOW, OVERLAP = 32, 8  # tokens that are decoded together, and how many of them again with the next ones


class Streamer(BaseStreamer):
    """Passes text on as `generate` makes it: `on_read()` when the prompt is read, then `on_text(piece)`.

    Some tokenizers write a token differently after another one, and a character may take several
    tokens: so a window of them is decoded together, and what that adds is the next piece.
    """

    def __init__(
        self, tokenizer: Any, *, on_read: Callable[[], None], on_text: Callable[[str], None]
    ) -> None:
        self._tokenizer = tokenizer
        self._on_read, self._on_text = on_read, on_text
        self.ids: list[int] = []
        self.first = self.last = 0.0
        self._parts: list[str] = []
        self._start = 0  # of the window, in tokens
        self._shown = 0  # characters of the window that were passed on
        self._prompt = True

    @property
    def text(self) -> str:
        """Everything passed on so far."""
        return "".join(self._parts)

    def put(self, value: Any) -> None:
        """Called by `generate`: once with the prompt, then with each token."""
        if self._prompt:
            self._prompt = False
            return
        now = time.monotonic()
        if not self.ids:
            self.first = self._flushed = now
            self._on_read()
        self.last = now
        self.ids.append(int(value.reshape(-1)[0]))
        if now - self._flushed >= INTERVAL:
            self._flush(now)

    def end(self) -> None:
        """Called by `generate` when nothing more comes."""
        self._flush(self.last, final=True)

    def _flush(self, now: float, *, final: bool = False) -> None:
        words = self._decode(self.ids[self._start :])
        ready = words if final else words.rstrip(INCOMPLETE)
        if piece := ready[self._shown :]:
            self._parts.append(piece)
            self._shown = len(ready)
            self._on_text(piece)
        if len(ready) == len(words) and len(self.ids) - self._start > WINDOW:
            self._start = len(self.ids) - OVERLAP
            self._shown = len(self._decode(self.ids[self._start :]))
        self._flushed = now

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text
