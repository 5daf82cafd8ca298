"""The parts of an original checkpoint: one file with all of them, each behind a prefix of its own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from studio.domain.cost.cost import PartFacts, Tensor


def split(file: PartFacts, prefixes: dict[str, str], configs: Path) -> dict[str, PartFacts]:
    """The parts that *file* has of those named in *prefixes*, their names without these.

    What a file does not say lies in *configs*.
    """
    found: dict[str, PartFacts] = {}
    for name, prefix in prefixes.items():
        tensors = tuple(
            Tensor(tensor.name.removeprefix(prefix), tensor.type, tensor.shape, tensor.bytes)
            for tensor in file.tensors
            # A row of numbers that older versions wrote out.
            if tensor.name.startswith(prefix) and not tensor.name.endswith("position_ids")
        )
        if tensors:
            found[name] = PartFacts(config=configuration(configs / name / "config.json"), tensors=tensors)
    return found


@cache
def configuration(file: Path) -> dict[str, Any]:
    return json.loads(file.read_bytes())
