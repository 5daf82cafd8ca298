"""File hashes, remembered: a file is read again only when its size or time changed."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.wire import files

log = logging.getLogger(__name__)

CHUNK = 2**20


def sha256_of(path: Path) -> str:
    """In hex. Raises OSError."""
    import hashlib  # its library of ciphers is large

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Seen(Struct, frozen=True, array_like=True):
    bytes: int
    mtime_ns: int
    sha256: str


class Sums:
    """What the files of the library hashed to, kept in one file. Losing it only costs time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: dict[str, _Seen] | None = None
        self._new = False

    def sha256(self, path: Path) -> str:
        """The hash of *path* as it is now. Raises OSError."""
        seen = self._read()
        stat = path.stat()
        known = seen.get(str(path))
        if known and (known.bytes, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return known.sha256
        digest = sha256_of(path)
        seen[str(path)] = _Seen(stat.st_size, stat.st_mtime_ns, digest)
        self._new = True
        return digest

    def learn(self, path: Path, sha256: str | None) -> None:
        """*path* was read just now and has this hash; None: what was known of it is not so.

        Raises OSError.
        """
        seen = self._read()
        if sha256 is None:
            self._new |= seen.pop(str(path), None) is not None
        else:
            stat = path.stat()
            seen[str(path)] = _Seen(stat.st_size, stat.st_mtime_ns, sha256)
            self._new = True

    def save(self) -> None:
        """Keep what is known, for files that are still there; nothing is written when nothing is new."""
        if not self._new:
            return
        seen = {path: entry for path, entry in self._read().items() if Path(path).exists()}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            files.write(self._file, msgspec.json.encode(seen))
            self._new = False
        except OSError as error:  # a models folder that cannot be written can still be read
            log.info("the hashes of the model files are not kept: %s", error)

    def _read(self) -> dict[str, _Seen]:
        if self._seen is None:
            try:
                self._seen = msgspec.json.decode(self._file.read_bytes(), type=dict[str, _Seen])
            except FileNotFoundError:
                self._seen = {}
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
                log.info("%s is made anew: %s", self._file, error)
                self._seen = {}
        return self._seen
