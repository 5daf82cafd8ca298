"""Whether a model converses and how much it sees, told by its files alone."""

from pathlib import Path

import pytest

from studio.services.library.traits import Traits, read_traits
from tests.fakes.model_files import TINY, gguf, gguf_number, gguf_text, write

CONFIG = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 2048}


def test_a_gguf_file(tmp_path: Path) -> None:
    head = [gguf_text("general.architecture", "qwen2"), gguf_number("qwen2.context_length", 32_768)]
    base = write(tmp_path, {"base": gguf(*head)}) / "base"
    chat = write(tmp_path, {"chat": gguf(*head, gguf_text("tokenizer.chat_template", "x"))}) / "chat"
    assert read_traits(base) == Traits(chat=False, context=32_768)
    assert read_traits(chat) == Traits(chat=True, context=32_768)


@pytest.mark.parametrize(
    ("files", "chat"),
    [
        ({}, False),
        ({"chat_template.jinja": b"x"}, True),
        ({"tokenizer_config.json": {"chat_template": "x"}}, True),
        ({"tokenizer_config.json": {}}, False),
    ],
)
def test_a_folder(tmp_path: Path, files: dict, chat: bool) -> None:
    assert read_traits(write(tmp_path, {"config.json": CONFIG, **files})) == Traits(chat=chat, context=2048)


def test_a_context_of_the_inner_model(tmp_path: Path) -> None:
    write(tmp_path, {"config.json": {"text_config": {"max_position_embeddings": 512}}})
    assert read_traits(tmp_path).context == 512


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", gguf(count=5), TINY, b"GGUF" + b"\xff" * 64, gguf(gguf_number("a", 1))]
)
def test_what_tells_nothing_is_not_guessed(tmp_path: Path, content: bytes) -> None:
    found = read_traits(write(tmp_path, {"m": content}) / "m")
    assert not found.chat
    assert found.context is None
    assert read_traits(tmp_path) == Traits()
    assert read_traits(tmp_path / "nowhere") == Traits()
