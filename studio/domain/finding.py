"""What a file or folder turns out to be, whether this version can run it or not."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from studio.domain.failure import Failure

Kind = Literal[
    "model",
    "denoiser",
    "lora",
    "vae",
    "controlnet",
    "adapter",
    "motion",
    "embedding",
    "text_encoder",
    "image_encoder",
    "projector",
    "upscaler",
    "tokenizer",
    "checkpoint",
    "unknown",
]
"""Texts are `kind.<kind>`. "denoiser": the part of a picture or video model that draws, alone. "projector":
what lets a language model see or hear. "checkpoint": a pickle, whose content is not looked at."""
KINDS: tuple[str, ...] = get_args(Kind)

Container = Literal["safetensors", "gguf", "diffusers", "transformers", "pickle", ""]


class Finding(Struct, frozen=True, kw_only=True):
    """What lies at `path`, read from headers.

    `name`: as its makers call it, the same in every language; empty where nobody knows. `family`: what could
    load it, or would, by its name. `bases`: the models that a part of one goes with. `parts` it has and those
    `missing`, as kinds. `precision`: types by share, "F16", "F8_E4M3 + F16". `bytes` on disk. It can be used
    now if `failure` is None; else that says why not.
    """

    path: str
    kind: Kind = "unknown"
    container: Container = ""
    name: str = ""
    family: str = ""
    task: str = ""
    bases: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    precision: str = ""
    bytes: int = 0
    failure: Failure | None = None

    @property
    def runnable(self) -> bool:
        return self.failure is None

    @property
    def about(self) -> str:
        """What it is in names alone: the model's, or those that a LoRA is for; empty where nobody knows."""
        return ", ".join(self.bases) if self.kind == "lora" else self.name

    @property
    def title_key(self) -> str:
        return f"kind.{self.kind}.title"
