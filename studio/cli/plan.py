"""`studio plan MODEL`: does a request fit here, how long does it take, how much memory; nothing is loaded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.text import Text

from studio.cli import terminal
from studio.cli.generate import tasks, where
from studio.cli.options import Misuse, Option, options_of, parse, unknown
from studio.domain.cost.cost import ModelFacts
from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec
from studio.domain.model import Model
from studio.domain.parameter import Parameter
from studio.domain.plan import Planned, Plans, Span
from studio.domain.planning.words import how
from studio.domain.quantity import duration, gigabytes
from studio.domain.request import Request
from studio.domain.text import localized, t
from studio.families.registry import family
from studio.services.library.facts import facts_of_manifest
from studio.services.library.headers import HeaderError
from studio.services.studio import Studio

NAMED = ("plan.attention", "plan.kv_cache")
SHOWN = 6  # plans in the table
HELP = ("--help", "-h")
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?(:[\w.-]+)?")


def plan(words: Sequence[str], *, offline: bool) -> int:
    """Do what the words after `studio plan` say."""
    if not words or any(word in HELP for word in words):
        own = [(", ".join(option.names), option.help) for option in _own_options()]
        sections = [(t("cli.help.options"), own)]
        terminal.show(terminal.help_text("studio plan", t("cli.plan.usage"), t("cli.help.plan"), sections))
        return terminal.DONE if words else terminal.MISUSED
    from studio.cli.session import run_async

    return run_async(_plan(words, offline=offline))


class Judged(Struct, frozen=True, kw_only=True):
    """A model that can be planned: `id` is what the planner knows its facts by."""

    id: str
    title: str
    spec: FamilySpec
    parameters: tuple[Parameter, ...]


async def _plan(words: Sequence[str], *, offline: bool) -> int:
    from studio.cli.session import open_studio

    async with open_studio(offline=offline) as studio:
        model = await _judged(studio, _model(words))
        own, values = _understand(words, model)
        request = _request(own, values, model, studio)
        plans = studio.planner.plans(request, model.spec)
        if plans is None:
            raise StudioError("plan.uncounted", name=model.title)
        if plans.refused:
            raise StudioError("plan.refused", choice=plans.refused, reason=t(plans.reason))
        if not plans.plans:
            raise StudioError("device.missing", device=request.device)
        absent = studio.planner.absent(request, model.spec)
        nearest = [] if plans.fits else studio.planner.nearest(request, model.spec)
    if "json" in own:
        terminal.print_json(_plain(plans, nearest, absent))
    else:
        _show(plans, nearest, model.spec)
    return terminal.DONE


def _model(words: Sequence[str]) -> str:
    found = next((word for word in words if not word.startswith("-")), None)
    if found is None:
        raise Misuse(t("cli.usage.missing", name="MODEL"))
    return found


async def _judged(studio: Studio, name: str) -> Judged:
    """Here, in the manifest, or on the hub: its facts are known to the planner afterwards."""
    try:
        resolved = await asyncio.to_thread(studio.library.resolve, name, verify=False)
    except StudioError as error:
        known = studio.library.known(name)
        if error.failure.code != "model.missing" or not (known or REPOSITORY.fullmatch(name)):
            raise
        return await _elsewhere(studio, name, known)
    if not resolved.source.path:
        raise StudioError("plan.uncounted", name=resolved.source.title or resolved.source.id)
    try:
        if resolved.spec.layouts:
            await asyncio.to_thread(studio.planner.learn, resolved.source.id, Path(resolved.source.path))
        else:  # it comes inside a package: no file describes it
            studio.planner.put(resolved.source.id, ModelFacts(layout="", parts={}))
    except (HeaderError, OSError) as error:
        raise StudioError("model.unrecognized", name=name, details=str(error)) from error
    return Judged(
        id=resolved.source.id,
        title=resolved.source.title or name,
        spec=resolved.spec,
        parameters=resolved.spec.parameters_for(resolved.model),
    )


async def _elsewhere(studio: Studio, name: str, known: Model | None) -> Judged:
    """A model that is not here: what the manifest has of it, else what the hub shows."""
    facts = facts_of_manifest(known, studio.library.manifest) if known is not None else None
    if known is not None and facts is not None:
        spec = family(known.family)
        studio.planner.put(name, facts)
        return Judged(id=name, title=localized(known.title), spec=spec, parameters=spec.parameters_for(known))
    remote = await studio.probe(name)
    if remote.family is None:
        raise StudioError("model.unrecognized", name=name)
    spec = family(remote.family)
    studio.planner.put(name, remote.facts)
    return Judged(id=name, title=name, spec=spec, parameters=spec.narrowed(remote.parameters))


def _own_options() -> list[Option]:
    return [
        Option(key="task", names=("--task",), metavar="TASK", help=t("cli.option.task")),
        Option(key="prompt", names=("--prompt",), metavar="TEXT", help=t("cli.option.plan_prompt")),
        *where(),
        Option(key="json", names=("--json",), help=t("cli.help.json")),
    ]


def _understand(words: Sequence[str], model: Judged) -> tuple[dict[str, Any], dict[str, Any]]:
    """The command's own options, and the values of the request."""
    theirs = [
        msgspec.structs.replace(option, key=f"={option.key}") for option in options_of(model.parameters)
    ]
    named, found = parse(words, [*theirs, *_own_options()])
    if len(named) > 1:
        raise Misuse(t("cli.usage.extra", word=named[1]))
    own = {key: value for key, value in found.items() if not key.startswith("=")}
    return own, {key[1:]: value for key, value in found.items() if key.startswith("=")}


def _request(own: dict[str, Any], values: dict[str, Any], model: Judged, studio: Studio) -> Request:
    settings = studio.settings.value
    task = own.get("task", model.spec.tasks[0])
    if task not in (known := tasks()):
        raise Misuse(unknown(task, known))
    if task not in model.spec.tasks:
        reason = t("cli.wrong_task", task=t(f"task.{task}"))
        raise StudioError("param.invalid", name="--task", reason=reason)
    usual = {p.name: p.default for p in model.parameters}
    prompt = {"prompt": own["prompt"]} if "prompt" in own else {}
    return Request(
        task=task,
        family=model.spec.name,
        model=model.id,
        values={**usual, **values, **prompt},
        device=own.get("device", settings.device),
        threads=own.get("threads", settings.threads),
        choices=dict(own.get("choices", ())),
    )


# --- showing ---------------------------------------------------------------------------------------


def _plain(
    plans: Plans, nearest: list[tuple[dict[str, Any], Planned]], absent: dict[str, str]
) -> dict[str, Any]:
    return {
        "fits": plans.fits,
        "reason": t(plans.reason, **_values(plans)),
        "plans": [_plain_plan(each) for each in plans.plans],
        "nearest": [{"change": change, **_plain_plan(each)} for change, each in nearest],
        "absent": {choice: t(reason) for choice, reason in absent.items()},
    }


def _plain_plan(each: Planned) -> dict[str, Any]:
    prediction = each.prediction
    predicted: dict[str, Any] = {"ram_bytes": _plain_span(prediction.ram)}
    if prediction.vram is not None:
        predicted["vram_bytes"] = _plain_span(prediction.vram)
    if prediction.seconds is not None:
        predicted["seconds"] = msgspec.to_builtins(prediction.seconds)
        predicted["phases"] = prediction.phases
    predicted["breakdown"] = {name: round(size) for name, size in prediction.breakdown.items()}
    plan = msgspec.to_builtins(each.plan)
    known = {"fit": each.fit, "available_bytes": each.available_bytes, "doubtful": each.doubtful}
    return {**plan, **known, "predicted": predicted}


def _plain_span(span: Span) -> dict[str, int]:
    return {"low": round(span.low), "mid": round(span.mid), "high": round(span.high)}


def _values(plans: Plans) -> dict[str, str]:
    """What fills the placeholders of `Plans.reason`."""
    if not plans.plans:
        return {}
    best = plans.plans[0]
    return {"need": gigabytes(best.memory.mid), "free": gigabytes(best.available_bytes)}


def _show(plans: Plans, nearest: list[tuple[dict[str, Any], Planned]], spec: FamilySpec) -> None:
    terminal.out().print(Text(t(plans.reason, **_values(plans)), style="bold"))
    table = terminal.table(
        t("cli.plan.device"), t("cli.plan.how"), f">{t('cli.plan.memory')}", f">{_time_title(plans)}", ""
    )
    for each in plans.plans[:SHOWN]:
        table.add_row(each.plan.device, _how(each, spec), _memory(each), _time(each), t(f"fit.{each.fit}"))
    terminal.out().print(table)
    if plans.plans and plans.plans[0].prediction.seconds is None:
        terminal.say(t("cli.plan.unmeasured"))
    elif plans.plans and plans.plans[0].doubtful:
        terminal.say(t("cli.plan.doubtful"))
    if plans.plans:
        parts = plans.plans[0].prediction.breakdown
        words = ", ".join(f"{t(f'fit.part.{name}')} {gigabytes(size)} GB" for name, size in parts.items())
        terminal.out().print(Text(t("cli.plan.parts", parts=words), style="dim"))
    for change, each in nearest:
        name, value = next(iter(change.items()))
        label = next(t(p.label_key) for p in spec.parameters if p.name == name)
        shown = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words = t("cli.plan.nearest", name=label, value=shown, memory=gigabytes(each.memory.mid))
        terminal.out().print(Text(words))


def _time_title(plans: Plans) -> str:
    return t("cli.plan.time.most" if any(each.most for each in plans.plans) else "cli.plan.time")


def _how(each: Planned, spec: FamilySpec) -> str:
    """Without the device, which has a column, and with names where the words alone say too little."""
    words = [
        t("plan.change", name=t(key), value=words) if key in NAMED else words
        for key, words in how(each.plan, spec)
        if key not in ("plan.device", "plan.threads")
    ]
    return ", ".join(words) or t("cli.plan.as_file")


def _memory(each: Planned) -> str:
    low, mid, high = (gigabytes(size) for size in (each.memory.low, each.memory.mid, each.memory.high))
    return f"{mid} GB" if low == high else f"{mid} GB ({low}–{high})"


def _time(each: Planned) -> str:
    span = each.prediction.seconds
    if span is None:
        return "?"
    low, mid, high = map(duration, (span.low, span.mid, span.high))
    return mid if low == high else f"{mid} ({low}–{high})"
