"""Real diffusion models, small enough to build in a test: random weights, 1 MB, built in a second."""

from __future__ import annotations

from pathlib import Path

TOKENS = 24  # the longest prompt, with its two ends


def write_pipeline(
    folder: Path,
    *,
    prediction: str = "epsilon",
    extra_channels: int = 0,
    text_width: int = 32,
    variant: str | None = None,
    seed: int = 0,
) -> Path:
    """A diffusers folder whose pictures are twice the size of their latents.

    *extra_channels* make a denoiser as for inpainting; a *text_width* other than 32 does not fit it.
    """
    import torch
    from diffusers import PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    text = _text_encoder(CLIPTextModel, text_width, len(tokenizer))
    unet = UNet2DConditionModel(
        sample_size=32,
        in_channels=4 + extra_channels,
        out_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    vae = _autoencoder(4)
    scheduler = PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction,
        set_alpha_to_one=False,
        skip_prk_steps=True,
        steps_offset=1,
    )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, variant=variant)
    return folder


def write_xl(
    folder: Path, *, zeros: bool = True, conditions: int = 8, seed: int = 0, **larger: dict[str, object]
) -> Path:
    """Of the XL kind: two text encoders, and a denoiser that is told the size. *conditions* other than 8
    are more or fewer than it is told; *zeros*: no negative prompt is nothing at all, not "".

    *larger*: configurations of `unet`, `text_encoder`, `text_encoder_2`, `vae` in the place of tiny ones.
    """
    import torch
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    unet = {
        "sample_size": 32,
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2),
        "cross_attention_dim": 32 + 64,
        "attention_head_dim": (2, 4),
        "use_linear_projection": True,
        "norm_num_groups": 8,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": conditions,
        "projection_class_embeddings_input_dim": 6 * 8 + 64,
    }
    text, text_2 = larger.get("text_encoder", {}), larger.get("text_encoder_2", {})
    pipeline = StableDiffusionXLPipeline(
        vae=_autoencoder(4, **larger.get("vae", {})),
        text_encoder=_text_encoder(CLIPTextModel, 32, len(tokenizer), **text),
        text_encoder_2=_text_encoder(CLIPTextModelWithProjection, 64, len(tokenizer), **text_2),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=UNet2DConditionModel(**larger.get("unet", unet)),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
        force_zeros_for_empty_prompt=zeros,
        add_watermarker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


def _text_encoder(kind, width: int, words: int, **larger: object):
    from transformers import CLIPTextConfig

    tiny = {
        "vocab_size": words,
        "hidden_size": width,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": TOKENS,
        "projection_dim": width,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    return kind(CLIPTextConfig(**tiny | larger))


def _autoencoder(channels: int, **options: object):
    """Its pictures are twice the size of its latents."""
    from diffusers import AutoencoderKL

    tiny = {
        "block_out_channels": (16, 32),
        "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D"),
        "up_block_types": ("UpDecoderBlock2D", "UpDecoderBlock2D"),
        "latent_channels": channels,
        "norm_num_groups": 8,
        "sample_size": 64,
    }
    return AutoencoderKL(**tiny | options)


def _tokenizer():
    """Letter by letter: no vocabulary has to be trained."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    alphabet = sorted(ByteLevel.alphabet())
    words = ["<|startoftext|>", "<|endoftext|>", *alphabet, *(f"{letter}</w>" for letter in alphabet)]
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=[],
        model_max_length=TOKENS,
        bos_token=words[0],
        eos_token=words[1],
        pad_token=words[1],
        unk_token=words[1],
    )


def write_flux(
    folder: Path, *, guidance: bool = True, words_width: int = 32, seed: int = 0, **larger: dict[str, object]
) -> Path:
    """Of the Flux kind, its pictures twice the size of the latents. *guidance*: it is told how
    close to keep to the prompt. A *words_width* other than 32 does not fit it. *larger*: configurations of
    `transformer`, `text_encoder`, `text_encoder_2` and `vae` in the place of the tiny ones.
    """
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import CLIPTextModel, T5Config, T5EncoderModel

    torch.manual_seed(seed)
    clip, t5 = _tokenizer(), letters_tokenizer()
    words = {"d_model": words_width, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    transformer = {
        "in_channels": 64,
        "num_layers": 1,
        "num_single_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 32,
        "pooled_projection_dim": 32,
        "axes_dims_rope": (4, 6, 6),
    }
    vae = {"scaling_factor": 0.3611, "shift_factor": 0.1159, "use_quant_conv": False}
    pipeline = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=guidance),
        text_encoder=_text_encoder(CLIPTextModel, 32, len(clip), **larger.get("text_encoder", {})),
        tokenizer=clip,
        text_encoder_2=T5EncoderModel(
            T5Config(**{"vocab_size": len(t5)} | larger.get("text_encoder_2", words))
        ),
        tokenizer_2=t5,
        transformer=FluxTransformer2DModel(
            guidance_embeds=guidance, **larger.get("transformer", transformer)
        ),
        vae=_autoencoder(16, **vae | larger.get("vae", {})),
    )
    pipeline.save_pretrained(folder)
    return folder


def letters_tokenizer():
    """T5's, letter by letter."""
    import string

    from transformers import T5Tokenizer

    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    letters = [(letter, -3.0) for letter in string.ascii_letters + string.digits + string.punctuation]
    return T5Tokenizer(vocab=special + letters, extra_ids=0)
