"""What a causal language model is made of, read from its tensors' names and shapes and its configuration.

Every matrix is a layer that each token passes, but for the embedding, which is looked up, and experts, of
which each token passes a few. So a family of models that nobody here has heard of is read all the same.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from studio.domain.cost.cost import PartFacts, Tensor

NUMBER = re.compile(r"(?:^|\.)(\d+)\.")
EXPERT = re.compile(r"(?:^|[._])experts?\.(\d+)\.")
HEADS = ("lm_head", "embed_out", "output", "output_layer")
EMBEDDING = re.compile(r"embed|wte|wpe|token_embd")
POSITION = re.compile(r"pos|wpe")
NORM = re.compile(r"norm|ln_")
ATTENTION = re.compile(r"attn|attention")
LINEAR_KINDS = ("linear_attention", "conv", "mamba", "mamba2", "recurrent", "moe", "mlp")
"""What `layer_types` calls layers without keys and values."""
ATTENTION_NAMES = {
    "query": ("q_proj", "wq", "q", "query", "attn_q"),
    "key": ("k_proj", "wk", "k", "key", "attn_k"),
    "value": ("v_proj", "wv", "v", "value", "attn_v"),
}
SIZES = {
    "hidden": ("hidden_size", "n_embd", "d_model", "n_embed", "dim"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"),
    "experts": ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"),
    "used": ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_k", "moe_topk"),
}


class Experts(NamedTuple):
    """*total* alike networks of *weights*, (outputs, inputs) each, of which a token passes *used*.

    *biased*: they add something of their own, which is looked up for every token.
    """

    total: int
    used: int
    weights: tuple[tuple[int, int], ...]
    biased: bool


class Layer(NamedTuple):
    """`linears`: every matrix that all tokens pass, (outputs, inputs). `query`, `key`, `value`: widths of
    all heads together, 0 without attention; `together`, if one matrix makes the three. `window`: tokens
    it looks back at, None for all. `wide`: features between the two halves of its feed-forward network,
    `gated` if as many others decide over them, `fused` if one matrix makes both. `norms`: over the whole
    width; `head_norms`: of queries and keys.
    """

    linears: tuple[tuple[int, int], ...]
    query: int
    key: int
    value: int
    together: bool
    window: int | None
    wide: int
    gated: bool
    fused: bool
    experts: Experts | None
    norms: int
    head_norms: bool


class Decoder(NamedTuple):
    """`layers`: each kind with how many there are. `rms`, `rotary`: how it normalises, and whether
    positions turn queries and keys; `placed`, if they have an embedding of their own. `scores`: how many
    copies of its attention's scores it writes out, 0 where they stay in the caches. `spare`: elements
    that lie in the files twice and are loaded once.
    """

    hidden: int
    vocabulary: int
    heads: int
    layers: tuple[tuple[Layer, int], ...]
    rms: bool
    rotary: bool
    scores: int
    activation: str
    placed: bool
    longest: int | None
    spare: int


def decoder(facts: PartFacts) -> Decoder:
    """Raises ValueError for *facts* without an embedding."""
    config = facts.config.get("text_config") or facts.config
    by_layer, top = _grouped(facts.tensors)
    heads = [tensor for tensor in top if _last(tensor.name) in HEADS]
    embeddings = [tensor for tensor in top if tensor not in heads and EMBEDDING.search(tensor.name)]
    if not embeddings:
        raise ValueError("no embedding among the tensors")
    words = [tensor for tensor in embeddings if not POSITION.search(tensor.name)]
    largest = max(words or embeddings, key=lambda tensor: tensor.elements)
    hidden = _size(config, "hidden") or min(largest.shape)
    tied = bool(config.get("tie_word_embeddings")) and bool(heads)
    rotary = any(key.startswith(("rope", "rotary")) for key in config)
    placed = len(embeddings) > 1
    layers = Counter(
        _layer(tensors, config, hidden, _kind(config, number)) for number, tensors in sorted(by_layer.items())
    )
    return Decoder(
        hidden=hidden,
        vocabulary=max((heads[0] if heads else largest).shape),
        heads=_size(config, "heads") or 1,
        layers=tuple(layers.items()),
        rms=_is_rms(config, facts.tensors),
        rotary=rotary and not config.get("alibi"),
        scores=_scores(config, facts.tensors, positions=rotary or placed),
        activation=str(
            config.get("hidden_act") or config.get("hidden_activation") or config.get("activation_function")
        ),
        placed=placed,
        longest=config.get("max_position_embeddings") or config.get("n_positions"),
        spare=sum(tensor.elements for tensor in heads) if tied else 0,
    )


def _is_rms(config: dict[str, Any], tensors: tuple[Tensor, ...]) -> bool:
    """Whether norms only scale: those that shift too have a bias."""
    if any("rms" in key for key in config):
        return True
    shifted = any(NORM.search(tensor.name) and tensor.name.endswith("bias") for tensor in tensors)
    return not shifted and not any("layer_norm" in key for key in config)


def _scores(config: dict[str, Any], tensors: tuple[Tensor, ...], *, positions: bool) -> int:
    """The fused attention has no bound on the scores, no sinks, no bias by distance, no local layers."""
    if config.get("attn_logit_softcapping"):
        return 2
    other = not positions or config.get("alibi") or config.get("attention_types")
    return 4 if other or any("sink" in tensor.name for tensor in tensors) else 0


def _grouped(tensors: Iterable[Tensor]) -> tuple[dict[int, list[Tensor]], list[Tensor]]:
    by_layer: defaultdict[int, list[Tensor]] = defaultdict(list)
    top: list[Tensor] = []
    for tensor in tensors:
        number = NUMBER.search(tensor.name)
        if number and not EMBEDDING.search(tensor.name[: number.start()]):
            by_layer[int(number[1])].append(tensor)
        elif len(tensor.shape) > 1:
            top.append(tensor)
    return by_layer, top


def _kind(config: dict[str, Any], number: int) -> tuple[str, int | None]:
    """What the layer is called, and how far it looks back."""
    kinds = config.get("layer_types")
    kind = kinds[number] if kinds and number < len(kinds) else "full_attention"
    window = config.get("sliding_window")
    if not kinds and config.get("use_sliding_window", True):
        return kind, window
    if kind == "chunked_attention":
        window = config.get("attention_chunk_size")
    return kind, window if kind in {"sliding_attention", "chunked_attention"} else None


def _layer(tensors: list[Tensor], config: dict[str, Any], hidden: int, kind: tuple[str, int | None]) -> Layer:
    experts = _size(config, "experts")
    routed = [tensor for tensor in tensors if _is_expert(tensor, experts)]
    matrices = [tensor for tensor in tensors if len(tensor.shape) > 1 and tensor not in set(routed)]
    attention = [tensor for tensor in matrices if ATTENTION.search(tensor.name)]
    forward = [tensor for tensor in matrices if tensor not in attention and _other(tensor, hidden) != experts]
    widths = _widths(attention, config, hidden) if attention and kind[0] not in LINEAR_KINDS else (0, 0, 0)
    sides = sorted(_other(tensor, hidden) for tensor in forward)
    fused = len(sides) > 1 and sides[-1] == 2 * sides[-2]
    wide = sides[-2 if fused else -1] if sides else 0
    norms = [tensor for tensor in tensors if len(tensor.shape) == 1 and tensor.name.endswith("weight")]
    return Layer(
        linears=tuple(sorted(_folded(tensor) for tensor in matrices)),
        query=widths[0],
        key=widths[1],
        value=widths[2],
        together=not any(_last(tensor.name) in ATTENTION_NAMES["key"] for tensor in attention),
        window=kind[1],
        wide=wide,
        gated=fused or sides.count(wide) > 2,
        fused=fused,
        experts=_experts(routed, config) if routed else None,
        norms=sum(tensor.shape[0] == hidden for tensor in norms),
        head_norms=any(
            re.search(r"q_norm|q_layernorm|query_norm|query_layernorm", tensor.name) for tensor in norms
        ),
    )


def _widths(attention: list[Tensor], config: dict[str, Any], hidden: int) -> tuple[int, int, int]:
    """Of queries, keys and values: as their own matrices say, else as the configuration does."""
    heads = _size(config, "heads") or 1
    if config.get("kv_lora_rank"):  # keys and values are unfolded from a narrow state, for every head
        turned = config.get("qk_rope_head_dim", 0) + config.get("qk_nope_head_dim", 0)
        return heads * turned, heads * turned, heads * config["v_head_dim"]
    found = [
        next((_other(tensor, hidden) for tensor in attention if _last(tensor.name) in names), 0)
        for names in ATTENTION_NAMES.values()
    ]
    if all(found):
        return found[0], found[1], found[2]
    width = config.get("head_dim") or hidden // heads
    kv_heads = 1 if config.get("multi_query") else _size(config, "kv_heads") or heads
    if config.get("new_decoder_architecture") is False and not config.get("multi_query"):
        kv_heads = heads
    return heads * width, kv_heads * width, kv_heads * width


def _experts(routed: list[Tensor], config: dict[str, Any]) -> Experts:
    used = _size(config, "used") or 2
    numbered = [EXPERT.search(tensor.name) for tensor in routed]
    if all(numbered):
        count = len({match[1] for match in numbered if match})
        first = [t for t, match in zip(routed, numbered, strict=True) if match and match[1] == "0"]
        weights = [(tensor.shape[0], tensor.shape[1]) for tensor in first if len(tensor.shape) == 2]
    else:
        count = routed[0].shape[0]
        weights = [(tensor.shape[1], tensor.shape[2]) for tensor in routed if len(tensor.shape) == 3]
    biased = any(tensor.name.endswith("bias") for tensor in routed)
    return Experts(count, min(used, count), tuple(sorted(weights)), biased)


def _is_expert(tensor: Tensor, experts: int) -> bool:
    if "shared" in tensor.name or not experts:
        return False
    together = len(tensor.shape) == 3 or (tensor.name.endswith("bias") and len(tensor.shape) == 2)
    return bool(EXPERT.search(tensor.name)) or (together and tensor.shape[0] == experts)


def _folded(tensor: Tensor) -> tuple[int, int]:
    """(outputs, inputs) with what a filter sees of each input counted into them."""
    outputs, *rest = tensor.shape
    inputs = 1
    for size in rest:
        inputs *= size
    return outputs, inputs


def _other(tensor: Tensor, hidden: int) -> int:
    """The side of a matrix that is not the hidden one."""
    return tensor.elements // hidden


def _last(name: str) -> str:
    return name.removesuffix(".weight").rpartition(".")[2]


def _size(config: dict[str, Any], what: str) -> int:
    found = next((config[key] for key in SIZES[what] if isinstance(config.get(key), int)), 0)
    return int(found)
