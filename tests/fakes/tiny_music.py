"""A real MusicGen, small enough to build in a test: random weights, letters as tokens."""

from __future__ import annotations

from pathlib import Path

RATE = 1600  # samples a second
FRAMES = 50  # a second


def write_music(folder: Path, *, stereo: bool = False, layers: int = 2, width: int = 32) -> Path:
    """A transformers folder that makes noise, at 32 samples for each frame. *layers* of the decoder."""
    import torch
    from transformers import (
        EncodecConfig,
        GenerationConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        T5Config,
    )

    from tests.fakes.tiny_diffusion import letters_tokenizer

    torch.manual_seed(0)
    tokenizer = letters_tokenizer()
    books, words = (8 if stereo else 4), 64
    model = MusicgenForConditionalGeneration(
        MusicgenConfig(
            text_encoder=T5Config(
                vocab_size=len(tokenizer), d_model=24, d_kv=8, d_ff=32, num_layers=2, num_heads=3
            ),
            audio_encoder=EncodecConfig(
                sampling_rate=RATE,
                target_bandwidths=[1.2],
                upsampling_ratios=[8, 4],
                num_filters=4,
                hidden_size=16,
                codebook_dim=16,
                codebook_size=words,
                num_lstm_layers=1,
                audio_channels=1,
            ),
            decoder=MusicgenDecoderConfig(
                vocab_size=words,
                pad_token_id=words,
                bos_token_id=words,
                hidden_size=width,
                ffn_dim=2 * width,
                num_hidden_layers=layers,
                num_attention_heads=2,
                num_codebooks=books,
                initializer_factor=0.3,  # so that the words matter
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
    return folder
