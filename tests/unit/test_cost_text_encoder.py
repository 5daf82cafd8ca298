"""The walkers of text encoders against transformers' own, traced without their data."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from studio.domain.cost.text_encoder import clip, t5
from tests.fakes.traced import Trace, disagreements, trace, without_data

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

XXL = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64} | {
    "feed_forward_proj": "gated-gelu"
}


def check_clip(seed: int) -> None:
    draw = random.Random(seed)
    heads = draw.choice([2, 4, 8, 12])
    config: dict[str, Any] = {
        "hidden_size": heads * draw.choice([16, 64, 80]),
        "num_attention_heads": heads,
        "num_hidden_layers": draw.randint(1, 12),
        "intermediate_size": draw.choice([128, 768, 3072]),
        "hidden_act": draw.choice(["quick_gelu", "gelu"]),
        "projection_dim": draw.choice([64, 768]),
        "eos_token_id": draw.choice([2, 49407]),
    }
    batch, tokens = draw.randint(1, 3), draw.choice([8, 33, 77])
    kinds: tuple[Any, ...] = (CLIPTextModel, CLIPTextModelWithProjection)
    kind, every = draw.choice(kinds), draw.random() < 0.4
    with without_data():
        net = kind(CLIPTextConfig(**config)).eval()
        ids = torch.zeros(batch, tokens, dtype=torch.long)
        truth = trace(net, lambda: net(ids, output_hidden_states=every), ids)
    walk = clip(
        config,
        batch=batch,
        tokens=tokens,
        projected=kind is CLIPTextModelWithProjection,
        all_layers=every,
    )
    assert disagreements(walk, truth) == [], (seed, config)


def traced_t5(config: dict[str, Any], batch: int, tokens: int, masked: bool) -> Trace:
    with without_data():
        net = T5EncoderModel(T5Config(**config)).eval()
        ids = torch.zeros(batch, tokens, dtype=torch.long)
        mask = torch.ones(batch, tokens, dtype=torch.long) if masked else None
        return trace(net, lambda: net(ids, attention_mask=mask)[0], ids)


def check_t5(seed: int) -> None:
    draw = random.Random(seed)
    config: dict[str, Any] = {
        "d_model": draw.choice([256, 512, 768]),
        "d_kv": draw.choice([32, 64]),
        "d_ff": draw.choice([512, 1024, 2048]),
        "num_layers": draw.randint(3, 10),
        "num_heads": draw.choice([4, 6, 12]),
        "feed_forward_proj": draw.choice(["relu", "gated-gelu", "gated-silu"]),
    }
    batch, tokens, masked = draw.randint(1, 3), draw.choice([20, 77, 200, 300]), draw.random() < 0.5
    truth = traced_t5(config, batch, tokens, masked)
    walk = t5(config, batch=batch, tokens=tokens, masked=masked)
    assert disagreements(walk, truth) == [], (seed, config, batch, tokens, masked)


@pytest.mark.parametrize("seed", range(6))
def test_clip_drawn_by_seed(seed):
    check_clip(seed)


@pytest.mark.parametrize("seed", range(6))
def test_t5_drawn_by_seed(seed):
    check_t5(seed)


def test_a_whole_clip_configuration_means_its_text_part():
    text = {"hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128, "num_hidden_layers": 3}
    assert clip({"text_config": text}, batch=1, tokens=9) == clip(text, batch=1, tokens=9)


def test_the_comparison_refuses_a_layer_too_many():
    config = {"d_model": 256, "d_kv": 32, "d_ff": 512, "num_layers": 6, "num_heads": 8}
    truth = traced_t5(config, 1, 77, masked=False)
    assert disagreements(t5(config, batch=1, tokens=77), truth) == []
    assert len(disagreements(t5(config | {"num_layers": 7}, batch=1, tokens=77), truth)) == 1
    assert len(disagreements(t5(config, batch=2, tokens=77), truth)) == 2


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(100, 160))
def test_many(seed):
    check_clip(seed)
    check_t5(seed)


@pytest.mark.heavy
@pytest.mark.parametrize(("tokens", "masked"), [(120, True), (512, False), (512, True)])
def test_the_largest_t5(tokens, masked):
    truth = traced_t5(XXL, 1, tokens, masked)
    assert disagreements(t5(XXL, batch=1, tokens=tokens, masked=masked), truth) == []
