"""One file over HTTP through everything a server can do wrong: the right file in the end, or none."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import httpx2
import pytest

from studio.services.downloads.addresses import AddressError
from studio.services.downloads.transfer import (
    ATTEMPTS,
    DeniedError,
    Item,
    Transfer,
    TransferError,
    UnreachableError,
    WrongContentError,
    retry_after,
)
from studio.services.network import Traffic
from tests.fakes.file_server import FileServer, serving

DATA = random.Random(7).randbytes(700_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
BLOB = hashlib.sha1(f"blob {len(DATA)}\0".encode() + DATA, usedforsecurity=False).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        server.files["/file"] = DATA
        yield server


class Run:
    """A transfer that does not wait; `slept` is what it would have."""

    def __init__(self, folder: Path, item: Item) -> None:
        self.path = folder / "file"
        self.part, self.note = folder / "file.part", folder / "file.state"
        self.slept: list[float] = []
        self.reports: list[int] = []
        self.traffic = Traffic()
        self._item = item

    def __call__(self) -> None:
        with httpx2.Client(timeout=5) as client:
            transfer = Transfer(
                client, self._item, self.path, self.reports.append, self.traffic, sleep=self.slept.append
            )
            transfer.run()


def run(folder: Path, server: FileServer, **changes: object) -> Run:
    fields = {"url": f"{server.url}/file", "name": "file", "bytes": len(DATA), "sha256": SHA256, **changes}
    return Run(folder, Item(**fields))  # type: ignore[arg-type]


def finished(it: Run) -> None:
    assert it.path.read_bytes() == DATA
    assert not it.part.exists()
    assert not it.note.exists()


def test_plain(tmp_path: Path, server: FileServer) -> None:
    it = run(tmp_path, server)
    it()
    finished(it)
    assert it.reports[-1] == len(DATA)
    assert it.traffic.received == len(DATA)
    assert it.slept == []
    it()  # what is there is not asked for again
    assert len(server.asked) == 1


def test_checked_by_a_git_blob(tmp_path: Path, server: FileServer) -> None:
    it = run(tmp_path, server, sha256=None, blob=BLOB)
    it()
    finished(it)


@pytest.mark.logs
def test_something_must_say_what_it_is(tmp_path: Path, server: FileServer) -> None:
    with pytest.raises(WrongContentError):
        run(tmp_path, server, sha256=None)()


# Each heals: the server misbehaves, then behaves.
HEALS = [
    ["short"],
    ["reset"],
    ["short", "reset", "short"],
    ["short", "ignores ranges"],
    ["short", "another range"],
    ["short", "416"],
    ["short", "etag changes"],
    ["short", "wrong bytes"],
    ["wrong bytes"],
    ["no length"],
    ["429"],
    ["503"],
    ["500", "502", "504"],
    ["408"],
    ["425"],
    ["retry-after 2"],
    ["short", "retry-after 2"],
    ["reset"] * 4,
]


@pytest.mark.logs
@pytest.mark.parametrize("faults", HEALS, ids=", ".join)
def test_heals(tmp_path: Path, server: FileServer, faults: list[str]) -> None:
    server.faults["/file"] = list(faults)
    it = run(tmp_path, server)
    it()
    finished(it)
    assert server.faults["/file"] == []


ENDS: dict[str, type[Exception]] = {
    "401": DeniedError,
    "403": DeniedError,
    "404": TransferError,
    "410": TransferError,
    "503": UnreachableError,
    "429": UnreachableError,
    "reset 0": UnreachableError,
    "redirect loop": TransferError,
    "redirect http://example.org/file": AddressError,
    "redirect ftp://127.0.0.1/file": AddressError,
    "redirect file:///etc/hosts": AddressError,
    "redirect https://user:word@127.0.0.1/file": AddressError,
    "redirect https://": AddressError,
    "html": WrongContentError,
    "wrong bytes": WrongContentError,
    "longer": WrongContentError,
    "retry-after 100000": UnreachableError,
}


@pytest.mark.logs
@pytest.mark.parametrize("fault", ENDS)
def test_ends_without_a_file(tmp_path: Path, server: FileServer, fault: str) -> None:
    server.faults["/file"] = [f"{fault}!"]
    if fault == "reset 0":
        server.close()
    it = run(tmp_path, server)
    with pytest.raises(ENDS[fault]):
        it()
    assert not it.path.exists()
    assert len(server.asked) <= ATTEMPTS * 2
    assert all(pause < 400 for pause in it.slept)


def test_resumes_where_it_was(tmp_path: Path, server: FileServer) -> None:
    server.faults["/file"] = ["short"]
    it = run(tmp_path, server)
    it()
    first, second = server.of("/file")
    assert first.range is None
    assert second.start == len(DATA) // 2
    assert second.if_range is not None
    assert it.traffic.received == len(DATA)  # nothing came twice


@pytest.mark.logs
def test_another_run_resumes(tmp_path: Path, server: FileServer) -> None:
    server.faults["/file"] = ["short", "404!"]
    with pytest.raises(TransferError):
        run(tmp_path, server)()
    server.faults.clear()
    it = run(tmp_path, server)
    it()
    finished(it)
    assert server.asked[-1].start == len(DATA) // 2


def test_another_mirror_goes_on(tmp_path: Path, server: FileServer) -> None:
    """The promise is the hash, not the address."""
    server.faults["/file"] = ["short", "404!"]
    with pytest.raises(TransferError):
        run(tmp_path, server)()
    with serving() as mirror:
        mirror.files["/other"] = DATA
        it = run(tmp_path, server, url=f"{mirror.url}/other")
        it()
        finished(it)


def test_a_part_of_something_else_is_dropped(tmp_path: Path, server: FileServer) -> None:
    it = run(tmp_path, server)
    it.part.write_bytes(b"x" * 1000)
    it()
    finished(it)
    it.path.unlink()
    it.part.write_bytes(b"x" * 1000)
    it.note.write_text('{"promise": "another"}')
    it()
    finished(it)
    assert all(asked.range is None for asked in server.asked)


@pytest.mark.logs
@pytest.mark.parametrize("size", [1, 1000, len(DATA) - 1, len(DATA), len(DATA) + 5])
def test_a_broken_part_heals(tmp_path: Path, server: FileServer, size: int) -> None:
    """Of the right thing by its note, with bytes that are not: the hash finds out, once is begun anew."""
    it = run(tmp_path, server)
    it.part.write_bytes(b"x" * size)
    it.note.write_text(f'{{"promise": "{SHA256}"}}')
    it()
    finished(it)


def test_the_token_stays_with_its_host(tmp_path: Path, server: FileServer) -> None:
    headers = {"Authorization": "Bearer secret"}
    with serving() as elsewhere:
        elsewhere.files["/stored"] = DATA
        server.redirects["/file"] = f"{elsewhere.url}/stored"
        it = run(tmp_path, server, headers=headers)
        it()
        finished(it)
        assert server.asked[0].authorization == "Bearer secret"
        assert elsewhere.asked[0].authorization is None


def test_waits_as_asked(tmp_path: Path, server: FileServer) -> None:
    server.faults["/file"] = ["retry-after 7"]
    it = run(tmp_path, server)
    it()
    assert it.slept
    assert it.slept[0] == 7.0


def test_pauses_grow_and_stay_bounded(tmp_path: Path, server: FileServer) -> None:
    server.faults["/file"] = ["503!"]
    it = run(tmp_path, server)
    with pytest.raises(UnreachableError):
        it()
    assert len(it.slept) == ATTEMPTS - 1
    assert it.slept[-1] > 4 * it.slept[0]
    assert sum(it.slept) < 60


def test_retry_after_in_every_form() -> None:
    assert retry_after(None) == 0
    assert retry_after("") == 0
    assert retry_after("12") == 12
    assert retry_after("-3") == 0
    assert retry_after("soon") == 0
    assert 55 < retry_after(formatdate(time.time() + 60, usegmt=True)) <= 61


URLS_REFUSED = [
    "http://example.org/x",
    "ftp://example.org/x",
    "file:///etc/passwd",
    "https://",
    "https:///x",
    "//example.org/x",
    "javascript:alert(1)",
    "data:text/plain,x",
    "https://user@example.org/x",
    "https://user:word@example.org/x",
    "http://127.0.0.1.example.org/x",
    "http://localhost.example.org/x",
    "http://169.254.169.254/x",
    "http://10.0.0.1/",
    "http://[fe80::1]/x",
    "https://example.org:99999/x",
    "https://exa mple.org/",
    "https://example.org\\@evil/",
    "http://192.168.0.1/x",
    "http://0x7f.example/",
    "gopher://127.0.0.1/",
    "https://[::1",
    "",
]
URLS_TAKEN = [
    "https://example.org/x",
    "https://example.org:8443/x?q=1",
    "http://127.0.0.1:8000/x",
    "http://localhost/x",
    "http://[::1]:8000/x",
    "http://127.8.9.1/x",
    "HTTPS://EXAMPLE.ORG/x",
]


@pytest.mark.parametrize("url", URLS_REFUSED)
def test_addresses_refused(url: str) -> None:
    from studio.services.downloads import addresses

    with pytest.raises(AddressError):
        addresses.check(url)


@pytest.mark.parametrize("url", URLS_TAKEN)
def test_addresses_taken(url: str) -> None:
    from studio.services.downloads import addresses

    assert addresses.check(url) == url
