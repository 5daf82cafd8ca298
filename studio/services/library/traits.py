"""What a language model can do and see, read from its files without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from studio.domain.gguf import MAGIC, GgufError, read_metadata
from studio.services.library.headers import HeaderError, magic, read_json

TEMPLATES = ("chat_template.jinja", "chat_template.json")


class Traits(Struct, frozen=True):
    """`chat`: it was trained for conversation. `context`: tokens it can see. None: the files do not say."""

    chat: bool | None = None
    context: int | None = None


def read_traits(path: Path) -> Traits:
    """Of the file or folder *path*. May take a tenth of a second; call it in a thread."""
    try:
        if path.is_dir():
            return _folder(path)
        if magic(path).startswith(MAGIC):
            return _gguf(path)
    except (OSError, HeaderError, GgufError):  # its family will say what is wrong when it loads it
        return Traits()
    return Traits()


def _gguf(path: Path) -> Traits:
    with path.open("rb") as file:
        header = read_metadata(file)
    context = header.get(f"{header.get('general.architecture', '')}.context_length")
    return Traits(bool(header.get("tokenizer.chat_template")), _positive(context))


def _folder(folder: Path) -> Traits:
    config = read_json(folder / "config.json")
    inner = config.get("text_config")
    text: dict[str, Any] = cast("dict[str, Any]", inner) if isinstance(inner, dict) else config
    template = any((folder / name).is_file() for name in TEMPLATES)
    tokenizer = folder / "tokenizer_config.json"
    if not template and tokenizer.is_file():
        template = bool(read_json(tokenizer).get("chat_template"))
    return Traits(template, _positive(text.get("max_position_embeddings", text.get("n_positions"))))


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
