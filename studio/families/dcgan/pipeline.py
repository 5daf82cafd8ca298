"""A DCGAN generator at work: every seed is another picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch
from PIL import Image
from safetensors.torch import load_file

from studio.domain.failure import StudioError
from studio.domain.parameter import MAX_SEED
from studio.families.dcgan.generator import Config, Generator

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

WEIGHTS = "model.safetensors"
FLAT = 3 / 255


class Pipeline:
    """One loaded generator, in float32: it is small. The same seed gives the same picture."""

    def __init__(self, context: Context, model: ModelSource | None) -> None:
        assert model is not None
        folder = Path(model.path)
        if not (folder / WEIGHTS).is_file():
            raise StudioError("model.missing_file", name=model.title, file=WEIGHTS)
        try:
            self._config = msgspec.json.decode((folder / "config.json").read_bytes(), type=Config)
            with torch.device("meta"):
                self._generator = Generator(self._config)
            self._generator.load_state_dict(load_file(folder / WEIGHTS), assign=True)
        except (msgspec.MsgspecError, ValueError, RuntimeError) as error:
            raise StudioError("model.unrecognized", name=model.title, details=str(error)) from error
        self._generator.float().eval().to(context.device)

    def close(self) -> None:
        del self._generator

    @torch.no_grad()
    def run(self, context: Context, request: Request) -> None:
        """Each picture has the seed after the one before. Raises StudioError `output.suspect`."""
        count = request.values["count"]
        for index in range(count):
            seed = (request.values["seed"] + index) % (MAX_SEED + 1)
            context.phase("draw")
            image = self._draw(context.device, seed)
            context.progress((index + 1) / count)
            context.phase("save")
            context.save_image(image, index=index, seed=seed)
            context.progress((index + 1) / count)
        context.loaded({"model": self._generator}, main="model")

    def _draw(self, device: str, seed: int) -> Image.Image:
        # On the CPU, so that a seed means the same on every device.
        generator = torch.Generator("cpu").manual_seed(seed)
        noise = torch.randn(1, self._config.nz, 1, 1, generator=generator, dtype=torch.float32)
        values = self._generator(noise.to(device))[0].cpu() / 2 + 0.5
        if not torch.isfinite(values).all() or values.max() - values.min() < FLAT:
            raise StudioError("output.suspect", details=f"seed {seed}")
        pixels = (values.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        return Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
