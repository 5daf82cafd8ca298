"""Which way a request takes: directly, by the proxy that is set, or by the one that the system names."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from studio.domain.failure import StudioError
from studio.services import network
from studio.services.connections import Connections
from studio.services.downloads.client import open_client, proxy_for
from studio.services.downloads.route import DIRECT, Route
from studio.services.network import Network
from tests.fakes.answering import Answer, AnsweringServer, answering
from tests.fakes.certificate import certificate
from tests.fakes.proxies import proxy

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def trusted(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    return certificate(tmp_path, "hub.test")


@pytest.fixture
def hub(trusted: tuple[Path, ssl.SSLContext]) -> Iterator[AnsweringServer]:
    """Called hub.test by whoever trusts its certificate; only a proxy finds it."""
    with answering(lambda request: Answer(body=b"hello from the hub"), trusted[1]) as server:
        yield server


def ask(route: Route, trusted: tuple[Path, ssl.SSLContext]) -> bytes:
    with open_client(route, certificates=str(trusted[0])) as client:
        return client.get("https://hub.test/model").content


@pytest.mark.parametrize(("kind", "scheme"), [("http", "http"), ("socks", "socks5"), ("socks", "socks5h")])
def test_the_proxy_of_the_settings(
    hub: AnsweringServer, trusted: tuple[Path, ssl.SSLContext], kind: str, scheme: str
) -> None:
    with proxy(kind, hub.port) as it:
        assert ask(Route(proxy=f"{scheme}://127.0.0.1:{it.port}"), trusted) == b"hello from the hub"
        assert it.targets == ["hub.test:443"]  # the proxy looks the name up


@pytest.mark.parametrize(("kind", "scheme"), [("http", "http"), ("socks", "socks5")])
def test_a_proxy_with_a_password(
    hub: AnsweringServer, trusted: tuple[Path, ssl.SSLContext], kind: str, scheme: str
) -> None:
    with proxy(kind, hub.port) as it:
        ask(Route(proxy=f"{scheme}://anna:se%40cret@127.0.0.1:{it.port}"), trusted)
        assert it.users == ["anna:se@cret"]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_the_proxy_of_the_environment(
    hub: AnsweringServer,
    trusted: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    with proxy("http", hub.port) as it, proxy("socks", hub.port) as other:
        monkeypatch.setenv(variable, f"127.0.0.1:{it.port}")
        ask(Route(), trusted)
        assert it.targets == ["hub.test:443"]
        ask(Route(proxy=f"socks5://127.0.0.1:{other.port}"), trusted)
        assert other.targets == ["hub.test:443"]
        assert len(it.targets) == 1, "the setting is stronger"


def test_socks_as_desktops_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks://127.0.0.1:1080/")
    assert proxy_for("https://hub.test/", "") == "socks5://127.0.0.1:1080/"


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ("hub.test", "https://hub.test/x", True),
        ("other.test", "https://hub.test/x", False),
        (".test", "https://hub.test/x", True),
        ("*", "https://hub.test/x", True),
        ("hub.test:8443", "https://hub.test:8443/x", True),
        ("10.0.0.0/8", "https://10.1.2.3/x", True),
        ("10.0.0.0/8", "https://11.1.2.3/x", False),
        ("10.1.2.3", "https://10.1.2.3/x", True),
        ("", "http://localhost:8080/x", True),
        ("", "http://127.0.0.1/x", True),
        ("", "https://hub.test/x", False),
    ],
)
@pytest.mark.parametrize("wanted", ["", "http://proxy.test:3128"])
def test_what_takes_no_proxy(
    monkeypatch: pytest.MonkeyPatch, exceptions: str, url: str, direct: bool, wanted: str
) -> None:
    monkeypatch.setenv("no_proxy", exceptions)
    monkeypatch.setenv("all_proxy", "http://proxy.test:3128")
    assert (proxy_for(url, wanted) is None) is direct


def test_no_proxy_at_all_is_a_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "http://proxy.test:3128")
    assert proxy_for("https://hub.test/", DIRECT) is None


@pytest.mark.parametrize("wrong", ["ftp://127.0.0.1:1", "socks4://127.0.0.1:1"])
def test_what_is_no_proxy_is_said_at_once(wrong: str) -> None:
    with pytest.raises(StudioError) as caught:
        open_client(Route(proxy=wrong))
    assert caught.value.failure.code == "network.proxy"
    assert caught.value.failure.hint


def test_without_the_package_for_socks_it_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(StudioError) as caught:
        open_client(Route(proxy="socks5://anna:word@127.0.0.1:1"))
    assert "socksio" in caught.value.failure.message
    assert "word" not in str(caught.value.failure.values)


def test_a_dead_proxy_is_an_ordinary_failure(trusted: tuple[Path, ssl.SSLContext]) -> None:
    with pytest.raises(httpx2.TransportError):
        ask(Route(proxy="http://127.0.0.1:1"), trusted)


@pytest.mark.parametrize("kind", ["http", "socks"])
def test_the_record_names_whom_the_proxy_was_asked_for_and_counts(
    hub: AnsweringServer, trusted: tuple[Path, ssl.SSLContext], tmp_path: Path, kind: str
) -> None:
    scheme = "socks5" if kind == "socks" else "http"
    with proxy(kind, hub.port) as it, Network(tmp_path).because("a test"):
        ask(Route(proxy=f"{scheme}://127.0.0.1:{it.port}"), trusted)
    (use,) = Connections(tmp_path).uses()
    assert (use.why, use.hosts) == ("a test", ("hub.test:443",))
    assert use.received is not None
    assert use.sent is not None
    assert len(b"hello from the hub") < use.received < 1000
    assert 50 < use.sent < 1000


def test_threads_count_for_the_use_that_the_client_was_opened_in(tmp_path: Path) -> None:
    import threading

    with answering(lambda request: Answer(body=bytes(100_000))) as server:
        with Network(tmp_path).because("a test"), open_client(Route()) as client:
            threads = [threading.Thread(target=client.get, args=(server.url,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            use = network.current()
            assert use is not None
            use.contacted("somewhere:1")  # loopback is no contact
        (found,) = Connections(tmp_path).uses()
        assert found.received is not None
        assert 400_000 < found.received < 405_000
