"""Fewer bits for each weight, written to disk: by torchao for what torch computes, as GGUF for llama.cpp."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from studio.domain import late
from studio.domain.anatomy import DIFFUSERS, GGUF, Anatomy, Part
from studio.domain.comparison import Note
from studio.domain.workshop import NF4, TORCHAO, WHOLE
from studio.workshop.making import Making, making
from studio.workshop.parts import copy_rest, load, opened, place_of, size_of
from studio.workshop.report import compare

if TYPE_CHECKING:
    from studio.engine.context import Context
    from studio.wire.messages import Run

SCALES = 1.02  # of the quantized weights' bytes: what their scales add


def work(context: Context, run: Run) -> None:
    """See `METHODS`. Raises StudioError `workshop.impossible`, `quant.unsupported`, `disk.full`."""
    with making(context, run) as made:
        scheme = made.values["scheme"]
        if scheme == NF4:
            raise made.impossible("workshop.reason.nf4")
        model = opened(made)
        if scheme not in TORCHAO:
            from studio.workshop import gguf

            gguf.quantize(made, model, scheme)
            return
        if model.layout == GGUF or not model.parts:
            raise made.impossible("workshop.reason.scheme")
        _torchao(made, model, scheme)


def _torchao(made: Making, model: Anatomy, scheme: str) -> None:
    context = made.context
    chosen = chosen_parts(made, model)
    made.need(sum(size_of(part) for part in model.parts.values()))
    figures: dict[str, float] = {}
    notes: list[Note] = []
    copy_rest(made, model, [part.name for part in chosen])
    for part in chosen:
        context.phase("load")
        context.progress(None)
        figures |= _part(made, model, part, scheme)
    if kept := sorted(model.parts.keys() - {part.name for part in chosen}):
        notes.append(Note(key="workshop.note.kept", values={"parts": ", ".join(kept)}))
    report = compare(made, figures=figures, notes=notes)
    context.saved(made.publish(report, scheme))


def chosen_parts(made: Making, model: Anatomy) -> list[Part]:
    """The one that was asked for; as a whole, all but autoencoders, whose damage is seen at once."""
    asked = made.values["part"]
    if asked != WHOLE:
        if asked not in model.parts:
            raise made.impossible("workshop.reason.part")
        return [model.parts[asked]]
    if model.layout != DIFFUSERS:
        return list(model.parts.values())
    return [part for part in model.parts.values() if not part.kind.startswith("Autoencoder")]


def _part(made: Making, model: Anatomy, part: Part, scheme: str) -> dict[str, float]:
    """Write *part* quantized, and tell what came of it, by `<part>.<figure>`."""
    import torch

    late.show("torchao")
    from torchao.quantization import quantize_

    from studio.workshop import examples

    context = made.context
    dtype = torch.bfloat16
    module = load(made, part, dtype)
    fits = _fitting(module)
    if not fits:
        raise made.impossible("workshop.reason.no_layers")
    given = examples.inputs(module)
    before = examples.output(module, given) if given else None
    plain = sum(p.numel() for p in module.parameters()) * dtype.itemsize
    layers = sum(layer.weight.numel() for layer in fits.values()) * dtype.itemsize
    context.phase("quantize")
    done: list[str] = []

    def wanted(_: Any, name: str) -> bool:
        context.check_cancelled()
        if name not in fits:
            return False
        done.append(name)
        context.progress(len(done) / len(fits))
        return True

    quantize_(module, _config(scheme), filter_fn=wanted)
    figures: dict[str, float] = {}
    if before is not None:
        figures["cosine"] = examples.cosine(before, examples.output(module, given or {}))
    context.phase("write")
    written = _write(made, model, part, module, scheme)
    packed = written["layers"]
    figures["layers_share"] = packed / layers
    figures["share"] = written["file"] / plain
    figures["expected_share"] = (plain - layers + layers / dtype.itemsize * SCALES) / plain
    return {f"{part.name}.{name}": value for name, value in figures.items()}


def _fitting(module: Any) -> dict[str, Any]:
    """The layers that are quantized, by name: matrices, but for the one that says the next word.

    That one is often the embedding itself, and rounding in it is heard most.
    """
    import torch

    last = module.get_output_embeddings() if hasattr(module, "get_output_embeddings") else None
    return {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer is not last and min(layer.weight.shape) >= 16
    }


def _config(scheme: str) -> Any:
    from torchao.quantization import (
        Float8WeightOnlyConfig,
        Int8DynamicActivationInt8WeightConfig,
        Int8WeightOnlyConfig,
    )

    if scheme == "int8":
        return Int8WeightOnlyConfig(version=2)
    return (
        Int8DynamicActivationInt8WeightConfig(version=2)
        if scheme == "int8_dynamic"
        else Float8WeightOnlyConfig()
    )


def _write(made: Making, model: Anatomy, part: Part, module: Any, scheme: str) -> dict[str, float]:
    """The weights as safetensors, laid flat as torchao does, and how in the configuration."""
    from safetensors.torch import save_file
    from torchao.core.config import config_to_dict
    from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict

    folder = place_of(made, model, part)
    tensors, metadata = flatten_tensor_state_dict(_state(module))
    name = "diffusion_pytorch_model" if part.library == "diffusers" else "model"
    file = folder / f"{name}.safetensors"
    contiguous = {key: value.contiguous() for key, value in tensors.items()}
    save_file(contiguous, file, metadata={**metadata, "format": "pt"})
    config = json.loads((part.folder / "config.json").read_text("utf-8"))
    # As diffusers and transformers write it themselves, so that they can load it too.
    quantization = {
        "quant_method": "torchao",
        "quant_type": {"default": config_to_dict(_config(scheme))},
        "modules_to_not_convert": _plain_layers(module) or None,
    }
    for key in ("torch_dtype", "dtype"):
        if key in config:
            config[key] = "bfloat16"
    config["quantization_config"] = quantization
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True), "utf-8")
    packed = sum(v.numel() * v.element_size() for k, v in tensors.items() if "._weight_" in k)
    return {"file": float(file.stat().st_size), "layers": float(packed)}


def _state(module: Any) -> dict[str, Any]:
    """Its tensors by name, each storage once: tied weights are tied again when they are loaded."""
    ties = getattr(module, "_tied_weights_keys", None) or ()
    tied = set(ties) if getattr(module.config, "tie_word_embeddings", False) else set[str]()
    return {key: value for key, value in module.state_dict().items() if key not in tied}


def _plain_layers(module: Any) -> list[str]:
    """The matrices that stayed as they were, by name."""
    import torch

    layers = ((name, layer) for name, layer in module.named_modules() if isinstance(layer, torch.nn.Linear))
    return [name for name, layer in layers if type(layer.weight.data) is torch.Tensor]
