"""What happened, on disk: a rotating log, the traces of a crash, and a report that names nobody.

Prompts and secrets do not belong into a log message. Secrets are taken out all the same.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import platform
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from studio import __version__
from studio.services.paths import Paths

if TYPE_CHECKING:
    from studio.services.log_file import LogFile

log = logging.getLogger(__name__)

REPORT_LINES = 400


class Log:
    """This process's log `logs/<name>.log`, with uncaught errors, and the traces of a hard crash.

    *name* is the face ("studio", "cli").
    """

    def __init__(self, paths: Paths, name: str) -> None:
        paths.logs.mkdir(parents=True, exist_ok=True)
        self.file = paths.logs / f"{name}.log"
        self._handler = _AtFirstMessage(self.file)
        self._crash = (paths.logs / f"crash-{name}-{os.getpid()}.txt").open("w", encoding="utf-8")

    def start(self) -> None:
        """Take over the process's logging, its uncaught errors and its fatal signals."""
        root = logging.getLogger()
        root.addHandler(self._handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        sys.excepthook = _uncaught
        threading.excepthook = _uncaught_in_thread
        faulthandler.enable(self._crash)

    def end(self) -> None:
        """Give everything back, and remove the crash file: there was none. Also what killed ones left."""
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        logging.captureWarnings(False)
        sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__
        faulthandler.disable()
        self._crash.close()
        Path(self._crash.name).unlink(missing_ok=True)
        import psutil  # not before the window's first picture

        for file in _crash_files(self.file.parent):
            if file.stat().st_size == 0 and not psutil.pid_exists(_pid(file)):
                file.unlink(missing_ok=True)


class _AtFirstMessage(logging.Handler):
    """A `LogFile`, imported and made when there is something to write; most windows open without a word."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._to: LogFile | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._to is None:
            from studio.services.log_file import LogFile

            self._to = LogFile(self._file)
        self._to.handle(record)

    def close(self) -> None:
        if self._to is not None:
            self._to.close()
        super().close()


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, KeyboardInterrupt):
        log.critical("an error that nobody caught", exc_info=error)
    sys.__excepthook__(kind, error, trace)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log.critical("an error that nobody caught in %s", args.thread, exc_info=args.exc_value)
        sys.__excepthook__(args.exc_type, args.exc_value, args.exc_traceback)


def crashes(paths: Paths) -> list[Path]:
    """The traces that earlier processes left when they crashed, the latest first."""
    found = [file for file in _crash_files(paths.logs) if file.stat().st_size]
    return sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)


def _crash_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("crash-*-*.txt"))


def _pid(file: Path) -> int:
    last = file.stem.rpartition("-")[2]
    return int(last) if last.isdecimal() else -1


def report(paths: Paths, sections: Iterable[tuple[str, str]] = ()) -> str:
    """A text for a bug report: versions, *sections* (title, text), crashes, ends of the logs; scrubbed.

    Raises OSError when a log cannot be read.
    """
    from studio.services.scrub import scrub

    parts = [("system", _system()), *sections]
    parts += [(file.name, _end_of(file)) for file in crashes(paths)[:3]]
    parts += [(file.name, _end_of(file)) for file in sorted(paths.logs.glob("*.log"))]
    return scrub("\n\n".join(f"== {title} ==\n{text.strip()}" for title, text in parts) + "\n")


def _system() -> str:
    now = time.strftime("%Y-%m-%d %H:%M:%S %z")
    return f"AIGC Studio {__version__}\nPython {platform.python_version()}\n{platform.platform()}\n{now}"


def _end_of(file: Path) -> str:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 200_000))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-REPORT_LINES:])
