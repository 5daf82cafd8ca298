"""A short way to write down what a checkpoint holds.

img_in: 3072 64              weight (3072, 64) and bias (3072)
norm: 3072                   weight and bias (3072)
mod.lin! 9216 3072           weight alone
register_tokens= 1 8 3072    a tensor of that very name
blocks.{0-29}.ffn.0: ...     for every number
"""

from __future__ import annotations

import re

Shapes = dict[str, tuple[int, ...]]
_SPAN = re.compile(r"\{(\d+)-(\d+)\}")


def rows(text: str, prefix: str = "") -> Shapes:
    found: Shapes = {}
    for line in text.strip().splitlines():
        if not line.strip():
            continue
        name, *sides = line.split()
        shape = tuple(map(int, sides))
        for full in _spread(name[:-1]):
            if name.endswith("="):
                found[prefix + full] = shape
            else:
                found[f"{prefix}{full}.weight"] = shape
                if name.endswith(":"):
                    found[f"{prefix}{full}.bias"] = shape[:1]
    return found


def _spread(name: str) -> list[str]:
    span = _SPAN.search(name)
    if span is None:
        return [name]
    return [
        full
        for number in range(int(span[1]), int(span[2]) + 1)
        for full in _spread(f"{name[: span.start()]}{number}{name[span.end() :]}")
    ]
