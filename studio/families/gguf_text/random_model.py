"""A language model of random weights as a GGUF file: for measuring, since time does not depend on values."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
from msgspec import Struct

logging.getLogger("gguf.gguf_writer").setLevel(logging.WARNING)  # it tells of every file

END = 0  # the word that ends a text
HEAD = 64  # width of a head of attention
CONTEXT = 4096

# Bytes of a block and where its scales stand: (offset, value) of float16 numbers, chosen so that weights
# come out near 0.05. Everything else in a block may be anything.
BLOCKS: dict[str, tuple[int, tuple[tuple[int, float], ...]]] = {
    "Q4_0": (18, ((0, 0.01),)),
    "Q4_K": (144, ((0, 0.0002), (2, 0.0015))),
    "Q5_K": (176, ((0, 0.0001), (2, 0.0015))),
    "Q6_K": (210, ((208, 0.00006),)),
    "Q8_0": (34, ((0, 0.0006),)),
}
BLOCK_WEIGHTS = {"Q4_0": 32, "Q8_0": 32}  # 256 in all others


class Shape(Struct, frozen=True, kw_only=True):
    """A Llama: `width`, `inner` width of the feed-forward, `layers`, `vocabulary`."""

    width: int
    inner: int
    layers: int
    vocabulary: int = 512

    @property
    def matrices(self) -> tuple[tuple[str, int, int], ...]:
        """Name, outputs and inputs of the weights of one layer; a quarter as many heads for keys."""
        few = max(HEAD, self.width // 4)
        return (
            ("attn_q", self.width, self.width),
            ("attn_k", few, self.width),
            ("attn_v", few, self.width),
            ("attn_output", self.width, self.width),
            ("ffn_gate", self.inner, self.width),
            ("ffn_up", self.inner, self.width),
            ("ffn_down", self.width, self.inner),
        )

    @property
    def weights(self) -> int:
        """Those that every token is multiplied with; the words' own vectors are only looked up."""
        layer = sum(outputs * inputs for _, outputs, inputs in self.matrices)
        return layer * self.layers + self.width * self.vocabulary


def type_bytes(kind: str) -> float:
    """Bytes of one weight of the type *kind*."""
    return 2.0 if kind == "F16" else BLOCKS[kind][0] / BLOCK_WEIGHTS.get(kind, 256)


def write(
    path: Path, kind: str, shape: Shape, *, vocabulary: Callable[[gguf.GGUFWriter, int], None] | None = None
) -> None:
    """Write a model whose matrices are all of the type *kind*, a name of gguf's. Raises OSError.

    *vocabulary* adds so many words; without it each byte is one.
    """
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.width // HEAD)
    writer.add_head_count_kv(max(1, shape.width // 4 // HEAD))
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    (vocabulary or _bytes)(writer, shape.vocabulary)
    random = np.random.default_rng(0)
    ones = np.ones(shape.width, np.float32)
    known: dict[tuple[int, int], np.ndarray] = {}

    def add(name: str, outputs: int, inputs: int) -> None:
        if (outputs, inputs) not in known:  # the same numbers again are as good as others
            known[outputs, inputs] = _values(random, kind, outputs, inputs)
        writer.add_tensor(name, known[outputs, inputs], raw_dtype=gguf.GGMLQuantizationType[kind])

    add("token_embd.weight", shape.vocabulary, shape.width)
    for layer in range(shape.layers):
        for name, outputs, inputs in shape.matrices:
            add(f"blk.{layer}.{name}.weight", outputs, inputs)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", ones)
    writer.add_tensor("output_norm.weight", ones)
    output = _values(random, kind, shape.vocabulary, shape.width)
    output[END] = 0  # no weights: it is never among the likeliest, so that no text ends by itself
    writer.add_tensor("output.weight", output, raw_dtype=gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _values(random: np.random.Generator, kind: str, outputs: int, inputs: int) -> np.ndarray:
    """Rows of blocks as bytes (outputs, bytes of a row), or float16 (outputs, inputs)."""
    if kind == "F16":
        return (random.standard_normal((outputs, inputs), np.float32) * 0.05).astype(np.float16)
    size, scales = BLOCKS[kind]
    blocks = random.integers(0, 256, (outputs * inputs // BLOCK_WEIGHTS.get(kind, 256), size), np.uint8)
    for offset, value in scales:
        blocks[:, offset : offset + 2] = np.frombuffer(np.float16(value).tobytes(), np.uint8)
    return blocks.reshape(outputs, -1)


def _bytes(writer: gguf.GGUFWriter, size: int) -> None:
    """One word for each byte, as byte-level vocabularies spell them, and invented ones up to *size*."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    letters = [chr(byte) for byte in plain] + [chr(256 + n) for n in range(len(rest))]
    words = [*letters, *(f"w{n}" for n in range(len(letters), size))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(words))
    writer.add_token_merges(["w 2"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(False)
