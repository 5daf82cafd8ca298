"""`studio models scan`: what other programs keep, what of it can be used here, and why the rest cannot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text

from studio.cli import terminal
from studio.cli.home import open_library
from studio.domain.failure import StudioError
from studio.domain.quantity import size
from studio.domain.text import t
from studio.services.library.identify import identify
from studio.services.library.library import Library
from studio.services.scan.places import defaults, spot_of
from studio.services.scan.scan import Scan, Seen, duplicates, is_as_named, scan


def look(folder: str, *, add: bool, compare: bool, check: bool, as_json: bool) -> int:
    """Look through *folder* (every usual place if empty), and take what can be used into the list.

    With *check*, files that are not what their programs say end it with an error.
    """
    found = _scan(folder)
    if check and (wrong := [seen for seen in found.found if seen.sha256 and not is_as_named(seen)]):
        raise StudioError("model.hash_mismatch", name=wrong[0].title, file=wrong[0].finding.path)
    same = duplicates(found.found) if compare else []
    added = asyncio.run(_add(open_library(), found)) if add else {}
    if as_json:
        terminal.print_json(
            {
                "found": [_as_data(seen, added) for seen in found.found],
                "skipped": msgspec.to_builtins(found.trouble),
                "duplicates": [[seen.finding.path for seen in copies] for copies in same],
            }
        )
        return terminal.DONE
    _show(found, same)
    if add:
        terminal.say(t("cli.scan.added", count=sum(not failed for failed in added.values())))
    return terminal.DONE


def _scan(folder: str) -> Scan:
    if not folder:
        return scan(defaults())
    path = Path(folder).expanduser()
    if path.is_file():
        return Scan((Seen(identify(path, pickles=True), "", path.name),), ())
    if not path.is_dir():
        raise StudioError("model.missing", name=folder)
    return scan([spot_of(path)])


async def _add(library: Library, found: Scan) -> dict[str, str]:
    """By path: empty for what was added, else why it was not."""
    added: dict[str, str] = {}
    for seen in found.found:
        if seen.finding.runnable:
            try:
                await library.add(Path(seen.finding.path), title=seen.title)
                added[seen.finding.path] = ""
            except StudioError as error:
                added[seen.finding.path] = error.failure.message
    return added


def _show(found: Scan, same: list[tuple[Seen, ...]]) -> None:
    if not found.found:
        terminal.say(t("cli.scan.none"))
    titles = ("kind", "what", "precision")
    table = terminal.table(
        t("cli.models.id"),
        *(t(f"cli.scan.{title}") for title in titles),
        ">" + t("cli.models.size"),
        t("cli.scan.program"),
        t("cli.scan.use"),
    )
    for seen in found.found:
        finding = seen.finding
        why = t("scan.runs") if finding.failure is None else finding.failure.message
        table.add_row(
            Text(seen.title, style="bold" if finding.runnable else ""),
            t(finding.title_key),
            Text(finding.about),
            Text(finding.precision),
            size(finding.bytes),
            Text(seen.program or t("scan.own_folder")),
            Text(why, style="green" if finding.runnable else "dim"),
        )
    if found.found:
        terminal.out().print(table)
    for copies in same:
        terminal.show(t("cli.scan.same", paths=", ".join(seen.finding.path for seen in copies)))
    for trouble in found.trouble:
        terminal.warn(t("scan.skipped", path=trouble.path, why=t(trouble.key)))


def _as_data(seen: Seen, added: dict[str, str]) -> dict[str, Any]:
    """As `--json` prints it. `why`: empty if it can be used, else why not; `added` only with --add."""
    finding = seen.finding
    known: dict[str, Any] = msgspec.to_builtins(finding)
    del known["failure"]
    known |= {"title": seen.title, "program": seen.program, "sha256": seen.sha256}
    known["runnable"] = finding.runnable
    known["why"] = (
        {} if finding.failure is None else {"code": finding.failure.code, "message": finding.failure.message}
    )
    if finding.path in added:
        known["added"] = not added[finding.path]
    return known
