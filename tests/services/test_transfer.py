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

from studio.services.downloads import part
from studio.services.downloads.addresses import AddressError
from studio.services.downloads.fill import ATTEMPTS
from studio.services.downloads.gather import Gather
from studio.services.downloads.proof import Proof
from studio.services.downloads.state import FileState
from studio.services.downloads.transfer import (
    DeniedError,
    Item,
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
        name = item.sha256 or item.blob or "none"
        self.part, self.note = folder / f"{name}.part", folder / f"{name}.state"
        self.slept: list[float] = []
        self.reports: list[int] = []
        self.traffic = Traffic()
        self.timeout = 5.0
        self._item = item

    def __call__(self) -> None:
        with httpx2.Client(timeout=self.timeout) as client:
            gather = Gather(
                client,
                {self.path: self._item},
                self.path.parent,
                lambda done, total, files: self.reports.append(done),
                self.traffic,
                sleep=self.slept.append,
            )
            gather.run()


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


# What a server does wrong, one entry a request, and what must come of it: the file (None), or an error and no
# file. "!" goes on for ever. All of it happens to one request for the whole, and to four at once for ranges.
FAULTS: dict[str, type[Exception] | None] = {
    # It breaks off.
    "short": None,
    "reset": None,
    "short, reset, short": None,
    "reset, reset, reset, reset": None,
    "slow!": None,
    "stalls": None,
    "hangs up": None,
    "hangs up!": UnreachableError,
    "talks nonsense": None,
    "talks nonsense!": UnreachableError,
    # It is busy, or says so.
    "429": None,
    "503": None,
    "500, 502, 504": None,
    "408": None,
    "425": None,
    "retry-after 2": None,
    "retry-after date": None,
    "short, retry-after 2": None,
    "503!": UnreachableError,
    "429!": UnreachableError,
    "retry-after 100000": UnreachableError,
    # It has no such file, or not for us.
    "401": DeniedError,
    "403": DeniedError,
    "404": TransferError,
    "410": TransferError,
    "204": TransferError,
    # It has something else.
    "wrong bytes": None,
    "wrong bytes!": WrongContentError,
    "wrong at the end": None,
    "wrong at the end!": WrongContentError,
    "zeros!": WrongContentError,
    "shorter!": WrongContentError,
    "longer!": WrongContentError,
    "empty!": WrongContentError,
    "html": WrongContentError,
    "gzip": WrongContentError,
    # It changes between the requests.
    "short, etag changes": None,
    "short, wrong bytes": None,
    "short, another etag each time!": None,
    "another etag each time!": None,
    "weak etag!": None,
    "no etag!": None,
    "short, no etag!": None,
    # It does not know ranges, or answers others.
    "short, ignores ranges": None,
    "ignores ranges!": None,
    "another range": None,
    "another range!": None,
    "short, another range": None,
    "ranges without an end!": None,
    "shorter range": None,
    "no content-range!": None,
    "range of another size": None,
    "206 unasked": None,
    "short, 416": None,
    "416": None,
    "416!": WrongContentError,
    # It tells no length.
    "no length!": None,
    "chunked!": None,
    # It sends elsewhere.
    "redirect loop!": TransferError,
    "redirect nowhere": TransferError,
    "redirect http://example.org/file": AddressError,
    "redirect ftp://127.0.0.1/file": AddressError,
    "redirect file:///etc/hosts": AddressError,
    "redirect https://user:word@127.0.0.1/file": AddressError,
    "redirect https://": AddressError,
}
# Asked for as a whole, nothing of a range can be wrong: the file comes at once.
ONLY_RANGES = {"range of another size": WrongContentError}


@pytest.fixture(params=["the whole", "four ranges"])
def ranges(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Files are so small here that they come as a whole, unless ranges may be as small."""
    if request.param == "four ranges":
        monkeypatch.setattr(part, "CHUNK", len(DATA) // 10)
        monkeypatch.setattr(part, "NOTE", 10_000)
    return request.param == "four ranges"


@pytest.mark.logs
@pytest.mark.parametrize("faults", FAULTS)
def test_a_file_has_its_name_only_when_it_is_right(
    tmp_path: Path, server: FileServer, ranges: bool, faults: str
) -> None:
    server.faults["/file"] = faults.split(", ")
    wanted = ONLY_RANGES.get(faults) if ranges and faults in ONLY_RANGES else FAULTS[faults]
    it = run(tmp_path, server)
    it.timeout = 0.5 if "stalls" in faults else 5
    if wanted is None:
        it()
        finished(it)
        assert faults.endswith("!") or server.faults["/file"] == []
    else:
        with pytest.raises(wanted):
            it()
        assert not it.path.exists()
    assert len(server.asked) <= (8 if ranges else 2) * ATTEMPTS + 40 * (faults == "redirect loop!")
    assert all(pause < 400 for pause in it.slept)


def test_so_many_faults() -> None:
    print(f"{len(FAULTS)} faults of a server, each for one request and for ranges")
    assert len(FAULTS) >= 60


def test_the_check_of_names_finds_a_wrong_file(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the hash, what the test above looks for does happen."""
    monkeypatch.setattr(Proof, "wrong", lambda *_: "")
    server.faults["/file"] = ["wrong bytes!"]
    it = run(tmp_path, server)
    it()
    with pytest.raises(AssertionError):
        finished(it)


@pytest.mark.logs
def test_nobody_there(tmp_path: Path, server: FileServer, ranges: bool) -> None:
    server.close()
    it = run(tmp_path, server)
    with pytest.raises(UnreachableError):
        it()
    assert not it.path.exists()
    assert len(it.slept) >= ATTEMPTS - 1


def test_a_large_file_comes_in_ranges(tmp_path: Path, server: FileServer, ranges: bool) -> None:
    it = run(tmp_path, server)
    it()
    finished(it)
    assert it.traffic.received == len(DATA)
    assert sum(asked.sent for asked in server.asked) == len(DATA)
    assert (len(server.asked) > 4) == ranges
    assert all(asked.range for asked in server.asked) == ranges


def test_many_files_come_side_by_side(tmp_path: Path, server: FileServer) -> None:
    server.pause = 0.01
    wanted: dict[Path, Item] = {}
    for number in range(8):
        data = DATA[number:]
        server.files[f"/{number}"] = data
        item = Item(
            url=f"{server.url}/{number}",
            name=str(number),
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        wanted[tmp_path / "there" / str(number)] = item
    under_way: list[tuple[FileState, ...]] = []
    with httpx2.Client(timeout=5) as client:
        gather = Gather(client, wanted, tmp_path, lambda _, __, files: under_way.append(files), Traffic())
        gather.run()
    for number, path in enumerate(wanted):
        assert path.read_bytes() == DATA[number:]
        assert gather.proven[path] == wanted[path].sha256
    assert max(map(len, under_way)) >= 2
    assert any(0 < file.done < file.total for files in under_way for file in files)


def test_the_same_content_comes_once(tmp_path: Path, server: FileServer) -> None:
    item = Item(url=f"{server.url}/file", name="file", bytes=len(DATA), sha256=SHA256)
    reports: list[tuple[int, int]] = []
    with httpx2.Client(timeout=5) as client:
        gather = Gather(
            client,
            {tmp_path / "a": item, tmp_path / "b" / "c": item},
            tmp_path,
            lambda done, total, _: reports.append((done, total)),
            Traffic(),
        )
        gather.run()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b" / "c").read_bytes() == DATA
    assert len(server.asked) == 1
    assert reports[-1] == (2 * len(DATA), 2 * len(DATA))


@pytest.mark.parametrize("size", [0, 1, 100_000])
@pytest.mark.parametrize("fault", ["", "no length!", "chunked!"])
def test_a_file_of_which_nothing_is_known(tmp_path: Path, server: FileServer, size: int, fault: str) -> None:
    server.files["/file"] = DATA[:size]
    server.faults["/file"] = [fault] if fault else []
    with httpx2.Client(timeout=5) as client:
        item = Item(url=f"{server.url}/file", name="file", unproven=True)
        gather = Gather(client, {tmp_path / "file": item}, tmp_path, lambda *_: None, Traffic())
        gather.run()
    assert (tmp_path / "file").read_bytes() == DATA[:size]
    assert gather.proven[tmp_path / "file"] == hashlib.sha256(DATA[:size]).hexdigest()


def test_an_empty_file_needs_no_server(tmp_path: Path, server: FileServer) -> None:
    empty = hashlib.sha1(b"blob 0\0", usedforsecurity=False).hexdigest()
    it = run(tmp_path, server, bytes=0, sha256=None, blob=empty)
    it()
    assert it.path.read_bytes() == b""


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


@pytest.mark.heavy
@pytest.mark.logs
@pytest.mark.parametrize("seed", range(4))
def test_any_faults_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Several files, several faults each, three attempts: no name without the right content, and no hang."""
    monkeypatch.setattr(part, "CHUNK", 20_000)
    monkeypatch.setattr(part, "SPAN", 60_000)
    monkeypatch.setattr(part, "NOTE", 5_000)
    faults = [name for name in FAULTS if FAULTS[name] in (None, WrongContentError) and "," not in name]
    faults = [name for name in faults if name not in ("stalls", "slow!", "html", "gzip")]
    chance = random.Random(seed)
    whole = 0
    for number in range(60):
        folder = tmp_path / str(number)
        folder.mkdir()
        with serving() as server, httpx2.Client(timeout=5) as client:
            wanted: dict[Path, Item] = {}
            contents: dict[Path, bytes] = {}
            for name in "abcd":
                data = chance.randbytes(chance.choice([0, 1, 1000, 50_000, 300_000]))
                server.files[f"/{name}"] = data
                once = [fault.removesuffix("!") for fault in chance.choices(faults, k=chance.randint(0, 4))]
                server.faults[f"/{name}"] = once
                contents[folder / "there" / name] = data
                wanted[folder / "there" / name] = Item(
                    url=f"{server.url}/{name}",
                    name=name,
                    bytes=len(data),
                    sha256=hashlib.sha256(data).hexdigest(),
                )
            for _ in range(3):
                gather = Gather(
                    client, wanted, folder, lambda *_: None, Traffic(), sleep=lambda seconds: None
                )
                try:
                    gather.run()
                except TransferError:
                    assert not any(p.exists() and p.read_bytes() != data for p, data in contents.items())
                    continue
                assert all(path.read_bytes() == data for path, data in contents.items())
                whole += 1
                break
    print(f"{whole} of 60 came whole in three attempts")
    assert whole >= 50
