"""`studio workshop`: make a model smaller, thinner or other, and see what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.text import Text

from studio.cli import terminal
from studio.cli.generate import where
from studio.cli.home import open_library
from studio.cli.options import Misuse, Option, options_of, parse
from studio.domain.comparison import REPORT, Change, Report, changes, verdicts
from studio.domain.family import FamilySpec
from studio.domain.parameter import Choice
from studio.domain.quantity import duration, size
from studio.domain.request import Request
from studio.domain.text import t
from studio.domain.workshop import METHODS, TASK
from studio.services import workshop

HELP = ("--help", "-h")
GOOD, BAD, PLAIN = "green", "yellow", ""


class Outcome(Struct, frozen=True):
    """What was made, for `--json`."""

    path: str
    report: Report


def show_offers(model: str, *, as_json: bool) -> int:
    """What can be done with *model*, and why not the rest."""
    resolved = open_library().resolve(model, verify=False)
    offers = workshop.offers(resolved)
    if as_json:
        terminal.print_json([_plain(offer) for offer in offers])
        return terminal.DONE
    table = terminal.table(t("cli.workshop.method"), t("cli.workshop.choices"))
    for offer in offers:
        words = t(offer.reason) if offer.reason else _choices(offer.spec)
        name = t(f"workshop.method.{offer.spec.name}")
        table.add_row(
            Text(f"{offer.spec.name}  {name}", style="dim" if offer.reason else "bold"), Text(words)
        )
    terminal.out().print(table)
    for choice, reason in ((c, r) for offer in offers for c, r in offer.closed.items()):
        terminal.say(f"{choice}: {t(reason)}")
    return terminal.DONE


def work(method: str, words: Sequence[str], *, offline: bool) -> int:
    """Do what the words after `studio workshop METHOD` say."""
    spec = METHODS[method]
    if not words or any(word in HELP for word in words):
        options = options_of(p for p in spec.parameters if not p.hidden)
        rows = [(_shown(option), option.help) for option in [*options, *_own_options()] if option.help]
        sections = [(t("cli.help.options"), rows)]
        about = t(f"workshop.method.{method}.help")
        terminal.show(terminal.help_text(f"studio workshop {method}", "MODEL", about, sections))
        return terminal.DONE if words else terminal.MISUSED
    from studio.cli.session import run_async

    pickle = Path(words[0]).expanduser()
    if method == "convert" and workshop.is_pickle(pickle):
        made = workshop.from_pickle(pickle, open_library().folder)
        terminal.say(t("cli.workshop.unpickled"))
        terminal.show(str(made))
        return terminal.DONE
    return run_async(_work(spec, words, offline=offline))


async def _work(spec: FamilySpec, words: Sequence[str], *, offline: bool) -> int:
    from studio.cli.session import follow, open_studio

    async with open_studio(offline=offline) as studio:
        model = next((word for word in words if not word.startswith("-")), None)
        if model is None:
            raise Misuse(t("cli.usage.missing", name="MODEL"))
        resolved = await asyncio.to_thread(studio.library.resolve, model, verify=False)
        found = workshop.offer(spec, resolved)
        options = options_of(p for p in found.spec.parameters if not p.hidden)
        options = [msgspec.structs.replace(option, key=f"={option.key}") for option in options]
        named, values = parse(words, [*options, *_own_options()])
        if len(named) > 1:
            raise Misuse(t("cli.usage.extra", word=named[1]))
        own = {key: value for key, value in values.items() if not key.startswith("=")}
        settings = studio.settings.value
        request = Request(
            task=TASK,
            family=spec.name,
            model=resolved.source.id,
            values={key[1:]: value for key, value in values.items() if key.startswith("=")},
            device=own.get("device", settings.device),
            threads=own.get("threads", settings.threads),
        )
        job = await follow(studio, request, front=True)
    path = Path(job.artifacts[0].path)
    report = workshop.report_of(path)
    assert report is not None
    if "json" in own:
        terminal.print_json(msgspec.to_builtins(Outcome(str(path), report)))
        return terminal.DONE
    terminal.show(str(path))
    _show(report, path)
    return terminal.DONE


def show_reports(models: Sequence[str], *, as_json: bool) -> int:
    """The reports of models that were made here, one after another."""
    found: list[tuple[Path, Report]] = []
    for model in models:
        path = Path(model).expanduser()
        path = path if path.exists() else Path(open_library().resolve(model, verify=False).source.path)
        report = workshop.report_of(path)
        if report is None:
            raise terminal.Refusal(
                "model.missing", t("cli.workshop.no_report", name=model), t("cli.workshop.no_report.hint")
            )
        found.append((path, report))
    if as_json:
        terminal.print_json([msgspec.to_builtins(Outcome(str(path), report)) for path, report in found])
        return terminal.DONE
    for path, report in found:
        _show(report, path)
    return terminal.DONE


# --- showing ---------------------------------------------------------------------------------------


def _show(report: Report, path: Path) -> None:
    out = terminal.out()
    lineage = report.lineage
    made = t("cli.workshop.made", method=t(f"workshop.method.{lineage.method}"), title=lineage.title)
    out.print(Text(report.name, style="bold"), Text(made, style="dim"))
    table = terminal.table(
        "", f">{t('cli.workshop.before')}", f">{t('cli.workshop.after')}", f">{t('cli.workshop.change')}"
    )
    for change in changes(report):
        style = PLAIN if change.better is None else GOOD if change.better else BAD
        before, after = (_figure(change.name, value) for value in (change.before, change.after))
        table.add_row(t(f"workshop.figure.{change.name}"), before, after, Text(_percent(change), style=style))
    out.print(table)
    for name, value in report.likeness.items():
        out.print(Text(f"{t(f'workshop.likeness.{name}')}: {value:.4g}"))
    for name, value in report.figures.items():
        part, _, figure = name.rpartition(".")
        words = t(f"workshop.measure.{figure}")
        out.print(Text(f"{part}: {words}: {value:.4g}" if part else f"{words}: {value:.4g}", style="dim"))
    for key in verdicts(report):
        out.print(Text(t(key), style=BAD if key.endswith(("worse", "damaged")) else PLAIN), soft_wrap=True)
    for note in report.notes:
        out.print(Text(t(note.key, **note.values)), soft_wrap=True)
    if report.picture:
        folder = (path.parent if path.is_file() else path) / Path(REPORT).parent
        out.print(Text(t("cli.workshop.picture", path=folder / report.picture)), soft_wrap=True)


def _figure(name: str, value: float) -> str:
    if name.endswith("bytes"):
        return size(round(value))
    if name == "per_second" or name.startswith("perplexity"):
        return f"{value:,.2f}"
    return f"{value:.2f} s" if value < 60 else duration(value)


def _percent(change: Change) -> str:
    return f"{100 * (change.ratio - 1):+.0f} %"


def _choices(spec: FamilySpec) -> str:
    choices = [p for p in spec.parameters if isinstance(p, Choice) and len(p.choices) > 1]
    return "   ".join(f"{p.option} {'|'.join(p.choices)}" for p in choices)


def _plain(offer: workshop.Offer) -> dict[str, Any]:
    return {
        "method": offer.spec.name,
        "possible": not offer.reason,
        "reason": t(offer.reason) if offer.reason else "",
        "closed": {choice: t(reason) for choice, reason in offer.closed.items()},
        "parameters": [msgspec.to_builtins(p) for p in offer.spec.parameters if not p.hidden],
    }


def _own_options() -> list[Option]:
    return [*where(), Option(key="json", names=("--json",), help=t("cli.help.json"))]


def _shown(option: Option) -> str:
    return " ".join((", ".join(option.names), option.metavar)).strip()
