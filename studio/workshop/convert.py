"""The same model in another type or another form: for the studio, for llama.cpp, for other programs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.domain.anatomy import DIFFUSERS, MODEL, SINGLE, Anatomy, Part, weights_of
from studio.domain.comparison import Note, Report
from studio.domain.workshop import TYPES, WHOLE
from studio.families import registry
from studio.workshop.making import Making, making, slug
from studio.workshop.parts import copy_rest, load, opened, place_of, size_of
from studio.workshop.report import compare

if TYPE_CHECKING:
    from studio.engine.context import Context
    from studio.wire.messages import Run


def work(context: Context, run: Run) -> None:
    """See `METHODS`. Raises StudioError `workshop.impossible`, `disk.full`."""
    with making(context, run) as made:
        model = opened(made)
        target = made.values["target"]
        if target == "gguf":
            from studio.workshop import gguf

            gguf.convert(made, model)
            return
        ways: dict[str, Callable[[Making, Anatomy], Report]] = {
            **dict.fromkeys(TYPES, _to_type),
            "diffusers": _to_folder,
            "single_file": _to_file,
            "merge_lora": _merged,
            "component": _component,
        }
        if target in ways:
            report = ways[target](made, model)
            usable = target != "component"
        else:
            from studio.workshop import export

            report, usable = export.to_program(made, model, target), False
        context.saved(made.publish(report, target.replace("_", "-"), usable=usable))


# --- another type ---------------------------------------------------------------------------------


def _to_type(made: Making, model: Anatomy) -> Report:
    """Number by number, so that it works for every model, and with one file in memory at a time."""
    import torch

    kind = made.values["target"]
    files = [model.path] if model.layout == SINGLE else [f for p in _chosen(made, model) for f in _used(p)]
    size = sum(file.stat().st_size for file in files)
    made.need(2.0 * size if kind == "float32" else size)
    if model.layout != SINGLE:
        copy_rest(made, model, [part.name for part in _chosen(made, model)])
    made.context.phase("convert")
    lost = 0
    for n, file in enumerate(files, 1):
        name = file.name.replace(".fp16", "")
        folder = made.folder if model.layout == SINGLE else made.folder / file.parent.relative_to(model.path)
        lost += _cast(made, file, folder / name, getattr(torch, kind), n, len(files))
    for part in _chosen(made, model) if model.layout != SINGLE else ():
        _say_type(place_of(made, model, part), part, kind)
    notes = [Note(key="workshop.note.overflow", values={"count": str(lost)})] if lost else []
    return compare(made, notes=notes)


def _chosen(made: Making, model: Anatomy) -> list[Part]:
    asked = made.values["part"]
    if any(part.quantized for part in model.parts.values()):
        raise made.impossible("workshop.reason.quantized")
    return list(model.parts.values()) if asked == WHOLE else [model.parts[asked]]


def _used(part: Part) -> list[Path]:
    """The files of *part* that are loaded; copies in half precision beside them are not."""
    files = [file for file in weights_of(part.folder) if file.suffix == ".safetensors"]
    plain = [file for file in files if ".fp16" not in file.name]
    return plain or files


def _cast(made: Making, source: Path, target: Path, kind: Any, number: int, count: int) -> int:
    """Returns how many numbers were too large for *kind*."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    lost = 0
    tensors: dict[str, Any] = {}
    with safe_open(source, "pt") as file:
        names = list(file.keys())
        metadata = file.metadata()
        for n, name in enumerate(names, 1):
            made.context.progress((number - 1 + n / len(names)) / count)
            value = file.get_tensor(name)
            if value.dtype.is_floating_point:
                cast = value.to(kind)
                lost += int((torch.isinf(cast) & ~torch.isinf(value)).sum())
                value = cast
            tensors[name] = value
    save_file(tensors, target, metadata=metadata)
    return lost


def _say_type(folder: Path, part: Part, kind: str) -> None:
    """The configuration names the type, and the list of files their size."""
    config = json.loads((part.folder / "config.json").read_text("utf-8"))
    for key in ("torch_dtype", "dtype"):
        if key in config:
            config[key] = kind
    (folder / "config.json").write_text(json.dumps(config, indent=2), "utf-8")
    for index in part.folder.glob("*.safetensors.index.json"):
        listed = json.loads(index.read_text("utf-8"))
        listed["metadata"] = {"total_size": sum(f.stat().st_size for f in folder.glob("*.safetensors"))}
        listed["weight_map"] = {k: v.replace(".fp16", "") for k, v in listed["weight_map"].items()}
        (folder / index.name.replace(".fp16", "")).write_text(json.dumps(listed, indent=1), "utf-8")


# --- another form ---------------------------------------------------------------------------------


def _to_folder(made: Making, model: Anatomy) -> Report:
    forms = registry.single_file(made.source.family)
    if model.layout != SINGLE or forms is None:
        raise made.impossible("workshop.reason.form")
    made.need(model.path.stat().st_size)
    made.context.phase("convert")
    try:
        forms.unpack(model.path, made.folder, made.context.progress)
    except (ValueError, KeyError, RuntimeError) as error:
        raise made.impossible("workshop.reason.form", str(error)) from error
    return compare(made)


def _to_file(made: Making, model: Anatomy) -> Report:
    forms = registry.single_file(made.source.family)
    if model.layout != DIFFUSERS or forms is None:
        raise made.impossible("workshop.reason.form")
    made.need(sum(size_of(part) for part in model.parts.values()))
    made.context.phase("convert")
    file = made.folder / f"{slug(made.source.title or made.path.stem)}.safetensors"
    try:
        forms.pack(model.path, file, made.context.progress)
    except (ValueError, KeyError) as error:
        raise made.impossible("workshop.reason.form", str(error)) from error
    return compare(made, result=file)


def _component(made: Making, model: Anatomy) -> Report:
    part = model.parts.get(made.values["part"])
    if part is None:
        raise made.impossible("workshop.reason.part")
    made.need(size_of(part))
    made.context.phase("write")
    shutil.copytree(part.folder, made.folder, dirs_exist_ok=True)
    return compare(made, usable=False)


def _merged(made: Making, model: Anatomy) -> Report:
    """The weights with those of a LoRA added for good."""
    import torch

    lora = Path(made.values["lora"]).expanduser()
    if not made.values["lora"] or not lora.exists():
        raise made.impossible("workshop.reason.lora")
    made.need(sum(size_of(part) for part in model.parts.values()))
    made.context.phase("convert")
    made.context.progress(None)
    try:
        modules = _with_lora(made, model, lora)
    except (ValueError, KeyError, RuntimeError, OSError) as error:
        raise made.impossible("workshop.reason.lora_fits", str(error)) from error
    made.context.phase("write")
    copy_rest(made, model, list(modules))
    with torch.no_grad():
        for name, module in modules.items():
            made.context.check_cancelled()
            module.save_pretrained(place_of(made, model, model.parts[name]), safe_serialization=True)
    return compare(made)


def _with_lora(made: Making, model: Anatomy, lora: Path) -> dict[str, Any]:
    """The parts that *lora* changes, by name, changed."""
    import torch
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    strength = made.values["strength"]
    if model.layout == DIFFUSERS:
        import diffusers

        names = [n for n, part in model.parts.items() if not part.kind.startswith("Autoencoder")]
        kind = json.loads((model.path / "model_index.json").read_text("utf-8"))["_class_name"]
        pipeline = getattr(diffusers, kind).from_pretrained(
            str(model.path), local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        pipeline.load_lora_weights(
            str(lora.parent if lora.is_file() else lora),
            weight_name=lora.name if lora.is_file() else None,
            local_files_only=True,
        )
        pipeline.fuse_lora(lora_scale=strength)
        pipeline.unload_lora_weights()
        return {name: getattr(pipeline, name) for name in names}
    module = load(made, model.parts[MODEL], torch.float32)
    adapted = PeftModel.from_pretrained(module, str(lora), local_files_only=True)
    for layer in adapted.modules():
        if isinstance(layer, LoraLayer):
            layer.scale_layer(strength)
    return {MODEL: adapted.merge_and_unload()}
