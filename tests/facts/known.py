"""The models whose facts are computed, by the name that the manifest calls them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from studio.domain.cost.cost import ModelFacts
from tests.facts import gguf
from tests.facts.gguf import Text


def _llama(**sizes: int | bool) -> Text:
    return Text(architecture="llama", vocabulary=128_256, **sizes)  # pyright: ignore[reportArgumentType]


def _qwen3(**sizes: int | bool) -> Text:
    usual = {"head": 128, "head_norms": True, "vocabulary": 151_936, "context": 262_144, **sizes}
    return Text(architecture="qwen3", **usual)  # pyright: ignore[reportArgumentType]


def _qwen2(**sizes: int | bool) -> Text:
    usual = {"head": 128, "biases": True, "vocabulary": 151_936, "context": 32_768, **sizes}
    return Text(architecture="qwen2", **usual)  # pyright: ignore[reportArgumentType]


def _qwen35(**sizes: int | bool | tuple[int, int]) -> Text:
    """Three of four layers keep a state instead of keys and values."""
    usual = {"head": 256, "head_norms": True, "vocabulary": 248_320, "context": 262_144, "full": 4, **sizes}
    return Text(architecture="qwen35", **usual)  # pyright: ignore[reportArgumentType]


def _gemma3(**sizes: int | bool) -> Text:
    usual = {"head": 256, "head_norms": True, "post_norms": True, "tied": True, "vocabulary": 262_144}
    return Text(architecture="gemma3", words="llama", **{**usual, **sizes})  # pyright: ignore[reportArgumentType]


_EXPERTS = {"experts": 128, "used": 8, "expert_inner": 768, "head": 128, "head_norms": True}

TEXTS: dict[str, Text] = {
    "qwen2.5-coder-1.5b-q4": _qwen2(layers=28, width=1536, inner=8960, heads=12, kv=2),
    "qwen2.5-coder-7b-q4": _qwen2(layers=28, width=3584, inner=18_944, heads=28, kv=4, vocabulary=152_064),
    "deepseek-r1-1.5b-q4": _qwen2(
        layers=28, width=1536, inner=8960, heads=12, kv=2, context=131_072
    ),
    "qwen3-4b-q4": _qwen3(layers=36, width=2560, inner=9728, heads=32, kv=8, tied=True),
    "qwen3-8b-q4": _qwen3(layers=36, width=4096, inner=12_288, heads=32, kv=8, context=40_960),
    "qwen3-30b-a3b-q4": Text(
        architecture="qwen3moe", layers=48, width=2048, inner=6144, heads=32, kv=4, vocabulary=151_936,
        context=262_144, **_EXPERTS,
    ),
    "qwen3.5-2b-q4": _qwen35(
        layers=24, width=2048, inner=6144, heads=8, kv=2, tied=True, state_heads=(16, 16)
    ),
    "qwen3.5-4b-q4": _qwen35(
        layers=32, width=2560, inner=9216, heads=16, kv=4, tied=True, state_heads=(16, 32)
    ),
    "qwen3.5-9b-q4": _qwen35(layers=32, width=4096, inner=12_288, heads=16, kv=4, state_heads=(16, 32)),
    "qwen3.5-27b-q4": _qwen35(layers=64, width=5120, inner=17_408, heads=24, kv=4, state_heads=(16, 48)),
    "llama-3.2-1b-q4": _llama(layers=16, width=2048, inner=8192, heads=32, kv=8, head=64, tied=True),
    "llama-3.2-3b-q4": _llama(layers=28, width=3072, inner=8192, heads=24, kv=8, head=128, tied=True),
    "llama-3.1-8b-q4": _llama(layers=32, width=4096, inner=14_336, heads=32, kv=8, head=128),
    "mistral-small-24b-q4": Text(
        architecture="llama", layers=40, width=5120, inner=32_768, heads=32, kv=8, head=128,
        vocabulary=131_072,
    ),
    "smollm3-3b-q4": Text(
        architecture="smollm3", layers=36, width=2048, inner=11_008, heads=16, kv=4, head=128,
        vocabulary=128_256, tied=True, context=65_536,
    ),
    "hy-mt2-1.8b-q4": Text(
        architecture="hunyuan-dense", layers=32, width=2048, inner=6144, heads=16, kv=4, head=128,
        vocabulary=120_818, tied=True, head_norms=True, context=262_144,
    ),
    "phi-4-mini-q4": Text(
        architecture="phi3", layers=32, width=3072, inner=8192, heads=24, kv=8, head=128,
        vocabulary=200_064, tied=True, fused=True,
    ),
    "phi-4-14b-q4": Text(
        architecture="phi3", layers=40, width=5120, inner=17_920, heads=40, kv=10, head=128,
        vocabulary=100_352, fused=True, context=16_384,
    ),
    "gemma-3-1b-q4": _gemma3(
        layers=26, width=1152, inner=6912, heads=4, kv=1, window=512, context=32_768
    ),
    "gemma-3-4b-q4": _gemma3(layers=34, width=2560, inner=10_240, heads=8, kv=4, window=1024),
    "gemma-4-e2b-q4": Text(
        architecture="gemma4", layers=35, width=1536, inner=6144, heads=8, kv=1, head=512,
        vocabulary=262_144, tied=True, words="llama", quantization="Q4_0", head_norms=True, post_norms=True,
        window=512, pattern=(True, True, True, True, False) * 7, per_layer=256, wide=(15, 12_288),
    ),
    "gpt-oss-20b-mxfp4": Text(
        architecture="gpt-oss", layers=24, width=2880, inner=2880, heads=64, kv=8, head=64,
        vocabulary=201_088, quantization="MXFP4", biases=True, window=128, experts=32, used=4,
        expert_inner=2880,
    ),
}  # fmt: skip


def _net(name: str, *arguments: str, **sizes: object) -> ModelFacts:
    from tests.facts import networks  # takes seconds to import

    given = [getattr(networks, argument) for argument in arguments]
    return getattr(networks, name)(*given, **sizes)


_SMALLER_XL = {"mid_block_type": "UNetMidBlock2D"}

KNOWN: dict[str, Callable[[], ModelFacts]] = {
    **{name: partial(gguf.facts, text) for name, text in TEXTS.items()},
    "qwen3-0.6b": partial(
        _net, "qwen3", hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, head_dim=128,
        num_attention_heads=16, num_key_value_heads=8, vocab_size=151_936, tie_word_embeddings=True,
        max_position_embeddings=40_960, hidden_act="silu", rms_norm_eps=1e-6, rope_theta=1_000_000,
    ),
    "stable-diffusion-1": partial(_net, "stable_diffusion", "LARGE_CLIP"),
    "stable-diffusion-2": partial(
        _net, "stable_diffusion", "HUGE_CLIP", attention_head_dim=[5, 10, 20, 20], use_linear_projection=True
    ),
    "stable-diffusion-xl": partial(_net, "stable_diffusion_xl"),
    "ssd-1b": partial(
        _net, "stable_diffusion_xl", transformer_layers_per_block=[1, [2, 2], [4, 4]],
        reverse_transformer_layers_per_block=[[4, 4, 10], [2, 1, 1], 1], **_SMALLER_XL,
    ),
    "segmind-vega": partial(
        _net, "stable_diffusion_xl", transformer_layers_per_block=[1, [1, 1], [2, 2]],
        reverse_transformer_layers_per_block=[[2, 2, 2], [1, 1, 1], 1], **_SMALLER_XL,
    ),
    "flux.1-schnell": partial(_net, "flux", guidance=False),
    "flux.1-dev": partial(_net, "flux", guidance=True),
    "musicgen-small": partial(_net, "musicgen", width=1024, layers=24, heads=16),
    "musicgen-medium": partial(_net, "musicgen", width=1536, layers=48, heads=24),
    "mms-tts": partial(_net, "vits"),
}  # fmt: skip
