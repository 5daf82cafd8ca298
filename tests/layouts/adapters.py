"""LoRAs in the namings of their trainers, for layers of real widths."""

from __future__ import annotations

import re

from tests.layouts.rows import Shapes

RANK = 16
_ATTENTION = re.compile(r".*(attn\d?|attention)\.(to_[qkv]|to_out\.0|qkv|out|add_[qkv]_proj|to_add_out)$")


def layers(model: Shapes, wanted: str) -> dict[str, tuple[int, ...]]:
    """The weights of *model* whose layer is like the pattern *wanted*, by layer."""
    return {
        name.removesuffix(".weight"): shape
        for name, shape in model.items()
        if name.endswith(".weight") and len(shape) > 1 and re.fullmatch(wanted, name.removesuffix(".weight"))
    }


ATTENTION = _ATTENTION.pattern


def kohya(of: dict[str, tuple[int, ...]], prefix: str = "lora_unet_") -> Shapes:
    found: Shapes = {}
    for layer, (out, into, *_) in of.items():
        name = prefix + layer.replace(".", "_")
        found |= {
            f"{name}.lora_down.weight": (RANK, into),
            f"{name}.lora_up.weight": (out, RANK),
            f"{name}.alpha": (),
        }
    return found


def peft(of: dict[str, tuple[int, ...]], prefix: str) -> Shapes:
    found: Shapes = {}
    for layer, (out, into, *_) in of.items():
        found |= {
            f"{prefix}{layer}.lora_A.weight": (RANK, into),
            f"{prefix}{layer}.lora_B.weight": (out, RANK),
        }
    return found


def processors(of: dict[str, tuple[int, ...]]) -> Shapes:
    """As diffusers once named them."""
    found: Shapes = {}
    for layer, (out, into, *_) in of.items():
        block, _, name = layer.replace("to_out.0", "to_out").rpartition(".")
        place = f"unet.{block}.processor.{name}_lora"
        found |= {f"{place}.down.weight": (RANK, into), f"{place}.up.weight": (out, RANK)}
    return found


def loha(of: dict[str, tuple[int, ...]], prefix: str = "lora_unet_") -> Shapes:
    found: Shapes = {}
    for layer, (out, into, *_) in of.items():
        name = prefix + layer.replace(".", "_")
        for n in "12":
            found |= {f"{name}.hada_w{n}_a": (out, 8), f"{name}.hada_w{n}_b": (8, into)}
        found[f"{name}.alpha"] = ()
    return found


def lokr(of: dict[str, tuple[int, ...]], prefix: str = "lycoris_") -> Shapes:
    found: Shapes = {}
    for layer, (out, into, *_) in of.items():
        name = prefix + layer.replace(".", "_")
        found |= {
            f"{name}.lokr_w1": (8, 8),
            f"{name}.lokr_w2_a": (out // 8, RANK),
            f"{name}.lokr_w2_b": (RANK, into // 8),
            f"{name}.alpha": (),
        }
    return found
