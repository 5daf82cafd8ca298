"""The walker of language models against transformers' own: it knows none of them by name."""

from __future__ import annotations

import inspect
import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from studio.domain.cost import language
from studio.domain.cost.cost import PartFacts, Tensor
from studio.domain.cost.decoder import decoder
from studio.domain.cost.ops import Linear, Walk, macs
from tests.fakes.traced import Trace, disagreements, trace, without_data

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Some networks tell of kernels that could be installed."""
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(before)


PLAIN = {
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "vocab_size": 1000,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
OLD = {"n_embd": 256, "n_head": 8, "n_layer": 4, "vocab_size": 1000, "bos_token_id": 0, "eos_token_id": 0}
MANY = PLAIN | {
    "num_experts": 8,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 96,
    "shared_expert_intermediate_size": 320,
}
SHORT = PLAIN | {"sliding_window": 32}
MIXED = PLAIN | {"layer_types": ["conv", "full_attention", "conv", "full_attention"]}
NEOX = {key: PLAIN[key] for key in PLAIN if key not in {"num_key_value_heads", "head_dim"}}
KINDS: dict[str, dict[str, Any]] = {
    "llama": PLAIN,
    "qwen2": PLAIN,
    "qwen3": PLAIN | {"tie_word_embeddings": True},
    "mistral": SHORT,
    "gemma": PLAIN,
    "gemma2": PLAIN,
    "gemma3_text": SHORT,
    "phi": PLAIN,
    "phi3": PLAIN,
    "gpt2": OLD,
    "gpt_neox": NEOX,
    "gptj": OLD | {"rotary_dim": 16},
    "opt": NEOX | {"ffn_dim": 1024, "word_embed_proj_dim": 256},
    "olmo2": PLAIN,
    "smollm3": PLAIN,
    "granite": PLAIN,
    "stablelm": PLAIN,
    "starcoder2": PLAIN,
    "glm": PLAIN,
    "lfm2": MIXED,
    "mixtral": MANY,
    "qwen2_moe": MANY,
    "qwen3_moe": MANY,
    "olmoe": MANY,
}
QUICK = ("llama", "qwen3", "gemma2", "gemma3_text", "phi3", "gpt2", "lfm2", "qwen2_moe", "mixtral")


def built(kind: str, config: dict[str, Any]) -> tuple[Any, PartFacts]:
    """The network, and the facts as its files would tell them."""
    settings = CONFIG_MAPPING[kind](**config)
    net = AutoModelForCausalLM.from_config(settings).eval()
    tensors = tuple(
        Tensor(name, "F32", tuple(parameter.shape), parameter.numel() * 4)
        for name, parameter in net.named_parameters()
    )
    return net, PartFacts(config=settings.to_dict(), tensors=tensors)


def reading(kind: str, config: dict[str, Any], length: int) -> tuple[Walk, Trace]:
    """What is counted, the cache in it, and what is true. Experts cannot be traced without data."""
    data = torch.no_grad() if "num_experts" in config else without_data()
    with data:
        net, facts = built(kind, config)
        ids = torch.zeros(1, length, dtype=torch.long)
        truth = trace(net, lambda: net(ids, use_cache=True, logits_to_keep=1), ids)
    walk = language.read(facts, length)
    return walk._replace(alive=walk.alive + language.cache(facts, length)), truth


def writing(kind: str, config: dict[str, Any], length: int) -> tuple[Walk, Trace]:
    """The token after *length* others."""
    with torch.no_grad():
        net, facts = built(kind, config)
        name = "cache" if "cache" in inspect.signature(net.forward).parameters else "past_key_values"
        past = getattr(net(torch.zeros(1, length, dtype=torch.long), use_cache=True), name)
        token = torch.zeros(1, 1, dtype=torch.long)
        layers = [[layer.keys, layer.values] for layer in past.layers if hasattr(layer, "keys")]
        given = [(token, layers)]
        del layers
        truth = trace(net, lambda: net(token, use_cache=True, **{name: past}), given.pop())
    walk = language.write(facts, length)
    return walk._replace(alive=walk.alive + language.cache(facts, length + 1)), truth


@pytest.mark.parametrize("kind", QUICK)
def test_reading_a_prompt(kind):
    walk, truth = reading(kind, KINDS[kind], 77)
    assert disagreements(walk, truth) == []


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2", "lfm2", "qwen3_moe"])
def test_writing_a_token(kind):
    walk, truth = writing(kind, KINDS[kind], 90)
    assert disagreements(walk, truth) == []


def test_weights_are_counted_once_where_they_are_tied():
    with without_data():
        net, facts = built("qwen3", PLAIN | {"tie_word_embeddings": True})
        weights = sum(parameter.numel() for parameter in net.parameters())
        twice = PartFacts(
            config=facts.config,
            tensors=(*facts.tensors, Tensor("lm_head.weight", "F32", (1000, 256), 1_024_000)),
        )
    assert language.loaded(facts) == weights == language.loaded(twice)
    assert language.read(twice, 9) == language.read(facts, 9)


def test_experts_one_by_one_in_the_files_are_those_that_lie_together():
    with without_data():
        _, together = built("qwen3_moe", MANY)
    tensors: list[Tensor] = []
    for tensor in together.tensors:
        if "experts.gate_up_proj" in tensor.name:
            prefix = tensor.name.removesuffix("gate_up_proj")
            halves = (tensor.shape[1] // 2, tensor.shape[2])
            tensors += [
                Tensor(f"{prefix}{n}.{part}_proj.weight", "F32", halves, 0)
                for n in range(8)
                for part in ("gate", "up")
            ]
        elif "experts.down_proj" in tensor.name:
            prefix = tensor.name.removesuffix("down_proj")
            tensors += [Tensor(f"{prefix}{n}.down_proj.weight", "F32", tensor.shape[1:], 0) for n in range(8)]
        else:
            tensors.append(tensor)
    apart = PartFacts(config=together.config, tensors=tuple(tensors))
    one, other = language.read(apart, 50), language.read(together, 50)
    assert (macs(one.ops), apart.elements) == (macs(other.ops), together.elements)
    assert one.alive == other.alive


def test_a_name_that_nobody_knows_changes_nothing():
    with without_data():
        _, facts = built("llama", PLAIN)
    renamed = PartFacts(
        config=facts.config | {"model_type": "unheard_of", "architectures": ["UnheardOfForCausalLM"]},
        tensors=tuple(
            Tensor(tensor.name.replace("model.layers", "trunk.h"), "F32", tensor.shape, tensor.bytes)
            for tensor in facts.tensors
        ),
    )
    assert language.read(renamed, 33) == language.read(facts, 33)


def test_a_window_bounds_what_is_kept():
    with without_data():
        _, facts = built("mistral", SHORT)
    assert language.cache(facts, 10) == 4 * 2 * 128 * 10
    assert language.cache(facts, 10_000) == 4 * 2 * 128 * 31


def test_thousands_of_tensors_are_read_once():
    tensors = (
        Tensor("model.embed_tokens.weight", "BF16", (1000, 64), 0),
        *(
            Tensor(f"model.layers.{layer}.mlp.experts.{n}.{part}_proj.weight", "BF16", (64, 64), 0)
            for layer in range(40)
            for n in range(64)
            for part in ("gate", "up", "down")
        ),
    )
    facts = PartFacts(
        config={"num_experts": 64, "num_experts_per_tok": 4, "hidden_size": 64}, tensors=tensors
    )
    assert facts.once(decoder) is facts.once(decoder)
    ops = dict(language.read(facts, 32).ops)
    assert ops[Linear(2, 64, 64)] == 40 * 64 * 3, "each of the experts gets its share of the tokens"


def test_the_comparison_refuses_wrong_multiples():
    walk, truth = reading("llama", PLAIN, 77)
    assert disagreements(walk, truth) == []
    thinner, _ = reading("llama", PLAIN | {"intermediate_size": 500}, 77)
    assert len(disagreements(thinner, truth)) == 2
    deeper, _ = reading("llama", PLAIN | {"num_hidden_layers": 6}, 77)
    assert len(disagreements(deeper, truth)) == 3


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [40, 200, 700])
def test_all_kinds_at_several_lengths(kind, length):
    walk, truth = reading(kind, KINDS[kind], length)
    assert disagreements(walk, truth) == []


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_write(kind):
    walk, truth = writing(kind, KINDS[kind], 30)
    assert disagreements(walk, truth) == []


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(60))
def test_drawn_by_seed(seed):
    draw = random.Random(seed)
    kind = draw.choice(
        ["llama", "qwen2", "qwen3", "gemma", "phi3", "mistral", "olmo2", "granite", "qwen3_moe"]
    )
    groups, shared = draw.choice([1, 2, 4]), draw.choice([1, 2, 3, 7])
    config = KINDS[kind] | {
        "num_key_value_heads": groups,
        "num_attention_heads": groups * shared,
        "head_dim": draw.choice([32, 64, 128]),
        "num_hidden_layers": draw.randint(3, 6),
        "vocab_size": draw.choice([500, 32_000]),
        "tie_word_embeddings": draw.random() < 0.5,
    }
    config["hidden_size"] = config["num_attention_heads"] * draw.choice([1, 2]) * config["head_dim"]
    if kind in {"phi3", "qwen2", "granite", "olmo2"}:
        config["hidden_size"] = config["num_attention_heads"] * config["head_dim"]
    config["intermediate_size"] = int(config["hidden_size"] * draw.choice([2, 2.75, 4]))
    walk, truth = reading(kind, config, draw.choice([16, 77, 300]))
    assert disagreements(walk, truth) == [], (kind, config)
