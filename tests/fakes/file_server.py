"""A real HTTP server on loopback that serves files, package indexes and a model hub, and can misbehave.

`python -m tests.fakes.file_server FOLDER` is one in a process of its own: a hub with one repository,
`bench/files`, of the files in the folder. It prints its address and ends with its input.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class Asked:
    """One request as it came."""

    def __init__(self, path: str, headers: Any) -> None:
        self.path = path
        self.begin = self.sent = 0  # the bytes of the file that went out
        self.range = headers.get("Range")
        self.if_range = headers.get("If-Range")
        self.authorization = headers.get("Authorization")
        self.accept = headers.get("Accept", "")

    @property
    def start(self) -> int:
        return int(self.range.removeprefix("bytes=").partition("-")[0]) if self.range else 0


class FileServer:
    """`files`: content by path, or where it lies. `faults`: by path, what goes wrong at the next requests,

    one each; the last stays if it ends in "!". `pause`: seconds between pieces of `piece` bytes.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes | Path] = {}
        self.types: dict[str, str] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.faults: dict[str, list[str]] = {}
        self.redirects: dict[str, str] = {}
        self.password: str | None = None
        self.asked: list[Asked] = []
        self.sent = 0
        self.pause, self.piece = 0.0, 65536
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def of(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def fault(self, path: str) -> str:
        waiting = self.faults.get(path, [])
        if not waiting:
            return ""
        return waiting[0].removesuffix("!") if waiting[0].endswith("!") else waiting.pop(0)

    # --- what it can be ---------------------------------------------------------------------

    def index(self, wheels: dict[str, tuple[str, bytes]], *, as_json: bool, hashes: bool = True) -> str:
        """A simple index of `{file name: (project, content)}`. Returns its address."""
        for project in {project for project, _ in wheels.values()}:
            mine = {name: data for name, (owner, data) in wheels.items() if owner == project}
            for name, data in mine.items():
                self.files[f"/files/{name}"] = data
            sums = {name: hashlib.sha256(data).hexdigest() for name, data in mine.items()}
            page = f"/simple/{project}/"
            if as_json:
                entries = [
                    {
                        "filename": name,
                        "url": f"../../files/{name}",
                        "hashes": {"sha256": sums[name]} if hashes else {},
                        "size": len(data),
                    }
                    for name, data in mine.items()
                ]
                body = {"meta": {"api-version": "1.1"}, "name": project, "files": entries}
                self.files[page] = json.dumps(body).encode()
                self.types[page] = "application/vnd.pypi.simple.v1+json"
            else:
                links = "".join(
                    f'<a href="../../files/{name}{f"#sha256={sums[name]}" if hashes else ""}">{name}</a><br/>'
                    for name in mine
                )
                self.files[page] = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
                self.types[page] = "text/html; charset=UTF-8"
        return f"{self.url}/simple/"

    def hub(self, repo: str, commit: str, files: dict[str, bytes] | dict[str, Path], **info: Any) -> None:
        """A model repository with these files; those over 1,000 bytes are kept as large ones."""
        siblings: list[dict[str, Any]] = []
        for name, content in files.items():
            size = _size(content)
            entry: dict[str, Any] = {"rfilename": name, "size": size}
            if size > 1000:
                digest = _sha256(content)
                entry["lfs"] = {"sha256": digest, "size": size, "pointerSize": 134}
                entry["blobId"] = hashlib.sha1(digest.encode(), usedforsecurity=False).hexdigest()
            else:
                data = content if isinstance(content, bytes) else content.read_bytes()
                blob = hashlib.sha1(f"blob {size}\0".encode() + data, usedforsecurity=False)
                digest = entry["blobId"] = blob.hexdigest()
            siblings.append(entry)
            for revision in ("main", commit):
                path = f"/{repo}/resolve/{revision}/{name}"
                self.files[path] = content
                self.headers[path] = {"X-Repo-Commit": commit, "ETag": f'"{digest}"'}
        about = {"id": repo, "modelId": repo, "sha": commit, "siblings": siblings, **info}
        tree = [_of_tree(entry) for entry in siblings]
        api = f"/api/models/{repo}"
        self._json(api, about)
        for revision in ("main", commit):
            self._json(f"{api}/revision/{revision}", about)
            self._json(f"{api}/tree/{revision}", tree)

    def _json(self, path: str, value: Any) -> None:
        self.files[path] = json.dumps(value).encode()
        self.types[path] = "application/json"


def _of_tree(entry: dict[str, Any]) -> dict[str, Any]:
    """A file as the hub's other way to list them names it."""
    lfs = entry.get("lfs")
    large = {"lfs": {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": 134}} if lfs else {}
    return {
        "type": "file",
        "path": entry["rfilename"],
        "size": entry["size"],
        "oid": entry["blobId"],
        **large,
    }


@contextmanager
def serving() -> Iterator[FileServer]:
    server = FileServer()
    try:
        yield server
    finally:
        server.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FileServer

    def handle(self) -> None:
        with suppress(ConnectionError):  # the other side went away, as tests make it do
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self._asked = Asked(path, self.headers)
        self.owner.asked.append(self._asked)
        fault = self.owner.fault(path)
        if self.owner.password and self.headers.get("Authorization") != self.owner.password:
            return self._status(401, {"WWW-Authenticate": "Basic realm=index"})
        if fault.isdecimal():
            return self._status(int(fault), {"Retry-After": "0"})
        if fault.startswith("retry-after "):
            after = fault.removeprefix("retry-after ")
            return self._status(
                503, {"Retry-After": formatdate(time.time() + 3) if after == "date" else after}
            )
        if fault == "redirect loop":
            return self._status(302, {"Location": self.path})
        if fault == "redirect nowhere":
            return self._status(302, {})
        if fault.startswith("redirect "):
            return self._status(302, {"Location": fault.removeprefix("redirect ")})
        if path in self.owner.redirects:
            return self._status(302, {"Location": self.owner.redirects[path]})
        if path not in self.owner.files:
            known = f"{path.partition('/revision/')[0]}/revision/main" in self.owner.files
            # As the hub tells one from the other; elsewhere the header means nothing.
            return self._status(404, {"X-Error-Code": "RevisionNotFound" if known else "RepoNotFound"})
        if fault == "html":
            return self._body(b"<html><body>Please log in to the hotel</body></html>", 200, {}, "text/html")
        if fault in ("hangs up", "talks nonsense"):
            self.wfile.write(b"" if fault == "hangs up" else b"220 mail ready\r\n\r\n")
            self.close_connection = True
            return None
        return self._file(path, fault)

    def _file(self, path: str, fault: str) -> None:
        data = self.owner.files[path]
        size = _size(data)
        if isinstance(data, bytes):
            data, size = _spoilt(data, fault)
        headers = {"Accept-Ranges": "bytes", **self.owner.headers.get(path, {})}
        if (etag := self._etag(path, fault)) is not None:
            headers["ETag"] = etag
        status, start, end = 200, 0, size
        wanted = self.headers.get("Range")
        same = self.headers.get("If-Range") in (None, etag)
        if wanted and same and fault != "ignores ranges":
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1, end) if last else end
            if start >= size:
                return self._status(416, {"Content-Range": f"bytes */{size}"})
            start, end, status = *_bent(start, end, size, fault), 206
            if fault != "no content-range":
                whole = size + (fault == "range of another size")
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{whole}"
        if fault == "206 unasked":
            status = 206
        if fault == "gzip":
            headers["Content-Encoding"] = "gzip"
        self._asked.begin = start
        kind = self.owner.types.get(path, "application/octet-stream")
        if isinstance(data, Path):
            return self._sendfile(data, start, end, status, headers)
        return self._body(data[start:end], status, headers, kind, fault)

    def _etag(self, path: str, fault: str) -> str | None:
        version = path
        if fault == "etag changes":
            version += fault
        elif fault == "another etag each time":
            version += str(len(self.owner.asked))
        etag = f'"{hashlib.md5(version.encode(), usedforsecurity=False).hexdigest()}"'
        if version == path:
            etag = self.owner.headers.get(path, {}).get("ETag", etag)
        if fault == "no etag":
            return None
        return f"W/{etag}" if fault == "weak etag" else etag

    def _status(self, status: int, headers: dict[str, str]) -> None:
        self._body(b"", status, headers, "text/plain")

    def _body(self, data: bytes, status: int, headers: dict[str, str], kind: str, fault: str = "") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind}.items():
            self.send_header(name, value)
        if fault == "no length":
            self.send_header("Connection", "close")
        elif fault == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            data = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
        else:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        end = len(data) // 2 if fault in ("short", "reset", "stalls") else len(data)
        pause = 0.1 if fault == "slow" else self.owner.pause
        try:
            for at in range(0, end, self.owner.piece):
                piece = data[at : min(end, at + self.owner.piece)]
                self.wfile.write(piece)
                self.owner.sent += len(piece)
                self._asked.sent += len(piece)
                if pause:
                    time.sleep(pause)
            if fault == "stalls":
                time.sleep(3)
            if fault == "reset":  # not an orderly end: the rest is thrown away
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            if fault in ("short", "reset", "no length", "stalls"):
                self.close_connection = True
        except OSError:  # the other side went away, as tests make it do
            self.close_connection = True

    def _sendfile(self, path: Path, start: int, end: int, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(end - start)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.flush()
        try:
            with path.open("rb") as file:
                while start < end:
                    start += os.sendfile(self.connection.fileno(), file.fileno(), start, end - start)
        except OSError:
            self.close_connection = True


def _bent(start: int, end: int, size: int, fault: str) -> tuple[int, int]:
    """The range that is given instead of the one that was asked for."""
    if fault == "another range":
        start = abs(start - 100)
    elif fault == "ranges without an end":
        end = size
    elif fault == "shorter range":
        end -= (end - start) // 2
    return start, end


def _spoilt(data: bytes, fault: str) -> tuple[bytes, int]:
    if fault == "wrong bytes":
        data = bytes(255 - byte for byte in data[:1000]) + data[1000:]
    elif fault == "wrong at the end":
        data = data[:-1] + bytes([255 - data[-1]])
    elif fault == "longer":
        data += b"more"
    elif fault == "shorter":
        data = data[:-4]
    elif fault == "empty":
        data = b""
    elif fault == "zeros":
        data = bytes(len(data))
    elif fault == "gzip":
        data = gzip.compress(data)
    return data, len(data)


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _sha256(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(folder: Path) -> None:
    with serving() as server:
        server.hub("bench/files", "0" * 40, {path.name: path for path in sorted(folder.iterdir())})
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
