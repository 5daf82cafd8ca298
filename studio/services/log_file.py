"""The file that a log is written into: it rotates, and no secret gets into it."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

from studio.services.scrub import without_secrets

BYTES = 2_000_000
KEPT = 3


class LogFile(logging.handlers.RotatingFileHandler):
    """*file* is opened at the first message."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=BYTES, backupCount=KEPT, encoding="utf-8", delay=True)
        self.setFormatter(_Formatter("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"))


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))
