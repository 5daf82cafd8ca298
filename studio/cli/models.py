"""`studio models`: what is here, what can be had, and under which licence."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from rich.text import Text

from studio.cli import terminal
from studio.cli.home import open_library
from studio.domain.licence import Licence
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.services.library.library import Entry


def show_list(*, as_json: bool) -> int:
    """Every known model."""
    entries = open_library().entries()
    if as_json:
        terminal.print_json([facts(entry) for entry in entries])
        return terminal.DONE
    table = terminal.table(
        t("cli.models.id"), t("cli.models.for"), ">" + t("cli.models.size"), t("cli.models.licence"), ""
    )
    for entry in entries:
        model = entry.model
        table.add_row(
            Text(model.id, style="bold" if entry.installed else ""),
            ", ".join(t(f"task.{task}") for task in model.tasks),
            _size(entry),
            Text(licence_words(model.licence)),
            Text(_state(entry), style="green" if entry.installed else "dim"),
        )
    terminal.out().print(table)
    return terminal.DONE


def show(model_id: str, *, as_json: bool) -> int:
    """One model in full."""
    library = open_library()
    entry = library.entry(model_id)
    records = [stored.record for stored in library.store.of(model_id)]
    if as_json:
        terminal.print_json({**facts(entry), "records": msgspec.json.decode(msgspec.json.encode(records))})
        return terminal.DONE
    model = entry.model
    out = terminal.out()
    out.print(Text(localized(model.title), style="bold"))
    out.print(Text(localized(model.description)), soft_wrap=True)
    table = terminal.table("", "")
    table.show_header = False
    table.add_row(t("cli.models.id"), Text(model.id))
    table.add_row(t("cli.models.for"), ", ".join(t(f"task.{task}") for task in model.tasks))
    if model.languages:
        table.add_row(t("cli.models.languages"), ", ".join(model.languages))
    table.add_row(t("cli.models.size"), _size(entry))
    if model.memory_bytes:
        table.add_row(t("cli.models.memory"), size(model.memory_bytes))
    table.add_row(t("cli.models.licence"), Text(f"{licence_words(model.licence)}  {model.licence.url}"))
    table.add_row(t("cli.models.state"), _state(entry))
    if entry.installed and entry.installed.path:
        table.add_row(t("cli.models.place"), Text(entry.installed.path))
    for record in records:
        proof = "" if record.verified else f", {t('cli.models.unverified')}"
        table.add_row(t("cli.models.origin"), Text(record.origin + proof))
        if record.commit:
            table.add_row(t("cli.models.revision"), Text(record.commit))
        if record.lineage:
            table.add_row(t("cli.models.lineage"), Text(", ".join(record.lineage)))
        accepted = time.strftime("%Y-%m-%d", time.localtime(record.licence.date))
        table.add_row(t("cli.models.accepted"), Text(f"{record.licence.id}, {accepted}"))
    out.print(table)
    return terminal.DONE


def facts(entry: Entry) -> dict[str, Any]:
    """A model as `--json` prints it: its manifest entry, and where it lies."""
    known: dict[str, Any] = msgspec.to_builtins(entry.model)
    known["installed"] = msgspec.to_builtins(entry.installed)
    return known


def _size(entry: Entry) -> str:
    if entry.installed and entry.installed.bytes:
        return size(entry.installed.bytes)
    model = entry.model
    if not model.bytes:
        return ""
    return ("~" if model.approximate else "") + size(model.bytes)


def licence_words(licence: Licence) -> str:
    """Its name, and what it does not allow."""
    limits = {"no": t("cli.models.not_commercial"), "limited": t("cli.models.limited")}
    words = [licence.id, limits.get(licence.commercial, ""), t("cli.models.gated") if licence.gated else ""]
    return ", ".join(word for word in words if word)


def _state(entry: Entry) -> str:
    if entry.model.status == "coming":
        return t("cli.models.coming")
    return t("cli.models.here") if entry.installed else ""
