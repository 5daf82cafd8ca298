"""What a request was counted as, in plain values for a record: to be timed again when figures change."""

from __future__ import annotations

from typing import Any

import msgspec

from studio.domain.cost.cost import Cost, Part, Stage
from studio.domain.cost.ops import Attention, Convolution, Linear, Op, Own, Pointwise, Written

_KINDS: dict[str, type[Op]] = {
    kind.__name__: kind for kind in (Linear, Convolution, Attention, Pointwise, Own)
}


def keep(cost: Cost) -> dict[str, Any]:
    """*cost* as JSON can hold it, some kilobytes: operations are told apart by their names."""
    plain: dict[str, Any] = msgspec.to_builtins(cost)
    for stage, counted in zip(plain["stages"], cost.stages, strict=True):
        stage["ops"] = [[type(op).__name__, list(op), times] for op, times in counted.ops]
    return plain


def restore(plain: dict[str, Any]) -> Cost:
    """What `keep` made. Raises ValueError for what another version has kept otherwise."""
    try:
        return Cost(
            parts=tuple(msgspec.convert(part, Part) for part in plain["parts"]),
            stages=tuple(_stage(dict(stage)) for stage in plain["stages"]),
        )
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _stage(plain: dict[str, Any]) -> Stage:
    ops = tuple((_KINDS[kind](*sizes), times) for kind, sizes, times in plain.pop("ops"))
    written = {name: Written(*plain.pop(name)) for name in ("written", "written_tiled")}
    return Stage(ops=ops, **written, **plain)
