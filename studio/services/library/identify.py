"""Says what any file or folder is, whatever this version can do with it. Reads headers and small JSON."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, cast

import msgspec

from studio.domain import gguf
from studio.domain.failure import Failure, StudioError
from studio.domain.finding import Container, Finding
from studio.families.registry import families
from studio.services.library import headers
from studio.services.library.contents import Content, content_of, precision_of
from studio.services.library.headers import HeaderError, Tensor, read_json
from studio.services.library.place import weights
from studio.services.library.recognize import MAX_CLASSES, fits, kind_of, recognize
from studio.services.library.signatures import Folder, folder_of, gguf_of

log = logging.getLogger(__name__)

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "tokenizer_config.json")
_INDEX = "model_index.json"


def identify(path: Path, *, pickles: bool = False) -> Finding:
    """What lies at *path*. Milliseconds for a file. Never fails: what is broken is a finding too.

    With *pickles* a checkpoint is looked into as well, by the locked process that reads their structure.
    """
    finding = _identify(path.expanduser().absolute())
    return _looked_into(finding) if pickles and finding.container == "pickle" else finding


def _identify(path: Path) -> Finding:
    try:
        if path.is_dir():
            return _folder(path)
        if path.is_file():
            return _file(path)
    except HeaderError as error:
        failure = Failure(code="model.unrecognized", values={"name": path.name}, details=str(error))
        return Finding(path=str(path), bytes=_size(path), failure=failure)
    except OSError as error:
        failure = Failure(code="model.missing", values={"name": path.name}, details=str(error))
        return Finding(path=str(path), failure=failure)
    failure = Failure(code="model.missing", values={"name": path.name})
    return Finding(path=str(path), failure=failure)


# --- files --------------------------------------------------------------------------------------


def _file(path: Path) -> Finding:
    kind = kind_of(path)
    if kind == "gguf":
        return _gguf(path)
    if kind == "safetensors":
        return _safetensors(path)
    if headers.magic(path).startswith(headers.PICKLE_MAGICS):
        failure = Failure(code="model.unsafe", values={"name": path.name, "what": path.name})
        return Finding(
            path=str(path), kind="checkpoint", container="pickle", bytes=_size(path), failure=failure
        )
    failure = Failure(code="model.unrecognized", values={"name": path.name})
    return Finding(path=str(path), bytes=_size(path), failure=failure)


def _looked_into(finding: Finding) -> Finding:
    """A checkpoint by the tensors that it describes, under "state_dict" or another such name or none.

    It stays unusable: only what was converted is ever loaded.
    """
    from studio.services.library import convert  # with NumPy, and rarely needed

    try:
        described = convert.contents(Path(finding.path))
    except (convert.CheckpointError, OSError) as error:
        log.info("%s is not looked into: %s", finding.path, error)
        return finding
    tensors = {
        name.removeprefix("state_dict.").removeprefix("params_ema.").removeprefix("params."): Tensor(
            kind, shape, (0, 0)
        )
        for name, (_, kind, _, _, shape, _) in described.items()
    }
    content = content_of(tensors)
    if content.kind == "unknown":
        return finding
    fields = msgspec.structs.asdict(content)
    return msgspec.structs.replace(finding, precision=precision_of(tensors), **fields)


def _safetensors(path: Path) -> Finding:
    tensors, room = headers.begun(path)
    content = content_of(tensors)
    if content.kind in ("text_encoder", "unknown") and _is_model_folder(path.parent):
        return _folder(path.parent)  # one file of a folder stands for the folder
    finding = _finding(path, "safetensors", content, precision_of(tensors))
    if any(tensor.data_offsets[1] > room for tensor in tensors.values()):
        values = {"name": path.name}
        return msgspec.structs.replace(finding, failure=Failure(code="model.cut_short", values=values))
    if content.kind not in ("model", "denoiser", "unknown"):
        return _part(finding)
    return _judged(finding, content, tensors)


def _is_model_folder(folder: Path) -> bool:
    return (folder / "config.json").is_file() and "architectures" in read_json(folder / "config.json")


def _gguf(path: Path) -> Finding:
    metadata, infos = headers.gguf_header(path)
    tensors = {info.name: Tensor(info.type, info.shape, (0, 0)) for info in infos}
    architecture = str(metadata.get("general.architecture", ""))
    title = str(metadata.get("general.name", "") or "")
    content = Content()
    entry = gguf_of("lora" if metadata.get("general.type") == "adapter" else architecture)
    if entry is not None:
        content = _content_of_entry(entry)
    elif not _loads_gguf(architecture):
        content = content_of(tensors)
    precision = _mostly(infos)
    finding = _finding(path, "gguf", content, precision)
    if content.kind not in ("model", "denoiser", "unknown"):
        return _part(finding)
    judged = _judged(finding, content)
    if judged.runnable:
        return msgspec.structs.replace(judged, name=title or path.stem)
    return judged


def _loads_gguf(architecture: str) -> bool:
    return any(fits(spec, "gguf", [architecture]) for spec in families().values())


def _mostly(infos: tuple[gguf.TensorInfo, ...]) -> str:
    """The type of most of the file: that is what its name says."""
    sizes: dict[str, int] = {}
    for info in infos:
        sizes[info.type] = sizes.get(info.type, 0) + info.bytes
    return max(sizes, key=lambda kind: sizes[kind], default="")


# --- folders ------------------------------------------------------------------------------------


def _folder(path: Path) -> Finding:
    if (path / _INDEX).is_file():
        index = read_json(path / _INDEX)
        entry = folder_of([str(index.get("_class_name", ""))])
        finding = _finding(path, "diffusers", _content_of_entry(entry), _precision_of_parts(path))
        parts = tuple(name for name, value in index.items() if isinstance(value, list))
        return _judged(msgspec.structs.replace(finding, parts=parts), _content_of_entry(entry))
    for name in ("config.json", "adapter_config.json"):
        if (path / name).is_file():
            return _configured(path, read_json(path / name))
    files = sorted(file for file in path.iterdir() if file.is_file())
    model = next((file for file in files if kind_of(file) is not None), None)
    if model is not None:
        return msgspec.structs.replace(_file(model), bytes=_size(path))
    if any((path / name).is_file() for name in _TOKENIZERS):
        return _part(_finding(path, "transformers", Content(kind="tokenizer"), ""))
    pickle = next((file for file in files if headers.magic(file).startswith(headers.PICKLE_MAGICS)), None)
    if pickle is not None:
        return _file(pickle)
    failure = Failure(code="model.unrecognized", values={"name": path.name})
    return Finding(path=str(path), failure=failure)


def _configured(path: Path, config: dict[str, Any]) -> Finding:
    """A folder of one part or one model of transformers, or of a LoRA by PEFT."""
    architectures = config.get("architectures")
    listed = cast("list[Any]", architectures) if isinstance(architectures, list) else []
    names = [str(name) for name in listed[:MAX_CLASSES]]
    names += [str(config[key]) for key in ("_class_name", "peft_type") if config.get(key)]
    entry = folder_of(names)
    content = _content_of_entry(entry)
    if entry is None and names:
        content = Content(name=names[0])
    if "peft_type" in config:
        base = str(config.get("base_model_name_or_path") or "")
        content = msgspec.structs.replace(content, bases=(base,) if base else ())
    container: Container = "diffusers" if "_class_name" in config else "transformers"
    finding = _finding(path, container, content, _precision(path))
    return _judged(finding, content) if content.kind in ("model", "unknown") else _part(finding)


def _content_of_entry(entry: Folder | None) -> Content:
    if entry is None:
        return Content()
    return Content(kind=entry.kind, name=entry.name, family=entry.family, task=entry.task)


def _precision_of_parts(path: Path) -> str:
    """Of the largest part: the denoiser."""
    parts = [folder for folder in path.iterdir() if folder.is_dir() and (folder / "config.json").is_file()]
    return _precision(max(parts, key=_size, default=path))


def _precision(path: Path) -> str:
    names = weights(file.name for file in path.iterdir())
    try:
        return precision_of(headers.safetensors_header(path / names[0])) if names else ""
    except HeaderError as error:
        log.info("%s: %s", path, error)  # what judges the folder says so too, in words
        return ""


# --- what is said of it -------------------------------------------------------------------------


def _finding(path: Path, container: Container, content: Content, precision: str) -> Finding:
    return Finding(
        path=str(path),
        container=container,
        precision=precision,
        bytes=_size(path),
        **msgspec.structs.asdict(content),
    )


def _judged(finding: Finding, content: Content, tensors: dict[str, Tensor] | None = None) -> Finding:
    """A whole model, if a family can load it; else why not. *tensors*: of the file, if they were read."""
    path = Path(finding.path)
    try:
        found = recognize(path, tensors=tensors)
    except StudioError as error:
        failure = error.failure
        if failure.code == "model.unrecognized" and content.kind == "denoiser":
            failure = Failure(
                code="model.part", values={"name": path.name, "what": "kind.denoiser", "of": content.name}
            )
        elif failure.code == "model.unrecognized" and content.name:
            failure = Failure(
                code="model.not_yet",
                values={"name": path.name, "what": content.name},
                details=failure.details,
            )
        return msgspec.structs.replace(finding, failure=failure)
    if content.family and content.family != found.spec.name:  # built alike, and yet something else
        failure = Failure(code="model.not_yet", values={"name": path.name, "what": content.name})
        return msgspec.structs.replace(finding, failure=failure)
    return msgspec.structs.replace(
        finding,
        kind="model",
        family=found.spec.name,
        task=found.spec.tasks[0],
        missing=found.needs,
        failure=None,
    )


def _part(finding: Finding) -> Finding:
    """What is used along with a model and is none itself."""
    values = {
        "name": Path(finding.path).name,
        "what": f"kind.{finding.kind}",
        "of": ", ".join(finding.bases) or "finding.base_unknown",
    }
    return msgspec.structs.replace(finding, failure=Failure(code="model.part", values=values))


def _size(path: Path) -> int:
    there = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in there if file.is_file())
