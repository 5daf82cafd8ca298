"""The walkers of denoisers and autoencoders against diffusers' own networks, traced without their data."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from studio.diffusion.computing import attend
from studio.domain.cost.autoencoder import decode, decode_tiled, encode, scale
from studio.domain.cost.ops import Walk, macs
from studio.domain.cost.unet import unet
from tests.fakes.traced import Trace, disagreements, trace, without_data

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

SD1 = {"cross_attention_dim": 768}
SD2 = {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "use_linear_projection": True}
XL = {
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": [1, 2, 10],
    "attention_head_dim": [5, 10, 20],
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
SD_VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "sample_size": 512,
}


def traced_unet(
    config: dict[str, Any],
    batch: int,
    height: int,
    width: int,
    tokens: int,
    *,
    last: bool = False,
    attention: str = "sdpa",
) -> Trace:
    """*last*: channels last, as the engine has it."""
    with without_data():
        net = UNet2DConditionModel(**config).eval()
        attend(net, attention)
        if last:
            channels_last(net)
        contexts = net.config.cross_attention_dim
        context = contexts if isinstance(contexts, int) else contexts[0]
        given = (
            torch.zeros(batch, net.config.in_channels, height, width),
            torch.zeros(batch, tokens, net.config.encoder_hid_dim or context),
        )
        pooled = (config.get("projection_class_embeddings_input_dim") or 0) - 6 * (
            config.get("addition_time_embed_dim") or 0
        )
        extra: dict[str, Any] = {}
        if config.get("addition_embed_type"):
            extra["added_cond_kwargs"] = {
                "text_embeds": torch.zeros(batch, pooled),
                "time_ids": torch.zeros(batch, 6),
            }
        if config.get("num_class_embeds"):
            extra["class_labels"] = torch.zeros(batch, dtype=torch.long)
        time = torch.tensor(1)
        return trace(net, lambda: net(given[0], time, given[1], return_dict=False, **extra)[0], given)


def channels_last(net: torch.nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            weight = module.weight.to(memory_format=torch.channels_last)
            module.weight = torch.nn.Parameter(weight, requires_grad=False)


def drawn_unet(draw: random.Random) -> tuple[dict[str, Any], tuple[int, int, int, int]]:
    """A configuration that diffusers takes, and (batch, height, width, tokens)."""
    levels = draw.randint(1, 4)
    heads = draw.choice([1, 2, 4, 8])
    cross = [draw.random() < 0.7 for _ in range(levels)]
    listed = draw.random() < 0.5
    nested = draw.random() < 0.2
    layers = draw.choice([1, 2, 3])
    config: dict[str, Any] = {
        "in_channels": draw.choice([4, 8, 9]),
        "out_channels": draw.choice([4, 8]),
        "block_out_channels": [32 * draw.randint(1, 6) for _ in range(levels)],
        "down_block_types": ["CrossAttnDownBlock2D" if c else "DownBlock2D" for c in cross],
        "up_block_types": ["CrossAttnUpBlock2D" if c else "UpBlock2D" for c in reversed(cross)],
        "mid_block_type": draw.choice(["UNetMidBlock2DCrossAttn", "UNetMidBlock2D", None]),
        "layers_per_block": [draw.randint(1, 3) for _ in range(levels)] if listed else layers,
        "attention_head_dim": [draw.choice([1, 2, 4]) for _ in range(levels)] if listed else heads,
        "cross_attention_dim": [draw.choice([16, 48])] * levels if listed else draw.choice([16, 96]),
        "transformer_layers_per_block": [draw.randint(1, 4) for _ in range(levels)] if listed else 1,
        "use_linear_projection": draw.random() < 0.5,
        "only_cross_attention": draw.choice([False, False, [n % 2 == 0 for n in range(levels)]]),
        "resnet_time_scale_shift": draw.choice(["default", "default", "scale_shift"]),
        "conv_in_kernel": draw.choice([3, 3, 1]),
    }
    if nested:
        per = config["layers_per_block"]
        counts = per if isinstance(per, list) else [per] * levels
        config["transformer_layers_per_block"] = [[draw.randint(1, 3) for _ in range(n)] for n in counts]
        config["reverse_transformer_layers_per_block"] = [
            [draw.randint(1, 3) for _ in range(n + 1)] for n in reversed(counts)
        ]
        config["mid_block_type"] = draw.choice(["UNetMidBlock2D", None])
    if draw.random() < 0.3:
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 32,
            "projection_class_embeddings_input_dim": 32 * 6 + 64,
        }
    if draw.random() < 0.2:
        config["num_class_embeds"] = 10
    if draw.random() < 0.2 and not listed:
        config["encoder_hid_dim"] = 40
    unit = 2 ** (levels - 1)
    sides = [unit * draw.randint(1, 32 // unit + 1) for _ in range(2)]
    return config, (draw.randint(1, 3), sides[0], sides[1], draw.choice([1, 24, 77]))


def drawn_autoencoder(draw: random.Random) -> tuple[dict[str, Any], tuple[int, int, int]]:
    """A configuration that diffusers takes, and (batch, height, width) of latents."""
    levels = draw.randint(1, 4)
    config = {
        "latent_channels": draw.choice([4, 8, 16]),
        "block_out_channels": [32 * draw.randint(1, 5) for _ in range(levels)],
        "layers_per_block": draw.randint(1, 3),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "sample_size": draw.choice([32, 64, 128]),
        "use_quant_conv": draw.random() < 0.5,
        "use_post_quant_conv": draw.random() < 0.5,
        "mid_block_add_attention": draw.random() < 0.7,
    }
    return config, (draw.randint(1, 2), draw.randint(4, 40), draw.randint(4, 40))


def check_unet(seed: int) -> None:
    config, (batch, height, width, tokens) = drawn_unet(random.Random(seed))
    truth = traced_unet(config, batch, height, width, tokens, last=seed % 2 == 1)
    walk = unet(config, batch=batch, height=height, width=width, tokens=tokens)
    assert disagreements(walk, truth) == [], (seed, config)


def autoencoder_cases(seed: int) -> list[tuple[str, Walk, Trace]]:
    config, (batch, height, width) = drawn_autoencoder(random.Random(seed))
    side = scale(config)
    pixels = (batch, height * side, width * side)
    with without_data():
        net = AutoencoderKL(**config).eval()
        latents = torch.zeros(batch, config["latent_channels"], height, width)
        pictures = torch.zeros(batch, 3, pixels[1], pixels[2])

        def back() -> Any:
            return net.decode(latents, return_dict=False)[0]

        decoded = trace(net, back, latents)
        encoded = trace(net, lambda: net.encode(pictures, return_dict=False)[0], pictures)
        net.enable_tiling()
        tiled = trace(net, back, latents)
    cases: list[tuple[str, Callable[..., Walk], tuple[int, int, int], Trace]] = [
        ("decode", decode, (batch, height, width), decoded),
        ("encode", encode, pixels, encoded),
        ("tiled", decode_tiled, (batch, height, width), tiled),
    ]
    return [
        (name, walk(config, batch=sizes[0], height=sizes[1], width=sizes[2]), truth)
        for name, walk, sizes, truth in cases
    ]


def check_autoencoder(seed: int) -> None:
    for name, walk, truth in autoencoder_cases(seed):
        assert disagreements(walk, truth) == [], (seed, name)


@pytest.mark.parametrize("seed", range(3))
def test_denoisers_drawn_by_seed(seed):
    check_unet(seed)


@pytest.mark.parametrize("seed", range(1, 3))
def test_autoencoders_drawn_by_seed(seed):
    check_autoencoder(seed)


def test_stable_diffusion_at_its_own_size():
    truth = traced_unet(SD1, 2, 64, 64, 77, last=True)
    walk = unet(SD1, batch=2, height=64, width=64, tokens=77)
    assert disagreements(walk, truth) == []
    assert truth.weights == 859_520_964, "the network that was traced is the one that is meant"


@pytest.mark.parametrize("kind", ["eager", "sliced"])
@pytest.mark.parametrize("sizes", [(2, 64, 64), (1, 32, 48)])
def test_scores_that_are_written_out(kind, sizes):
    batch, height, width = sizes
    truth = traced_unet(SD1, batch, height, width, 77, attention=kind)
    walk = unet(SD1, batch=batch, height=height, width=width, tokens=77)
    alive = getattr(walk.written, kind)
    assert disagreements(Walk(walk.ops, alive, walk.calls), truth._replace(calls=walk.calls)) == []
    if kind == "eager":
        assert alive > 1.5 * walk.alive, "here it matters"


def test_scores_that_an_autoencoder_writes_out():
    with without_data():
        net = AutoencoderKL(**SD_VAE).eval()
        attend(net, "eager")
        latents = torch.zeros(1, 4, 128, 128)
        truth = trace(net, lambda: net.decode(latents, return_dict=False)[0], latents)
    walk = decode(SD_VAE, batch=1, height=128, width=128)
    assert truth.alive == pytest.approx(4 * walk.written.eager, rel=0.1)


def test_the_comparison_refuses_wrong_multiples():
    config, (batch, height, width, tokens) = drawn_unet(random.Random(1))
    truth = traced_unet(config, batch, height, width, tokens)
    walk = unet(config, batch=batch, height=height, width=width, tokens=tokens)
    largest = max(walk.ops, key=lambda entry: macs([entry]))
    assert len(disagreements(walk._replace(ops=(*walk.ops, largest)), truth)) == 1
    assert len(disagreements(walk._replace(alive=walk.alive * 1.15), truth)) == 1
    assert len(disagreements(walk._replace(calls=walk.calls * 2), truth)) == 1
    wider = config | {"block_out_channels": [2 * channels for channels in config["block_out_channels"]]}
    wrong = unet(wider, batch=batch, height=height, width=width, tokens=tokens)
    assert len(disagreements(wrong, truth)) == 2


def test_what_is_not_known_is_refused():
    kinds = {"down_block_types": ["SimpleCrossAttnDownBlock2D"] + ["DownBlock2D"] * 3}
    with pytest.raises(ValueError, match="SimpleCrossAttnDownBlock2D"):
        unet(kinds, batch=1, height=8, width=8, tokens=7)
    with pytest.raises(ValueError, match="AttnUpDecoderBlock2D"):
        decode({"up_block_types": ["AttnUpDecoderBlock2D"]}, batch=1, height=8, width=8)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(100, 160))
def test_many_denoisers(seed):
    check_unet(seed)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_autoencoders(seed):
    check_autoencoder(seed)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("config", "sizes"), [(SD1, (1, 96, 64)), (SD2, (2, 64, 64)), (XL, (2, 128, 128)), (XL, (1, 64, 96))]
)
def test_large_ones_at_their_own_sizes(config, sizes):
    batch, height, width = sizes
    truth = traced_unet(config, batch, height, width, 77)
    walk = unet(config, batch=batch, height=height, width=width, tokens=77)
    assert disagreements(walk, truth) == []


@pytest.mark.heavy
@pytest.mark.parametrize("sizes", [(1, 64, 64), (1, 128, 128), (2, 96, 128)])
def test_the_autoencoder_of_stable_diffusion(sizes):
    batch, height, width = sizes
    with without_data():
        net = AutoencoderKL(**SD_VAE).eval()
        latents = torch.zeros(batch, 4, height, width)
        truth = trace(net, lambda: net.decode(latents, return_dict=False)[0], latents)
    assert disagreements(decode(SD_VAE, batch=batch, height=height, width=width), truth) == []
