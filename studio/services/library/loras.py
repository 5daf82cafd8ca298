"""LoRAs and their relatives: which layers of which model they change, in whatever naming.

Trainers write `lora_unet_..._lora_down.weight` with underscores, `unet....lora_A.weight` with dots, or
`base_model.model....`; what is left between is the layer. All layers must be known for a base to be named.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from msgspec import Struct

from studio.services.library.signatures import Shape, Tensors, table

_TEXT = re.compile(r"(?:lora_te[123]?_|text_encoders?(?:_[23])?[._]|lora_(?:clip|t5)\w*?_|te[123]?\.)(.*)")
_BASE = re.compile(
    r"(?:(?:lora|lycoris|oft|ia3)_(?:unet|transformer(?!_blocks)|prior_unet)__?|lycoris_|base_model\.model\."
    r"|model\.diffusion_model\.|diffusion_model\.|transformer\.(?!h\.)|unet\.)(.*)"
)
_ENDS = re.compile(
    r"[._](?:"
    r"(?P<down>lora_down|lora_A(?:\.default(?:_\d+)?)?|lora\.down|(?<=lora[12]\.)down|hada_w[12]_b)"
    r"|(?P<up>lora_up|lora_B(?:\.default(?:_\d+)?)?|lora\.up|(?<=lora[12]\.)up|hada_w[12]_a)"
    r"|(?P<lokr>lokr_(?:w[12](?:_[ab])?|t[12]))"
    r"|(?P<rest>lora_mid|hada_t[12]|alpha|dora_scale|lora_magnitude_vector|oft_blocks|oft_diag|on_input"
    r"|diff(?:_[bm])?|w_norm|b_norm|set_weight|rank)"
    r")(?:\.weight|\.bias)?$"
)
_MARKERS = {"lora_controlnet"}
_FORMS = (("lokr", "LoKr"), ("hada", "LoHa"), ("oft_", "OFT"), ("on_input", "IA3"), ("dora_scale", "DoRA"))
_NUMBER = re.compile(r"(?<![A-Za-z])N(?![A-Za-z_])")
_DIRTY = re.compile(r"(?:\.processor|_lora\d?)(?=[._]|$)")


class Base(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that LoRAs are made for. `modules`: patterns of all its layers, "." being what separates and
    "N" a number. `widths`: (out, in) of some. `most`: how many blocks of a name it has. `marks`: one of them
    must be changed.
    """

    name: str
    family: str
    modules: tuple[str, ...]
    widths: dict[str, Shape] = {}
    most: dict[str, int] = {}
    marks: tuple[str, ...] = ()


class Lora(Struct, frozen=True):
    """`form`: "LoRA", "LoKr", ... `bases` by name: one, or those that cannot be told apart, or none known."""

    form: str
    bases: tuple[Base, ...]


class _Layer(Struct):
    """Width of what goes in and comes out, as far as the tensors say."""

    into: int | None = None
    out: int | None = None


def lora_of(tensors: Tensors) -> Lora | None:
    """What *tensors* change; None if they are no LoRA."""
    layers: dict[str, _Layer] = {}
    kron: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for name, tensor in tensors.items():
        if name in _MARKERS or name.endswith((".norm.query_norm.scale", ".norm.key_norm.scale")):
            continue
        end = _ENDS.search(name)
        if end is None:
            return None
        layer = layers.setdefault(name[: end.start()], _Layer())
        shape = tensor.shape
        if end["down"] and len(shape) >= 2:
            layer.into = shape[1]
        elif end["up"] and len(shape) >= 2:
            layer.out = shape[0]
        elif end["lokr"]:
            kron[name[: end.start()]][end["lokr"]] = shape
    if not layers:
        return None
    for name, factors in kron.items():
        layers[name].out, layers[name].into = _product(factors, 0), _product(factors, 1)
    form = next((words for mark, words in _FORMS if any(mark in name for name in tensors)), "LoRA")
    return Lora(form, _bases(layers))


def _product(factors: dict[str, tuple[int, ...]], side: int) -> int | None:
    """A side of the Kronecker product of two matrices, each whole or in two factors."""
    total = 1
    for which in ("lokr_w1", "lokr_w2"):
        shape = factors.get(which) or factors.get(f"{which}_{'ab'[side]}")
        if shape is None or len(shape) <= side:
            return None
        total *= shape[side]
    return total


def _bases(layers: dict[str, _Layer]) -> tuple[Base, ...]:
    parts: dict[str, _Layer] = {}
    for name, layer in layers.items():
        if _TEXT.fullmatch(name):
            continue
        found = _BASE.fullmatch(name)
        parts[_DIRTY.sub("", found[1] if found else name)] = layer
    if not parts:
        return ()
    fitting = [base for base in table("loras", Base) if _fits(base, parts)]
    return tuple({base.name: base for base in fitting}.values())


def _fits(base: Base, parts: dict[str, _Layer]) -> bool:
    whole = _regex("|".join(base.modules))
    if not all(whole.fullmatch(name) for name in parts):
        return False
    for pattern, (out, into) in base.widths.items():
        wanted = _regex(pattern)
        for name, layer in parts.items():
            if wanted.fullmatch(name) and (_differ(layer.out, out) or _differ(layer.into, into)):
                return False
    for block, most in base.most.items():
        number = _index(block)
        if any(int(found[1]) >= most for name in parts for found in number.finditer(name)):
            return False
    marks = [_regex(pattern) for pattern in base.marks]
    return not marks or any(mark.fullmatch(name) for mark in marks for name in parts)


def _differ(there: int | None, wanted: int | None) -> bool:
    return None not in (there, wanted) and there != wanted


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    """Of layers: "." is what separates, "N" a number, "*" anything."""
    pieces = pattern.replace(".", "[._]").replace("*", ".*")
    pieces = _NUMBER.sub(r"\\d+", pieces)
    return re.compile(f"(?:{pieces})")


@cache
def _index(block: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|\.|(?<=\d)_){block}[._](\d+)")
