"""One part of a model as a program of its own: for ONNX Runtime, or torch's own exported form."""

from __future__ import annotations

import importlib.util
from typing import Any

from studio.domain.anatomy import Anatomy, Part
from studio.domain.comparison import Report
from studio.domain.workshop import WHOLE
from studio.workshop.making import Making
from studio.workshop.parts import load, opened, size_of
from studio.workshop.report import compare

__all__ = ["opened", "to_program"]
NEEDED = ("onnx", "onnxscript")


def to_program(made: Making, model: Anatomy, target: str) -> Report:
    """Export the part that was asked for, as a whole the denoiser, and compare what it computes.

    Raises StudioError `workshop.impossible`.
    """
    import torch

    from studio.workshop import examples

    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if target == "onnx" and missing:
        raise made.impossible("workshop.reason.onnx", ", ".join(missing))
    part = _part(made, model)
    made.need(3 * size_of(part))
    module = load(made, part, torch.float32)
    given = examples.inputs(module)
    if given is None:
        raise made.impossible("workshop.reason.no_example", part.kind)
    made.context.phase("convert")
    made.context.progress(None)
    if hasattr(module.config, "use_cache"):
        module.config.use_cache = False
    wanted = examples.output(module, given)
    with torch.no_grad():
        program = torch.export.export(_First(module), (), kwargs=given, strict=False)
    made.context.check_cancelled()
    name = part.name
    if target == "onnx":
        file = made.folder / f"{name}.onnx"
        torch.onnx.export(program, (), file, kwargs=given, dynamo=True, external_data=True, verbose=False)
        found = _by_onnx(file, given)
    else:
        file = made.folder / f"{name}.pt2"
        torch.export.save(program, file)
        found = torch.export.load(file).module()(**given).float().flatten()
    made.context.check_cancelled()
    return compare(made, figures={f"{name}.cosine": examples.cosine(wanted, found)}, usable=False)


def _part(made: Making, model: Anatomy) -> Part:
    asked = made.values["part"]
    if asked != WHOLE and asked in model.parts:
        return model.parts[asked]
    part = model.denoiser or next(iter(model.parts.values()), None)
    if part is None:
        raise made.impossible("workshop.reason.part")
    return part


def _First(module: Any) -> Any:  # noqa: N802 - a class, made where torch is there
    import torch

    class First(torch.nn.Module):
        """Gives one tensor, where the module gives a record of several."""

        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, **given: Any) -> Any:
            found = self.module(**given)
            return found[0] if isinstance(found, tuple) else next(iter(found.values()))

    return First()


def _by_onnx(file: Any, given: dict[str, Any]) -> Any:
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    flat = {name: value.numpy() for name, value in _flat(given).items()}
    by_name = {name: flat[name] if name in flat else list(flat.values())[n] for n, name in enumerate(names)}
    return torch.from_numpy(session.run(None, by_name)[0]).float().flatten()


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        found |= _flat(value) if isinstance(value, dict) else {name: value}
    return found
