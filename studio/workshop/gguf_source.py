"""A transformers folder read as GGUF wants it: names, the order of some rows, the tokenizer, the numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from studio.domain.anatomy import Part
from studio.workshop.gguf import Source
from studio.workshop.making import Making

ARCHITECTURES = {
    "LlamaForCausalLM": "llama",
    "MistralForCausalLM": "llama",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
}
PAIRED = "llama"
"""The architecture whose rotations take neighbours for pairs, where transformers takes halves."""


def from_transformers(made: Making, part: Part) -> Source:
    """Raises StudioError `workshop.impossible`."""
    import gguf

    if part.kind not in ARCHITECTURES or part.quantized:
        raise made.impossible("workshop.reason.scheme", part.kind)
    config = json.loads((part.folder / "config.json").read_text("utf-8"))
    architecture = ARCHITECTURES[part.kind]
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise made.impossible("workshop.reason.rope")
    tokens = _tokenizer(made, part.folder, config)
    kind = next(a for a, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(kind, config["num_hidden_layers"])
    tensors = _Tensors(part.folder)
    tied = bool(config.get("tie_word_embeddings"))
    theirs: dict[str, str] = {}
    for name in tensors.names:
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise made.impossible("workshop.reason.scheme", name)
        if not (tied and found == "output.weight"):
            theirs[found] = name
    heads, groups = config["num_attention_heads"], config.get("num_key_value_heads")

    def read(name: str) -> np.ndarray:
        values = tensors.read(theirs[name])
        if architecture == PAIRED and ".attn_q." in name:
            return _paired(values, heads)
        if architecture == PAIRED and ".attn_k." in name:
            return _paired(values, groups or heads)
        return values

    def describe(writer: Any) -> None:
        _numbers(writer, config, rope, made.source.title)
        tokens(writer)

    shapes = {name: tensors.shape(other) for name, other in theirs.items()}
    return Source(architecture, shapes, read, describe)


class _Tensors:
    """The safetensors of a folder, read one by one."""

    def __init__(self, folder: Path) -> None:
        from safetensors import safe_open

        files = [safe_open(file, "pt") for file in sorted(folder.glob("*.safetensors"))]
        self._of = {name: file for file in files for name in file.keys()}  # noqa: SIM118 - not a dict
        self.names = list(self._of)

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._of[name].get_slice(name).get_shape())

    def read(self, name: str) -> np.ndarray:
        return self._of[name].get_tensor(name).float().numpy()


def _paired(values: np.ndarray, heads: int) -> np.ndarray:
    """The rows of each head from halves to pairs."""
    split = values.reshape(heads, 2, -1, *values.shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(values.shape))


def _numbers(writer: Any, config: dict[str, Any], rope: dict[str, Any], title: str) -> None:
    heads, width = config["num_attention_heads"], config["hidden_size"]
    head = config.get("head_dim") or width // heads
    writer.add_name(title)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(width)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def _tokenizer(made: Making, folder: Path, config: dict[str, Any]) -> Any:
    """What writes the vocabulary, if it is one of pieces of bytes."""
    import gguf
    from transformers import AutoTokenizer

    file = folder / "tokenizer.json"
    data = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    model = data.get("model", {})
    written = json.dumps(data.get("pre_tokenizer")) if data else ""
    if model.get("type") != "BPE" or "ByteLevel" not in written or model.get("byte_fallback"):
        raise made.impossible("workshop.reason.tokenizer")
    special = {entry["id"]: entry for entry in data.get("added_tokens", ())}
    words = {number: word for word, number in model["vocab"].items()}
    words |= {number: entry["content"] for number, entry in special.items()}
    tokens, types = [], []
    for number in range(config["vocab_size"]):
        entry = special.get(number)
        tokens.append(words.get(number, f"[unused{number}]"))
        kind = gguf.TokenType.NORMAL if number in words else gguf.TokenType.UNUSED
        if entry is not None:
            kind = gguf.TokenType.CONTROL if entry["special"] else gguf.TokenType.USER_DEFINED
        types.append(kind)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    loaded = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)

    def write(writer: Any) -> None:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(_pieces(written, config["model_type"]))
        writer.add_token_list(tokens)
        writer.add_token_types(types)
        writer.add_token_merges(merges)
        for add, number in (
            (writer.add_bos_token_id, loaded.bos_token_id),
            (writer.add_eos_token_id, loaded.eos_token_id),
            (writer.add_pad_token_id, loaded.pad_token_id),
        ):
            if number is not None:
                add(number)
        begins = loaded("a").input_ids[:1] == [loaded.bos_token_id]
        writer.add_add_bos_token(begins)
        if isinstance(loaded.chat_template, str):
            writer.add_chat_template(loaded.chat_template)

    return write


def _pieces(written: str, kind: str) -> str:
    """How llama.cpp calls the way in which this tokenizer first cuts a text."""
    if kind.startswith("qwen"):
        return "qwen2"
    return "llama-bpe" if "{1,3}" in written else "gpt-2"
