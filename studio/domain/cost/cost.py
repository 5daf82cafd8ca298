"""The cost of one request: the parts that must be loaded, and the stages that compute with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from studio.domain.cost.ops import Convolution, Ops, Own, Written

T = TypeVar("T")

TYPE_BYTES = {
    "float64": 8.0, "float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "float8": 1.0, "int8": 1.0,
}  # fmt: skip
"""Bytes of one element in each type that parts are computed in."""

FILE_TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""Those types as the headers of files name them."""


BLOCK = re.compile(r"\w+\.\d+\.")
"""The beginning of the name of a tensor that stands in one of a part's blocks of layers."""


class Tensor(Struct, frozen=True):
    """One entry of a file's header. `type` as the header names it: "F16", "BF16", "Q4_K"."""

    name: str
    type: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def elements(self) -> int:
        product = 1
        for size in self.shape:
            product *= size
        return product


class PartFacts(Struct, frozen=True, kw_only=True, dict=True):
    """One component as its files describe it. `config`: its config.json, or a GGUF file's metadata."""

    config: dict[str, Any]
    tensors: tuple[Tensor, ...]

    @cached_property
    def elements(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)

    @cached_property
    def bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.tensors)

    def once(self, reading: Callable[[PartFacts], T]) -> T:
        """What *reading* makes of these facts, kept with them: some have thousands of names to go through."""
        if reading not in self._kept:
            self._kept[reading] = reading(self)
        return self._kept[reading]

    @cached_property
    def _kept(self) -> dict[Callable[[PartFacts], Any], Any]:
        return {}


class ModelFacts(Struct, frozen=True, kw_only=True):
    """What headers and configurations say of a model, here or on a hub; no weights were read.

    `layout` as in `Layout.kind`. `parts` by component ("unet", "text_encoder"; "model" where there is
    but one).
    """

    layout: str
    parts: dict[str, PartFacts]


class Part(Struct, frozen=True, kw_only=True):
    """A component in memory: `elements` of weights that take `stored_bytes` on disk.

    `stored_type`: the type of most of them in the file ("F16"). `fixed_bytes`, if not None, is what it
    takes in memory whatever the precision (a quantized file). `load`: loading it, where the family
    measures that itself. `convolving`: elements of filters, which another memory format moves. Of what may
    take turns on an accelerator: `block`, elements of the largest block of layers and of all that stands in
    none; `layer`, of the largest tensor.
    """

    name: str
    elements: int
    stored_bytes: int
    convolving: int = 0
    block: int = 0
    layer: int = 0
    stored_type: str = "F32"
    fixed_bytes: int | None = None
    load: Own | None = None

    @classmethod
    def of(cls, name: str, facts: PartFacts, elements: int | None = None) -> Part:
        """The component *name* as its files describe it. *elements*, where not all of them are loaded."""
        sums = facts.once(_sums)
        return cls(
            name=name,
            elements=facts.elements if elements is None else elements,
            stored_bytes=facts.bytes,
            convolving=sums.convolving,
            block=sums.block,
            layer=sums.layer,
            stored_type=sums.type,
        )


class _Sums(NamedTuple):
    type: str
    convolving: int
    block: int
    layer: int


def _sums(facts: PartFacts) -> _Sums:
    """Of all tensors: there may be thousands, so this is done once."""
    sizes: Counter[str] = Counter()
    blocks: Counter[str] = Counter()
    loose = 0
    for tensor in facts.tensors:
        sizes[tensor.type] += tensor.bytes
        if found := BLOCK.match(tensor.name):
            blocks[found[0]] += tensor.elements
        else:
            loose += tensor.elements
    return _Sums(
        max(sizes, key=lambda kind: sizes[kind], default="F32"),
        sum(tensor.elements for tensor in facts.tensors if len(tensor.shape) == 4),
        loose + max(blocks.values(), default=0),
        max((tensor.elements for tensor in facts.tensors), default=0),
    )


class Stage(Struct, frozen=True, kw_only=True, dict=True):
    """Computing of one part within one phase.

    `ops` of one repeat, done `repeats` times. `alive`: elements of activations at the worst moment, in the
    part's type, `written` if attention writes its scores out; the same where the part works tile by tile
    (`..._tiled`; None: it cannot). `batch`: pictures computed at once, which slicing computes one by one.
    `kept_bytes`: what stays until the job ends; stages may name the same. `cache`: elements of keys and
    values for `cached` tokens, where they are not among `alive`. `calls`: operations that Python starts in
    one repeat; that is what overhead is counted by. `compiles`: a plan with the compiler compiles it.
    """

    phase: str
    part: str
    ops: Ops
    repeats: float = 1.0
    alive: float = 0.0
    alive_tiled: float | None = None
    written: Written = Written()
    written_tiled: Written = Written()
    batch: int = 1
    kept_bytes: float = 0.0
    cache: float = 0.0
    cached: int = 0
    calls: int = 0
    compiles: bool = False

    @cached_property
    def convolves(self) -> bool:
        return any(isinstance(op, Convolution) for op, _ in self.ops)

    @cached_property
    def own(self) -> frozenset[str]:
        """Keys of the figures that its family must have measured."""
        return frozenset(op.key for op, _ in self.ops if isinstance(op, Own))


class Cost(Struct, frozen=True, kw_only=True):
    parts: tuple[Part, ...]
    stages: tuple[Stage, ...]
