"""D5: which addresses are ever asked, again behind each redirect, and where a token may go."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from studio.services.downloads import addresses
from studio.services.downloads.addresses import AddressError, check, same_host
from studio.services.downloads.client import open_client
from studio.services.downloads.route import HUB, HUB_MIRROR, MODELSCOPE, Route
from studio.services.downloads.transfer import Item, TransferError, follow
from tests.fakes.answering import Answer, AnsweringServer, answering

ASKED = [
    "https://huggingface.co/a/b/resolve/main/model.safetensors",
    "https://hf-mirror.com:443/a",
    "https://192.0.2.7/model.gguf?signature=x#part",
    "https://[2001:db8::1]:8443/x",
    "https://xn--fiqs8s.example/模型.gguf",
    "http://localhost:8080/x",
    "http://LOCALHOST/x",
    "http://127.0.0.1:1/x",
    "http://127.255.0.9/x",
    "http://[::1]:80/x",
]
REFUSED = [
    "http://huggingface.co/a",
    "http://192.168.1.20/model.gguf",
    "http://127.0.0.1.example.com/x",
    "http://localhost.example.com/x",
    "http://2130706433/x",
    "http://0x7f.1/x",
    "http://[::ffff:192.0.2.1]/x",
    "https://user@huggingface.co/x",
    "https://user:password@huggingface.co/x",
    "https://huggingface.co@evil.example/x",
    "https://evil.example\\@huggingface.co/x",
    "https://hugging face.co/x",
    "https://huggingface.co/x\n.evil.example",
    "https://\thuggingface.co/x",
    "ftp://huggingface.co/x",
    "file:///etc/passwd",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "ws://localhost/x",
    "//huggingface.co/x",
    "huggingface.co/x",
    "https:///x",
    "https://huggingface.co:99999/x",
    "https://[::1/x",
    "",
]


@pytest.mark.parametrize("url", ASKED)
def test_asked(url: str) -> None:
    assert check(url) == url


@pytest.mark.parametrize("url", REFUSED)
def test_refused(url: str) -> None:
    with pytest.raises(AddressError):
        check(url)


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering(lambda request: Answer()) as server:
        yield server


def ask(client: httpx2.Client, follows: str, url: str, headers: dict[str, str] | None = None) -> None:
    if follows == "ourselves":
        follow(client, Item(url=url, name="x", headers=headers or {}), {}).close()
    else:
        client.get(url, headers=headers)


# As a redirect, these are an address on the same host, or no header at all.
NO_REDIRECT = ("", "//huggingface.co/x", "huggingface.co/x")


@pytest.mark.parametrize("url", [url for url in REFUSED if url not in NO_REDIRECT and url.isprintable()])
@pytest.mark.parametrize("follows", ["ourselves", "the client"])
def test_no_redirect_leads_to_what_is_refused(server: AnsweringServer, url: str, follows: str) -> None:
    server.answer = lambda request: Answer(302, headers={"Location": url})
    start = f"{server.url}/start"
    with (
        open_client(Route(), follow=follows == "the client") as client,
        pytest.raises((AddressError, TransferError, httpx2.HTTPError, httpx2.InvalidURL)),
    ):
        ask(client, follows, start)
    assert {request.path for request in server.asked} <= {"/start", "/x"}, "the next address was asked"


def test_a_redirect_to_what_is_asked_is_followed(server: AnsweringServer) -> None:
    """The control: it is the address that is refused, not the redirect."""
    server.answer = lambda request: (
        Answer(302, headers={"Location": "/there"}) if request.path == "/start" else Answer(body=b"here")
    )
    with open_client(Route()) as client:
        response = follow(client, Item(url=f"{server.url}/start", name="x"), {})
        assert response.read() == b"here"
        response.close()


ROUTE = Route(tokens={HUB: "hub-token", MODELSCOPE: "scope-token"})


@pytest.mark.parametrize(
    "address",
    [
        HUB,
        f"{HUB}/api/whoami-v2",
        "https://HUGGINGFACE.co/x",
        "https://huggingface.co:443/a/b/resolve/main/c",
    ],
)
def test_the_token_goes_to_its_own_host(address: str) -> None:
    assert ROUTE.headers(address) == {"Authorization": "Bearer hub-token"}


@pytest.mark.parametrize(
    "address",
    [
        HUB_MIRROR,
        "http://huggingface.co/x",
        "https://huggingface.co:8443/x",
        "https://huggingface.co.evil.example/x",
        "https://evil.example/huggingface.co",
        "https://www.huggingface.co/x",
        "https://cdn-lfs.huggingface.co/x",
        "https://xethub.hf.co/x",
        "http://127.0.0.1/x",
    ],
)
def test_and_to_no_other(address: str) -> None:
    assert ROUTE.headers(address) == {}
    assert ROUTE.token(address) is None


def test_each_token_has_its_host() -> None:
    assert ROUTE.headers(f"{MODELSCOPE}/x")["Authorization"] == "Bearer scope-token"
    assert "scope-token" not in str(ROUTE.headers(HUB))


@pytest.mark.parametrize("follows", ["ourselves", "the client"])
def test_a_token_is_not_taken_along(server: AnsweringServer, follows: str) -> None:
    with answering(lambda request: Answer(body=b"far away")) as other:
        server.answer = lambda request: Answer(302, headers={"Location": f"{other.url}/file"})
        route = Route(origin=server.url, endpoints=(server.url,), tokens={server.url: "hub-token"})
        start = f"{server.url}/start"
        with open_client(route, follow=follows == "the client") as client:
            ask(client, follows, start, route.headers(start))
        assert server.asked[0].headers["authorization"] == "Bearer hub-token"
        assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example", "https://a.example:443/x", True),
        ("http://localhost", "http://localhost:80/x", True),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:444", False),
        ("https://a.example", "https://b.example", False),
    ],
)
def test_the_same_host(one: str, other: str, same: bool) -> None:
    assert same_host(one, other) is same


def test_what_is_shown_of_an_address_has_no_secrets() -> None:
    shown = addresses.without_secrets("https://me:word@host.example:8443/a/b?X-Signature=abc#frag")
    assert shown == "https://host.example:8443/a/b"
