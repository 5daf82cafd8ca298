"""`studio models probe`: what a model on the hub is, from its headers, before it is fetched."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.text import Text

from studio.cli import terminal
from studio.cli.session import open_studio, run_async
from studio.domain.cost.cost import PartFacts
from studio.domain.quantity import size
from studio.domain.remote import RemoteModel
from studio.domain.text import t
from studio.families.registry import family


def probe(name: str, *, as_json: bool, offline: bool) -> int:
    """Look at *name* on the hub and tell what is there."""
    model = run_async(_probe(name, offline=offline))
    if as_json:
        terminal.print_json(as_data(model))
    else:
        _show(model)
    return terminal.DONE


async def _probe(name: str, *, offline: bool) -> RemoteModel:
    async with open_studio(offline=offline) as studio:
        return await studio.probe(name)


def as_data(model: RemoteModel) -> dict[str, Any]:
    """As `--json` prints it. Sizes in bytes."""
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
        "variants": [{"name": variant.name, "bytes": variant.bytes} for variant in model.variants],
        "licence": model.licence,
        "gated": model.gated,
    }


def _show(model: RemoteModel) -> None:
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
    for variant in model.variants:
        chosen = "bold" if variant.name == model.variant else "dim"
        words = f"{variant.name or t('cli.models.plain')}  {size(variant.bytes)}"
        table.add_row(t("cli.models.variant"), Text(words, style=chosen))
    terminal.out().print(table)


def _types(part: PartFacts) -> list[tuple[str, int]]:
    """Bytes by type, the most first."""
    sizes: Counter[str] = Counter()
    for tensor in part.tensors:
        sizes[tensor.type] += tensor.bytes
    return sizes.most_common()


def _number(elements: int) -> str:
    """Of parameters, as models are named: "0.49 B", "82 M"."""
    return f"{elements / 1e9:.2f} B" if elements >= 1e8 else f"{elements / 1e6:.1f} M"
