"""Every layout that there is a fixture of, and what it must be recognised as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tests.layouts import adapters, library, originals, small, videos
from tests.layouts.rows import Shapes, rows

DIFFUSERS = "diffusers 0.42, single_file_utils"
CLASSES = "diffusers 0.42, the classes themselves"
UNET = "model.diffusion_model."
LOOSE = rows("betas= 1000\nalphas_cumprod= 1000")


class Made(Struct, frozen=True, kw_only=True):
    """`expected`: fields of what is found. `check`: diffusers' class, its options, the conversion to it."""

    source: str
    make: Callable[[], Shapes]
    expected: dict[str, Any]
    type: str = "F16"
    check: tuple[str, dict[str, Any], str] | None = None


def _all(*parts: Shapes) -> Shapes:
    return {name: shape for part in parts for name, shape in part.items()}


def _put(shapes: Shapes, prefix: str) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def _sd(unet: dict[str, Any]) -> Shapes:
    text = library.clip("CLIPTextModel", library.CLIP_L, "cond_stage_model.transformer.")
    return _all(library.unet(unet), library.vae(library.VAE), text, LOOSE)


def _sd2(unet: dict[str, Any]) -> Shapes:
    text = library.open_clip_of(library.CLIP_H, "cond_stage_model.model.", layers=24)
    return _all(library.unet(unet), library.vae(library.VAE), text, LOOSE)


def _xl(unet: dict[str, Any]) -> Shapes:
    return _all(
        library.unet(unet),
        library.vae(library.VAE),
        library.clip("CLIPTextModel", library.CLIP_L, "conditioner.embedders.0.transformer."),
        library.open_clip_of(library.CLIP_G, "conditioner.embedders.1.model.", layers=32),
    )


def _refiner() -> Shapes:
    text = library.open_clip_of(library.CLIP_G, "conditioner.embedders.0.model.", layers=32)
    return _all(library.unet(library.REFINER), library.vae(library.VAE), text)


def _encoders(*, t5: bool) -> Shapes:
    found = library.clip("CLIPTextModel", library.CLIP_L, "text_encoders.clip_l.transformer.")
    return _all(found, library.t5(prefix="text_encoders.t5xxl.transformer.") if t5 else {})


def _sd3() -> Shapes:
    clip_g = library.clip("CLIPTextModelWithProjection", library.CLIP_G, "text_encoders.clip_g.transformer.")
    denoiser = originals.sd3(1536, 24, positions=36864)
    return _all(_put(denoiser, UNET), library.vae(library.VAE_16), _encoders(t5=False), clip_g)


def _flux_whole() -> Shapes:
    return _all(_put(originals.flux(), UNET), library.vae(library.VAE_16, "vae."), _encoders(t5=True))


def _layers(kind: str, **options: Any) -> dict[str, tuple[int, ...]]:
    return adapters.layers(library.shapes(library.model(kind, **options)), adapters.ATTENTION)


def _clip_layers() -> dict[str, tuple[int, ...]]:
    found = library.clip("CLIPTextModel", library.CLIP_L)
    return adapters.layers(found, r".*(self_attn\.[qkv]_proj|self_attn\.out_proj|mlp\.fc[12])")


def _wan_layers() -> dict[str, tuple[int, ...]]:
    return adapters.layers(videos.wan(5120, 40, 13824, 16), r"blocks\..*\.(self_attn|cross_attn|ffn)\.\w+")


def _flux_layers() -> dict[str, tuple[int, ...]]:
    return adapters.layers(originals.flux(), r"(double|single)_blocks\..*")


def _sd_vae(options: dict[str, Any]) -> Shapes:
    return library.vae(options, "")


SD1, SD2, XL = "Stable Diffusion 1.x", "Stable Diffusion 2.x", "Stable Diffusion XL"


def _whole(name: str, family: str, task: str = "image", **more: Any) -> dict[str, Any]:
    return {"kind": "model", "name": name, "family": family, "task": task, **more}


def _bare(name: str, family: str, task: str = "image") -> dict[str, Any]:
    return {"kind": "denoiser", "name": name, "family": family, "task": task}


LAYOUTS: dict[str, Made] = {
    "sd-1.5": Made(source=DIFFUSERS, make=lambda: _sd(library.SD1), expected=_whole(SD1, "stable_diffusion")),
    "sd-1.5-inpainting": Made(
        source=DIFFUSERS,
        make=lambda: _sd(library.SD1 | {"in_channels": 9}),
        expected=_whole(f"{SD1} inpainting", "stable_diffusion", "inpaint"),
    ),
    "sd-2.1": Made(
        source=DIFFUSERS, make=lambda: _sd2(library.SD2), expected=_whole(SD2, "stable_diffusion")
    ),
    "sd-2-depth": Made(
        source=DIFFUSERS,
        make=lambda: _sd2(library.SD2 | {"in_channels": 5}),
        expected=_whole("Stable Diffusion 2 depth", "stable_diffusion", "depth"),
    ),
    "sdxl-base": Made(
        source=DIFFUSERS, make=lambda: _xl(library.XL), expected=_whole(XL, "stable_diffusion_xl")
    ),
    "sdxl-inpainting": Made(
        source=DIFFUSERS,
        make=lambda: _xl(library.XL | {"in_channels": 9}),
        expected=_whole(f"{XL} inpainting", "stable_diffusion_xl", "inpaint"),
    ),
    "sdxl-refiner": Made(
        source=DIFFUSERS, make=_refiner, expected=_whole(f"{XL} refiner", "stable_diffusion_xl_refiner")
    ),
    "sdxl-unet": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("UNet2DConditionModel", **library.XL)),
        expected=_bare(XL, "stable_diffusion_xl"),
    ),
    "kolors-unet": Made(
        source=CLASSES,
        make=lambda: library.shapes(
            library.model(
                "UNet2DConditionModel",
                **library.XL
                | {
                    "projection_class_embeddings_input_dim": 5632,
                    "encoder_hid_dim": 4096,
                    "encoder_hid_dim_type": "text_proj",
                },
            )
        ),
        expected=_bare("Kolors", "kolors"),
    ),
    "svd-unet": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("UNetSpatioTemporalConditionModel")),
        expected=_bare("Stable Video Diffusion", "stable_video_diffusion", "video"),
    ),
    "sd3-medium": Made(
        source=DIFFUSERS, make=_sd3, expected=_whole("Stable Diffusion 3 Medium", "stable_diffusion_3")
    ),
    "sd3.5-large": Made(
        source=DIFFUSERS,
        make=lambda: originals.sd3(2432, 38, positions=36864, norms=True),
        expected=_bare("Stable Diffusion 3.5 Large", "stable_diffusion_3"),
        check=(
            "SD3Transformer2DModel",
            {
                "num_layers": 38,
                "num_attention_heads": 38,
                "attention_head_dim": 64,
                "caption_projection_dim": 2432,
                "pos_embed_max_size": 192,
                "qk_norm": "rms_norm",
                "pooled_projection_dim": 2048,
            },
            "convert_sd3_transformer_checkpoint_to_diffusers",
        ),
    ),
    "sd3.5-medium": Made(
        source=DIFFUSERS,
        make=lambda: originals.sd3(1536, 24, positions=147456, norms=True, dual=13),
        expected=_bare("Stable Diffusion 3.5 Medium", "stable_diffusion_3"),
        check=(
            "SD3Transformer2DModel",
            {
                "num_layers": 24,
                "num_attention_heads": 24,
                "attention_head_dim": 64,
                "caption_projection_dim": 1536,
                "pos_embed_max_size": 384,
                "qk_norm": "rms_norm",
                "pooled_projection_dim": 2048,
                "dual_attention_layers": tuple(range(13)),
            },
            "convert_sd3_transformer_checkpoint_to_diffusers",
        ),
    ),
    "flux-dev": Made(
        source=DIFFUSERS,
        make=originals.flux,
        type="BF16",
        expected=_bare("FLUX.1 dev", "flux"),
        check=(
            "FluxTransformer2DModel",
            {"guidance_embeds": True},
            "convert_flux_transformer_checkpoint_to_diffusers",
        ),
    ),
    "flux-schnell": Made(
        source=DIFFUSERS,
        make=lambda: originals.flux(guidance=False),
        type="F8_E4M3",
        expected=_bare("FLUX.1 schnell", "flux"),
        check=("FluxTransformer2DModel", {}, "convert_flux_transformer_checkpoint_to_diffusers"),
    ),
    "flux-fill": Made(
        source=DIFFUSERS,
        make=lambda: originals.flux(inputs=384),
        expected=_bare("FLUX.1 Fill", "flux", "inpaint"),
    ),
    "flux-all-in-one": Made(
        source="the one-file form that ComfyUI reads; " + DIFFUSERS,
        make=_flux_whole,
        type="F8_E4M3",
        expected=_whole("FLUX.1 dev", "flux"),
    ),
    "flux-diffusers": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("FluxTransformer2DModel", guidance_embeds=True)),
        expected=_bare("FLUX.1 dev", "flux"),
    ),
    "chroma": Made(
        source=DIFFUSERS,
        make=originals.chroma,
        expected=_bare("Chroma", "chroma"),
        check=("ChromaTransformer2DModel", {}, "convert_chroma_transformer_checkpoint_to_diffusers"),
    ),
    "flux2-dev": Made(
        source=DIFFUSERS,
        make=lambda: originals.flux_2(6144, 8, 48, 15360, guidance=True),
        type="BF16",
        expected=_bare("FLUX.2 dev", "flux_2"),
        check=("Flux2Transformer2DModel", {}, "convert_flux2_transformer_checkpoint_to_diffusers"),
    ),
    "flux2-klein-4b": Made(
        source=DIFFUSERS,
        make=lambda: originals.flux_2(3072, 5, 20, 7680, guidance=False),
        type="BF16",
        expected=_bare("FLUX.2 klein 4B", "flux_2"),
    ),
    "pixart-sigma": Made(
        source="PixArt-sigma's repository (diffusion/model/nets)",
        make=originals.pixart_sigma,
        expected=_bare("PixArt-Sigma", "pixart"),
    ),
    "pixart-alpha": Made(
        source="PixArt-alpha's repository (diffusion/model/nets)",
        make=lambda: originals.pixart_sigma(words=120, sizes=True),
        expected=_bare("PixArt-alpha", "pixart"),
    ),
    "sana": Made(
        source=DIFFUSERS,
        make=originals.sana,
        expected=_bare("Sana 1.6B", "sana"),
        check=("SanaTransformer2DModel", {}, "convert_sana_transformer_to_diffusers"),
    ),
    "auraflow": Made(
        source=DIFFUSERS,
        make=originals.auraflow,
        expected=_bare("AuraFlow", "auraflow"),
        check=("AuraFlowTransformer2DModel", {}, "convert_auraflow_transformer_checkpoint_to_diffusers"),
    ),
    "lumina-2": Made(
        source=DIFFUSERS,
        make=originals.lumina_2,
        expected=_bare("Lumina Image 2.0", "lumina_2"),
        check=("Lumina2Transformer2DModel", {"cap_feat_dim": 2304}, "convert_lumina2_to_diffusers"),
    ),
    "z-image": Made(
        source=DIFFUSERS,
        make=originals.z_image,
        type="BF16",
        expected=_bare("Z-Image", "z_image"),
        check=("ZImageTransformer2DModel", {}, "convert_z_image_transformer_checkpoint_to_diffusers"),
    ),
    "qwen-image": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("QwenImageTransformer2DModel")),
        type="F8_E4M3",
        expected=_bare("Qwen-Image", "qwen_image"),
    ),
    "hunyuan-dit": Made(
        source="HunyuanDiT's repository (hydit/modules)",
        make=videos.hunyuan_dit,
        expected=_bare("HunyuanDiT", "hunyuan_dit"),
    ),
    "hunyuan-video": Made(
        source=DIFFUSERS,
        make=videos.hunyuan_video,
        type="BF16",
        expected=_bare("HunyuanVideo", "hunyuan_video", "video"),
        check=("HunyuanVideoTransformer3DModel", {}, "convert_hunyuan_video_transformer_to_diffusers"),
    ),
    "wan-1.3b": Made(
        source=DIFFUSERS,
        make=lambda: videos.wan(1536, 30, 8960, 16),
        expected=_bare("Wan 2.1 text to video 1.3B", "wan", "video"),
        check=(
            "WanTransformer3DModel",
            {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30},
            "convert_wan_transformer_to_diffusers",
        ),
    ),
    "wan-14b-i2v": Made(
        source=DIFFUSERS,
        make=lambda: videos.wan(5120, 40, 13824, 36, image=True),
        expected=_bare("Wan 2.1 image to video 14B", "wan", "video"),
        check=(
            "WanTransformer3DModel",
            {"in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120},
            "convert_wan_transformer_to_diffusers",
        ),
    ),
    "wan-2.2-5b": Made(
        source=DIFFUSERS,
        make=lambda: _put(videos.wan(3072, 30, 14336, 48, 48), UNET),
        expected=_bare("Wan 2.2 text and image to video 5B", "wan", "video"),
    ),
    "ltx-2b": Made(
        source=DIFFUSERS,
        make=lambda: _put(videos.ltx(2048, 28), UNET),
        expected=_bare("LTX-Video 2B", "ltx_video", "video"),
        check=("LTXVideoTransformer3DModel", {}, "convert_ltx_transformer_checkpoint_to_diffusers"),
    ),
    "cascade-c": Made(
        source=CLASSES,
        make=lambda: library.shapes(
            library.model(
                "StableCascadeUNet",
                clip_text_in_channels=1280,
                clip_image_in_channels=768,
                block_out_channels=(2048, 2048),
            )
        ),
        expected=_bare("Stable Cascade, stage C", "stable_cascade"),
    ),
    "cogvideox-2b": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("CogVideoXTransformer3DModel")),
        expected=_bare("CogVideoX", "cogvideox", "video"),
    ),
    "vae-sd": Made(
        source=DIFFUSERS,
        make=lambda: _sd_vae(library.VAE),
        expected={"kind": "vae", "name": "VAE of 4 channels"},
    ),
    "vae-diffusers": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("AutoencoderKL", **library.VAE)),
        expected={"kind": "vae", "name": "VAE of 4 channels"},
    ),
    "vae-flux": Made(
        source=DIFFUSERS,
        make=lambda: _sd_vae(library.VAE_16),
        type="BF16",
        expected={"kind": "vae", "name": "VAE of 16 channels"},
    ),
    "vae-flux2": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("AutoencoderKLFlux2")),
        expected={"kind": "vae", "name": "FLUX.2 VAE"},
    ),
    "vae-wan": Made(source=DIFFUSERS, make=small.wan_vae, expected={"kind": "vae", "name": "Wan VAE"}),
    "vae-tiny": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("AutoencoderTiny")),
        expected={"kind": "vae", "name": "Tiny preview VAE of 4 channels"},
    ),
    "controlnet-sd1": Made(
        source=DIFFUSERS,
        make=lambda: library.controlnet(library.SD1),
        expected={"kind": "controlnet", "family": "stable_diffusion", "bases": (SD1,)},
    ),
    "controlnet-sd2-diffusers": Made(
        source=CLASSES,
        make=lambda: library.shapes(library.model("ControlNetModel", **library.SD2)),
        expected={"kind": "controlnet", "family": "stable_diffusion", "bases": (SD2,)},
    ),
    "controlnet-xl": Made(
        source=CLASSES,
        make=lambda: library.shapes(
            library.model(
                "ControlNetModel",
                **{key: value for key, value in library.XL.items() if not key.startswith("up_")},
            )
        ),
        expected={"kind": "controlnet", "family": "stable_diffusion_xl", "bases": (XL,)},
    ),
    "controlnet-flux": Made(
        source=CLASSES,
        make=lambda: library.shapes(
            library.model("FluxControlNetModel", num_layers=5, num_single_layers=10, guidance_embeds=True)
        ),
        expected={"kind": "controlnet", "family": "flux", "bases": ("FLUX.1",)},
    ),
    "controlnet-flux-xlabs": Made(
        source="x-flux's repository (src/flux/controlnet.py)",
        make=small.xlabs_controlnet,
        expected={"kind": "controlnet", "family": "flux", "bases": ("FLUX.1",)},
    ),
    "lora-sd1-kohya": Made(
        source="sd-scripts' naming",
        make=lambda: (
            adapters.kohya(_layers("UNet2DConditionModel", **library.SD1))
            | adapters.kohya(_clip_layers(), "lora_te_")
        ),
        expected={"kind": "lora", "name": "LoRA", "family": "stable_diffusion", "bases": (SD1,)},
    ),
    "lora-sd1-processors": Made(
        source="diffusers before 0.20",
        make=lambda: adapters.processors(_layers("UNet2DConditionModel", **library.SD1)),
        expected={"kind": "lora", "family": "stable_diffusion", "bases": (SD1,)},
    ),
    "lora-xl-kohya": Made(
        source="sd-scripts' naming",
        make=lambda: (
            adapters.kohya(_layers("UNet2DConditionModel", **library.XL))
            | adapters.kohya(_clip_layers(), "lora_te1_")
        ),
        expected={"kind": "lora", "family": "stable_diffusion_xl", "bases": (XL,)},
    ),
    "lora-xl-peft": Made(
        source="diffusers' naming",
        make=lambda: adapters.peft(_layers("UNet2DConditionModel", **library.XL), "unet."),
        expected={"kind": "lora", "family": "stable_diffusion_xl", "bases": (XL,)},
    ),
    "lora-flux-kohya": Made(
        source="sd-scripts' naming",
        make=lambda: adapters.kohya(_flux_layers()),
        expected={"kind": "lora", "family": "flux", "bases": ("FLUX.1",)},
    ),
    "lora-flux-peft": Made(
        source="diffusers' naming",
        make=lambda: adapters.peft(_layers("FluxTransformer2DModel"), "transformer."),
        expected={"kind": "lora", "family": "flux", "bases": ("FLUX.1",)},
    ),
    "lora-qwen-image": Made(
        source="diffusers' naming",
        make=lambda: adapters.peft(_layers("QwenImageTransformer2DModel"), "transformer."),
        expected={"kind": "lora", "family": "qwen_image", "bases": ("Qwen-Image",)},
    ),
    "lora-z-image": Made(
        source="ComfyUI's naming",
        make=lambda: adapters.peft(
            adapters.layers(originals.z_image(), r"layers\..*(attention|feed_forward).*"), "diffusion_model."
        ),
        expected={"kind": "lora", "family": "z_image", "bases": ("Z-Image",)},
    ),
    "lora-wan": Made(
        source="ComfyUI's naming",
        make=lambda: adapters.peft(_wan_layers(), "diffusion_model."),
        expected={"kind": "lora", "family": "wan", "bases": ("Wan",)},
    ),
    "loha-sd1": Made(
        source="LyCORIS' naming",
        make=lambda: adapters.loha(_layers("UNet2DConditionModel", **library.SD1)),
        expected={"kind": "lora", "name": "LoHa", "family": "stable_diffusion", "bases": (SD1,)},
    ),
    "lokr-flux": Made(
        source="LyCORIS' naming",
        make=lambda: adapters.lokr(_layers("FluxTransformer2DModel")),
        expected={"kind": "lora", "name": "LoKr", "family": "flux", "bases": ("FLUX.1",)},
    ),
    "embedding-sd1": Made(
        source="A1111's naming",
        make=lambda: rows("emb_params= 8 768"),
        expected={"kind": "embedding", "bases": (SD1,)},
    ),
    "embedding-xl": Made(
        source="A1111's naming",
        make=lambda: rows("clip_l= 8 768\nclip_g= 8 1280"),
        expected={"kind": "embedding", "bases": (XL,)},
    ),
    "clip-l": Made(
        source="transformers, the class itself",
        make=lambda: library.clip("CLIPTextModel", library.CLIP_L),
        expected={"kind": "text_encoder", "name": "CLIP-L text encoder"},
    ),
    "clip-g": Made(
        source="transformers, the class itself",
        make=lambda: library.clip("CLIPTextModelWithProjection", library.CLIP_G),
        expected={"kind": "text_encoder", "name": "CLIP-G text encoder"},
    ),
    "t5-xxl": Made(
        source="transformers' naming",
        make=library.t5,
        type="F8_E4M3",
        expected={"kind": "text_encoder", "name": "T5-XXL text encoder"},
    ),
    "umt5-xxl": Made(
        source="transformers' naming",
        make=lambda: library.t5(words=256384, every=True),
        expected={"kind": "text_encoder", "name": "UMT5-XXL text encoder"},
    ),
    "animatediff": Made(
        source=DIFFUSERS,
        make=small.motion_module,
        expected={"kind": "motion", "name": "AnimateDiff motion module for Stable Diffusion 1.x"},
    ),
    "ip-adapter-sd1": Made(
        source="IP-Adapter's naming",
        make=lambda: small.ip_adapter(768, 320),
        expected={"kind": "adapter", "name": "IP-Adapter for Stable Diffusion 1.x"},
    ),
    "esrgan": Made(
        source="BasicSR's naming",
        make=small.rrdb,
        expected={"kind": "upscaler", "name": "ESRGAN (RRDB) upscaler"},
    ),
    "esrgan-old": Made(
        source="ESRGAN's first naming",
        make=small.rrdb_old,
        expected={"kind": "upscaler", "name": "ESRGAN (RRDB) upscaler"},
    ),
    "realesrgan-params": Made(
        source="Real-ESRGAN's naming, exponential mean",
        make=lambda: _put(small.rrdb(6), "params_ema."),
        expected={"kind": "upscaler", "name": "ESRGAN (RRDB) upscaler"},
    ),
    "realesrgan-compact": Made(
        source="Real-ESRGAN's naming",
        make=small.compact,
        expected={"kind": "upscaler", "name": "Real-ESRGAN compact upscaler"},
    ),
    "swinir": Made(
        source="SwinIR's naming", make=small.swinir, expected={"kind": "upscaler", "name": "SwinIR upscaler"}
    ),
    "dat": Made(source="DAT's naming", make=small.dat, expected={"kind": "upscaler", "name": "DAT upscaler"}),
}
