"""A model family as data: what it can do and lets the user choose. `families/<name>/spec.py` holds one."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.model import Model
from studio.domain.parameter import Parameter, Seed
from studio.domain.text import t


class Layout(Struct, frozen=True, kw_only=True):
    """Files that this family can load. `kind` is how they lie on disk, `classes` patterns for what they name.

    kinds: "diffusers" (model_index.json, `_class_name`), "transformers" (config.json,
    `architectures`), "gguf" (the header's `general.architecture`), "safetensors" (one file, alone or
    in a folder; every pattern must match a tensor's name). For the others one pattern must match.
    `shapes`: tensors that must be there in this shape, None for any side; `absent`: patterns of those that
    must not. `needs`: what such files never have, so that it comes from a folder of the family.
    """

    kind: str
    classes: tuple[str, ...] = ("*",)
    shapes: dict[str, tuple[int | None, ...] | None] = {}
    absent: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class Variant(Struct, frozen=True, kw_only=True):
    """Models of the family that their own files tell apart: in the JSON file `file`, `key` is `value`.

    An absent key counts as false. In a single file no tensor's name is like `absent`. `parameters` narrows
    the family's, as a model's do (`Model`).
    """

    file: str
    key: str
    value: Any
    absent: str = ""
    parameters: dict[str, dict[str, Any] | None]


class Memory(Struct, frozen=True, kw_only=True):
    """A first estimate before anything was measured, in bytes.

    Peak RAM is about `base` (the libraries' own) + `per_weight_byte` times the size on disk.
    """

    base: int
    per_weight_byte: float = 1.2


class FamilySpec(Struct, frozen=True, kw_only=True):
    """`phases` are named with first weights (shares of the time; learnt per machine later).

    `capabilities`: "stream" (text arrives as it is made), "conversation" (chat turns), "preview"
    (pictures while it works), "completion" (continues a text), "offload" (its parts can take turns on an
    accelerator), "slicing" and "compile" (see `Plan`). `latent_rgb`, for cheap previews: by
    number of latent channels, a row per channel and one for a constant, which turn latents, as the
    denoiser sees them, into red, green and blue in -1..1. `models` are ones that need no file.
    `libraries`: distributions whose versions belong in the metadata. `precisions`: how its parts can be
    computed, by kind of device ("cpu", or "gpu" for every accelerator), the plainest first; each maps
    parts ("*": every other) to types ("float32", "bfloat16", "float16"). `coarser`: further ones, that save
    memory and can be seen or heard. `attention`, `kv_cache`: the kinds that it can do (see `Plan`), the usual
    one first.
    """

    name: str
    tasks: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    memory: Memory
    phases: dict[str, float]
    capabilities: frozenset[str] = frozenset()
    layouts: tuple[Layout, ...] = ()
    variants: tuple[Variant, ...] = ()
    models: tuple[Model, ...] = ()
    latent_rgb: dict[int, tuple[tuple[float, float, float], ...]] = {}
    libraries: tuple[str, ...] = ()
    precisions: dict[str, tuple[dict[str, str], ...]] = {}
    coarser: dict[str, tuple[dict[str, str], ...]] = {}
    attention: tuple[str, ...] = ()
    kv_cache: tuple[str, ...] = ()

    @property
    def title_key(self) -> str:
        return f"family.{self.name}"

    def parameters_for(self, model: Model | None) -> tuple[Parameter, ...]:
        """The family's parameters, narrowed to the model's. Raises TypeError on a bad manifest."""
        return self.narrowed(model.parameters if model else {})

    def narrowed(self, limits: dict[str, dict[str, Any] | None]) -> tuple[Parameter, ...]:
        """The family's parameters within *limits*; one whose limit is None is left out."""
        narrowed: list[Parameter] = []
        for parameter in self.parameters:
            limit = limits.get(parameter.name, {})
            if limit:
                fields = {**msgspec.structs.asdict(parameter), **limit}
                narrowed.append(msgspec.convert(fields, type(parameter)))
            elif limit is not None:
                narrowed.append(parameter)
        return tuple(narrowed)

    def complete(self, values: dict[str, Any], model: Model | None = None) -> dict[str, Any]:
        """Every parameter's checked value: the given ones, else defaults; a random seed becomes a number.

        Raises ParameterError for an illegal value, StudioError `param.invalid` for an unknown name.
        """
        parameters = self.parameters_for(model)
        unknown = values.keys() - {p.name for p in parameters}
        if unknown:
            raise StudioError(
                "param.invalid", name=", ".join(sorted(unknown)), reason=t("parameter.invalid.unknown")
            )
        complete: dict[str, Any] = {}
        for parameter in parameters:
            value = parameter.check(values.get(parameter.name, parameter.default))
            complete[parameter.name] = parameter.fix(value) if isinstance(parameter, Seed) else value
        return complete
