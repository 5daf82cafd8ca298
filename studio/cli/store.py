"""Looking after the models on the disk: check, repair, move, carry, remove, and what takes how much."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from rich.text import Text

from studio.cli import terminal
from studio.cli.session import Bar, run_async
from studio.domain.failure import StudioError
from studio.domain.quantity import duration, size
from studio.domain.text import localized, t
from studio.services.store import carry
from studio.services.store.errand import in_thread
from studio.services.store.leftovers import Leftover, leftovers
from studio.services.store.store import Stored, is_there
from studio.services.store.upkeep import Doing
from studio.services.store.usage import Usage
from studio.services.store.verify import Report, verify
from studio.services.studio import Studio

T = TypeVar("T")


class Home:
    """The user's models and what looks after them; the studio around it is not started."""

    def __init__(self, *, offline: bool = False) -> None:
        self.studio = Studio.create(offline=offline)
        self.library = self.studio.library
        self.upkeep = self.studio.upkeep

    def stored(self, model_id: str) -> list[Stored]:
        """Raises StudioError `model.missing`."""
        found = self.library.store.of(model_id)
        if not found:
            raise StudioError("model.missing", name=self.library.title_of(model_id))
        return found

    async def follow(self, title: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do *work* with a moving line; Ctrl+C stops it."""
        bar = Bar()

        def show(doing: Doing) -> None:
            if doing.state == "running":
                share = doing.done / doing.total if doing.total else None
                amount = f"{size(doing.done)} / {size(doing.total)}" if doing.total else ""
                bar.show(title, share, amount)

        disconnect = self.upkeep.changed.connect(show)
        try:
            return await work()
        finally:
            disconnect()
            bar.close()


def check(model_ids: list[str], *, as_json: bool) -> int:
    """Read every file of these models, or of all that are here."""
    return run_async(_check(model_ids, as_json=as_json))


async def _check(model_ids: list[str], *, as_json: bool) -> int:
    home = Home()
    await home.upkeep.settle()
    store = home.library.store
    found: list[tuple[str, str, Report]] = []
    for stored in [each for name in model_ids for each in store.of(name)] if model_ids else store.stored():
        words = t("cli.store.checking", title=home.upkeep.title(stored))
        report = await home.follow(words, lambda s=stored: home.upkeep.verify(s))
        found.append((stored.record.ids[0], str(stored.folder), report))
    for name in model_ids:
        if not store.of(name):  # it came with the program
            folder, files = home.library.files_of(name)
            report = await in_thread(lambda errand, f=folder, w=files: verify(f, w, errand))
            found.append((name, str(folder), report))
    if as_json:
        terminal.print_json(
            [
                {
                    "id": name,
                    "folder": folder,
                    "whole": report.whole,
                    "files": msgspec.to_builtins(report.files),
                }
                for name, folder, report in found
            ]
        )
    else:
        for name, folder, report in found:
            _say_checked(name, folder, report)
    return terminal.DONE if all(report.whole for _, _, report in found) else terminal.FAILED


def _say_checked(name: str, folder: str, report: Report) -> None:
    right = sum(file.state == "right" for file in report.files)
    key = "cli.store.whole" if report.whole else "cli.store.broken"
    style = "green" if report.whole else "red"
    terminal.out().print(Text.assemble((name, "bold"), "  ", (t(key, files=right), style)), soft_wrap=True)
    for file in report.files:
        if file.state != "right":
            terminal.out().print(
                Text("  " + t("store.file", state=t(f"store.file.{file.state}"), path=file.path)),
                soft_wrap=True,
            )
    if not report.whole:
        terminal.say(t("cli.store.repair", studio=terminal.program(), id=name))
    terminal.say(f"  {folder}")


def repair(model_id: str, *, offline: bool, as_json: bool) -> int:
    """Fetch again what is wrong of a model."""
    return run_async(_repair(model_id, offline=offline, as_json=as_json))


async def _repair(model_id: str, *, offline: bool, as_json: bool) -> int:
    home = Home(offline=offline)
    await home.upkeep.settle()
    done: list[dict[str, Any]] = []
    for stored in home.stored(model_id):
        title = home.upkeep.title(stored)
        words = t("cli.store.checking", title=title)
        report = await home.follow(words, lambda s=stored: home.upkeep.verify(s))
        if not report.whole:
            words = t("cli.store.repairing", title=title)
            await home.follow(words, lambda s=stored: home.upkeep.repair(s))
        done.append({"id": model_id, "folder": str(stored.folder), "fetched": list(report.wrong)})
        terminal.say(t("cli.store.repaired" if report.wrong else "cli.store.was_whole", title=title))
    if as_json:
        terminal.print_json(done)
    return terminal.DONE


def move(model_id: str, root: str, *, as_json: bool) -> int:
    """Bring a model to another of the folders with models."""
    return run_async(_move(model_id, Path(root).expanduser().absolute(), as_json=as_json))


async def _move(model_id: str, root: Path, *, as_json: bool) -> int:
    home = Home()
    await home.upkeep.settle()
    if root not in home.library.store.roots:
        hint = t("cli.store.no_root.hint", studio=terminal.program(), path=root)
        raise terminal.Refusal("usage", t("cli.store.no_root", path=root), hint)
    moved: list[str] = []
    for stored in home.stored(model_id):
        title = home.upkeep.title(stored)
        words = t("cli.store.moving", title=title)
        folder = await home.follow(words, lambda s=stored: home.upkeep.move(s, root))
        terminal.say(t("cli.store.moved", title=title, path=folder))
        moved.append(str(folder))
    await home.upkeep.remember()
    if as_json:
        terminal.print_json({"id": model_id, "folders": moved})
    return terminal.DONE


def export(model_id: str, folder: str, *, as_json: bool) -> int:
    """Copy a model with its record into a folder or onto a stick."""
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        raise StudioError("disk.away", path=str(path))
    return run_async(_export(model_id, path, as_json=as_json))


async def _export(model_id: str, folder: Path, *, as_json: bool) -> int:
    home = Home()
    await home.upkeep.settle()
    stored = home.stored(model_id)[0]
    title = home.upkeep.title(stored)
    words = t("cli.store.exporting", title=title)
    made = await home.follow(words, lambda: home.upkeep.export(stored, folder))
    terminal.say(t("cli.store.exported", title=title, path=made))
    needs = [home.library.title_of(each) for each in home.upkeep.needs(stored)]
    if needs:
        terminal.warn(t("cli.store.needs", titles=", ".join(needs)))
    if as_json:
        terminal.print_json({"id": model_id, "folder": str(made)})
    return terminal.DONE


def bring(path: str, *, as_json: bool) -> int:
    """Copy exported models in, or list a folder or file of the user's own where it lies."""
    return run_async(_bring(Path(path).expanduser().absolute(), as_json=as_json))


async def _bring(path: Path, *, as_json: bool) -> int:
    home = Home()
    await home.upkeep.settle()
    found = carry.find(path)
    done: list[dict[str, Any]] = []
    for each in found:
        title = home.upkeep.title(each)
        words = t("cli.store.bringing", title=title)
        folder = await home.follow(words, lambda e=each: home.upkeep.bring(e))
        terminal.say(t("cli.store.brought", title=title, path=folder))
        done.append({"id": each.record.ids[0], "folder": str(folder)})
    if not found:
        entry = await home.library.add(path)
        terminal.say(t("cli.store.listed", title=localized(entry.model.title)))
        done.append({"id": entry.model.id, "folder": entry.model.id})
    if as_json:
        terminal.print_json(done)
    return terminal.DONE


def remove(model_id: str, *, yes: bool, as_json: bool) -> int:
    """To the trash; where there is none, for good once that was agreed to."""
    return run_async(_remove(model_id, yes=yes, as_json=as_json))


async def _remove(model_id: str, *, yes: bool, as_json: bool) -> int:
    home = Home()
    await home.upkeep.settle()
    title = home.library.title_of(model_id)
    if needing := home.library.needing(model_id):
        terminal.warn(t("store.needed", titles=", ".join(needing)))
    trashed = True
    try:
        await home.upkeep.remove_model(model_id)
    except StudioError as error:
        if error.failure.code != "disk.no_trash" or not (yes or _agrees(error, as_json=as_json)):
            raise
        trashed = False
        await home.upkeep.remove_model(model_id, for_good=True)
    terminal.say(t("cli.store.trashed" if trashed else "cli.models.removed", title=title))
    if as_json:
        terminal.print_json({"id": model_id, "trashed": trashed})
    return terminal.DONE


def _agrees(error: StudioError, *, as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        return False
    terminal.warn(error.failure.message)
    sys.stderr.write(t("cli.store.for_good") + " ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是")


def roots(add: str, forget: str, *, as_json: bool) -> int:
    """The folders with models; add one, or read one no more. Nothing in it changes."""
    home = Home()
    settings = home.studio.settings
    further = list(settings.value.model_roots)
    if add:
        path = str(Path(add).expanduser().absolute())
        if not is_there(Path(path)):
            raise StudioError("disk.away", path=path)
        further = list(dict.fromkeys([*further, path]))
    if forget:
        path = str(Path(forget).expanduser().absolute())
        if path not in further:
            raise terminal.Refusal("usage", t("cli.store.no_root", path=path))
        further.remove(path)
    if add or forget:
        settings.change(model_roots=tuple(further))
    found = [
        {"path": str(root), "there": is_there(root)}
        for root in (home.library.folder, *map(Path, settings.value.model_roots))
    ]
    if as_json:
        terminal.print_json(found)
    else:
        for root in found:
            away = "" if root["there"] else f"  {t('store.away')}"
            terminal.out().print(Text(f"{root['path']}{away}"), soft_wrap=True)
    return terminal.DONE


def takes(*, as_json: bool) -> int:
    """What takes how much, by drive."""
    return run_async(_takes(as_json=as_json))


async def _takes(*, as_json: bool) -> int:
    home = Home()
    await home.upkeep.settle()
    database = home.studio.database
    await database.open()
    try:
        await home.studio.history.load()
    finally:
        await database.close()
    await home.upkeep.remember()
    found = await home.upkeep.usage()
    if as_json:
        terminal.print_json(_facts(found))
        return terminal.DONE
    out = terminal.out()
    for drive in found.drives:
        out.print(Text(", ".join(drive.roots), style="bold"), soft_wrap=True)
        if drive.there:
            values = {"models": size(drive.models), "other": size(drive.other), "free": size(drive.free)}
            terminal.show("  " + t("cli.store.drive", **values))
        else:
            held = ", ".join(map(home.library.title_of, drive.titles))
            terminal.show("  " + t("store.away.words", models=held or "-", size=size(drive.models)))
    table = terminal.table(
        t("cli.models.id"), ">" + t("cli.models.size"), t("cli.store.used"), t("cli.models.place")
    )
    for model in found.models:
        twice = f"  ({t('store.twice')})" if model.twice else ""
        used = "" if model.last_used is None else time.strftime("%Y-%m-%d", time.localtime(model.last_used))
        row = (model.stored.record.ids[0], size(model.bytes), used, f"{model.stored.folder}{twice}")
        table.add_row(*map(Text, row))
    for repo in found.cache:
        table.add_row(*map(Text, (repo.repo, size(repo.bytes), t("store.cache.short"), repo.path)))
    out.print(table)
    if found.leftovers:
        amount = size(sum(each.bytes for each in found.leftovers))
        terminal.say(t("cli.store.leftovers", size=amount, studio=terminal.program()))
    return terminal.DONE


def _facts(found: Usage) -> dict[str, Any]:
    return {
        "drives": [{**msgspec.to_builtins(each), "other": each.other} for each in found.drives],
        "models": [
            {
                "id": each.stored.record.ids[0],
                "folder": str(each.stored.folder),
                "bytes": each.bytes,
                "last_used": each.last_used,
                "twice": list(each.twice),
            }
            for each in found.models
        ],
        "leftovers": msgspec.to_builtins(found.leftovers),
        "hub_cache": [{"repo": each.repo, "path": each.path, "bytes": each.bytes} for each in found.cache],
    }


def orphans(*, free: bool, as_json: bool) -> int:
    """Parts that nobody works on: of downloads and copies that were broken off, of what was removed."""
    return run_async(_orphans(free=free, as_json=as_json))


async def _orphans(*, free: bool, as_json: bool) -> int:
    home = Home()
    await home.upkeep.settle()
    found = leftovers(home.library.store)
    freed = 0
    for each in found if free else ():
        freed += await home.upkeep.free(each)
    if as_json:
        terminal.print_json({"leftovers": msgspec.to_builtins(found), "freed": freed})
        return terminal.DONE
    _show_leftovers(found)
    if free:
        terminal.say(t("cli.store.freed", size=size(freed)))
    return terminal.DONE


def _show_leftovers(found: list[Leftover]) -> None:
    if not found:
        terminal.say(t("cli.store.no_leftovers"))
        return
    table = terminal.table(
        "", t("cli.models.id"), ">" + t("cli.models.size"), t("cli.store.age"), t("cli.models.place")
    )
    for each in found:
        age = duration(max(0.0, time.time() - each.touched))
        row = (t(f"store.leftover.{each.kind}"), each.name, size(each.bytes), age, each.path)
        table.add_row(*map(Text, row))
    terminal.out().print(table)
