"""Original files: the transformer alone, or with everything else. Where parts stand, what is not said."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

CONFIGS = Path(__file__).with_name("original")
DYNAMIC = Path(__file__).with_name("dynamic")
"""The scheduler of those that are guided; the others need few steps."""
GUIDED = "guidance_in.in_layer.weight"
_WHOLE = "model.diffusion_model."
_REST = {
    "text_encoder": "text_encoders.clip_l.transformer.",
    "text_encoder_2": "text_encoders.t5xxl.transformer.",
    "vae": "vae.",
}


def layout(names: Iterable[str]) -> tuple[dict[str, str], bool]:
    """The prefixes of the parts of a file with tensors of these *names*, and whether it is guided."""
    known = set(names)
    prefix = _WHOLE if any(name.startswith(_WHOLE) for name in known) else ""
    prefixes = {"transformer": prefix}
    if prefix:
        prefixes = {"text_encoder": "", "text_encoder_2": "", **prefixes} | _REST
    return prefixes, prefix + GUIDED in known
