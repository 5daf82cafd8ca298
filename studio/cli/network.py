"""`studio connections`, `studio models mirrors`, `studio token`: whom the studio talks to, and as whom."""

from __future__ import annotations

import getpass
import sys
import time
from datetime import datetime
from typing import Any

import msgspec
from rich.text import Text

from studio.cli import terminal
from studio.cli.options import Misuse, unknown
from studio.cli.session import open_studio, run_async
from studio.domain.quantity import duration, size, speed
from studio.domain.text import t
from studio.services.connections import Connections, Period, Use
from studio.services.downloads.findings import Access
from studio.services.downloads.mirrors import Mirrors, name_of
from studio.services.paths import Paths
from studio.services.secrets import Secrets
from studio.services.tokens import ENDPOINTS, PROXY, Tokens

KINDS = (*ENDPOINTS, PROXY)


def connections(limit: int, *, as_json: bool) -> int:
    """The record of connections, the newest first."""
    record = Connections(Paths.default().logs)
    uses, earlier = record.uses(limit), record.periods()
    if as_json:
        data = {"uses": uses, "earlier": earlier}
        terminal.print_json(msgspec.to_builtins(data))
        return terminal.DONE
    if not uses and not earlier:
        terminal.say(t("cli.connections.none"))
        return terminal.DONE
    table = terminal.table(
        t("cli.connections.when"),
        t("cli.connections.why"),
        t("cli.connections.where"),
        ">" + t("cli.connections.sent"),
        ">" + t("cli.connections.received"),
    )
    for use in uses:
        table.add_row(f"{datetime.fromtimestamp(use.when).astimezone():%Y-%m-%d %H:%M:%S}", *_cells(use))
    for period in earlier[:limit]:
        table.add_row(f"{period.period} × {period.uses}", *_cells(period))
    terminal.out().print(table)
    return terminal.DONE


def _cells(use: Use | Period) -> list[Text]:
    if use.refused:
        amounts = [Text(t("cli.connections.refused"), style="yellow"), Text("")]
    else:
        amounts = [Text("" if number is None else size(number)) for number in (use.sent, use.received)]
    return [Text(why_words(use.why)), Text(" ".join(use.hosts)), *amounts]


def why_words(why: str) -> str:
    """The reason in words, where it is not a model's name."""
    key = f"network.why.{why or 'unknown'}"
    return why if t(key) == key else t(key)


def mirrors(*, test: bool, as_json: bool, offline: bool) -> int:
    """Where models come from and how fast each is; *test* measures now."""
    return run_async(_mirrors(test=test, as_json=as_json, offline=offline))


async def _mirrors(*, test: bool, as_json: bool, offline: bool) -> int:
    async with open_studio(offline=offline) as studio:
        if test:
            await studio.mirrors.measure()
        data = _as_data(studio.mirrors)
    if as_json:
        terminal.print_json(data)
        return terminal.DONE
    terminal.show(t(f"cli.mirrors.{data['chosen_by']}"))
    table = terminal.table(
        "", t("cli.mirrors.source"), ">" + t("cli.mirrors.speed"), ">" + t("cli.mirrors.first")
    )
    for row in data["sources"]:
        place = str(row["place"]) if row["place"] else ""
        rate = speed(row["bytes_per_second"]) if row["bytes_per_second"] else row["error"]
        first = "" if row["seconds"] is None else f"{row['seconds'] * 1000:.0f} ms"
        table.add_row(place, Text(f"{row['name']}  {row['endpoint']}"), Text(rate), first)
    terminal.out().print(table)
    if data["measured"] is None:
        terminal.say(t("cli.mirrors.never", studio=terminal.program()))
    else:
        age = max(0.0, time.time() - data["measured"])
        terminal.say(t("cli.mirrors.measured", age=duration(age)))
    return terminal.DONE


def _as_data(mirrors: Mirrors) -> dict[str, Any]:
    latest, order = mirrors.latest, mirrors.order
    by = "environment" if mirrors.given else "by_speed" if mirrors.automatic else "settings"
    rows: list[dict[str, Any]] = []
    for endpoint in dict.fromkeys([*order, *mirrors.candidates()]):
        found = latest.of(endpoint) if latest else None
        rows.append(
            {
                "name": name_of(endpoint),
                "endpoint": endpoint,
                "place": order.index(endpoint) + 1 if endpoint in order else None,
                "bytes_per_second": found.bytes_per_second if found else 0.0,
                "seconds": found.seconds if found else None,
                "error": found.error if found else "",
            }
        )
    return {"chosen_by": by, "measured": latest.when if latest else None, "sources": rows}


def token(action: str, words: str, *, kind: str, as_json: bool, offline: bool) -> int:
    """Show, set, remove or check a token. It is typed, never an argument: those can be read by everybody."""
    if kind not in KINDS:
        raise Misuse(unknown(kind, KINDS))
    known = {"show": _show_token, "set": _set_token, "remove": _remove_token}
    if action == "check":
        if kind != "hub":
            raise Misuse(t("cli.token.only_hub"))
        return run_async(_check_token(words, as_json=as_json, offline=offline))
    if action not in known:
        raise Misuse(unknown(action, [*known, "check"]))
    if words:
        raise Misuse(t("cli.token.no_argument"))
    return known[action](Tokens(Secrets(Paths.default().create())), kind, as_json)


def _show_token(tokens: Tokens, kind: str, as_json: bool) -> int:
    found = tokens.find(kind) if kind != PROXY else None
    place = found.place if found else None
    if kind == PROXY and tokens.proxy_password():
        place = tokens.proxy_place()
    if as_json:
        terminal.print_json({"kind": kind, "place": place})
    else:
        terminal.show(t(f"token.place.{place or 'none'}"))
    return terminal.DONE


def _set_token(tokens: Tokens, kind: str, as_json: bool) -> int:
    typed = getpass.getpass(t("cli.token.prompt")) if sys.stdin.isatty() else sys.stdin.readline()
    if not typed.strip():
        raise Misuse(t("cli.token.empty"))
    tokens.set(kind, typed)
    return _show_token(tokens, kind, as_json)


def _remove_token(tokens: Tokens, kind: str, as_json: bool) -> int:
    tokens.remove(kind)
    return _show_token(tokens, kind, as_json)


async def _check_token(repo: str, *, as_json: bool, offline: bool) -> int:
    async with open_studio(offline=offline) as studio:
        found = await studio.check_access(repo)
    if as_json:
        terminal.print_json({"repo": repo, "verdict": found.verdict, "who": found.who})
    else:
        terminal.show(access_words(found))
    return terminal.DONE if found.verdict in ("open", "granted") else terminal.FAILED


def access_words(found: Access) -> str:
    """What it means, and what to do."""
    return t(f"access.{found.verdict}", who=found.who)
