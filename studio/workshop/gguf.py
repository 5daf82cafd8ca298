"""Language models as GGUF: from transformers' files with their tokenizer, or a GGUF in fewer bits.

One matrix is in memory at a time, and the user's wish to stop is looked at before each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from studio.domain.anatomy import GGUF, MODEL, TRANSFORMERS, Anatomy
from studio.domain.comparison import Note
from studio.workshop.making import Making, slug
from studio.workshop.report import compare

FINER = ("token_embd.weight", "output.weight")
"""What says the words is kept at eight bits: rounding there is heard most."""


class Source(NamedTuple):
    """Tensors by their GGUF names with their shapes, `read` one as float32, `describe` a writer."""

    architecture: str
    shapes: dict[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    describe: Callable[[Any], None]


def quantize(made: Making, model: Anatomy, scheme: str) -> None:
    """See `METHODS`. Raises StudioError `workshop.impossible`, `disk.full`."""
    made.context.saved(_written(made, model, scheme))


def convert(made: Making, model: Anatomy) -> None:
    """A transformers folder as GGUF in 16 bits."""
    made.context.saved(_written(made, model, "F16"))


def architecture(path: Path) -> str:
    """What the GGUF file at *path* says it is."""
    from studio.domain import gguf

    with path.open("rb") as file:
        return str(gguf.read_metadata(file, until="general.architecture").get("general.architecture"))


def _written(made: Making, model: Anatomy, scheme: str) -> Any:
    if model.layout == GGUF:
        source = _from_gguf(model.path)
    elif model.layout == TRANSFORMERS:
        from studio.workshop.gguf_source import from_transformers

        source = from_transformers(made, model.parts[MODEL])
    else:
        raise made.impossible("workshop.reason.scheme")
    phase = "convert" if made.method.name == "convert" else "quantize"
    file = made.folder / f"{slug(made.source.title or made.path.stem)}-{scheme}.gguf"
    share = write(made, file, source, scheme, phase)
    notes = [Note(key="workshop.note.finer")] if scheme not in ("F16", "Q8_0") else []
    report = compare(made, figures={"bits_per_weight": share}, notes=notes, result=file)
    return made.publish(report, scheme)


def write(made: Making, file: Path, source: Source, scheme: str, phase: str) -> float:
    """The whole file; returns bits per weight, over all of them."""
    import gguf

    types = {name: _type(name, shape, scheme, gguf) for name, shape in source.shapes.items()}
    made.need(sum(_bytes(source.shapes[name], kind, gguf) for name, kind in types.items()))
    writer = gguf.GGUFWriter(file, source.architecture)
    source.describe(writer)
    writer.add_file_type(getattr(gguf.LlamaFileType, f"MOSTLY_{scheme}"))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for name, kind in types.items():
        shape = source.shapes[name]
        size = _bytes(shape, kind, gguf)
        if kind in (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16):
            dtype = np.dtype(np.float32 if kind == gguf.GGMLQuantizationType.F32 else np.float16)
            writer.add_tensor_info(name, shape, dtype, size)
        else:
            packed = gguf.quant_shape_to_byte_shape(shape, kind)
            writer.add_tensor_info(name, packed, np.dtype(np.uint8), size, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    made.context.phase(phase)
    for n, (name, kind) in enumerate(types.items(), 1):
        made.context.progress(n / len(types))
        writer.write_tensor_data(gguf.quants.quantize(source.read(name), kind))
    writer.close()
    weights = sum(int(np.prod(shape)) for shape in source.shapes.values())
    return 8 * sum(_bytes(source.shapes[name], kind, gguf) for name, kind in types.items()) / weights


def _type(name: str, shape: tuple[int, ...], scheme: str, gguf: Any) -> Any:
    kinds = gguf.GGMLQuantizationType
    if len(shape) < 2:
        return kinds.F32
    if scheme == "F16" or shape[-1] % 32:
        return kinds.F16
    return kinds.Q8_0 if name in FINER else kinds[scheme]


def _bytes(shape: Iterable[int], kind: Any, gguf: Any) -> int:
    block, size = gguf.GGML_QUANT_SIZES[kind]
    return int(np.prod(list(shape))) // block * size


def _from_gguf(file: Path) -> Source:
    """Another one in other types, with everything else that it says."""
    import gguf

    reader = gguf.GGUFReader(file)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    said = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    own = ("general.architecture", "general.file_type", "general.quantization_version")

    def describe(writer: Any) -> None:
        for name, field in said.items():
            if name not in own:
                inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
                writer.add_key_value(name, field.contents(), field.types[0], sub_type=inner)

    def read(name: str) -> np.ndarray:
        tensor = tensors[name]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        return np.ascontiguousarray(values, dtype=np.float32)

    # The file says its shapes the other way round.
    shapes = {name: tuple(int(n) for n in reversed(tensor.shape)) for name, tensor in tensors.items()}
    return Source(str(said["general.architecture"].contents()), shapes, read, describe)
