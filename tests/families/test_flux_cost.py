"""What is counted of a picture against what diffusers' own network does, traced without its data."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxTransformer2DModel

from studio.domain.cost.ops import macs
from studio.families.flux.walk import transformer
from studio.families.registry import cost, family
from studio.services.library.facts import read_facts
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_diffusion import write_flux
from tests.fakes.traced import Trace, disagreements, trace, without_data

DEV = {"guidance_embeds": True}


def traced(config: dict[str, Any], patches: int, words: int) -> Trace:
    with without_data():
        net = FluxTransformer2DModel(**config).eval()
        c = net.config
        latents = torch.zeros(1, patches, c.in_channels)
        prompt = torch.zeros(1, words, c.joint_attention_dim)
        given = {
            "hidden_states": latents,
            "encoder_hidden_states": prompt,
            "pooled_projections": torch.zeros(1, c.pooled_projection_dim),
            "timestep": torch.ones(1),
            "guidance": torch.ones(1) if c.guidance_embeds else None,
            "img_ids": torch.zeros(patches, 3),
            "txt_ids": torch.zeros(words, 3),
        }
        return trace(net, lambda: net(**given, return_dict=False)[0], (latents, prompt))


def check(seed: int) -> None:
    draw = random.Random(seed)
    axes = draw.choice([[16, 24, 24], [16, 56, 56], [8, 12, 12]])
    config = {
        "in_channels": draw.choice([16, 64]),
        "num_layers": draw.randint(0, 4),
        "num_single_layers": draw.randint(1, 6),
        "attention_head_dim": sum(axes),
        "num_attention_heads": draw.randint(2, 8),
        "joint_attention_dim": draw.choice([256, 1024]),
        "pooled_projection_dim": draw.choice([64, 768]),
        "guidance_embeds": draw.random() < 0.5,
        "axes_dims_rope": axes,
    }
    patches, words = draw.choice([64, 256, 600, 1024]), draw.choice([77, 256, 512])
    truth = traced(config, patches, words)
    assert disagreements(transformer(config, patches=patches, words=words), truth) == [], (seed, config)


@pytest.mark.parametrize("seed", range(8))
def test_transformers_drawn_by_seed(seed: int) -> None:
    check(seed)


def test_the_real_one_at_its_own_size() -> None:
    truth = traced(DEV, 4096, 512)
    assert 11.8e9 < truth.weights < 12e9, "the network that was traced is the one that is meant"
    assert disagreements(transformer(DEV, patches=4096, words=512), truth) == []


def test_the_comparison_refuses_a_block_too_many() -> None:
    config = {"num_layers": 2, "num_single_layers": 2, "num_attention_heads": 2}
    truth = traced(config, 256, 256)
    assert disagreements(transformer(config, patches=256, words=256), truth) == []
    more = config | {"num_single_layers": 3}
    assert len(disagreements(transformer(more, patches=256, words=256), truth)) == 1
    assert len(disagreements(transformer(config, patches=400, words=256), truth)) == 2


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(100, 140))
def test_many(seed: int) -> None:
    check(seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flux(tmp_path_factory.mktemp("tiny"))


def test_a_request_is_counted_as_it_is_run(folder: Path, tmp_path: Path) -> None:
    facts, module = read_facts(folder), cost("flux")
    assert module is not None
    values = family("flux").complete({"prompt": "x", "size": (96, 64), "steps": 3, "count": 2})
    counted = module.cost(facts, values)
    assert {part.name for part in counted.parts} == {stage.part for stage in counted.stages}
    assert sum(part.stored_bytes for part in counted.parts) == sum(
        part.bytes for part in facts.parts.values()
    )
    assert {stage.phase for stage in counted.stages} <= set(family("flux").phases)
    bench, runs = Bench("flux", folder, tmp_path), {}
    bench.run(**values | {"count": 1, "steps": 1})
    for stage in counted.stages:
        module_of = getattr(bench._pipeline._diffusers, stage.part)
        module_of = module_of.decoder if stage.part == "vae" else module_of
        runs[stage.part] = 0

        def ran(*_: object, part: str = stage.part) -> None:
            runs[part] += 1

        module_of.register_forward_pre_hook(ran)
    bench.run(**values)
    assert runs == {stage.part: stage.repeats for stage in counted.stages}


def test_counting_is_quick() -> None:
    transformer(DEV, patches=4096, words=512)
    best = min(timed() for _ in range(5))
    assert best < 0.05


def timed() -> float:
    began = time.perf_counter()
    assert macs(transformer(DEV, patches=4096, words=512).ops) > 1e13
    return time.perf_counter() - began
