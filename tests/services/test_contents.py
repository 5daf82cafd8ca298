"""What a file is, by the names and shapes of its tensors: real layouts all right, near misses never wrong."""

from __future__ import annotations

import msgspec
import pytest

from studio.services.library.contents import content_of, precision_of
from studio.services.library.headers import Tensor
from tests.layouts.files import layout, names

NAMES = names()


@pytest.mark.parametrize("name", NAMES)
def test_real_layouts(name: str) -> None:
    tensors, expected = layout(name)
    content = msgspec.json.decode(msgspec.json.encode(content_of(tensors)))
    assert {key: content[key] for key in expected} == expected


@pytest.mark.parametrize("prefix", ["model.diffusion_model.", "diffusion_model.", "module.", "net."])
@pytest.mark.parametrize("name", ["flux-dev", "wan-1.3b", "z-image", "sd3.5-large"])
def test_whatever_stands_in_front_of_all_names(name: str, prefix: str) -> None:
    tensors, expected = layout(name)
    content = content_of({prefix + tensor: entry for tensor, entry in tensors.items()})
    assert (content.kind, content.name) == ("denoiser", expected["name"])


@pytest.mark.parametrize("name", ["sd-1.5", "sd-2.1", "sdxl-base", "sd3-medium", "flux-all-in-one"])
def test_what_a_checkpoint_lacks(name: str) -> None:
    tensors, _ = layout(name)
    whole = content_of(tensors)
    assert set(whole.parts) == {"denoiser", "vae", "text_encoder"}
    assert whole.missing == ()
    bare = content_of(
        {n: entry for n, entry in tensors.items() if not n.startswith(("first_stage_", "vae."))}
    )
    assert (bare.kind, bare.name, bare.missing) == ("denoiser", whole.name, ("vae",))


def tensor(*shape: int, kind: str = "F16") -> Tensor:
    return Tensor(kind, shape, (0, 0))


def linear(*layers: str, width: int = 768) -> dict[str, Tensor]:
    found = {f"{layer}.weight": tensor(width, width) for layer in layers}
    return found | {f"{layer}.bias": tensor(width) for layer in layers}


def near(name: str, *, lost: str = "", wider: str = "", **more: Tensor) -> dict[str, Tensor]:
    """A real layout without what begins with *lost*, or with another width where *wider* is in a name."""
    tensors, _ = layout(name)
    kept = {n: entry for n, entry in tensors.items() if not (lost and n.startswith(lost))}
    assert not lost or len(kept) < len(tensors)
    if wider:
        changed = [n for n in kept if wider in n]
        assert changed
        kept |= {n: tensor(*(side + 8 for side in kept[n].shape)) for n in changed}
    return kept | {n.replace("__", "."): entry for n, entry in more.items()}


ELSE: dict[str, dict[str, Tensor]] = {
    "a denoiser with a module that nobody knows": near("flux-dev", mystery__weight=tensor(8, 8)),
    "a checkpoint with one": near("sdxl-base", model__diffusion_model__mystery__weight=tensor(8, 8)),
    "a checkpoint with a part that nobody knows": near("sd-1.5", mystery__weight=tensor(8, 8)),
    "no last layer": near("flux-dev", lost="final_layer."),
    "no first layer": near("wan-1.3b", lost="patch_embedding."),
    "one of another width": near("flux-dev", wider="img_in.bias"),
    "another text": near("sdxl-unet", wider="attn2.to_k.weight"),
    "another number of labels": near("sdxl-base", wider="label_emb.0.0.weight"),
    "pictures and sound": near("wan-1.3b", audio_encoder__weight=tensor(8, 8)),
    "an autoencoder with a code book": near("vae-sd", quantize__embedding__weight=tensor(1024, 4)),
    "an autoencoder of other pictures": near("vae-sd", wider="encoder.conv_in.weight"),
    "a known autoencoder, an unknown denoiser": near("sd-1.5", lost="model.diffusion_model.input_blocks.1."),
    "an embedding of a width of nobody": {"emb_params": tensor(8, 512)},
    "an embedding and more": {"emb_params": tensor(8, 768), "bias": tensor(8)},
    "half an upscaler": near("esrgan", lost="body.0.rdb3."),
    "a text encoder of another width": near("clip-l", wider="token_embedding"),
    "a sorter of pictures": linear("conv1", "bn1", "layer1.0.conv1", "layer4.2.conv3", "fc"),
    "a reader of text": linear(
        "embeddings.word_embeddings", "encoder.layer.0.attention.self.query", "pooler"
    ),
    "a watcher of pictures": linear("patch_embed.proj", "blocks.0.attn.qkv", "blocks.0.mlp.fc1", "norm"),
    "a finder of things": linear("model.0.conv", "model.1.conv", "model.2.cv1.conv"),
    "the state of a training": linear("state.0.exp_avg", "state.0.exp_avg_sq", "step"),
    "nothing": {},
    "one number": {"step": tensor()},
}


@pytest.mark.parametrize("name", ELSE)
def test_near_misses_stay_unknown(name: str) -> None:
    content = content_of(ELSE[name])
    assert (content.kind, content.name, content.family) == ("unknown", "", "")


def lora(*layers: tuple[str, int, int]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for layer, out, into in layers:
        found |= {f"{layer}.lora_A.weight": tensor(4, into), f"{layer}.lora_B.weight": tensor(out, 4)}
    return found


LORAS: dict[str, tuple[dict[str, Tensor], tuple[str, ...]]] = {
    "layers of nobody": (lora(("unet.mystery.0.to_q", 320, 320)), ()),
    "text of a width of nobody": (
        lora(("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", 320, 512)),
        (),
    ),
    "one known layer and one of nobody": (
        lora(("transformer.transformer_blocks.0.attn.to_q", 3072, 3072), ("transformer.mystery", 8, 8)),
        (),
    ),
    "only what two have in common": (
        lora(("transformer.transformer_blocks.0.attn.to_q", 3072, 3072)),
        ("FLUX.1", "Qwen-Image"),
    ),
    "a block that only one of them has": (
        lora(("transformer.transformer_blocks.40.attn.to_q", 3072, 3072)),
        ("Qwen-Image",),
    ),
    "older namings of the same": (
        {
            "double_blocks.0.processor.proj_lora1.down.weight": tensor(16, 3072),
            "double_blocks.0.processor.proj_lora1.up.weight": tensor(3072, 16),
            "double_blocks.0.processor.qkv_lora2.down.weight": tensor(16, 3072),
            "double_blocks.0.processor.qkv_lora2.up.weight": tensor(9216, 16),
        },
        ("FLUX.1",),
    ),
    "layers by their first names": (
        {
            f"lora_unet_input_blocks_4_1_transformer_blocks_1_attn2_to_k.{end}": entry
            for end, entry in (
                ("lora_down.weight", tensor(8, 2048)),
                ("lora_up.weight", tensor(640, 8)),
                ("alpha", tensor()),
            )
        },
        ("Stable Diffusion XL",),
    ),
    "convolutions": (
        {
            "lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight": tensor(8, 320, 3, 3),
            "lora_unet_down_blocks_0_resnets_0_conv1.lora_up.weight": tensor(320, 8, 1, 1),
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_v.lora_down.weight": tensor(
                8, 768
            ),
        },
        ("Stable Diffusion 1.x",),
    ),
    "differences as they are": (
        {
            "diffusion_model.blocks.0.self_attn.q.lora_down.weight": tensor(8, 5120),
            "diffusion_model.blocks.0.self_attn.q.lora_up.weight": tensor(5120, 8),
            "diffusion_model.blocks.0.norm3.diff": tensor(5120),
            "diffusion_model.blocks.0.cross_attn.k.diff_b": tensor(5120),
            "diffusion_model.head.head.diff": tensor(64, 5120),
        },
        ("Wan",),
    ),
    "all blocks of a film maker that is built like a painter": (
        lora(
            *((f"transformer.transformer_blocks.{n}.attn.to_q", 3072, 3072) for n in range(20)),
            ("transformer.single_transformer_blocks.39.attn.to_q", 3072, 3072),
        ),
        ("HunyuanVideo",),
    ),
    "only the reading of words": (
        lora(("text_encoder.text_model.encoder.layers.0.self_attn.q_proj", 768, 768)),
        (),
    ),
    "of a language model": (
        lora(("base_model.model.model.layers.0.self_attn.q_proj", 64, 64)),
        ("Language model",),
    ),
}


@pytest.mark.parametrize("name", LORAS)
def test_what_a_lora_is_for_is_not_guessed(name: str) -> None:
    tensors, bases = LORAS[name]
    content = content_of(tensors)
    assert (content.kind, content.bases) == ("lora", bases)
    assert bool(content.family) == (len(bases) == 1 and bases != ("Language model",))


def test_precision() -> None:
    assert precision_of({"a": tensor(100, 100), "b": tensor(3, kind="F32")}) == "F16"
    assert precision_of({"a": tensor(9, 9, kind="F8_E4M3"), "b": tensor(9, 9)}) == "F16 + F8_E4M3"
    assert precision_of({"a.weight.quant_state.bitsandbytes__nf4": tensor(9, kind="U8")}) == "NF4"
    assert precision_of({}) == ""


# diffusers' classes whose weights are known as they are built by default, and what they are called. Some are
# Wan's or CogVideoX's own network under another name.
CALLED = {
    "AnyFlowTransformer3DModel": "Wan",
    "AuraFlowTransformer2DModel": "AuraFlow",
    "AutoencoderKLFlux2": "FLUX.2 VAE",
    "AutoencoderKLHunyuanVideo": "HunyuanVideo VAE",
    "AutoencoderKLQwenImage": "Wan VAE",
    "AutoencoderKLWan": "Wan VAE",
    "AutoencoderTiny": "Tiny preview VAE of 4 channels",
    "ChronoEditTransformer3DModel": "Wan",
    "CogVideoXTransformer3DModel": "CogVideoX",
    "ConsisIDTransformer3DModel": "CogVideoX",
    "Flux2Transformer2DModel": "FLUX.2 dev",
    "FluxControlNetModel": "ControlNet for FLUX.1",
    "FluxTransformer2DModel": "FLUX.1 schnell",
    "LTXVideoTransformer3DModel": "LTX-Video",
    "MotionAdapter": "AnimateDiff motion module",
    "QwenImage21Transformer2DModel": "Qwen-Image 2.1",
    "QwenImageControlNetModel": "ControlNet for Qwen-Image",
    "QwenImageTransformer2DModel": "Qwen-Image",
    "ReduxImageEncoder": "FLUX.1 Redux",
    "SD3ControlNetModel": "ControlNet for Stable Diffusion 3",
    "SD3Transformer2DModel": "Stable Diffusion 3",
    "SanaTransformer2DModel": "Sana",
    "SkyReelsV2Transformer3DModel": "Wan",
    "T2IAdapter": "T2I-Adapter",
    "UNetSpatioTemporalConditionModel": "Stable Video Diffusion",
    "WanTransformer3DModel": "Wan",
    "ZImageTransformer2DModel": "Z-Image",
}


@pytest.mark.heavy
@pytest.mark.logs
@pytest.mark.filterwarnings("ignore")
def test_no_network_of_diffusers_is_taken_for_another() -> None:
    """Over a hundred networks that these tables were not written for stay unknown."""
    import diffusers
    from accelerate import init_empty_weights

    called: dict[str, str] = {}
    unknown = 0
    for name in dir(diffusers):
        kind = getattr(diffusers, name, None)
        if not isinstance(kind, type) or not issubclass(kind, diffusers.ModelMixin):
            continue
        try:
            with init_empty_weights():
                state = kind().state_dict()
        except (TypeError, ValueError, AttributeError, ImportError, RuntimeError, AssertionError):
            # it cannot be built without options
            continue
        content = content_of({key: tensor(*value.shape) for key, value in state.items()})
        if content.kind == "unknown":
            unknown += 1
        else:
            called[name] = content.name
    assert called == CALLED
    assert unknown > 80
