"""A real HTTP server on loopback whose answers a function gives, for protocols of a few addresses."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit


class Request(NamedTuple):
    """`path` without its query, which is `query`; `headers` by their names in small letters."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Answer(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


class AnsweringServer:
    def __init__(self, answer: Callable[[Request], Answer], context: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.asked: list[Request] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(OSError):  # the other side went away
                    super().handle()

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(unquote(parts.path), query, headers)
                owner.asked.append(request)
                status, body, more = owner.answer(request)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def answering(
    answer: Callable[[Request], Answer], context: ssl.SSLContext | None = None
) -> Iterator[AnsweringServer]:
    server = AnsweringServer(answer, context)
    try:
        yield server
    finally:
        server.close()


def part_of(data: bytes, request: Request, **headers: str) -> Answer:
    """*data*, or the range of it that is asked for."""
    wanted = request.headers.get("range")
    if not wanted:
        return Answer(200, data, headers)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start, end = int(first), min(int(last) + 1, len(data)) if last else len(data)
    return Answer(206, data[start:end], {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})


class ModelScope:
    """What answers as ModelScope does for one repository: lists with Success and Data, files by query.

    `token`: without it nothing is given. Large files are sent from another address, as there.
    """

    def __init__(
        self, repo: str, files: dict[str, bytes], *, commit: str = "c" * 40, token: str = ""
    ) -> None:
        self.repo, self.files, self.commit, self.token = repo, files, commit, token
        self.lies: dict[str, bytes] = {}

    def __call__(self, request: Request) -> Answer:
        home = f"/api/v1/models/{self.repo}"
        if request.path.startswith("/cdn/"):
            name = request.path.removeprefix("/cdn/")
            return part_of(self.lies.get(name, self.files[name]), request)
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return as_json({"Code": 10010205001, "Message": "no access", "Success": False}, 403)
        if request.path == f"{home}/repo/files":
            known = request.query.get("Revision") in ("master", self.commit)
            return self._said({"Files": self._list() if known else None, "LatestCommitter": None})
        if request.path == f"{home}/repo" and request.query.get("FilePath") in self.files:
            name = request.query["FilePath"]
            if len(self.files[name]) > 1000:
                return Answer(302, headers={"Location": f"/cdn/{name}"})
            return Answer(200, self.lies.get(name, self.files[name]))
        return as_json({"Code": 10010205001, "Message": "not found", "Success": False, "Data": None}, 404)

    def _list(self) -> list[dict[str, Any]]:
        folders = sorted({name.rpartition("/")[0] for name in self.files} - {""})
        trees = [{"Path": name, "Name": name, "Type": "tree", "Size": 0} for name in folders]
        return trees + [
            {
                "Path": name,
                "Name": name.rpartition("/")[2],
                "Type": "blob",
                "Size": len(data),
                "Sha256": hashlib.sha256(data).hexdigest(),
                "IsLFS": len(data) > 1000,
                "Revision": self.commit,
                "CommittedDate": 1_726_842_501,
            }
            for name, data in self.files.items()
        ]

    def _said(self, data: Any) -> Answer:
        return as_json({"Code": 200, "Success": True, "Message": "success", "RequestId": "x", "Data": data})
