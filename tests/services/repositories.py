"""Repositories for a hub of the tests: real layouts, whose weights are many zeros behind true headers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studio.services.paths import ASSETS
from tests.fakes.model_files import safetensors
from tests.fakes.tiny_text import write_gguf

COMMIT = "beef" * 10
STARTER = ASSETS / "models" / "starter-icons"
HIDDEN = 512
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": 2 * HIDDEN,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "vocab_size": 1000,
}


def diffusers() -> dict[str, bytes]:
    """The bundled image model, its denoiser in two shards."""
    return {
        file.relative_to(STARTER).as_posix(): file.read_bytes()
        for file in STARTER.rglob("*")
        if file.is_file()
    }


def sharded() -> dict[str, bytes]:
    """A language model in two shards, and what often lies beside it."""
    shapes = {
        "model.embed_tokens.weight": [1000, HIDDEN],
        "lm_head.weight": [1000, HIDDEN],
        "model.norm.weight": [HIDDEN],
        **{
            f"model.layers.{layer}.{name}.weight": shape
            for layer in range(4)
            for name, shape in {
                **{f"self_attn.{which}_proj": [HIDDEN, HIDDEN] for which in "qkvo"},
                "mlp.gate_proj": [2 * HIDDEN, HIDDEN],
                "mlp.up_proj": [2 * HIDDEN, HIDDEN],
                "mlp.down_proj": [HIDDEN, 2 * HIDDEN],
            }.items()
        },
    }
    tensors = {name: ("F16", shape, bytes(2 * _product(shape))) for name, shape in shapes.items()}
    names = list(tensors)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    shards = {
        f"model-0000{number}-of-00002.safetensors": {name: tensors[name] for name in half}
        for number, half in enumerate(halves, 1)
    }
    index = {"weight_map": {name: shard for shard, inside in shards.items() for name in inside}}
    return {
        "config.json": as_json(CONFIG),
        "tokenizer.json": as_json({"model": {"vocab": {}}}),
        "model.safetensors.index.json": as_json(index),
        "README.md": b"# A model",
        "consolidated.safetensors": safetensors(tensors),
        "pytorch_model.bin": b"PK\x03\x04" + bytes(100_000),
        **{name: safetensors(inside) for name, inside in shards.items()},
    }


def gguf(folder: Path, padding: int = 20_000_000) -> bytes:
    """A real header, and weights of zeros."""
    return write_gguf(folder / "tiny.gguf").read_bytes() + bytes(padding)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def on_disk(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def _product(shape: list[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
