"""Where pip is set up to look is where data wheels are looked for: read from pip, read from its pages."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from studio.domain.model import Wheel
from studio.services.downloads import pages, pip
from studio.services.downloads.pip import PipSettings
from studio.services.downloads.transfer import DeniedError, TransferError, UnreachableError
from tests.fakes.file_server import FileServer, serving
from tests.fakes.model_files import wheel_bytes

HELP = """
Package Index Options:
  -i, --index-url <url>       Base URL of the Python Package Index (default
                              https://index.example/simple). This should
                              point to a repository compliant with PEP 503
  --extra-index-url <url>     Extra URLs of package indexes to use
"""


def wheel(
    data: bytes, name: str = "Some_Data.part1", version: str = "0.9.0", member: str = "d/x.bin"
) -> Wheel:
    sha256 = hashlib.sha256(data).hexdigest()
    return Wheel(name=name, version=version, bytes=len(data), sha256=sha256, member=member)


DATA = wheel_bytes("some-data-part1", "0.9.0", {"d/x.bin": b"content"})
OTHER = wheel_bytes("some-data-part1", "0.8.0", {"d/x.bin": b"older"})
WANTED = wheel(DATA)
FILE = "some_data_part1-0.9.0-py3-none-any.whl"
FILES = {
    "some_data_part1-0.8.0-py3-none-any.whl": ("some-data-part1", OTHER),
    "some_data_part1-0.9.0.tar.gz": ("some-data-part1", b"source"),
    FILE: ("some-data-part1", DATA),
}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client() as client:
        yield client


def at(*indexes: str, find_links: tuple[str, ...] = ()) -> PipSettings:
    return PipSettings(indexes=indexes, find_links=find_links)


# --- pip's settings -----------------------------------------------------------------------------


def settings(**variables: str) -> PipSettings:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return pip.read_settings({**clean, "PIP_CONFIG_FILE": os.devnull, **variables})


def test_default_is_pips_own() -> None:
    found = settings()
    assert len(found.indexes) == 1
    assert found.indexes[0].startswith("https://")
    assert found.find_links == ()


def test_default_is_read_from_its_words() -> None:
    assert pip.default_index(HELP) == "https://index.example/simple"
    with pytest.raises(pip.PipError):
        pip.default_index("nothing of the kind")


def test_environment_counts() -> None:
    found = settings(
        PIP_INDEX_URL="https://one.example/simple",
        PIP_EXTRA_INDEX_URL="https://two.example/simple https://three.example/simple",
        PIP_FIND_LINKS="/some/folder",
        PIP_CERT="/ca.pem",
        PIP_PROXY="http://127.0.0.1:3128",
    )
    assert found.indexes == (
        "https://one.example/simple",
        "https://two.example/simple",
        "https://three.example/simple",
    )
    assert (found.find_links, found.cert, found.proxy) == (
        ("/some/folder",),
        "/ca.pem",
        "http://127.0.0.1:3128",
    )


def test_no_index() -> None:
    assert settings(PIP_NO_INDEX="1", PIP_FIND_LINKS="/x").indexes == ()


def test_files_count_and_the_environment_over_them(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://file.example/simple\nextra-index-url =\n    https://a.example\n"
        "    https://b.example\n[download]\nfind-links = /only/for/download\n[install]\nindex-url = https://no.example\n"
    )
    found = settings(PIP_CONFIG_FILE=str(config))
    assert found.indexes == ("https://file.example/simple", "https://a.example", "https://b.example")
    assert found.find_links == ("/only/for/download",)
    found = settings(PIP_CONFIG_FILE=str(config), PIP_INDEX_URL="https://env.example/simple")
    assert found.indexes[0] == "https://env.example/simple"


# --- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "html"])
@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "bare"])
def test_found_by_name_and_version(
    server: FileServer, client: httpx2.Client, as_json: bool, hashes: bool
) -> None:
    index = server.index(FILES, as_json=as_json, hashes=hashes)
    link = pages.find(client, at(index), WANTED)
    assert link.filename == FILE
    assert link.url == f"{server.url}/files/{FILE}"
    assert "json" in server.asked[0].accept
    assert server.asked[0].path == "/simple/some-data-part1/"


def test_a_page_that_tells_another_hash_is_passed_over(server: FileServer, client: httpx2.Client) -> None:
    index = server.index({FILE: ("some-data-part1", DATA + b"changed")}, as_json=True)
    with pytest.raises(TransferError):
        pages.find(client, at(index), WANTED)


def test_next_index(server: FileServer, client: httpx2.Client) -> None:
    with serving() as second:
        index = second.index(FILES, as_json=False)
        server.faults["/simple/some-data-part1/"] = ["503!"]
        assert pages.find(client, at(f"{server.url}/simple", index.rstrip("/")), WANTED).filename == FILE


def test_redirected_page_moves_its_links(server: FileServer, client: httpx2.Client) -> None:
    index = server.index(FILES, as_json=False)
    server.redirects["/old/some-data-part1/"] = f"{index}some-data-part1/"
    assert pages.find(client, at(f"{server.url}/old/"), WANTED).url == f"{server.url}/files/{FILE}"


def test_base_of_a_page(server: FileServer, client: httpx2.Client) -> None:
    page = f'<base href="/there/"><a href="{FILE}">x</a>'.encode()
    server.files["/simple/some-data-part1/"] = page
    server.types["/simple/some-data-part1/"] = "text/html"
    assert pages.find(client, at(f"{server.url}/simple"), WANTED).url == f"{server.url}/there/{FILE}"


@pytest.mark.parametrize("as_path", [True, False], ids=["path", "file URL"])
def test_folder_of_wheels(tmp_path: Path, client: httpx2.Client, as_path: bool) -> None:
    folder = tmp_path / "轮子 folder"
    folder.mkdir()
    (folder / FILE).write_bytes(DATA)
    place = str(folder) if as_path else folder.as_uri()
    link = pages.find(client, at(find_links=(place,)), WANTED)
    assert link.path == folder / FILE


def test_index_on_this_machine(tmp_path: Path, client: httpx2.Client) -> None:
    project = tmp_path / "simple" / "some-data-part1"
    project.mkdir(parents=True)
    (tmp_path / FILE).write_bytes(DATA)
    (project / "index.html").write_text(f'<a href="../../{FILE}#sha256={WANTED.sha256}">{FILE}</a>')
    assert pages.find(client, at((tmp_path / "simple").as_uri()), WANTED).path == tmp_path / FILE


def test_this_machine_comes_first(tmp_path: Path, server: FileServer, client: httpx2.Client) -> None:
    (tmp_path / FILE).write_bytes(DATA)
    index = server.index(FILES, as_json=True)
    assert pages.find(client, at(index, find_links=(str(tmp_path),)), WANTED).path is not None
    assert server.asked == []


ENDS: dict[str, type[Exception]] = {
    "401": DeniedError,
    "403": DeniedError,
    "404": TransferError,
    "500": UnreachableError,
    "429": UnreachableError,
    "redirect loop": TransferError,
    "redirect http://example.org/simple/": DeniedError,
    "html": TransferError,
}


@pytest.mark.parametrize("fault", ENDS)
def test_ends(server: FileServer, client: httpx2.Client, fault: str) -> None:
    index = server.index(FILES, as_json=True)
    server.faults["/simple/some-data-part1/"] = [f"{fault}!"]
    with pytest.raises(ENDS[fault]):
        pages.find(client, at(index), WANTED)


def test_nobody_answers(server: FileServer, client: httpx2.Client) -> None:
    server.close()
    with pytest.raises(UnreachableError):
        pages.find(client, at(f"{server.url}/simple"), WANTED)


def test_a_password_is_not_ours_to_send(client: httpx2.Client) -> None:
    with pytest.raises(DeniedError) as caught:
        pages.find(client, at("https://me:s3cret@index.example/simple"), WANTED)
    assert "s3cret" not in str(caught.value)


def test_broken_json(server: FileServer, client: httpx2.Client) -> None:
    server.files["/simple/some-data-part1/"] = b'{"files": [{"filename": 3}]}'
    server.types["/simple/some-data-part1/"] = "application/vnd.pypi.simple.v1+json"
    with pytest.raises(TransferError):
        pages.find(client, at(f"{server.url}/simple"), WANTED)


# --- pip as the carrier -------------------------------------------------------------------------


@pytest.fixture
def behind_a_password(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    server.index(FILES, as_json=False)
    server.password = "Basic " + base64.b64encode(b"me:word").decode()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:word@127.0.0.1:{server.port}/simple/")
    return server


def test_pip_fetches_with_its_password(behind_a_password: FileServer, tmp_path: Path) -> None:
    reports: list[int] = []
    found = pip.download(WANTED, tmp_path, reports.append)
    assert found.read_bytes() == DATA
    assert not any(asked.path.endswith(".tar.gz") for asked in behind_a_password.asked)


def test_pip_refuses_another_hash(behind_a_password: FileServer, tmp_path: Path) -> None:
    behind_a_password.files[f"/files/{FILE}"] = OTHER
    with pytest.raises(pip.PipError):
        pip.download(WANTED, tmp_path, lambda _: None)


def test_pip_does_not_find_it(behind_a_password: FileServer, tmp_path: Path) -> None:
    missing = wheel(DATA, name="another-name")
    with pytest.raises(pip.PipError, match="another-name"):
        pip.download(missing, tmp_path, lambda _: None)
