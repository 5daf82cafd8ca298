"""A real MusicGen, small enough to build in a test: random weights, letters as tokens."""

from __future__ import annotations

from pathlib import Path

RATE = 1600  # samples a second
FRAMES = 50  # a second


def write_music(folder: Path, *, stereo: bool = False, width: int = 32, **larger: dict[str, object]) -> Path:
    """A transformers folder that makes noise, at 32 samples for each frame. *width* of the decoder.

    *larger*: configurations of `text_encoder`, `decoder`, `audio_encoder` in the place of the tiny ones.
    """
    import torch
    from transformers import (
        EncodecConfig,
        GenerationConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        T5Config,
    )
    from transformers.utils import logging

    from tests.fakes.tiny_diffusion import letters_tokenizer

    # Real ones, too, mark their beginning with a number that is no word; the library warns of it.
    spoken = logging.get_verbosity()
    logging.set_verbosity_error()
    torch.manual_seed(0)
    tokenizer = letters_tokenizer()
    books = 8 if stereo else 4
    text = {"d_model": 24, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 3}
    encodec = {
        "sampling_rate": RATE,
        "target_bandwidths": [1.2],
        "upsampling_ratios": [8, 4],
        "num_filters": 4,
        "hidden_size": 16,
        "codebook_dim": 16,
        "codebook_size": 64,
        "num_lstm_layers": 1,
        "audio_channels": 1,
    }
    tiny = {
        "vocab_size": 64,
        "hidden_size": width,
        "ffn_dim": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "initializer_factor": 0.3,  # so that the words matter
    }
    decoder = larger.get("decoder", tiny)
    words = decoder["vocab_size"]
    model = MusicgenForConditionalGeneration(
        MusicgenConfig(
            text_encoder=T5Config(**{"vocab_size": len(tokenizer)} | larger.get("text_encoder", text)),
            audio_encoder=EncodecConfig(**larger.get("audio_encoder", encodec)),
            decoder=MusicgenDecoderConfig(
                **decoder,
                pad_token_id=words,
                bos_token_id=words,
                num_codebooks=books,
                audio_channels=2 if stereo else 1,
            ),
        )
    )
    for layer in model.audio_encoder.quantizer.layers:  # made of zeros
        layer.codebook.embed.normal_()
    model.generation_config = GenerationConfig(
        bos_token_id=words, pad_token_id=words, decoder_start_token_id=words, guidance_scale=3.0
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    logging.set_verbosity(spoken)
    return folder
