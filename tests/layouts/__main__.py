"""Writes `tests/data/layouts/*.json`, each checked by diffusers' own conversion where it has one."""

from __future__ import annotations

import logging
import math
import sys

import msgspec

from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor
from studio.domain.cost.packed import pack
from tests.layouts import library
from tests.layouts.catalogue import LAYOUTS, Made
from tests.layouts.files import BYTES, FOLDER
from tests.layouts.rows import Shapes

ROPES = ("freqs", "pos_embed", "inv_freq", "position_ids")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or LAYOUTS:
        made = LAYOUTS[name]
        shapes = made.make()
        if made.check:
            _check(name, shapes, made)
        _write(name, shapes, made)
        print(f"{name}: {len(shapes)} tensors{', checked' if made.check else ''}")


def _write(name: str, shapes: Shapes, made: Made) -> None:
    tensors = tuple(
        Tensor(tensor, made.type, shape, math.prod(shape) * BYTES[made.type])
        for tensor, shape in shapes.items()
    )
    facts = ModelFacts(layout="safetensors", parts={"model": PartFacts(config={}, tensors=tensors)})
    packed = pack(facts).parts["model"].tensors
    lines = ",\n".join("    " + msgspec.json.encode(row).decode() for row in packed)
    head = msgspec.json.encode({"source": made.source, "expected": made.expected}).decode()
    text = head[:-1] + ',\n  "tensors": [\n' + lines + "\n  ]\n}\n"
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def _check(name: str, shapes: Shapes, made: Made) -> None:
    """Raises ValueError where what diffusers makes of these names is not its own model."""
    import torch
    from diffusers.loaders import single_file_utils

    assert made.check
    kind, options, conversion = made.check
    tensors = {n: torch.empty(shape, device="meta") for n, shape in shapes.items()}
    converted = getattr(single_file_utils, conversion)(tensors)
    theirs = library.shapes(library.model(kind, **options))
    ours = {n: tuple(value.shape) for n, value in converted.items() if value is not None}
    for both in (theirs, ours):
        for n in [n for n in both if any(rope in n for rope in ROPES)]:
            del both[n]
    wrong = {
        n: (ours.get(n), theirs.get(n)) for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)
    }
    if wrong:
        raise ValueError(f"{name}: {dict(sorted(wrong.items())[:8])}")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    main()
