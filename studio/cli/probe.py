"""`studio models probe`: what a model on the hub is, from its headers, before it is fetched."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from rich.text import Text

from studio.cli import terminal
from studio.cli.session import open_studio, run_async
from studio.domain.cost.cost import PartFacts
from studio.domain.plan import Estimate
from studio.domain.quantity import duration, size
from studio.domain.remote import RemoteModel
from studio.domain.text import t
from studio.families.registry import family
from studio.services.judging import judge

Verdicts = dict[str, Estimate]


def probe(name: str, *, as_json: bool, offline: bool) -> int:
    """Look at *name* on the hub and tell what is there."""
    model, verdicts = run_async(_probe(name, offline=offline))
    if as_json:
        terminal.print_json(as_data(model, verdicts))
    else:
        _show(model, verdicts)
    return terminal.DONE


async def _probe(name: str, *, offline: bool) -> tuple[RemoteModel, Verdicts]:
    async with open_studio(offline=offline) as studio:
        model = await studio.probe(name)
        return model, await asyncio.to_thread(judge, model, studio.planner, studio.estimator)


def as_data(model: RemoteModel, verdicts: Verdicts) -> dict[str, Any]:
    """As `--json` prints it. Sizes in bytes, times in seconds."""
    parts = {
        name: {"parameters": part.elements, "bytes": part.bytes, "types": dict(_types(part))}
        for name, part in model.facts.parts.items()
    }
    return {
        "repo": model.repo,
        "commit": model.commit,
        "family": model.family,
        "layout": model.facts.layout,
        "parameters": sum(part["parameters"] for part in parts.values()),
        "parts": parts,
        "bytes": model.bytes,
        "files": [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in model.files],
        "variant": model.variant,
        "variants": [
            {"name": variant.name, "bytes": variant.bytes, **_verdict(verdicts.get(variant.name))}
            for variant in model.variants
        ],
        **_verdict(verdicts.get(model.variant)),
        "licence": model.licence,
        "gated": model.gated,
    }


def _verdict(estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {"fit": None}
    memory = round(estimate.memory.mid) if estimate.memory is not None else None
    seconds = estimate.seconds.mid if estimate.seconds is not None else None
    return {"fit": estimate.fit, "memory_bytes": memory, "seconds": seconds}


def _show(model: RemoteModel, verdicts: Verdicts) -> None:
    table = terminal.table("", "")
    table.show_header = False
    table.add_row(t("cli.models.id"), Text(model.repo, style="bold"))
    table.add_row(t("cli.models.revision"), Text(model.commit))
    kind = t(family(model.family).title_key) if model.family else t("cli.models.no_family")
    table.add_row(t("cli.models.family"), Text(kind))
    for name, part in model.facts.parts.items():
        if part.tensors:
            types = ", ".join(f"{kind} {size(count)}" for kind, count in _types(part))
            words = t("cli.models.parameters", number=_number(part.elements), types=types)
            table.add_row(Text(name), Text(words))
    fetched = t("cli.models.files", number=len(model.files), size=size(model.bytes))
    table.add_row(t("cli.models.size"), fetched)
    licence = [model.licence or t("cli.models.no_licence")]
    table.add_row(t("cli.models.licence"), Text(", ".join(licence + [t("cli.models.gated")] * model.gated)))
    if (verdict := verdicts.get(model.variant)) is not None:
        table.add_row(t("cli.models.here_it"), _fit(verdict))
    for variant in model.variants:
        chosen = "bold" if variant.name == model.variant else "dim"
        words = f"{variant.name or t('cli.models.plain')}  {size(variant.bytes)}"
        if (verdict := verdicts.get(variant.name)) is not None:
            words += f"  {_fit(verdict)}"
        table.add_row(t("cli.models.variant"), Text(words, style=chosen))
    terminal.out().print(table)


def _fit(estimate: Estimate) -> str:
    words = [t(f"fit.{estimate.fit}")]
    if estimate.memory is not None:
        words.append(t("models.takes", size=size(estimate.memory.mid)))
    if estimate.seconds is not None:
        words.append(t("cli.about", time=duration(estimate.seconds.mid)))
    return ", ".join(words)


def _types(part: PartFacts) -> list[tuple[str, int]]:
    """Bytes by type, the most first."""
    sizes: Counter[str] = Counter()
    for tensor in part.tensors:
        sizes[tensor.type] += tensor.bytes
    return sizes.most_common()


def _number(elements: int) -> str:
    """Of parameters, as models are named: "0.49 B", "82 M"."""
    return f"{elements / 1e9:.2f} B" if elements >= 1e8 else f"{elements / 1e6:.1f} M"
