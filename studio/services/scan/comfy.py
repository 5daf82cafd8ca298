"""`extra_model_paths.yaml`: the other folders in which ComfyUI looks for models."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, cast

log = logging.getLogger(__name__)

NAMES = ("extra_model_paths.yaml", "extra_models_config.yaml")
MAX_BYTES = 2**20


def extra_folders(program: Path) -> list[Path]:
    """The folders that are there of those that the files beside *program* name. Broken files name none."""
    found: dict[Path, None] = {}
    for name in NAMES:
        file = program / name
        if file.is_file():
            for folder in _folders(_read(file), program):
                if folder.is_dir():
                    found[folder] = None
    return list(found)


def _read(file: Path) -> Any:
    import yaml

    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) <= MAX_BYTES and not _grows(data):
            return yaml.safe_load(data)
        log.info("%s is left out: too large, or written to grow", file)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        log.info("%s cannot be read: %s", file, error)
    return None


def _grows(data: bytes) -> bool:
    """Anchors and aliases, by which a few lines stand for gigabytes; nobody writes folders so."""
    return b"&" in data and b"*" in data


def _folders(config: Any, program: Path) -> list[Path]:
    """Each section has its `base_path`; every other value is a folder, or several, one a line."""
    found: list[Path] = []
    if not isinstance(config, dict):
        return found
    for section in cast("dict[Any, Any]", config).values():
        if not isinstance(section, dict):
            continue
        values = cast("dict[Any, Any]", section)
        base = _path(str(values.get("base_path") or ""), program)
        for key, value in values.items():
            if key in ("base_path", "is_default", "custom_nodes") or not isinstance(value, str):
                continue
            found += [_path(line.strip(), base) for line in value.splitlines() if line.strip()]
    return found


def _path(text: str, base: Path) -> Path:
    return base / Path(os.path.expandvars(text)).expanduser() if text else base
