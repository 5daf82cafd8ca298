"""Another quantization of a language model, from the facts of one: the same shapes, other types."""

from __future__ import annotations

import re

import msgspec

from studio.domain.cost.packed import PackedFacts, Row

BLOCKS = {
    "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210),
    "Q4_0": (32, 18), "Q5_0": (32, 22), "Q8_0": (32, 34), "F16": (1, 2), "BF16": (1, 2), "F32": (1, 4),
}  # fmt: skip
"""Weights in a block of each type, and the block's bytes."""

SMALLER = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_0"}
"""What rows get that are no whole number of large blocks; others Q8_0."""

_MIXED = re.compile(r"_K_[SML]$|_XL$")  # "Q5_K_M" is mostly Q5_K
_KEPT = ("F32", "F16", "BF16")  # what a quantization leaves as it is


def quantized(facts: PackedFacts, name: str) -> PackedFacts:
    """*facts* as the file of the quantization *name* has them, nearly. ValueError for one that is unknown."""
    kind = _MIXED.sub("_K", name.upper())
    if kind not in BLOCKS:
        raise ValueError(f"no quantization that is known: {name}")
    parts = {
        part: msgspec.structs.replace(known, tensors=tuple(_row(row, kind) for row in known.tensors))
        for part, known in facts.parts.items()
    }
    return msgspec.structs.replace(facts, parts=parts)


def _row(row: Row, kind: str) -> Row:
    if row.type in _KEPT:
        return row
    # The matrix that chooses words, and rows that are no whole number of blocks, are kept finer.
    finer = "Q6_K" if row.names == "output.weight" and kind in ("Q2_K", "Q3_K", "Q4_K", "Q5_K") else kind
    whole = row.shape[-1] % BLOCKS[finer][0] == 0
    chosen = finer if whole else SMALLER.get(finer, "Q8_0") if row.shape[-1] % 32 == 0 else "F16"
    elements = 1
    for size in row.shape:
        elements *= size
    weights, size = BLOCKS[chosen]
    return Row(row.names, chosen, row.shape, elements // weights * size)
