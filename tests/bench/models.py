"""What is drawn and written with: the bundled model, one of Stable Diffusion's real size, a text model.

Weights that are not here are random: for time and memory that makes no difference.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from studio.services.library.library import Library
from studio.services.paths import ASSETS, Paths

ICONS = ASSETS / "models" / "starter-icons"
DEEP = 200  # layers of the small model that stands in for a text model: slow enough to be measured
CONTEXT = 8192


def cache() -> Path:
    """Where what was built is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "aigc-studio-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def text() -> Path:
    """The installed text model that is used by default, else one of random weights."""
    places = [Path(folder) for folder in (os.environ.get("STUDIO_TEST_MODELS"),) if folder]
    for folder in (*places, Paths.default().models):
        library = Library(folder)
        for entry in library.entries("text"):
            if entry.installed and entry.model.family == "gguf_text" and entry.model.status == "ready":
                return Path(library.resolve(entry.model.id, verify=False).source.path)
    from tests.fakes.tiny_text import write_gguf

    file = cache() / f"deep-{DEEP}.gguf"
    return (
        file if file.exists() else _once(file, lambda aside: write_gguf(aside, context=CONTEXT, layers=DEEP))
    )


def stable_diffusion() -> Path:
    """The architecture of Stable Diffusion 1.5, 859.5 million values of the denoiser, in 16 bits."""
    folder = cache() / "stable-diffusion"
    return folder if folder.exists() else _once(folder, _write_stable_diffusion)


def _once(place: Path, write) -> Path:
    """Written aside first, so that what has the name is whole."""
    aside = place.with_name(place.name + ".part")
    if aside.is_dir():
        shutil.rmtree(aside)
    write(aside)
    aside.rename(place)
    return place


def _write_stable_diffusion(folder: Path) -> None:
    import torch
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    down = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    channels = (128, 256, 512, 512)
    tokenizer = CLIPTokenizer.from_pretrained(str(ICONS / "tokenizer"), local_files_only=True)
    longest = tokenizer.model_max_length
    with torch.device("cpu"), Weights(torch.bfloat16):
        pipeline = StableDiffusionPipeline(
            unet=UNet2DConditionModel(
                sample_size=64,
                block_out_channels=(320, 640, 1280, 1280),
                down_block_types=down,
                up_block_types=tuple(name.replace("Down", "Up") for name in reversed(down)),
                cross_attention_dim=768,
                attention_head_dim=8,
            ),
            vae=AutoencoderKL(
                block_out_channels=channels,
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=2,
                latent_channels=4,
                sample_size=512,
            ),
            text_encoder=CLIPTextModel(
                CLIPTextConfig(
                    vocab_size=max(len(tokenizer), tokenizer.vocab_size),
                    hidden_size=768,
                    intermediate_size=3072,
                    num_hidden_layers=12,
                    num_attention_heads=12,
                    max_position_embeddings=longest,
                    bos_token_id=tokenizer.bos_token_id,
                    eos_token_id=tokenizer.eos_token_id,
                )
            ),
            tokenizer=tokenizer,
            scheduler=PNDMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                set_alpha_to_one=False,
                skip_prk_steps=True,
                steps_offset=1,
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.save_pretrained(folder)


class Weights:
    """Within it, new weights have this type: half the memory and half the file."""

    def __init__(self, dtype) -> None:
        self._dtype = dtype

    def __enter__(self) -> None:
        import torch

        self._before = torch.get_default_dtype()
        torch.set_default_dtype(self._dtype)

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_default_dtype(self._before)
