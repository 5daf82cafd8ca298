"""What a model on the hub would take here, in each of its forms, before any of them is fetched."""

from __future__ import annotations

from studio.domain.cost.packed import PackedFacts, unpack
from studio.domain.cost.quantized import quantized
from studio.domain.licence import Licence
from studio.domain.model import Model
from studio.domain.plan import Estimate
from studio.domain.remote import RemoteModel, Variant
from studio.families.registry import families
from studio.services.abilities import BARS, usual_request
from studio.services.estimate import Estimator
from studio.services.planning import Planner


def judge(remote: RemoteModel, planner: Planner, estimator: Estimator) -> dict[str, Estimate]:
    """By variant; nothing for a family that this version lacks. Some hundredths of a second each.

    The form that was looked at is planned from its headers, another quantization from the same shapes.
    """
    spec = families().get(remote.family or "")
    if spec is None or spec.tasks[0] not in BARS:
        return {}
    found: dict[str, Estimate] = {}
    mine = Variant(name=remote.variant, bytes=remote.bytes)
    for variant in remote.variants or (mine,):
        name = f"{remote.repo}@{remote.commit}:{variant.name}"
        facts = remote.packed if variant.name == remote.variant else _turned(remote, variant.name)
        if facts is not None:
            planner.put(name, unpack(facts))
        model = Model(
            id=name,
            family=spec.name,
            tasks=spec.tasks,
            title={},
            description={},
            licence=Licence(id="", url="", commercial="unknown"),
            parameters=remote.parameters,
        )
        request = usual_request(model, spec, spec.tasks[0])
        found[variant.name] = estimator.estimate(request, spec, weights=variant.bytes)
    return found


def _turned(remote: RemoteModel, name: str) -> PackedFacts | None:
    """None where the form's name says nothing of its types: then its size alone is judged."""
    if remote.facts.layout != "gguf":
        return remote.packed
    try:
        return quantized(remote.packed, name)
    except ValueError:
        return None
