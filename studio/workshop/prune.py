"""Leaving out of a model what matters least, and letting it recover from that for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.domain.anatomy import DIFFUSERS, MODEL, Anatomy, Part
from studio.domain.comparison import Note
from studio.domain.workshop import CHANNELS, MAGNITUDE, STRUCTURED
from studio.workshop.making import Making, making
from studio.workshop.parts import copy_rest, load, opened, place_of, size_of
from studio.workshop.report import compare

if TYPE_CHECKING:
    from studio.engine.context import Context
    from studio.wire.messages import Run


def work(context: Context, run: Run) -> None:
    """See `METHODS`. Raises StudioError `workshop.impossible`, `disk.full`."""
    import torch

    with making(context, run) as made:
        model = opened(made)
        part = model.denoiser if model.layout == DIFFUSERS else model.parts.get(MODEL)
        if part is None:
            raise made.impossible("workshop.reason.prune")
        made.need(sum(size_of(each) for each in model.parts.values()))
        torch.manual_seed(made.values["seed"])
        kind = made.values["pruning"]
        stored = _stored_type(part)
        module = load(made, part, torch.float32)
        context.phase("prune")
        context.progress(None)
        pruned, figures = _pruned(made, part, module)
        notes = [] if kind in STRUCTURED else [Note(key="workshop.note.unstructured")]
        if made.values["recovery"]:
            figures |= _recover(made, model, module, pruned, keep_zeros=kind not in STRUCTURED)
        context.phase("write")
        copy_rest(made, model, [part.name])
        pruned.to(stored).save_pretrained(place_of(made, model, part), safe_serialization=True)
        report = compare(made, figures={f"{part.name}.{k}": v for k, v in figures.items()}, notes=notes)
        context.saved(made.publish(report, f"{kind.replace('_', '-')}-{made.values['amount']:.0%}"))


def _stored_type(part: Part) -> Any:
    """Of its largest file's first matrix: what is pruned is stored as it was."""
    import torch
    from safetensors import safe_open

    file = max(part.folder.glob("*.safetensors"), key=lambda each: each.stat().st_size)
    with safe_open(file, "pt") as tensors:
        names = (name for name in tensors.keys())  # noqa: SIM118 - not a dict
        kinds = {tensors.get_slice(name).get_dtype() for name in names}
    found = {"F16": torch.float16, "BF16": torch.bfloat16}
    return next((kind for name, kind in found.items() if name in kinds), torch.float32)


def _pruned(made: Making, part: Part, module: Any) -> tuple[Any, dict[str, float]]:
    """Another module, and how many of its numbers are left."""
    kind, amount = made.values["pruning"], made.values["amount"]
    before = sum(p.numel() for p in module.parameters())
    if kind not in STRUCTURED:
        import copy

        pruned = copy.deepcopy(module)
        zeros = _zero(made, pruned, kind, amount)
        return pruned, {"kept": 1 - zeros / before}
    if part.kind == "UNet2DConditionModel":
        from studio.workshop.prune_unet import narrowed

        assert kind == CHANNELS
        pruned = narrowed(made, module, amount)
    else:
        from studio.workshop import prune_language

        pruned = prune_language.WAYS[kind](made, module, amount)
    return pruned, {"kept": sum(p.numel() for p in pruned.parameters()) / before}


def _zero(made: Making, module: Any, kind: str, amount: float) -> int:
    """Set the smallest weights of each layer to zero, or two of every four; returns how many."""
    import torch
    from torch.nn.utils import prune

    layers = [each for each in module.modules() if isinstance(each, torch.nn.Linear | torch.nn.Conv2d)]
    zeros = 0
    for n, layer in enumerate(layers, 1):
        made.context.progress(n / len(layers))
        if kind == MAGNITUDE:
            prune.l1_unstructured(layer, "weight", amount)
        else:
            prune.custom_from_mask(layer, "weight", two_of_four(layer.weight.detach()))
        prune.remove(layer, "weight")
        zeros += int((layer.weight == 0).sum())
    return zeros


def two_of_four(weight: Any) -> Any:
    """A mask that keeps the larger two of every four neighbours; what four do not divide stays whole."""
    import torch

    flat = weight.abs().reshape(weight.shape[0], -1)
    width = flat.shape[1] // 4 * 4
    groups = flat[:, :width].reshape(len(flat), -1, 4)
    kept = torch.zeros_like(groups).scatter_(-1, groups.topk(2, dim=-1).indices, 1.0)
    mask = torch.ones_like(flat)
    mask[:, :width] = kept.reshape(len(flat), width)
    return mask.reshape(weight.shape)


def _recover(
    made: Making, model: Anatomy, teacher: Any, student: Any, *, keep_zeros: bool
) -> dict[str, float]:
    """Teach *student* for a while what the whole model says. Returns its error before and after."""
    from studio.workshop import lessons

    masks = {}
    if keep_zeros:
        masks = {name: value != 0 for name, value in student.named_parameters() if value.dim() > 1}

    def after_step() -> None:
        for name, value in student.named_parameters():
            if name in masks:
                value.data.mul_(masks[name])

    course = lessons.course(made, model, teacher)
    course.begin(student)
    error = course.error(student)
    made.context.phase("train")
    for step in range(made.values["recovery"]):
        course.learn(student)
        after_step()
        made.context.step(step + 1, made.values["recovery"])
    return {"error_before": error, "error_after": course.error(student)}
