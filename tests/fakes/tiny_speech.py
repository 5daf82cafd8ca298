"""A real VITS model, small enough to build in a test: random weights, letters as tokens."""

from __future__ import annotations

import json
import string
from pathlib import Path

RATE = 16_000


def write_vits(folder: Path, *, speakers: int = 1, **tokenizer: object) -> Path:
    """A transformers folder that speaks noise, at 64 samples for each frame."""
    import torch
    from transformers import VitsConfig, VitsModel

    folder.mkdir(parents=True, exist_ok=True)
    letters = ["<pad>", " ", "'", ",", ".", *string.ascii_lowercase]
    (folder / "vocab.json").write_text(json.dumps({letter: n for n, letter in enumerate(letters)}))
    settings = {
        "tokenizer_class": "VitsTokenizer",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "add_blank": True,
        "normalize": True,
        "phonemize": False,
        "is_uroman": False,
        "language": "eng",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | tokenizer))
    torch.manual_seed(0)
    model = VitsModel(
        VitsConfig(
            vocab_size=len(letters) + 1,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            ffn_dim=16,
            flow_size=16,
            spectrogram_bins=17,
            num_speakers=speakers,
            speaker_embedding_size=8 if speakers > 1 else 0,
            upsample_initial_channel=16,
            upsample_rates=[8, 8],
            upsample_kernel_sizes=[16, 16],
            resblock_kernel_sizes=[3],
            resblock_dilation_sizes=[[1, 3]],
            depth_separable_num_layers=1,
            duration_predictor_filter_channels=8,
            duration_predictor_num_flows=1,
            prior_encoder_num_flows=1,
            prior_encoder_num_wavenet_layers=1,
            posterior_encoder_num_wavenet_layers=1,
            sampling_rate=RATE,
        )
    )
    model.save_pretrained(folder)
    return folder
