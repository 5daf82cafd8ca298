"""What the hub says of a token and a gate, asked as "check again" does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from studio.services.downloads.access import look
from studio.services.downloads.findings import Verdict
from studio.services.downloads.messages import Ask
from studio.services.downloads.process import ask_in_helper
from studio.services.downloads.route import Route
from tests.fakes.answering import Answer, AnsweringServer, Request, answering, as_json

TOKEN, OTHER = "hf_right", "hf_another"


def hub(request: Request) -> Answer:
    """Of two users, "anna" has agreed to the terms of owner/gated and "ben" has not."""
    who = {f"Bearer {TOKEN}": "anna", f"Bearer {OTHER}": "ben"}.get(request.headers.get("authorization", ""))
    if request.path == "/api/whoami-v2":
        return as_json({"type": "user", "name": who}) if who else as_json({"error": "Invalid"}, 401)
    if request.path == "/api/models/owner/gated":
        return as_json({"id": "owner/gated", "gated": "auto"})
    if request.path == "/api/models/owner/gated/auth-check":
        return Answer(200) if who == "anna" else as_json({"error": "Access is restricted"}, 403)
    if request.path == "/api/models/owner/open":
        return as_json({"id": "owner/open", "gated": False})
    return as_json({"error": "Repository not found"}, 401)


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering(hub) as server:
        yield server


def route(server: AnsweringServer, token: str = "") -> Route:
    return Route(origin=server.url, endpoints=(server.url,), tokens={server.url: token} if token else {})


@pytest.mark.parametrize(
    ("repo", "token", "verdict", "who"),
    [
        ("owner/gated", TOKEN, "granted", "anna"),
        ("owner/gated", OTHER, "not_accepted", "ben"),
        ("owner/gated", "hf_wrong", "bad_token", ""),
        ("owner/gated", "", "no_token", ""),
        ("owner/open", "", "open", ""),
        ("owner/open", TOKEN, "open", "anna"),
        ("owner/open", "hf_wrong", "bad_token", ""),
        ("owner/never", TOKEN, "not_there", "anna"),
        ("owner/never", "", "no_token", ""),
        ("", TOKEN, "granted", "anna"),
        ("", "", "no_token", ""),
    ],
)
def test_what_is_missing(server: AnsweringServer, repo: str, token: str, verdict: Verdict, who: str) -> None:
    found = look(repo, route(server, token))
    assert (found.verdict, found.who) == (verdict, who)
    assert not token or token not in str(found)


@pytest.mark.parametrize(
    "answer", [Answer(503), Answer(200, b"<html>log in to the hotel"), Answer(200, b"[]")]
)
def test_an_answer_that_says_nothing(server: AnsweringServer, answer: Answer) -> None:
    server.answer = lambda request: answer
    assert look("owner/gated", route(server, TOKEN)).verdict == "unreachable"


def test_nobody_there() -> None:
    assert look("owner/gated", Route(origin="http://127.0.0.1:1")).verdict == "unreachable"


async def test_in_a_helper(server: AnsweringServer, tmp_path: object) -> None:
    found = await ask_in_helper(Ask(repo="owner/gated", logs=str(tmp_path), route=route(server, OTHER)))
    assert (found.verdict, found.who) == ("not_accepted", "ben")
