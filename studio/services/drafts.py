"""What stands in the fields of every panel, so that a crash costs at most two seconds of typing."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import msgspec

from studio.services.paths import Paths
from studio.services.settings import set_aside
from studio.wire import files

log = logging.getLogger(__name__)


class Drafts:
    """A table of plain JSON values for each panel.

    `put` is cheap and only remembers; the caller calls `save` within two seconds of a change, and
    `flush` before the end. A file that cannot be read is kept aside.
    """

    def __init__(self, paths: Paths) -> None:
        self._file = paths.data / "drafts.json"
        self._fields = self._read()
        self._saved = msgspec.json.encode(self._fields)
        self._writing = threading.Lock()

    def get(self, panel: str) -> dict[str, Any]:
        """The panel's fields as last put; empty when there are none. The caller's own copy."""
        return dict(self._fields.get(panel, {}))

    def put(self, panel: str, fields: dict[str, Any]) -> None:
        """Remember *fields* as the whole of *panel*. Raises TypeError for what is not JSON."""
        self._fields[panel] = msgspec.json.decode(msgspec.json.encode(fields))

    async def save(self) -> None:
        """Write what has changed, in a thread. Raises OSError."""
        await asyncio.to_thread(self.flush)

    def flush(self) -> None:
        """Write what has changed before returning. Raises OSError."""
        with self._writing:
            data = msgspec.json.encode(self._fields)
            if data == self._saved:
                return
            self._file.parent.mkdir(parents=True, exist_ok=True)
            files.write(self._file, data)
            self._saved = data

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            return msgspec.json.decode(data, type=dict[str, dict[str, Any]])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("the drafts could not be read and are kept as %s: %s", set_aside(self._file), error)
            return {}
