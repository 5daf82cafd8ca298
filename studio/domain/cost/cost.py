"""The cost of one request: the parts that must be loaded, and the stages that compute with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from msgspec import Struct

from studio.domain.cost.ops import Ops, Own

T = TypeVar("T")

TYPE_BYTES = {
    "float64": 8.0, "float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "float8": 1.0, "int8": 1.0,
}  # fmt: skip
"""Bytes of one element in each type that parts are computed in."""


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
    measures that itself.
    """

    name: str
    elements: int
    stored_bytes: int
    stored_type: str = "F32"
    fixed_bytes: int | None = None
    load: Own | None = None

    @classmethod
    def of(cls, name: str, facts: PartFacts) -> Part:
        """The component *name* as its files describe it."""
        sizes: Counter[str] = Counter()
        for tensor in facts.tensors:
            sizes[tensor.type] += tensor.bytes
        most = max(sizes, key=lambda kind: sizes[kind], default="F32")
        return cls(name=name, elements=facts.elements, stored_bytes=facts.bytes, stored_type=most)


class Stage(Struct, frozen=True, kw_only=True):
    """Computing of one part within one phase.

    `ops` of one repeat, done `repeats` times. `alive`: elements of activations at the worst moment,
    in the part's type; `alive_tiled`: the same where the part works tile by tile (None: it cannot).
    `kept_bytes`: what stays until the job ends, such as a KV cache; stages may name the same. `calls`:
    operations that Python starts in one repeat; that is what overhead is counted by.
    """

    phase: str
    part: str
    ops: Ops
    repeats: float = 1.0
    alive: float = 0.0
    alive_tiled: float | None = None
    kept_bytes: float = 0.0
    calls: int = 0


class Cost(Struct, frozen=True, kw_only=True):
    parts: tuple[Part, ...]
    stages: tuple[Stage, ...]
