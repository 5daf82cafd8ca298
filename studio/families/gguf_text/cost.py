"""What an answer costs on llama.cpp: by weights of each type, whose speed the family measures itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from studio.domain.cost.cost import Cost, ModelFacts, Part, PartFacts, Stage, Tensor
from studio.domain.cost.ops import Attention, Own, Tally, Written
from studio.domain.cost.tokens import conversation, tokens
from studio.domain.writing import COMPLETION, beginning

PART, REPACKED = "model", "repacked"
BATCH = 128  # tokens read at once, as the server is told
PADDING = 256  # to a multiple of which it makes its cache
WORD_BYTES, MERGE_BYTES = 210, 160  # what it keeps of each word, and of each pair that makes one; measured
# Its working memory for each token of a batch, measured: twice the inner width, six times the outer one.
INNER, OUTER = 2, 6
REPACK = ("Q4_0", "Q4_K")  # types that it copies into another order; the file stays mapped. Measured on x86
MEASURED = {"Q4_0": 4.5, "Q4_K": 4.5, "Q5_K": 5.5, "Q6_K": 6.5625, "Q8_0": 8.5, "F16": 16.0}
"""Bits of a weight in the types that `measure` tries."""

LAYER = re.compile(r"^blk\.(\d+)\.")
EXPERTS = re.compile(r"_(?:ch)?exps\.")
LOOKED_UP = re.compile(r"^(?:token_embd|position_embd|token_types|per_layer_token_embd)\.")
WINDOWS = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "exaone4": 4}
"""Architectures whose layers look back over a window only, but for each second, sixth... one."""


class Model(NamedTuple):
    """`weights`: those that a token passes, by measured type; `last`, those that only the last token of a
    prompt passes. `keys`: elements of keys and values of one token, `near`: those of layers with a `window`.
    """

    weights: dict[str, float]
    last: dict[str, float]
    layers: int
    heads: int
    head_width: int
    attending: int
    keys: int
    near: int
    window: int
    width: int
    inner: int
    vocabulary: int
    longest: int
    repacked: int


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request. Raises StopIteration for a file without an embedding."""
    part = facts.parts[PART]
    model = part.once(_read)
    longest = model.longest or values["context_length"]
    context = -(-min(values["context_length"], longest) // PADDING) * PADDING
    prompt = min(prompt_tokens(values), context - 1)
    room = max(1, min(values["max_tokens"], context - prompt))
    near = min(context, -(-(model.window + BATCH) // PADDING) * PADDING)
    cache = float((model.keys - model.near) * context + model.near * near)
    merges = part.config.get("tokenizer.ggml.model") == "gpt2"
    words = model.vocabulary * (WORD_BYTES + (MERGE_BYTES if merges else 0))
    batch = min(prompt, BATCH)
    alive = float(batch * (INNER * model.inner + OUTER * model.width) + model.vocabulary)
    alive_written = Written(alive + model.heads * batch * context)
    parts = [
        Part(
            name=PART,
            elements=part.elements,
            stored_bytes=part.bytes,
            fixed_bytes=part.bytes,
            load=Own("gguf.load", float(part.bytes)),
        ),
        Part(
            name=REPACKED,
            elements=0,
            stored_bytes=0,
            fixed_bytes=model.repacked,
            load=Own("gguf.start", 1.0),
        ),
    ]
    return Cost(
        parts=tuple(each for each in parts if each.fixed_bytes),
        stages=(
            Stage(
                phase="prompt",
                part=PART,
                ops=_reading(model, prompt),
                alive=alive,
                written=alive_written,
                kept_bytes=words,
                cache=cache,
                cached=context,
            ),
            Stage(
                phase="generate",
                part=PART,
                ops=_writing(model, prompt + room // 2),
                repeats=room - 1,
                alive=alive,
                written=alive_written,
                kept_bytes=words,
                cache=cache,
                cached=context,
            ),
        ),
    )


def prompt_tokens(values: dict[str, Any]) -> int:
    """About how many tokens the model reads first. Mode "auto" is taken for a chat."""
    if values["mode"] == COMPLETION:
        return max(1, tokens(beginning(values)))
    turns = [values["system"], *(turn["content"] for turn in values["messages"]), values["prompt"]]
    return conversation(turn for turn in turns if turn)


def nearest(kind: str, bits: float, known: Iterable[str] = MEASURED) -> str:
    """The type of *known* (any of `MEASURED`) whose speed is that of *kind*, of *bits* a weight."""
    family = kind.endswith("_K") or kind.startswith("IQ")
    return min(
        known,
        key=lambda other: (other != kind, abs(MEASURED[other] - bits), other.endswith("_K") != family),
    )


def _reading(model: Model, prompt: int) -> tuple[tuple[Any, int], ...]:
    tally = Tally()
    for kind, weights in model.weights.items():
        tally.add(Own(f"gguf.read.{kind}", weights * prompt))
    for kind, weights in model.last.items():
        tally.add(Own(f"gguf.write.{kind}", weights))
    # A batch looks at all before it, and at half of itself.
    batches = [(at, min(BATCH, prompt - at)) for at in range(0, prompt, BATCH)]
    tally.add(Own("gguf.token", 1.0), len(batches))
    tally.add(Own("gguf.layer", float(model.layers)), len(batches))
    for before, size in batches:
        tally.add(Attention(model.heads, size, before + (size + 1) // 2, model.head_width), model.attending)
    return tally.ops


def _writing(model: Model, context: int) -> tuple[tuple[Any, int], ...]:
    tally = Tally()
    for counted in (model.weights, model.last):
        for kind, weights in counted.items():
            tally.add(Own(f"gguf.write.{kind}", weights))
    tally.add(Own("gguf.token", 1.0))
    tally.add(Own("gguf.layer", float(model.layers)))
    tally.add(Own("gguf.vocabulary", float(model.vocabulary)))
    tally.add(Attention(model.heads, 1, context, model.head_width), model.attending)
    return tally.ops


def _read(part: PartFacts) -> Model:
    config: dict[str, Any] = part.config
    architecture = config.get("general.architecture", "")

    def of(key: str, default: int = 0) -> int:
        value = config.get(f"{architecture}.{key}", default)
        return int(max(value) if isinstance(value, tuple) else value)

    matrices = [tensor for tensor in part.tensors if len(tensor.shape) > 1]
    embedding = next(tensor for tensor in matrices if tensor.name.startswith("token_embd."))
    output = next((tensor for tensor in matrices if tensor.name.startswith("output.")), embedding)
    width = of("embedding_length") or min(embedding.shape)
    layers = of("block_count") or 1 + max(
        (int(found[1]) for tensor in matrices if (found := LAYER.match(tensor.name))), default=0
    )
    used = of("expert_used_count") / max(1, of("expert_count", 1))
    # These keep a state of a fixed size instead of keys and values, though one matrix is called as theirs.
    stateful = {
        found[1] for tensor in part.tensors if ".ssm_" in tensor.name and (found := LAYER.match(tensor.name))
    }
    weights: Counter[str] = Counter()
    last: Counter[str] = Counter()
    inner = keys = near = attending = repacked = 0
    for tensor in matrices:
        if tensor is output or LOOKED_UP.match(tensor.name):
            continue
        found, routed = LAYER.match(tensor.name), bool(EXPERTS.search(tensor.name))
        number = int(found[1]) if found else 0
        # Behind the last layer's attention only the token that is asked for goes on.
        final = number == layers - 1 and ".ffn_" in tensor.name
        target = last if final else weights
        target[_measured(tensor)] += tensor.elements * (used if routed else 1.0) * _heaviness(tensor)
        repacked += _repacked(tensor)
        if ".ffn_up" in tensor.name and not routed:
            inner = max(inner, tensor.elements // width)
        mine = 0 if found and found[1] in stateful else _cached(tensor, of, width)
        keys += mine
        attending += mine > 0 and ".attn_v" not in tensor.name
        if mine and _is_near(
            number, config.get(f"{architecture}.attention.sliding_window_pattern"), architecture
        ):
            near += mine
    last[_measured(output)] += output.elements * _heaviness(output)
    heads = max(1, of("attention.head_count", 1))
    return Model(
        weights=dict(weights),
        last=dict(last),
        layers=layers,
        heads=heads,
        head_width=of("attention.key_length") or width // heads,
        attending=attending,
        keys=keys,
        near=near if of("attention.sliding_window") else 0,
        window=of("attention.sliding_window"),
        width=width,
        inner=inner or of("feed_forward_length"),
        vocabulary=max(embedding.shape),
        longest=of("context_length"),
        repacked=repacked + (_repacked(output) if output is not embedding else 0),
    )


def _cached(tensor: Tensor, of: Any, width: int) -> int:
    """Elements that the cache has for each token from this matrix: of keys, of values, or of both."""
    if re.search(r"\.attn_[kv]\.weight$", tensor.name):
        return tensor.elements // width
    heads = max(1, of("attention.head_count_kv") or of("attention.head_count", 1))
    if ".attn_qkv." in tensor.name:
        both = of("attention.key_length") + of("attention.value_length")
        return heads * (both or 2 * width // max(1, of("attention.head_count", 1)))
    if ".attn_kv_a_mqa." in tensor.name:
        return of("attention.kv_lora_rank") + of("rope.dimension_count")
    return 0


def _is_near(layer: int, pattern: Any, architecture: str) -> bool:
    if isinstance(pattern, tuple):
        return bool(pattern[layer]) if layer < len(pattern) else False
    every = pattern or WINDOWS.get(architecture, 1)
    return layer % every < every - 1


def _measured(tensor: Tensor) -> str:
    return nearest(tensor.type, _bits(tensor))


def _bits(tensor: Tensor) -> float:
    return 8 * tensor.bytes / max(1, tensor.elements)


def _heaviness(tensor: Tensor) -> float:
    """Wider numbers than any that are measured take as much longer as they take more memory."""
    return max(1.0, _bits(tensor) / MEASURED["F16"])


def _repacked(tensor: Tensor) -> int:
    return tensor.bytes if tensor.type in REPACK else 0
