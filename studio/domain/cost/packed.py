"""A model's facts in a few lines: tensors of one type and shape whose names differ in numbers share a row.

    ["blk.{0-23}.attn_q.weight", "Q4_K", [896, 896], 451584]

stands for 24 tensors. Nothing is lost but the tensors' order. In the manifest, between processes, on disk.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

if TYPE_CHECKING:  # the manifest holds packed facts, and is read before the window's first picture
    from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor

MAX_TENSORS = 1_000_000
PLACES = 8  # numbers of a name that may vary

_NUMBER = re.compile(r"(?<!\d)(?:0|[1-9]\d{0,8})(?!\d)")
_PIECE = re.compile(r"\{\{|\}\}|\{([\d,-]+)\}")
_BRACES = re.compile(r"[{}]")

Numbers = tuple[int, ...]
Box = tuple[Numbers, ...]
"""For each place of a name the numbers that stand there, every combination of them."""


class Row(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Tensors of one `type` and `shape`. `bytes`: of one of them."""

    names: str
    type: str
    shape: tuple[int, ...]
    bytes: int


class PackedPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    config: dict[str, Any]
    tensors: tuple[Row, ...]


class PackedFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ModelFacts` in short."""

    layout: str
    parts: dict[str, PackedPart]


def pack(facts: ModelFacts) -> PackedFacts:
    parts = {
        name: PackedPart(config=part.config, tensors=tuple(_rows(part.tensors)))
        for name, part in facts.parts.items()
    }
    return PackedFacts(layout=facts.layout, parts=parts)


def unpack(facts: PackedFacts) -> ModelFacts:
    """Raises ValueError for rows that mean nothing, or more tensors than any model has."""
    left = MAX_TENSORS
    from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor

    parts: dict[str, PartFacts] = {}
    for name, part in facts.parts.items():
        rows = [(row, _pieces(row.names)) for row in part.tensors]
        left -= sum(math.prod(len(numbers) for numbers in pieces[1::2]) for _, pieces in rows)
        if left < 0:
            raise ValueError("too many tensors")
        tensors = tuple(
            Tensor(full, row.type, row.shape, row.bytes) for row, pieces in rows for full in _names(pieces)
        )
        config = _as_read(part.config) if facts.layout == "gguf" else part.config
        parts[name] = PartFacts(config=config, tensors=tensors)
    return ModelFacts(layout=facts.layout, parts=parts)


def _as_read(config: dict[str, Any]) -> dict[str, Any]:
    """A GGUF file's arrays are tuples; JSON has made them lists."""
    return {
        key: tuple(cast("list[Any]", value)) if isinstance(value, list) else value
        for key, value in config.items()
    }


# --- names to rows ------------------------------------------------------------------------------


def _rows(tensors: Iterable[Tensor]) -> Iterator[Row]:
    alike: dict[tuple[Any, ...], list[Numbers]] = defaultdict(list)
    for tensor in tensors:
        texts = tuple(_NUMBER.split(tensor.name, PLACES))
        found = itertools.islice(_NUMBER.finditer(tensor.name), PLACES)
        numbers = tuple(int(number[0]) for number in found)
        alike[texts, tensor.type, tensor.shape, tensor.bytes].append(numbers)
    for (texts, kind, shape, size), numbers in alike.items():
        for box in _boxes(sorted(numbers)):
            yield Row(_named(texts, box), kind, shape, size)


def _boxes(tuples: list[Numbers]) -> tuple[Box, ...]:
    """The sorted *tuples*, all of one length, as boxes that hold them all and nothing else."""
    if not tuples or not tuples[0]:
        return ((),) * len(tuples)
    same: dict[tuple[Box, ...], list[int]] = {}
    for first, group in itertools.groupby(tuples, lambda numbers: numbers[0]):
        rest = _boxes([numbers[1:] for numbers in group])
        same.setdefault(rest, []).append(first)
    return tuple((tuple(firsts), *box) for rest, firsts in same.items() for box in rest)


def _named(texts: tuple[str, ...], box: Box) -> str:
    words = [_BRACES.sub(lambda brace: brace[0] * 2, text) for text in texts]
    numbers = [str(at[0]) if len(at) == 1 else f"{{{_spans(at)}}}" for at in box]
    return "".join(itertools.chain(*itertools.zip_longest(words, numbers, fillvalue="")))


def _spans(numbers: Numbers) -> str:
    """ "0-23", "0-2,5"."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


# --- and back -----------------------------------------------------------------------------------


def _pieces(names: str) -> list[Any]:
    """Text, numbers, text, numbers, ... text."""
    pieces: list[Any] = [""]
    end = 0
    for found in _PIECE.finditer(names):
        pieces[-1] += names[end : found.start()]
        end = found.end()
        if found[1] is None:
            pieces[-1] += found[0][0]
        else:
            pieces += [_numbers(found[1]), ""]
    pieces[-1] += names[end:]
    return pieces


def _numbers(spans: str) -> list[int]:
    numbers: list[int] = []
    for span in spans.split(","):
        first, _, last = span.partition("-")
        found = range(int(first), int(last or first) + 1)
        if len(numbers) + len(found) > MAX_TENSORS:
            raise ValueError("too many tensors")
        numbers += found
    return numbers


def _names(pieces: list[Any]) -> Iterator[str]:
    for numbers in itertools.product(*pieces[1::2]):
        words = itertools.zip_longest(pieces[::2], map(str, numbers), fillvalue="")
        yield "".join(itertools.chain(*words))
